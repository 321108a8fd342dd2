"""A new file starts one run, once it has come to rest."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest

from pipelines.factory import build_solution_defs
from tests.pipelines.conftest import Demo


class Ticks:
    """The sensor, asked again and again with the cursor that it left."""

    def __init__(self, demo: Demo) -> None:
        self.repository = build_solution_defs(
            demo.project, demo.solution, demo.config
        ).get_repository_def()
        self.cursor: str | None = None

    def next(self) -> list[str | None]:
        """Run keys that the next tick asks for."""
        sensor = self.repository.get_sensor_def("demo_new_file")
        with dg.build_sensor_context(cursor=self.cursor, repository_def=self.repository) as context:
            told = sensor.evaluate_tick(context)
        self.cursor = told.cursor
        return [request.run_key for request in told.run_requests or ()]


@pytest.fixture
def file(demo: Demo) -> Path:
    path = demo.project.root / "data/rows.csv"
    path.parent.mkdir()
    path.write_text("a\n1\n")
    return path


def test_a_file_at_rest_starts_one_run(demo: Demo, file: Path) -> None:
    ticks = Ticks(demo)
    assert ticks.next() == []
    assert len(ticks.next()) == 1
    assert ticks.next() == []


def test_a_file_that_still_grows_starts_none(demo: Demo, file: Path) -> None:
    ticks = Ticks(demo)
    for size in range(4):
        file.write_text("a\n" + "1\n" * size)
        assert ticks.next() == []
    assert len(ticks.next()) == 1


def test_another_content_of_the_same_size_starts_another_run(demo: Demo, file: Path) -> None:
    ticks = Ticks(demo)
    first = [*ticks.next(), *ticks.next()]
    file.write_text("a\n2\n")
    os.utime(file, (1, 1))
    second = [*ticks.next(), *ticks.next()]
    assert len(first) == len(second) == 1
    assert first != second


def test_a_missing_file_starts_none_and_is_no_error(demo: Demo) -> None:
    ticks = Ticks(demo)
    assert ticks.next() == ticks.next() == []
