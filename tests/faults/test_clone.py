"""Names that would leave their folder, and files that would be lost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lepton.clone.new import create
from lepton.errors import CloneError, ConfigError
from lepton.solution import Project

HOSTILE = [
    "../x",
    "/x",
    "x/../../y",
    "%2e%2e%2f",
    "a\\b",
    "CON",
    "a" * 300,
    "a\0b",
    "acmé",
    "аcme",
    "",
    "a b",
    'a"\nname = "b',
    "${name}",
    "{{ 7 * 7 }}",
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "kit").mkdir()
    solutions: Any = {"demo": SimpleNamespace(name="demo", title="Demonstration")}
    return Project(tmp_path / "kit", solutions)


@pytest.mark.parametrize("name", HOSTILE)
def test_a14_name_that_is_no_id_refused(project: Project, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="LK110 customer"):
        create(name, ["demo"], tmp_path / "made", project)
    assert [path.name for path in tmp_path.iterdir()] == ["kit"]


@pytest.mark.parametrize("name", HOSTILE)
def test_c07_hostile_solution_refused(project: Project, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="LK110 solution"):
        create("acme", [name], tmp_path / "made", project)
    assert [path.name for path in tmp_path.iterdir()] == ["kit"]


@pytest.mark.parametrize("name", ["_", "_acme", "acme_", "1st"])
def test_c07_name_that_no_package_may_have_refused(
    project: Project, tmp_path: Path, name: str
) -> None:
    with pytest.raises(CloneError, match="LK801"):
        create(name, ["demo"], tmp_path / "made", project)


def test_c07_existing_files_are_never_overwritten(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "made"
    target.mkdir()
    (target / "ledger.csv").write_text("irreplaceable")
    with pytest.raises(CloneError, match="LK803"):
        create("acme", ["demo"], target, project)
    assert (target / "ledger.csv").read_text() == "irreplaceable"


def test_c07_a_file_as_target_refused(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "made"
    target.write_text("irreplaceable")
    with pytest.raises(CloneError, match=r"LK803 .*a file of this name"):
        create("acme", ["demo"], target, project, force=True)
    assert target.read_text() == "irreplaceable"
