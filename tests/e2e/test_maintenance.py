"""Predictive maintenance from the sample's raw tables to a version that watches assets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from lepton.config import BudgetConfig, load_config
from lepton.parity import agreement
from lepton.progress import Silent
from lepton.scoring import score
from lepton.solution import find_project, kit_root
from lepton_edge.__main__ import main as edge
from lepton_edge.bundle import open_bundle
from lepton_edge.runtime import Runtime
from lepton_edge.stream_service import Storage, StreamService
from pipelines.factory import build_solution_defs
from pipelines.run import run_solution
from tests.e2e.done import Done

NAME = "predictive_maintenance"
DAY = "2023-06-14"

pytestmark = pytest.mark.slow


class Fleet(Done):
    """One run on the sample."""

    @property
    def telemetry(self) -> pd.DataFrame:
        rows = pd.read_parquet(self.project.root / self.config.source["telemetry"])
        return rows.sort_values(["event_at", "reading_id"], ignore_index=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A small search: a few fits are enough to beat the baselines on the sample."""
    project = replace(find_project(kit_root()), state=tmp_path_factory.mktemp("state"))
    settings = load_config(project.workspace.config(NAME))
    config = settings.model_copy(update={"budget": BudgetConfig(work_units=3)})
    outcome = run_solution(project, project.solution(NAME), config, Silent())
    return Fleet(project, config, outcome)


def test_the_first_run_publishes_a_version_that_verifies_and_raises_alarms(done: Fleet) -> None:
    assert done.outcome.refused == ()
    assert (done.outcome.version, done.version.number) == (1, 1)
    assert edge(["verify", str(done.version.path)]) == 0
    opened = open_bundle(done.version.path)
    told = json.loads(opened.read("alarm.json"))
    assert told["spec"]["hi"] == opened.manifest.threshold
    assert told["spec"]["max_gap_s"] == 6 * 8 * 3_600.0
    assert len(told["sensors"]) == 9


def test_the_report_is_one_page_with_all_its_sections(done: Fleet) -> None:
    page = done.outcome.report.read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert 'src="http' not in page
    wanted = ["summary", "gates", "value", "performance", "calibration", "reasons", "contract"]
    wanted += ["drift", "choice", "front", "evidence"]
    assert [one for one in wanted if f'<section id="{one}"' not in page] == []


def test_chances_over_several_spans_beat_the_age_alone(done: Fleet) -> None:
    told = json.loads(open_bundle(done.version.path).read("alarm.json"))["hazard"]
    assert told["plan"]["ends_h"] == [84.0, 168.0, 336.0, 504.0, 672.0, 1008.0, 1344.0]
    own = done.outcome.metrics
    assert own["concordance"] is not None
    assert own["concordance"] > 0.7
    page = done.outcome.report.read_text(encoding="utf-8")
    assert '<section id="survival"' in page
    assert "Newest chances to fail" in page


def test_alarms_name_past_lives_and_modes(done: Fleet) -> None:
    told = json.loads(open_bundle(done.version.path).read("alarm.json"))["similar"]
    assert {"wear", "crack", "contact"} <= set(told["modes"])
    assert 20 < len(told["lives"]) <= 60
    page = done.outcome.report.read_text(encoding="utf-8")
    assert '<section id="similar"' in page
    assert "likeliest mode is the right one" in page


def test_bundle_model_stream_and_batch_agree(done: Fleet) -> None:
    found = agreement(done.context("parity"), 4_000)
    found.require()
    assert found.graph is not None
    assert found.features.stream is not None
    assert set(found.features.stream.modes) == {"plain", "restored"}


@pytest.mark.parametrize("rows", [1, 300])
def test_new_readings_are_scored(done: Fleet, tmp_path: Path, rows: int) -> None:
    done.telemetry.tail(rows).to_parquet(tmp_path / "new.parquet")
    scored = score(done.context(f"new_{rows}", telemetry=tmp_path / "new.parquet")).frame
    assert len(scored) == rows
    assert scored["score"].between(0, 1).all()
    assert {"reading_id", "asset_id", "event_at"} <= set(scored.columns)
    assert set(scored["condition"]) <= {"ok", "raised", "unknown"}


def test_readings_scored_with_their_history_score_as_in_the_whole_table(
    done: Fleet, tmp_path: Path
) -> None:
    table = done.telemetry.head(20_000)
    table.iloc[:-200].to_parquet(tmp_path / "earlier.parquet")
    table.iloc[-250:].to_parquet(tmp_path / "new.parquet")
    table.to_parquet(tmp_path / "whole.parquet")

    def scored(file: str, history: str | None = None) -> pd.DataFrame:
        past = None if history is None else tmp_path / history
        found = score(done.context("back", telemetry=tmp_path / file), history=past).frame
        return found.tail(250).reset_index(drop=True)

    with_history = scored("new.parquet", "earlier.parquet")
    pd.testing.assert_frame_equal(with_history, scored("whole.parquet"))
    assert not with_history["score"].equals(scored("new.parquet")["score"])


def test_a_day_is_scored_by_the_current_version_and_again_the_same(done: Fleet) -> None:
    defs = build_solution_defs(done.project, done.project.solution(NAME), done.config)
    job = defs.resolve_job_def(f"{NAME}_score")
    with dg.DagsterInstance.ephemeral() as instance:
        results = [job.execute_in_process(partition_key=DAY, instance=instance) for _ in range(2)]
    frames = [result.asset_value(dg.AssetKey([NAME, "scores"])) for result in results]
    pd.testing.assert_frame_equal(*(frame.drop(columns="run_id") for frame in frames))
    assert len(frames[0]) > 0
    assert set(frames[0]["event_at"].dt.date) == {date.fromisoformat(DAY)}
    assert frames[0]["asset_id"].nunique() > 10


def _events(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Raw readings as a device sends them."""
    told = rows.assign(event_at=[at.isoformat() for at in rows["event_at"]])
    return [
        {str(name): None if pd.isna(one) else one for name, one in row.items()}
        for row in told.to_dict("records")
    ]


def _answers(service: StreamService, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(service.answer(json.dumps(event).encode())) for event in events]


def test_a_device_scores_raw_readings_as_the_pipeline_and_alarms_survive_a_kill(
    done: Fleet, tmp_path: Path
) -> None:
    scored = score(done.context("device"))
    given = scored.inputs.set_index("reading_id")
    assets = done.telemetry["asset_id"].unique()[:12]
    rows = done.telemetry[done.telemetry["asset_id"].isin(assets)].head(2_500)
    rows = rows.drop(columns=["since_service_h", "asset_type"], errors="ignore")
    rows = rows.join(given[["since_service_h", "asset_type"]], on="reading_id")
    tables = {name: pd.read_parquet(done.project.root / path) for name, path in _paths(done)}
    life = done.project.solution(NAME).rows(tables).set_index("reading_id")["life_id"]
    events = _events(rows.join(life, on="reading_id"))
    opened = open_bundle(done.version.path)
    runtime = Runtime(opened)
    whole = _answers(StreamService(opened, runtime, Storage(tmp_path / "whole")), events)
    wanted = scored.frame.set_index("reading_id")["score"].loc[rows["reading_id"]]
    found = np.array([one["score"] for one in whole])
    np.testing.assert_allclose(found, wanted.to_numpy(), rtol=0, atol=1e-9)
    raised = [event for one in whole for event in one["events"] if event["kind"] == "raised"]
    assert {event["asset"] for event in raised} <= set(assets)
    assert all(one["sensors"] for one in whole if one["condition"] == "raised")
    assert len(raised) > 3
    chances = [one["fails_within_h"] for one in whole if one["condition"] != "unknown"]
    assert all(list(one.values()) == sorted(one.values()) for one in chances)
    assert all(one["fails_within_h"] is None for one in whole if one["condition"] == "unknown")

    killed = StreamService(opened, runtime, Storage(tmp_path / "killed"))
    _answers(killed, events[:1_200])
    killed.save()
    _answers(killed, events[1_200:1_300])
    again = StreamService(opened, runtime, Storage(tmp_path / "killed"))
    assert _answers(again, events[1_200:]) == whole[1_200:]


def _paths(done: Fleet) -> list[tuple[str, str]]:
    return list(done.config.source.items())


def test_without_failures_oddness_is_judged_and_its_bundle_watches_assets(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The least a customer can send: one table of readings."""
    project = replace(find_project(kit_root()), state=tmp_path_factory.mktemp("odd"))
    settings = load_config(project.workspace.config(NAME))
    source = {"telemetry": settings.source["telemetry"]}
    config = settings.model_copy(update={"source": source})
    outcome = run_solution(project, project.solution(NAME), config, Silent())
    assert (outcome.task, outcome.version, outcome.refused) == ("anomaly", 1, ())
    assert outcome.why in outcome.report.read_text(encoding="utf-8").replace("&#39;", "'")
    assert outcome.metrics["alarms_per_month"] is not None
    assert outcome.metrics["failures_warned"] is None
    odd = Fleet(project, config, outcome)
    agreement(odd.context("parity"), 2_000).require()
    opened = open_bundle(odd.version.path)
    scored = score(odd.context("all")).frame
    asset = scored.loc[scored["decision"] == 1, "asset_id"].value_counts().index[0]
    rows = odd.telemetry[odd.telemetry["asset_id"] == asset]
    service = StreamService(opened, Runtime(opened), Storage(tmp_path_factory.mktemp("device")))
    answers = _answers(service, _events(rows))
    wanted = scored.set_index("reading_id")["score"].loc[rows["reading_id"]]
    np.testing.assert_allclose([one["score"] for one in answers], wanted, rtol=0, atol=1e-9)
    raised = [one for one in answers if any(e["kind"] == "raised" for e in one["events"])]
    assert raised
    assert all("unlike a healthy asset" in one["sensors"][0] for one in raised)


def test_a_remaining_life_is_told_in_hours_with_its_interval(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    project = replace(find_project(kit_root()), state=tmp_path_factory.mktemp("hours"))
    settings = load_config(project.workspace.config(NAME))
    changes = {"task": "remaining_life", "budget": BudgetConfig(work_units=4)}
    config = settings.model_copy(update=changes)
    outcome = run_solution(project, project.solution(NAME), config, Silent())
    left = Fleet(project, config, outcome)
    own = outcome.metrics
    assert own["coverage_90"] == pytest.approx(0.9, abs=0.08)
    assert own["rmse_h"] is not None
    assert own["rmse_h_age_blind"] is not None
    page = outcome.report.read_text(encoding="utf-8")
    assert "typical error without the age" in page
    assert "Shown where failures are predicted" not in page
    opened = open_bundle(left.version.path)
    asset = left.telemetry["asset_id"].iloc[0]
    rows = left.telemetry[left.telemetry["asset_id"] == asset].head(400)
    service = StreamService(opened, Runtime(opened), Storage(tmp_path_factory.mktemp("device")))
    answers = _answers(service, _events(rows))
    known = [one["remaining_h"] for one in answers if one["condition"] != "unknown"]
    assert all(0 <= one["low"] <= one["point"] <= one["high"] <= 1_440 for one in known)
    assert len(known) > 300
    assert all(one["fails_within_h"] is None for one in answers)
