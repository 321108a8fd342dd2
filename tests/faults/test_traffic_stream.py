"""Cases of the catalogue on forecasts of detectors: no leak, one answer in batch and bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.automl.budget import Budget
from lepton.export.forecast_bundle import ForecastContext, write_forecast_bundle
from lepton.export.forecast_parity import check_forecasts
from lepton.forecast.champion import Champion
from lepton.forecast.matrix import Matrix
from lepton.forecast.near import NearIssues, build_near, window_of
from lepton.forecast.near_lessons import NearLearning, Span, asked_of
from lepton.forecast.near_search import search_near
from lepton.forecast.panel import PanelDataset, seconds_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.search import ForecastSearch
from lepton.forecast.spec import Cuts, cuts_of
from lepton.forecast.usual import days_of
from lepton.progress import Silent
from lepton_edge.forecast_golden import check_windows
from lepton_edge.forecast_plan import Schedule
from lepton_edge.forecast_service import ForecastService
from lepton_edge.forecaster import Forecaster
from lepton_edge.near_spec import NearSpec
from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.plan import Plan
from solutions.traffic_forecasting.simulate import simulate_all
from tests.faults.cases import Tables

SPEC = SOLUTION.forecast
assert SPEC is not None


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Six detectors over ten days, that fail as real ones do."""
    return simulate_all(np.random.default_rng(3), Plan(1, 3, 10)).tables


@dataclass(frozen=True)
class Case:
    """The series of some tables, what their forecasts look at, and where they are cut."""

    panel: PanelDataset
    look: NearSpec
    cuts: Cuts

    @property
    def prepared(self) -> Prepared:
        return Prepared(self.panel, dict.fromkeys(self.panel.ids, self.look), self.cuts, "speed")

    def issues(self, n: int) -> np.ndarray:
        """Instants before the selection, at random minutes."""
        rng = np.random.default_rng(0)
        steps = (self.cuts.selection_s - self.cuts.start_s) // 300
        return self.cuts.start_s + 300 * np.sort(rng.integers(steps // 2, steps - 12, n))


def case(tables: Tables, settings: Mapping[str, float] = SOLUTION.settings) -> Case:
    assert SPEC is not None
    panel = SPEC.panel(tables, settings)
    look = next(iter(SPEC.looks(panel, settings).values()))
    assert isinstance(look, NearSpec)
    return Case(panel, look, cuts_of(panel, settings))


def altered(tables: Tables, from_s: int) -> Tables:
    """The tables with every reading from an instant on replaced by noise."""
    rows = tables["readings"]
    later = seconds_of(rows["event_at"]) >= from_s
    noise = np.random.default_rng(9)
    changed = rows.assign(
        speed_kmh=np.where(later, noise.uniform(1, 150, len(rows)), rows["speed_kmh"]),
        flow_vph=np.where(later, noise.uniform(0, 9_000, len(rows)), rows["flow_vph"]),
        occupancy=np.where(later, noise.uniform(0, 1, len(rows)), rows["occupancy"]),
    )
    return {**tables, "readings": changed}


@pytest.mark.parametrize("told", [True, False], ids=["edges", "learnt"])
def test_l06_what_is_usual_and_who_are_neighbours_never_come_of_rows_to_judge_by(
    tables: Tables, told: bool
) -> None:
    bare = tables if told else {"readings": tables["readings"]}
    one = case(bare)
    other = case(altered(bare, one.cuts.selection_s))
    assert other.cuts == one.cuts
    assert other.look == one.look
    assert one.look.neighbours.n_edges > 0
    before, after = (
        days_of(each.panel, each.look, one.cuts.selection_s).whole for each in (one, other)
    )
    for name, values in before.to_arrays().items():
        np.testing.assert_array_equal(values, after.to_arrays()[name])


def test_l07_readings_of_the_future_change_no_feature_before_them(tables: Tables) -> None:
    one = case(tables)
    habits = days_of(one.panel, one.look, one.cuts.selection_s).whole
    for issue_s in one.issues(8).tolist():
        at = np.array([issue_s], dtype=np.int64)
        wanted = NearIssues(at, np.ones((1, len(one.panel.ids)), dtype=bool))
        # a reading is there when its interval has ended
        other = case(altered(tables, issue_s))
        made = [build_near(each.panel, one.look, wanted, habits) for each in (one, other)]
        np.testing.assert_array_equal(made[0].X, made[1].X)
        np.testing.assert_array_equal(made[0].shape, made[1].shape)


@dataclass(frozen=True)
class Exported:
    """A champion and its bundle."""

    case: Case
    champion: Champion
    bundle: Path

    def asked(self, most: int) -> Matrix:
        """Issues of the holdout."""
        assert self.champion.habits is not None
        span = Span(self.case.cuts.holdout_s, self.case.cuts.end_s - 3_600)
        return asked_of(self.case.panel, self.case.look, self.champion.habits, span, most=most)


@pytest.fixture(scope="module")
def exported(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    assert SPEC is not None
    assert SPEC.onset is not None
    made = case(tables)
    asked = ForecastSearch(("near_trees",), Budget(work_units=4), 0, SOLUTION.settings)
    rule = SPEC.onset(made.panel, SOLUTION.settings)
    board = search_near(made.prepared, asked, Silent(), NearLearning(most=2_500), rule)
    issues = np.arange(made.cuts.selection_s, made.cuts.holdout_s, 4 * 3_600, dtype=np.int64)
    context = ForecastContext(
        solution=SOLUTION.name,
        customer="acme",
        run_id="run-1",
        contracts={},
        panel=made.panel,
        issues=dict.fromkeys(made.panel.ids, issues // 300 * 300),
        schedule=Schedule(made.look.zone, (), made.panel.step_s),
        unit="km/h",
    )
    folder = tmp_path_factory.mktemp("traffic") / "bundle"
    written = write_forecast_bundle(folder, board.champion, context)
    return Exported(made, board.champion, written.path)


def test_x01_the_bundle_forecasts_as_its_champion_does_at_the_edges_of_the_road_too(
    exported: Exported,
) -> None:
    asked = exported.asked(600)
    rng = np.random.default_rng(1)
    gone = np.where(rng.random(asked.shape.shape) < 0.2, np.nan, asked.shape)
    far = asked.shape * rng.choice([0.0, 1.0, 50.0], asked.shape.shape)
    wild = replace(asked.take(np.tile(np.arange(len(asked)), 2)), shape=np.concatenate([gone, far]))
    for rows in (asked, wild):
        parity = check_forecasts(exported.champion, exported.bundle, rows)
        assert parity.passed, parity
        assert parity.max_abs_diff < 1e-3
    assert check_windows(Forecaster(exported.bundle)).max_abs_diff <= 1e-6


def test_x12_raw_readings_told_to_a_device_give_the_forecast_of_the_tables(
    exported: Exported, tables: Tables
) -> None:
    """From the customer's rows, zeros and all, through the panel in batch and the stream alike."""
    issue_s = int(exported.case.cuts.holdout_s) + 9 * 3_600
    panel, look = exported.case.panel, exported.case.look
    service = ForecastService(Forecaster(exported.bundle))
    rows = panel.rows[panel.rows["quality"] == 0]
    seen = seconds_of(rows["ts"])
    recent = rows[(seen >= issue_s - 7_200) & (seen < issue_s)].sort_values(["ts", "series_id"])
    times = recent["ts"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, ts, y in zip(recent["series_id"], times, recent["y"], strict=True):
        line = {"series_id": name, "ts": ts, "y": y}
        answer = service.answered(json.dumps(line).encode())
        assert "error" not in answer, answer
    at = pd.Timestamp(issue_s, unit="s", tz="UTC").isoformat()
    request = {"issue_at": at, "series_id": list(panel.ids)}
    told = service.answered(json.dumps(request).encode())["forecasts"]
    window = window_of(panel, look, np.array([issue_s], dtype=np.int64))
    factors = service.state.rolling.factors(issue_s)
    forecaster = Forecaster(exported.bundle)
    made = forecaster.forecast(np.arange(len(panel.ids)), window, factors)
    for code, one in enumerate(told):
        assert one["quantiles"] == made.quantiles[code].tolist()
    assert np.isfinite(made.quantiles).all()
