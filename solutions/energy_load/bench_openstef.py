"""Two Dutch substations by their protocol: net load that changes sign, four months of history.

Each interval is forecast by itself from load that is at least two days old, and from weather, price
and profile columns as they stand. All families are fitted anew every week, as the pipeline does it;
weights and calibration come from the forecasts of the weeks before, six of them before the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.automl.machine import available_workers
from lepton.benching import cpu_s, versions
from lepton.forecast import scores
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Lesson
from lepton.forecast.holidays import holidays_of
from lepton.forecast.ladder import RUNGS, interval_of
from lepton.forecast.matrix import Matrix, build
from lepton.forecast.panel import PanelDataset
from lepton.forecast.rolling import Refit
from lepton.forecast.walk import Walk, WalkSpec, walk_forward
from lepton.solution import BenchRequest
from lepton_edge.asof_spec import AsOfSpec, Known

STATIONS: Final = (287, 307)
ZONE: Final = "Europe/Amsterdam"
STEP_S: Final = 900
LATENCY_S: Final = 2 * 86_400 - STEP_S
"""The value two days before an interval is the latest that is known when it begins."""
TEST_DAYS: Final = 28
WARM_DAYS: Final = 42
WEEK_S: Final = 7 * 86_400
FAMILIES: Final = ("seasonal_naive", "profile", "linear", "lightgbm", "boosted")


def openstef(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the folder `request.data`."""
    started = cpu_s()
    request.settings()
    rng = np.random.default_rng(request.seed)
    metrics: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    alone: dict[str, dict[str, float]] = {}
    weights, worst = {}, 0.0
    for station in STATIONS:
        request.progress.stage(f"substation {station}")
        walk, span = walked(request.data / f"openstef_substation_{station}.csv", request.seed)
        matrix, name = walk.matrix, f"rcrps_{station}"
        metrics[name] = scores.rcrps(matrix.y, walk.calibrated, span)
        loss = scores.crps(matrix.y, walk.calibrated) / span
        intervals[name] = list(interval_of(loss, matrix, rng, block_days=1))
        metrics[f"coverage80_{station}"] = scores.summary(matrix.y, walk.calibrated)["coverage80"]
        steps = walk.steps(RUNGS)
        alone[str(station)] = {n: scores.rcrps(matrix.y, q, span) for n, q in steps.items()}
        best = min(alone[str(station)][family] for family in walk.members.names)
        worst = max(worst, metrics[name] / best)
        weights[str(station)] = walk.weights[0].to_json()
    return {
        "protocol": "openstef",
        "metrics": {**metrics, "worst_rcrps_vs_best_family": worst},
        "intervals": intervals,
        "ladder": alone,
        "weights": weights,
        "cpu_s": round(cpu_s() - started, 1),
        "versions": versions(),
    }


def walked(path: Path, seed: int) -> tuple[Walk, float]:
    """The product's forecasts of the last 28 days with load, and P99 - P1 of the load before."""
    panel, end_s = read_station(path)
    matrix = matrix_of(panel, end_s)
    first_s = end_s - TEST_DAYS * 86_400
    past = matrix.y[matrix.issue_s < first_s]
    start_s = first_s - WARM_DAYS * 86_400
    refits = tuple(Refit(at, at + WEEK_S) for at in range(start_s, end_s, WEEK_S))
    workers = min(2, available_workers())
    spec = WalkSpec(refits, seed=seed, workers=workers, latency_s=LATENCY_S, judged_from_s=first_s)
    members = [forecaster(name) for name in FAMILIES]
    return walk_forward(Lesson.of(matrix), members, spec), scores.span_of(past)


def read_station(path: Path) -> tuple[PanelDataset, int]:
    """The file as a panel, and the instant at which its load ends."""
    told = pd.read_csv(path)
    told["ts"] = pd.to_datetime(told.pop("index"), utc=True)
    last = told.loc[told["load"].notna(), "ts"].max()
    rows = told[["ts"]].assign(series_id="station", y=told["load"])
    series = pd.DataFrame({"series_id": ["station"], "tz": [ZONE], "country": ["NL"]})
    known = told.drop(columns="load")
    panel = PanelDataset(
        rows, series, STEP_S, known, latency_s={"y": LATENCY_S}, is_known_perfectly=True
    )
    return panel, int(last.timestamp()) + STEP_S


def matrix_of(panel: PanelDataset, end_s: int) -> Matrix:
    """One issue and one lead an interval, from the first row to `end_s`."""
    known = tuple(
        Known(name, is_temperature=name == "temp", is_brief=True) for name in panel.known_columns
    )
    years = range(int(panel.rows["ts"].dt.year.min()) - 1, int(panel.rows["ts"].dt.year.max()) + 2)
    spec = AsOfSpec(STEP_S, ZONE, 1, known=known, holidays=holidays_of("NL", None, years))
    start_s = int(panel.rows["ts"].min().timestamp())
    issues = np.arange(start_s, end_s, STEP_S, dtype=np.int64)
    return build(panel, {"station": spec}, {"station": issues})


__all__ = ["matrix_of", "openstef", "read_station", "walked"]
