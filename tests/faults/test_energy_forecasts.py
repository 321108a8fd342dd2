"""Cases of the reliability catalogue on forecasts of a network: what is learnt, seen, shipped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.automl.budget import Budget
from lepton.errors import ExportError
from lepton.export.forecast_bundle import ForecastContext, write_forecast_bundle
from lepton.export.forecast_parity import check_forecasts, require_forecasts
from lepton.forecast.board import ForecastBoard
from lepton.forecast.built import built
from lepton.forecast.champion import Champion
from lepton.forecast.cleaning import clean
from lepton.forecast.families import forecaster
from lepton.forecast.lessons import held_out, issued_before, lesson_of
from lepton.forecast.matrix import Matrix
from lepton.forecast.panel import seconds_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.search import ForecastSearch, search
from lepton.forecast.spec import cuts_of
from lepton.progress import Silent
from lepton_edge.forecast_plan import Schedule
from lepton_edge.forecast_service import ForecastService
from lepton_edge.forecaster import Forecaster
from solutions.energy_load import SOLUTION
from solutions.energy_load.plan import Plan
from solutions.energy_load.simulate import simulate_all

SETTINGS = {**SOLUTION.settings, "selection_days": 14.0, "holdout_days": 14.0}
Tables = Mapping[str, pd.DataFrame]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Four meters over four months, with forecasts of their weather."""
    made = simulate_all(np.random.default_rng(7), Plan(4, 120, faults=False)).tables
    return {name: rows for name, rows in made.items() if name in ("load", "meters", "weather")}


def prepared_of(tables: Tables) -> Prepared:
    spec = SOLUTION.forecast
    assert spec is not None
    panel = clean(spec.panel(tables, SETTINGS), spec.clean).panel
    return Prepared(panel, spec.looks(panel, SETTINGS), cuts_of(panel, SETTINGS), "load")


@pytest.fixture(scope="module")
def prepared(tables: Tables) -> Prepared:
    return prepared_of(tables)


@pytest.fixture(scope="module")
def board(prepared: Prepared) -> ForecastBoard:
    asked = ForecastSearch(("linear", "lightgbm"), Budget(work_units=8), 0, SETTINGS)
    return search(prepared, asked, Silent())


@pytest.fixture(scope="module")
def bundle(
    board: ForecastBoard, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return written(board.champion, prepared, tmp_path_factory.mktemp("energy"))


def written(champion: Champion, prepared: Prepared, folder: Path) -> Path:
    context = ForecastContext(
        "energy_load",
        "acme",
        "run-1",
        {},
        prepared.panel,
        issued_before(prepared, SETTINGS),
        schedule=Schedule(),
    )
    return write_forecast_bundle(folder / "bundle", champion, context).path


def with_noise_after(tables: Tables, at_s: int, rng: np.random.Generator) -> Tables:
    """Every measurement that ends later and every edition issued later is noise."""
    load, weather = tables["load"].copy(), tables["weather"].copy()
    measured = load["power_kw"].notna() & (seconds_of(load["event_at"]) + 3_600 > at_s)
    load.loc[measured, "power_kw"] = rng.normal(0.0, 1e3, int(measured.sum()))
    later = seconds_of(weather["issued_at"]) > at_s
    weather.loc[later, "temp_C"] = rng.normal(15.0, 30.0, int(later.sum()))
    return {**tables, "load": load, "weather": weather}


def same(one: Matrix, other: Matrix) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("X", "scale", "shape")]
    return all(np.array_equal(left, right, equal_nan=True) for left, right in pairs)


def test_l06_another_holdout_leaves_all_that_is_learnt_bit_equal(
    tables: Tables, prepared: Prepared
) -> None:
    """Levels, splines, spreads and weights are fitted on what came before, and on nothing else."""
    noisy = prepared_of(with_noise_after(tables, prepared.cuts.holdout_s, np.random.default_rng(1)))
    assert noisy.cuts == prepared.cuts
    lessons = [lesson_of(one, SETTINGS, anywhere=False) for one in (prepared, noisy)]
    known = [one.known_by(prepared.cuts.holdout_s).issued for one in lessons]
    assert same(*known)
    assert np.array_equal(known[0].y, known[1].y, equal_nan=True)
    for name in ("linear", "lightgbm"):
        family = forecaster(name)
        params = {**family.params, **({"rounds": 20} if "rounds" in family.params else {})}
        models = [family.fit(one.known_by(prepared.cuts.holdout_s), params, 0) for one in lessons]
        asked = known[0].take(np.arange(0, len(known[0]), 5))
        one, other = (model.quantiles(asked) for model in models)
        assert np.array_equal(one, other), name


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.3, 0.99))
def test_l07_noise_after_the_issue_changes_no_feature_and_no_forecast(
    tables: Tables, prepared: Prepared, board: ForecastBoard, seed: int, share: float
) -> None:
    """The panel is made anew from tables whose future is noise: what is cleaned, marked and
    averaged must not look ahead either."""
    rng = np.random.default_rng(seed)
    cuts = prepared.cuts
    at_s = int(cuts.start_s + share * (cuts.end_s - cuts.start_s)) // 3_600 * 3_600
    noisy = prepared_of(with_noise_after(tables, at_s, rng))
    issues = {name: np.array([at_s], dtype=np.int64) for name in prepared.looks}
    made = [built(one.panel, one.looks, issues) for one in (prepared, noisy)]
    assert same(*made)
    one, other = (board.champion.quantiles(matrix) for matrix in made)
    assert np.array_equal(one, other, equal_nan=True)


def test_x01_the_bundle_forecasts_as_the_champion_does(
    board: ForecastBoard, prepared: Prepared, bundle: Path
) -> None:
    """On golden windows, real issues, issues with holes, and values on the edge of every tree."""
    matrix = held_out(prepared, SETTINGS)
    found = check_forecasts(board.champion, bundle, matrix)
    assert found.passed
    assert found.flips == 0
    assert found.max_abs_diff < 1e-9
    # a value as float32 would round it falls on the other side of a threshold now and then
    edges = replace(matrix, X=matrix.X.astype(np.float32).astype(np.float64))
    assert check_forecasts(board.champion, bundle, edges).max_abs_diff < 1e-9


def test_x01_another_champion_fails_parity_and_the_worst_case_is_named(
    board: ForecastBoard, prepared: Prepared, bundle: Path
) -> None:
    champion = board.champion
    moved = champion.without([champion.weights.names[0]])
    found = check_forecasts(moved, bundle, held_out(prepared, SETTINGS))
    with pytest.raises(ExportError, match="parity of forecasts on"):
        require_forecasts(found)


def test_x12_raw_tables_and_raw_lines_meet_in_the_bundle(
    tables: Tables, board: ForecastBoard, prepared: Prepared, bundle: Path
) -> None:
    """Rows as they were delivered go through the stream; tables go through the panel."""
    at_s = int(np.unique(held_out(prepared, SETTINGS).issue_s)[3])
    forecaster_ = Forecaster(bundle)
    service = ForecastService(forecaster_)
    for line in lines_until(prepared, at_s):
        answer = service.answered(json.dumps(line).encode())
        assert "error" not in answer, answer
    answer = service.answered(json.dumps({"issue_at": iso(at_s)}).encode())
    streamed = {one["series_id"]: np.array(one["quantiles"]) for one in answer["forecasts"]}
    issues = {name: np.array([at_s], dtype=np.int64) for name in prepared.looks}
    matrix = built(prepared.panel, prepared.looks, issues)
    wanted = board.champion.quantiles(matrix)
    assert len(streamed) == len(wanted) == 4
    for row, code in enumerate(matrix.series):
        apart = np.abs(streamed[prepared.panel.ids[code]] - wanted[row]) / matrix.scale[row]
        assert apart.max() < 1e-9


def lines_until(prepared: Prepared, at_s: int) -> list[dict[str, Any]]:
    """All that was known by then as lines: the past as history, weather edition after edition."""
    panel, since_s = prepared.panel, at_s - 40 * 86_400
    rows = panel.rows[(seconds_of(panel.rows["ts"]) >= since_s)]
    rows = rows[seconds_of(rows["ts"]) + panel.step_s <= at_s]
    measured = rows[["series_id", "ts", "y"]].dropna().to_dict("records")
    told: list[dict[str, Any]] = [
        {**row, "ts": row["ts"].isoformat(), "history": True}
        for row in cast("list[dict[str, Any]]", measured)
    ]
    known = panel.known
    assert known is not None
    known = known[(seconds_of(known["issued_at"]) <= at_s) & (seconds_of(known["ts"]) >= since_s)]
    editions = known.sort_values("issued_at", kind="stable").to_dict("records")
    for row in cast("list[dict[str, Any]]", editions):
        columns = {name: row[name] for name in panel.known_columns if np.isfinite(row[name])}
        names = {"ts": row["ts"].isoformat(), "issued_at": row["issued_at"].isoformat()}
        told.append({"series_id": row["series_id"], **names, **columns, "history": True})
    return told


def iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).isoformat()
