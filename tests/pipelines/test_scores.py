"""Daily scores: one partition a day, the same rows whoever runs it again."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pandas as pd
import pytest

import lepton.scoring
from pipelines.factory import build_solution_defs
from tests.pipelines.conftest import Demo


@pytest.fixture
def asked(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every (context, day) that was scored; each day has two rows."""
    seen: list[Any] = []

    def score(ctx: Any, *, day: date) -> Any:
        seen.append((ctx, day))
        frame = pd.DataFrame(
            {"score": [0.1, 0.9], "decision": [0, 1], "model_version": 4, "run_id": ctx.run_id}
        )
        version = SimpleNamespace(number=4)
        told = {"frame": frame, "quarantined": 1, "version": version, "unseen": {"mcc": 2}}
        return SimpleNamespace(**told, also={})

    monkeypatch.setattr(lepton.scoring, "score", score)
    return seen


def run_day(demo: Demo, day: str, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    defs = build_solution_defs(demo.project, demo.solution, demo.config)
    return defs.resolve_job_def("demo_score").execute_in_process(
        partition_key=day, instance=instance
    )


def test_r01_a_day_scored_twice_replaces_itself_with_equal_rows(
    demo: Demo, asked: list[Any]
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        results = [run_day(demo, "2026-02-28", instance) for _ in range(2)]
    shown = [result.asset_materializations_for_node("demo__scores")[0] for result in results]
    assert len({one.metadata["fingerprint"].value for one in shown}) == 1
    (path,) = demo.project.workspace.assets("demo").rglob("*.parquet")
    assert path.name == "2026-02-28.parquet"
    frame = pd.read_parquet(path)
    assert frame["run_id"].unique().tolist() == [results[1].run_id.replace("-", "")]
    assert frame["model_version"].unique().tolist() == [4]


def test_a_partition_scores_its_own_day(demo: Demo, asked: list[Any]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_day(demo, "2026-02-28", instance)
    assert [day for _, day in asked] == [date(2026, 2, 28)]
    (shown,) = result.asset_materializations_for_node("demo__scores")
    assert shown.metadata["alerts"].value == 1
    assert shown.metadata["unseen_categories"].value == {"mcc": 2}
    assert shown.metadata["model_version"].value == 4


def test_what_is_told_beside_the_scores_lies_next_to_them(
    demo: Demo, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain: Any = lepton.scoring.score

    def score(ctx: Any, *, day: date) -> Any:
        found = plain(ctx, day=day)
        found.also = {"suggestions": pd.DataFrame({"signal_id": ["S1"]})}
        return found

    monkeypatch.setattr(lepton.scoring, "score", score)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_day(demo, "2026-02-28", instance)
    (shown,) = result.asset_materializations_for_node("demo__scores")
    path = str(shown.metadata["suggestions"].value)
    assert path.endswith("/scores/2026-02-28_suggestions.parquet")
    assert pd.read_parquet(path)["signal_id"].tolist() == ["S1"]
