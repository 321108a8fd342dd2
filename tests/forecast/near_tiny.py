"""A road of six detectors: a wave of slow traffic goes from each one to the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton.automl.budget import Budget
from lepton.export.forecast_bundle import ForecastContext, write_forecast_bundle
from lepton.forecast.board import ForecastBoard
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Lesson
from lepton.forecast.matrix import Matrix
from lepton.forecast.near_lessons import NearLearning, Span, asked_of, learnt_from, near_lesson
from lepton.forecast.near_search import search_near
from lepton.forecast.panel import PanelDataset
from lepton.forecast.prepared import Prepared
from lepton.forecast.search import ForecastSearch
from lepton.forecast.spec import Cuts
from lepton.forecast.usual import days_of
from lepton.progress import Silent
from lepton_edge.forecast_plan import Schedule
from lepton_edge.incidents import IncidentSpec
from lepton_edge.near_spec import NearSpec, OnsetRule
from lepton_edge.neighbours import Neighbours
from lepton_edge.queues import QueueSpec
from lepton_edge.watch import WatchSpec

STEP_S, DAY_S, DAYS = 300, 86_400, 9
ZONE = "Europe/Berlin"
START = int(pd.Timestamp("2025-03-24", tz=ZONE).timestamp())
"""A Monday; clocks change on the Sunday inside."""
IDS = tuple(f"d{at}" for at in range(6))
RULE = OnsetRule(0.6, 2, (3, 6, 12))
WATCH = WatchSpec(QueueSpec(low_s=300.0), IncidentSpec(), least=4.0)
FAMILIES = ("persistence", "habit", "drift", "near_trees", "near_net")
SMALL: Mapping[str, Mapping[str, Any]] = {
    "near_trees": {"rounds": 20, "num_leaves": 15, "min_data_in_leaf": 20, "knots": 3},
    "near_net": {"width": 16, "blocks": 1, "identity": 2, "epochs": 2, "batch": 256},
}


def speeds() -> np.ndarray:
    """(steps, series): about 60, down to 25 in two peaks a day whose waves run up the road, with
    noise and gaps."""
    rng = np.random.default_rng(3)
    n = DAYS * DAY_S // STEP_S
    hour = np.arange(n) * STEP_S / 3_600 % 24
    day = np.arange(n) * STEP_S // DAY_S
    late = 0.15 * (len(IDS) - 1 - np.arange(len(IDS)))
    shift = rng.normal(0, 0.5, DAYS)[day]
    slow = sum(
        np.exp(-(((hour - peak - shift)[:, None] - late) ** 2) / 0.5) for peak in (8.0, 17.0)
    )
    y = 60 + np.arange(len(IDS)) - 35 * slow + rng.normal(0, 2, (n, len(IDS)))
    return np.where(rng.random(y.shape) < 0.02, np.nan, y)


@cache
def panel() -> PanelDataset:
    """The road as long rows."""
    y = speeds()
    ts = pd.to_datetime(START + STEP_S * np.arange(len(y)), unit="s", utc=True)
    rows = pd.DataFrame(
        {
            "series_id": pd.Series(np.tile(IDS, len(y)), dtype="str"),
            "ts": ts.repeat(len(IDS)),
            "y": y.ravel(),
        }
    )
    series = pd.DataFrame({"series_id": pd.Series(IDS, dtype="str"), "tz": ZONE})
    return PanelDataset(rows, series, STEP_S)


def neighbours() -> Neighbours:
    """The next detector on both sides."""
    up = tuple((at - 1,) if at else () for at in range(len(IDS)))
    down = tuple((at + 1,) if at < len(IDS) - 1 else () for at in range(len(IDS)))
    weights = [tuple(tuple(1.0 for _ in row) for row in side) for side in (up, down)]
    return Neighbours(IDS, up, down, *weights)


def spec(n_leads: int = 12) -> NearSpec:
    """What forecasts of the road look at."""
    return NearSpec(STEP_S, ZONE, n_leads, neighbours())


def at(day: float) -> int:
    """UTC seconds of a day of the record."""
    return START + round(day * DAY_S)


def prepared() -> Prepared:
    """Learnt from six days, chosen by the seventh, judged by the last two."""
    cuts = Cuts(START, at(6), at(7), at(DAYS))
    return Prepared(panel(), dict.fromkeys(IDS, spec()), cuts, "speed")


def lesson() -> Lesson:
    """Six days, with dead detectors among them."""
    days = days_of(panel(), spec(), at(6))
    span = Span(START + 3_600, at(6))
    learning = NearLearning(most=4_000)
    learnt = learnt_from(panel(), spec(), days, span, learning).known_by(at(6)).learnable
    whole = learnt.column("age_min")[:, 0] <= STEP_S / 60
    return near_lesson(learnt.take(whole), learnt)


def asked(most: int = 1_500) -> Matrix:
    """Issues of the days after."""
    habits = days_of(panel(), spec(), at(6)).whole
    return asked_of(panel(), spec(), habits, Span(at(6), at(8)), most=most)


def fitted(name: str) -> Any:
    """A small model of a family."""
    family = forecaster(name)
    return family.fit(lesson(), {**family.params, **SMALL.get(name, {})}, 0)


@cache
def board() -> ForecastBoard:
    """What the search finds with boosted trees and its floors."""
    asked = ForecastSearch(("near_trees",), Budget(work_units=20), 0, {})
    return search_near(prepared(), asked, Silent(), NearLearning(most=4_000), RULE)


def context() -> ForecastContext:
    """What a bundle is told beside its champion."""
    issues = np.arange(at(6.3), at(6.9), 4 * 3_600, dtype=np.int64)
    return ForecastContext(
        solution="traffic_forecasting",
        customer="acme",
        run_id="run-1",
        contracts={},
        panel=panel(),
        issues=dict.fromkeys(IDS, issues // STEP_S * STEP_S),
        schedule=Schedule(ZONE, (), STEP_S),
        unit="km/h",
    )


def bundle(folder: Path) -> Path:
    """The bundle of what the search found, under watch."""
    champion = replace(board().champion, watch=WATCH)
    return write_forecast_bundle(folder / "bundle", champion, context()).path
