"""Traffic forecasting from raw tables to a version that forecasts by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.config import BudgetConfig, load_config
from lepton.forecast.judged import LEVELS
from lepton.forecast_agreement import forecast_agreement
from lepton.frames import write_parquet
from lepton.nearwatch import open_alarms
from lepton.progress import Silent
from lepton.scoring import score
from lepton.solution import find_project, kit_root
from lepton_edge.__main__ import main as edge
from pipelines.run import run_solution
from solutions.traffic_forecasting.signal_flows import STATUS
from tests.e2e.done import Done

NAME = "traffic_forecasting"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Ten detectors over a month, and the family that learns in a minute."""
    folder = tmp_path_factory.mktemp("traffic")
    project = replace(find_project(kit_root()), state=folder / "state")
    solution = replace(project.solution(NAME), families=("near_trees",))
    tables = solution.simulate(np.random.default_rng(0), 86_400)
    for table, rows in tables.items():
        write_parquet(rows, folder / f"{table}.parquet")
    config = load_config(project.workspace.config(NAME)).model_copy(
        update={
            "source": {table: str(folder / f"{table}.parquet") for table in tables},
            "budget": BudgetConfig(work_units=6),
        }
    )
    return Done(project, config, run_solution(project, solution, config, Silent()))


def test_the_first_run_publishes_a_version_that_verifies(done: Done) -> None:
    assert done.outcome.refused == ()
    assert (done.outcome.version, done.version.number) == (1, 1)
    assert edge(["verify", str(done.version.path)]) == 0


def test_the_forecast_holds_what_it_says(done: Done) -> None:
    assert done.outcome.metrics["coverage80"] is not None
    assert 0.75 <= done.outcome.metrics["coverage80"] <= 0.85


def test_the_report_is_whole(done: Done) -> None:
    page = done.outcome.report.read_text(encoding="utf-8")
    for anchor in (
        "summary",
        "gates",
        "performance",
        "calibration",
        "series",
        "choice",
        "queues",
        "incidents",
    ):
        assert f'id="{anchor}"' in page
    assert "Alarms came before" in page
    assert 'id="signals"' in page
    assert "New detectors" in page
    assert 'id="decomposition"' not in page


def test_a_batch_forecasts_every_detector_for_the_next_hour(done: Done) -> None:
    found = score(done.context("next"))
    readings = pd.read_parquet(done.config.source["readings"])
    assert len(found.frame) == 12 * readings.dropna()["sensor_id"].nunique()
    assert (np.diff(found.frame[list(LEVELS)].to_numpy(), axis=1) >= -1e-9).all()
    assert set(found.frame["model_version"]) == {1}
    told = found.also["suggestions"]
    assert set(told["issued_at"]) == set(found.frame["issued_at"])
    assert told["signal_id"].tolist() == ["S1", "S1"]
    assert set(told["status"]) == {STATUS}


def test_a_past_day_is_forecast_from_what_was_known_then(done: Done, tmp_path: Path) -> None:
    readings = pd.read_parquet(done.config.source["readings"])
    day = (readings["event_at"].max() - pd.Timedelta(days=2)).date()
    past = score(done.context("past"), day=day)
    whole = past.frame
    issue = whole["issued_at"].min()
    later = readings["event_at"] >= issue
    path = tmp_path / "readings.parquet"
    spoilt_rows = readings.assign(
        speed_kmh=readings["speed_kmh"].mask(later & readings["speed_kmh"].notna(), 33.0),
        flow_vph=readings["flow_vph"].mask(later, 12.0),
    )
    write_parquet(spoilt_rows, path)
    ctx = done.context("spoilt")
    source = {**ctx.config.source, "readings": str(path)}
    spoilt = replace(ctx, config=ctx.config.model_copy(update={"source": source}))
    found = score(spoilt, day=day)
    again = found.frame
    first = (whole["issued_at"] == issue).to_numpy()
    np.testing.assert_array_equal(again[list(LEVELS)][first], whole[list(LEVELS)][first])
    watched = ["congestion_60", "alarm", "alarm_since", "incident"]
    pd.testing.assert_frame_equal(again[watched][first], whole[watched][first])
    assert whole["alarm"].notna().any()
    alarms = open_alarms(whole, "sensor_id")
    members = alarms.groupby("issued_at")["size"].sum()
    told = whole[whole["alarm"].notna()].groupby("issued_at")["sensor_id"].nunique()
    pd.testing.assert_series_equal(members, told, check_names=False, check_dtype=False)
    assert (alarms["sensor_ids"].str.count(";") + 1 == alarms["size"]).all()
    told, was = (
        rows[rows["issued_at"] == issue].drop(columns="run_id")
        for rows in (found.also["suggestions"], past.also["suggestions"])
    )
    assert past.also["suggestions"]["issued_at"].nunique() == 24
    pd.testing.assert_frame_equal(told, was)


def test_stream_and_batch_see_the_same_bits_and_the_bundle_is_the_champion(done: Done) -> None:
    found = forecast_agreement(done.context("parity"))
    found.require()
    assert found.max_abs_diff == 0.0
    assert found.compared > 1_000
    assert found.parity is not None
    assert found.parity.max_abs_diff < 1e-3


def test_the_bundle_says_what_it_forecasts_and_carries_its_graph(done: Done) -> None:
    manifest = json.loads((done.version.path / "manifest.json").read_text(encoding="utf-8"))
    plan = json.loads((done.version.path / "forecast.json").read_text(encoding="utf-8"))
    assert manifest["solution"] == NAME
    readings = pd.read_parquet(done.config.source["readings"]).dropna()
    assert set(plan["ids"]) == set(readings["sensor_id"])
    assert plan["unit"] == "km/h"
    assert "neighbours" in json.dumps(plan)
