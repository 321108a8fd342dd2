"""Cases of the reliability catalogue on forecasts of a road network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.automl.budget import Budget
from lepton.contracts.odcs import load_contracts
from lepton.errors import ExportError
from lepton.export.forecast_bundle import ForecastContext, write_forecast_bundle
from lepton.export.forecast_parity import check_forecasts, require_forecasts
from lepton.forecast import near_search
from lepton.forecast.board import ForecastBoard
from lepton.forecast.built import built
from lepton.forecast.families import near_trees
from lepton.forecast.matrix import Matrix
from lepton.forecast.near import window_of
from lepton.forecast.near_beside import Worth
from lepton.forecast.near_lessons import NearLearning, Span, asked_of
from lepton.forecast.near_search import near_spec, search_near, study
from lepton.forecast.panel import seconds_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.search import ForecastSearch
from lepton.forecast.spec import cuts_of
from lepton.nearcasting import issued_before, schedule
from lepton.progress import Silent
from lepton_edge.asof import Features
from lepton_edge.forecast_service import ForecastService
from lepton_edge.forecaster import Forecaster
from lepton_edge.near import NearWindow
from lepton_edge.near_spec import NearSpec
from lepton_edge.readings import Reading
from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.beside import WEATHER
from solutions.traffic_forecasting.events import AHEAD
from solutions.traffic_forecasting.plan import Plan
from solutions.traffic_forecasting.simulate import simulate_all
from tests.faults.cases import checked

SETTINGS = {**SOLUTION.settings, "selection_days": 2.0, "holdout_days": 2.0}
LEARNING = NearLearning(most=10_000)
CONTRACTS = load_contracts(Path(__file__).parents[2] / "data_contracts" / "traffic_forecasting")
Tables = Mapping[str, pd.DataFrame]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """A short road over two weeks, with faults."""
    return simulate_all(np.random.default_rng(7), Plan(1, 4, 14)).tables


def prepared_of(tables: Tables) -> Prepared:
    spec = SOLUTION.forecast
    assert spec is not None
    panel = spec.panel(tables, SETTINGS)
    return Prepared(panel, spec.looks(panel, SETTINGS), cuts_of(panel, SETTINGS), "speed")


@pytest.fixture(scope="module")
def prepared(tables: Tables) -> Prepared:
    return prepared_of(tables)


def all_worth_it(look: NearSpec, learnt: Matrix, seed: int) -> tuple[Worth, ...]:
    """Two weeks prove the worth of no column; the bundle is to look at all of them."""
    return tuple(Worth(column.name, 1.0, 0.0, is_kept=True) for column in look.known)


@pytest.fixture(scope="module")
def board(prepared: Prepared) -> ForecastBoard:
    params = {**near_trees.PARAMS, "rounds": 25, "num_leaves": 15, "min_data_in_leaf": 20}
    small = replace(near_trees.FAMILIES["near_trees"], params=params)
    asked = ForecastSearch(("near_trees",), Budget(work_units=4), 0, SETTINGS)
    spec = SOLUTION.forecast
    assert spec is not None
    assert spec.onset is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_trees, "FAMILIES", {"near_trees": small})
        patch.setattr(near_search, "worth_of", all_worth_it)
        rule = spec.onset(prepared.panel, SETTINGS)
        return search_near(prepared, asked, Silent(), LEARNING, rule)


@pytest.fixture(scope="module")
def bundle(
    board: ForecastBoard, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    context = ForecastContext(
        "traffic_forecasting",
        "acme",
        "run-1",
        {},
        prepared.panel,
        issued_before(prepared),
        schedule=schedule(prepared),
        reading=reading_of(prepared),
    )
    folder = tmp_path_factory.mktemp("traffic")
    return write_forecast_bundle(folder / "bundle", board.champion, context).path


def reading_of(prepared: Prepared) -> Reading:
    """What the bundle is told of single readings, as an export does it."""
    spec = SOLUTION.forecast
    assert spec is not None
    return spec.reading_of(prepared.panel, CONTRACTS["readings"].column("speed_kmh"))


def with_noise_after(tables: Tables, at_s: int, rng: np.random.Generator) -> Tables:
    """Every reading of an interval that ends later is noise, whatever else it says, and so is what
    is told later of weather and events."""
    rows = tables["readings"].copy()
    later = seconds_of(rows["event_at"]) + 300 > at_s
    rows.loc[later, "speed_kmh"] = rng.uniform(1.0, 190.0, int(later.sum()))
    for name in ("flow_vph", "occupancy"):
        if name in rows:
            rows.loc[later, name] = rng.uniform(0.0, 0.9, int(later.sum()))
    found = {**tables, "readings": rows}
    if "weather" in tables:
        found["weather"] = _later_editions(tables["weather"], at_s, rng)
    if "events" in tables:
        found["events"] = _later_events(tables["events"], at_s, rng)
    return found


def _later_editions(weather: pd.DataFrame, at_s: int, rng: np.random.Generator) -> pd.DataFrame:
    """What is issued later is noise, or missing."""
    rows, later = weather.copy(), seconds_of(weather["issued_at"]) > at_s
    for name in WEATHER:
        noise = rng.uniform(0.0, 200.0, int(later.sum()))
        rows.loc[later, name] = np.where(rng.random(len(noise)) < 0.3, np.nan, noise)
    return rows


def _later_events(events: pd.DataFrame, at_s: int, rng: np.random.Generator) -> pd.DataFrame:
    """Incidents that go on have another end; what is reported later is at another place, and as bad
    as can be."""
    rows = events.copy()
    goes_on = (events["type"] == "incident") & (seconds_of(events["ended_at"]) > at_s)
    more = rng.integers(1, 50_000, int(goes_on.sum()))
    end = np.maximum(seconds_of(events["started_at"])[goes_on], at_s) + more
    rows.loc[goes_on, "ended_at"] = pd.to_datetime(end, unit="s", utc=True).as_unit("us")
    later = seconds_of(events["reported_at"]) > at_s
    rows.loc[later, ["severity", "km"]] = rng.uniform(0.0, 1.0, (int(later.sum()), 2))
    return rows


def same(one: Matrix, other: Matrix) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("X", "scale", "shape")]
    return all(np.array_equal(left, right, equal_nan=True) for left, right in pairs)


def held_out(board: ForecastBoard, prepared: Prepared, most: int = 400) -> Matrix:
    habits, cuts = board.champion.habits, prepared.cuts
    assert habits is not None
    span = Span(cuts.holdout_s, cuts.end_s - 3_600)
    look = board.champion.spec
    assert isinstance(look, NearSpec)
    return asked_of(prepared.panel, look, habits, span, most=most)


def test_l06_another_holdout_leaves_all_that_is_learnt_bit_equal(
    tables: Tables, prepared: Prepared
) -> None:
    """Graph, habits, sizes and forests are fitted on what came before, and on nothing else."""
    cut = prepared.cuts.holdout_s
    noisy = prepared_of(with_noise_after(tables, cut, np.random.default_rng(1)))
    assert noisy.cuts == prepared.cuts
    assert dict(noisy.looks) == dict(prepared.looks)
    studies = [study(one, cut, LEARNING) for one in (prepared, noisy)]
    for name, values in studies[0].days.whole.to_arrays().items():
        assert np.array_equal(values, studies[1].days.whole.to_arrays()[name]), name
    assert same(studies[0].learnt, studies[1].learnt)
    assert np.array_equal(studies[0].learnt.y, studies[1].learnt.y, equal_nan=True)


def test_l06_a_graph_that_is_learnt_does_not_change_with_the_holdout(tables: Tables) -> None:
    alone = {"readings": tables["readings"]}
    first = prepared_of(alone)
    noisy = prepared_of(with_noise_after(alone, first.cuts.holdout_s, np.random.default_rng(2)))
    assert near_spec(first).neighbours.n_edges > 0
    assert near_spec(first) == near_spec(noisy)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.3, 0.99))
def test_l07_noise_after_the_issue_changes_no_feature_and_no_forecast(
    tables: Tables, prepared: Prepared, board: ForecastBoard, seed: int, share: float
) -> None:
    """The panel is made anew from tables whose future is noise: what is marked as stuck or strange
    must not look ahead either."""
    cuts, champion = prepared.cuts, board.champion
    at_s = int(cuts.start_s + share * (cuts.end_s - cuts.start_s)) // 300 * 300
    noisy = prepared_of(with_noise_after(tables, at_s, np.random.default_rng(seed)))
    issues = dict.fromkeys(prepared.panel.ids, np.array([at_s], dtype=np.int64))
    made = [built(one.panel, prepared.looks, issues, champion.habits) for one in (prepared, noisy)]
    assert {"precip_mm_h", AHEAD} <= set(made[0].names)
    assert same(*made)
    looks = champion.series.specs
    made = [built(one.panel, looks, issues, champion.habits) for one in (prepared, noisy)]
    told = [champion.quantiles(one) for one in made]
    assert np.array_equal(told[0], told[1], equal_nan=True)
    assert champion.onset is not None
    chances = [champion.onset.chances(one) for one in made]
    assert np.array_equal(chances[0], chances[1], equal_nan=True)


def test_x01_the_bundle_forecasts_as_the_champion_does(
    board: ForecastBoard, prepared: Prepared, bundle: Path
) -> None:
    """On golden windows, real issues, issues with holes, and values on the edge of every tree."""
    matrix = held_out(board, prepared)
    found = check_forecasts(board.champion, bundle, matrix)
    assert found.passed
    assert found.flips == 0
    assert found.max_abs_diff < 1e-9
    # a value as float32 would round it falls on the other side of a threshold now and then
    edges = replace(
        matrix,
        X=matrix.X.astype(np.float32).astype(np.float64),
        shape=matrix.shape.astype(np.float32).astype(np.float64),
    )
    assert check_forecasts(board.champion, bundle, edges).max_abs_diff < 1e-9


def test_x01_another_champion_fails_parity_and_the_worst_case_is_named(
    board: ForecastBoard, prepared: Prepared, bundle: Path
) -> None:
    trees = board.champion.members["near_trees"]
    assert isinstance(trees, near_trees.NearTrees)
    moved = replace(trees, deciles=trees.deciles * 1.01)
    other = replace(board.champion, members={"near_trees": moved})
    found = check_forecasts(other, bundle, held_out(board, prepared))
    with pytest.raises(ExportError, match="parity of forecasts on"):
        require_forecasts(found)


def test_x12_raw_tables_and_raw_lines_meet_in_the_bundle(
    board: ForecastBoard, prepared: Prepared, bundle: Path
) -> None:
    """Readings go through the stream one by one; tables go through the panel."""
    at_s = prepared.cuts.holdout_s + 18 * 3_600
    service = ForecastService(Forecaster(bundle))
    for line in [*lines_until(prepared, at_s), *editions_until(prepared, board, at_s)]:
        answer = service.answered(json.dumps(line).encode())
        assert "error" not in answer, answer
    answer = service.answered(json.dumps({"issue_at": iso(at_s)}).encode())
    streamed = {one["series_id"]: one for one in answer["forecasts"]}
    issues = dict.fromkeys(prepared.panel.ids, np.array([at_s], dtype=np.int64))
    matrix = built(prepared.panel, board.champion.series.specs, issues, board.champion.habits)
    wanted = board.champion.quantiles(matrix)
    assert len(streamed) == len(wanted) == len(prepared.panel.ids)
    for row, code in enumerate(matrix.series):
        told = streamed[prepared.panel.ids[code]]
        assert told["rung"] == "model"
        assert np.abs(np.array(told["quantiles"]) - wanted[row]).max() < 1e-9


ODD: Mapping[str, tuple[float, float, float]] = {
    "missing": (0.0, 0.0, 0.0),
    "standing": (0.0, 120.0, 0.7),
    "crawling": (0.0, 240.0, np.nan),
    "free": (0.0, 3_000.0, np.nan),
    "nobody knows": (0.0, np.nan, np.nan),
    "covered": (90.0, 600.0, 0.97),
    "too fast for the road": (170.0, 600.0, 0.02),
    "too fast for the contract": (230.0, 600.0, 0.02),
    "no number": (-3.0, 600.0, 0.02),
}
"""Speed, flow and occupancy of single readings; the second and the third are speeds."""


def test_x12_zeros_and_impossible_speeds_sent_raw_give_the_bits_of_the_batch(
    board: ForecastBoard, prepared: Prepared, bundle: Path
) -> None:
    """The same record goes through contract and panel, and as it is to the device."""
    made = simulate_all(np.random.default_rng(7), Plan(1, 4, 14, faults=False)).tables
    at_s = prepared.cuts.holdout_s + 18 * 3_600
    rows = made["readings"].sort_values(["event_at", "sensor_id"], ignore_index=True)
    second = seconds_of(rows["event_at"])
    rows, second = rows[second < at_s], second[second < at_s]
    last_hour = np.flatnonzero(second >= at_s - 3_600)
    columns = ["speed_kmh", "flow_vph", "occupancy"]
    for place, odd in zip(last_hour[5::9], ODD.values(), strict=False):
        rows.loc[rows.index[place], columns] = odd
    tables = {**made, "readings": rows}
    tables.pop("weather")
    panel = prepared_of(checked(SOLUTION, CONTRACTS, tables).tables).panel
    marked = panel.rows[seconds_of(panel.rows["ts"]) >= at_s - 3_600]["quality"]
    assert marked.value_counts().to_dict() == {0: len(last_hour) - 7, 1: 3, 3: 2}

    service, told = ForecastService(Forecaster(bundle)), {"missing": 0, "suspect": 0}
    for row in rows.iloc[last_hour].to_dict("records"):
        answer = service.answered(json.dumps(raw_line(row)).encode())
        assert answer["taken"] == 1, answer
        told = {name: count + answer.get(name, 0) for name, count in told.items()}
    assert told == {"missing": 3, "suspect": 4}
    answer = service.answered(json.dumps({"issue_at": iso(at_s)}).encode())
    issues = dict.fromkeys(panel.ids, np.array([at_s], dtype=np.int64))
    wanted = built(panel, prepared.looks, issues, board.champion.habits)
    window = service.state.rings.window(np.arange(len(panel.ids)), at_s)
    seen = window_of(panel, near_spec(prepared), np.array([at_s]))
    assert isinstance(window, NearWindow)
    assert np.array_equal(window.past, seen.past, equal_nan=True)
    factors = service.state.rolling.factors(at_s)
    batch = Forecaster(bundle).ready(
        wanted.series, Features(wanted.X, wanted.scale, wanted.step), wanted.shape, factors
    )
    assert [one["quantiles"] for one in answer["forecasts"]] == batch.quantiles.tolist()


def raw_line(row: Mapping[Any, Any]) -> dict[str, object]:
    """A row of readings as a gateway sends it."""
    numbers = {"y": row["speed_kmh"], "flow_vph": row["flow_vph"], "occupancy": row["occupancy"]}
    told = {name: value if pd.notna(value) else None for name, value in numbers.items()}
    at = row["event_at"].isoformat()
    return {"series_id": row["sensor_id"], "ts": at, "history": True, **told}


def lines_until(prepared: Prepared, at_s: int) -> list[dict[str, object]]:
    """The last two hours of readings as they came."""
    rows = prepared.panel.rows
    ends = seconds_of(rows["ts"]) + 300
    rows = rows[(ends > at_s - 7_200) & (ends <= at_s)].sort_values("ts", kind="stable")
    return [
        {
            "series_id": row["series_id"],
            "ts": row["ts"].isoformat(),
            "y": row["y"] if np.isfinite(row["y"]) else None,
            "quality": int(row["quality"]),
            "history": True,
        }
        for row in rows.to_dict("records")
    ]


def editions_until(prepared: Prepared, board: ForecastBoard, at_s: int) -> list[dict[str, object]]:
    """Every edition of weather and events around then, in the order of their issue."""
    rows = prepared.panel.known
    assert rows is not None
    begins = seconds_of(rows["ts"])
    near = (begins >= at_s - 7_200) & (begins < at_s + 3_600)
    rows = rows[near & (seconds_of(rows["issued_at"]) <= at_s)]
    names = [column.name for column in board.champion.spec.known]
    found = []
    for row in rows.sort_values("issued_at", kind="stable").to_dict("records"):
        told = {name: row[name] for name in names if np.isfinite(row[name])}
        if isinstance(row["series_id"], str):
            told["series_id"] = row["series_id"]
        when = {name: row[name].isoformat() for name in ("ts", "issued_at")}
        found.append({**when, **told, "history": True})
    return found


def iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).isoformat()
