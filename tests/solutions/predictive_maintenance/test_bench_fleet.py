"""The fleet's protocol: who is held out, what is lost, and one small run on the product's path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.errors import ConfigError
from lepton.progress import Silent
from lepton.solution import BenchRequest
from solutions.predictive_maintenance.bench_fleet import (
    OPTIONS,
    _context,
    _showing,
    fleet,
)
from solutions.predictive_maintenance.fleet import Plan
from solutions.predictive_maintenance.rotation import (
    Source,
    held_out,
    history_of,
    read_source,
    without_sensors,
)
from solutions.predictive_maintenance.simulate import simulate_all

SENSORS = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated fleet as a customer's files."""
    place = tmp_path_factory.mktemp("fleet")
    made = simulate_all(np.random.default_rng(5), Plan(n_assets=16, n_days=200, step_h=12))
    for name, table in made.tables.items():
        table.to_parquet(place / f"{name}.parquet", index=False)
    return place


@pytest.fixture(scope="module")
def source(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    request = BenchRequest(folder, {}, Silent())
    return read_source(_context(request, OPTIONS, tmp_path_factory.mktemp("scratch")))


def test_every_asset_is_held_out_once_and_with_all_its_readings(source: Source) -> None:
    folds = held_out(source)
    assert len(folds) == 4
    assert (np.sum([fold.judged for fold in folds], axis=0) == 1).all()
    for fold in folds:
        assert not set(source.asset[fold.judged]) & set(source.asset[fold.known])


def test_each_asset_loses_its_own_sensors_throughout_and_others_keep_theirs(
    source: Source,
) -> None:
    mask = held_out(source)[0].judged
    told = source.tables["telemetry"]
    found = without_sensors(source, mask, 0.2)["telemetry"]
    names = [name for name in told.columns if name.startswith("x_")]
    assert len(names) == SENSORS
    lost = {}
    for asset, rows in found.groupby(found["asset_id"].astype(str)):
        gone = tuple(name for name in names if rows[name].isna().all())
        if asset in set(source.asset[mask]):
            assert len(gone) == 2
            lost[asset] = gone
        else:
            assert rows[names].equals(told.loc[rows.index, names])
    assert len(set(lost.values())) > 1
    again = without_sensors(source, mask, 0.2)["telemetry"]
    assert again.equals(found)
    assert not without_sensors(source, mask, 0.2, 1)["telemetry"].equals(found)


def test_failures_without_a_precursor_are_those_of_the_sudden_mode(source: Source) -> None:
    every = np.ones(len(source.asset), dtype=bool)
    lives = history_of(source, np.zeros(len(every)), every).lives
    failures = source.tables["failures"]
    sudden = int((failures["mode"] == "sudden").sum())
    assert sudden > 0
    assert lives.failed.sum() - _showing(source, lives).failed.sum() == sudden


def test_an_option_that_is_no_number_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(ConfigError, match="'soon' is no number") as caught:
        fleet(BenchRequest(folder, {"warned_h": "soon"}, Silent()))
    assert caught.value.where == "--set warned_h"


def test_an_unknown_option_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="most_false"):
        fleet(BenchRequest(folder, {"most_fals": "1"}, Silent()))


@pytest.mark.slow
def test_a_small_fleet_is_judged_whole_on_the_products_path(folder: Path) -> None:
    options = {"work_units": "1", "copies": "0"}
    found = fleet(BenchRequest(folder, options, Silent()))
    metrics, alarms = found["metrics"], found["alarms"]
    failures = len(pd.read_parquet(folder / "failures.parquet"))
    assert alarms["n_failures"] == failures
    assert metrics["event_recall"] == pytest.approx(alarms["n_caught"] / failures)
    assert metrics["event_recall_with_precursor"] >= metrics["event_recall"]
    assert metrics["rmse_h"] < found["remaining_life"]["spread_h"]
    assert metrics["rmse_rise"] == pytest.approx(
        metrics["rmse_h_sensors_missing"] / metrics["rmse_h"] - 1
    )
    policies = found["policy"]["policies"]
    assert policies["perfect foresight"]["failed"] == 0.0
    assert policies["fixed interval"]["saving"] == 0.0
    assert metrics["saving"] == policies["chosen"]["saving"] < metrics["saving_foresight"]
    for name, (low, high) in found["intervals"].items():
        assert low <= metrics[name] <= high
