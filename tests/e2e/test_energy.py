"""Energy load from raw tables to a version that forecasts by itself."""

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
from lepton.progress import Silent
from lepton.scoring import score
from lepton.solution import find_project, kit_root
from lepton_edge.__main__ import main as edge
from pipelines.run import run_solution
from tests.e2e.done import Done

NAME = "energy_load"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A few meters and the families that learn in seconds, and LightGBM."""
    folder = tmp_path_factory.mktemp("energy")
    project = replace(find_project(kit_root()), state=folder / "state")
    solution = project.solution(NAME)
    tables = solution.simulate(np.random.default_rng(0), 20_000)
    for table, rows in tables.items():
        write_parquet(rows, folder / f"{table}.parquet")
    config = load_config(project.workspace.config(NAME)).model_copy(
        update={
            "source": {table: str(folder / f"{table}.parquet") for table in tables},
            "budget": BudgetConfig(work_units=8),
        }
    )
    return Done(project, config, run_solution(project, solution, config, Silent()))


def test_the_first_run_publishes_a_version_that_verifies(done: Done) -> None:
    assert done.outcome.refused == ()
    assert (done.outcome.version, done.version.number) == (1, 1)
    assert edge(["verify", str(done.version.path)]) == 0


def test_the_forecast_beats_last_week_and_holds_what_it_says(done: Done) -> None:
    metrics = done.outcome.metrics
    assert metrics["mase"] is not None
    assert metrics["mase"] < 0.85
    assert metrics["coverage80"] is not None
    assert 0.75 <= metrics["coverage80"] <= 0.85


def test_the_report_tells_forecasts_calibration_and_series(done: Done) -> None:
    page = done.outcome.report.read_text(encoding="utf-8")
    for anchor in (
        "summary",
        "gates",
        "performance",
        "calibration",
        "series",
        "choice",
        "cleaning",
        "coherence",
    ):
        assert f'id="{anchor}"' in page
    assert "Four forecasts" in page
    assert "Response to temperature" in page


def test_a_batch_forecasts_every_meter_and_interval_of_the_next_day(done: Done) -> None:
    found = score(done.context("next"))
    load = pd.read_parquet(done.config.source["load"])
    meters = load["meter_id"].nunique()
    assert len(found.frame) == 24 * meters
    assert (np.diff(found.frame[list(LEVELS)].to_numpy(), axis=1) >= -1e-9).all()
    assert found.frame["event_at"].min() >= load["event_at"].max()
    assert set(found.frame["forecast_by"]) <= {"model", "profile", "seasonal_naive"}
    assert set(found.frame["model_version"]) == {1}
    medians = found.frame.pivot(index="event_at", columns="meter_id", values="q50")
    register = pd.read_parquet(done.config.source["meters"])
    parts = register.loc[register["parent_id"] == "system", "meter_id"]
    assert (medians["system"] - medians[list(parts)].sum(axis=1)).abs().max() < 1e-6
    assert set(found.frame["reconciled"]) <= {"bottom_up", "least_squares", "by_variance", "mint"}


def test_a_past_day_is_forecast_from_what_was_known_then(done: Done, tmp_path: Path) -> None:
    load = pd.read_parquet(done.config.source["load"])
    day = (load["event_at"].max() - pd.Timedelta(days=3)).date()
    first = pd.Timestamp(day, tz="Australia/Melbourne").tz_convert("UTC")
    whole = score(done.context("past"), day=day).frame
    assert set(whole["issued_at"]) == {first}
    path = tmp_path / "load.parquet"
    spoilt = load.assign(
        power_kw=np.where(load["event_at"] >= first, 7.0 + load["power_kw"], load["power_kw"])
    )
    write_parquet(spoilt, path)
    ctx = done.context("spoilt")
    source = {**ctx.config.source, "load": str(path)}
    again = score(replace(ctx, config=ctx.config.model_copy(update={"source": source})), day=day)
    np.testing.assert_array_equal(again.frame[list(LEVELS)], whole[list(LEVELS)])


def test_a_meter_of_two_days_is_forecast_like_others_and_is_told_to_be_new(
    done: Done, tmp_path: Path
) -> None:
    load, meters = (pd.read_parquet(done.config.source[name]) for name in ("load", "meters"))
    own = load[load["meter_id"] == "m001"].tail(48).assign(meter_id="new")
    kind = meters[meters["meter_id"] == "m001"].assign(meter_id="new", parent_id=None)
    kind["connected_at"] = own["event_at"].min()
    tables = {"load": pd.concat([load, own]), "meters": pd.concat([meters, kind])}
    for name, rows in tables.items():
        write_parquet(rows.reset_index(drop=True), tmp_path / f"{name}.parquet")
    ctx = done.context("cold")
    source = {**ctx.config.source, **{name: str(tmp_path / f"{name}.parquet") for name in tables}}
    ctx = replace(ctx, config=ctx.config.model_copy(update={"source": source}))
    frame = score(ctx).frame
    new, own = (frame[frame["meter_id"] == name].set_index("event_at") for name in ("new", "m001"))
    assert set(new["reason"]) == {"cold_start:2_days:like_substation"}
    assert (own["reason"] == "").all()
    assert (new["reconciled"] == "").all()
    apart = (new["q50"] / own["q50"] - 1).abs()
    # two days, dirty ones, tell the level roughly
    assert apart.median() < 0.25


def test_stream_and_batch_see_the_same_bits_and_the_bundle_is_the_champion(done: Done) -> None:
    found = forecast_agreement(done.context("parity"))
    found.require()
    assert found.max_abs_diff == 0.0
    assert found.compared > 10_000
    assert found.parity is not None
    assert found.parity.max_abs_diff < 1e-6


def test_the_bundle_says_what_it_forecasts(done: Done) -> None:
    manifest = json.loads((done.version.path / "manifest.json").read_text(encoding="utf-8"))
    plan = json.loads((done.version.path / "forecast.json").read_text(encoding="utf-8"))
    assert manifest["solution"] == NAME
    assert set(plan["ids"]) == set(pd.read_parquet(done.config.source["load"])["meter_id"])
    assert plan["unit"] == "kW"
