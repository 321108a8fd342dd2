"""Two Dutch substations by their protocol: net load that changes sign, four months of history.

The files go through mapping, contracts, cleaning and panel as a customer's do. Each interval is
forecast by itself from load that is at least two days old, and from weather, price and profile
columns as they stand. All families are fitted anew every week, as the pipeline does it;
weights and calibration come from the forecasts of the weeks before, six of them before the test.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import stages
from lepton.automl.machine import available_workers
from lepton.benching import cpu_s, customer, versions
from lepton.context import Context
from lepton.forecast import scores
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Lesson
from lepton.forecast.ladder import RUNGS, interval_of
from lepton.forecast.matrix import Matrix, build
from lepton.forecast.panel import seconds_of
from lepton.forecast.rolling import Refit
from lepton.forecast.walk import Walk, WalkSpec, walk_forward
from lepton.forecast_batch import cleaned, days_of, spec_of
from lepton.solution import BenchRequest

STATIONS: Final = (287, 307)
ROOT: Final = Path(__file__).parents[2]
SETTINGS: Final = """\
solution: energy_load
customer: openstef
source: {{load: {data}, weather: {data}, meters: {meters}}}
mapping: mapping.yaml
settings: {{step_min: 15, latency_h: {latency_h}}}
seed: {seed}
"""
MAPPING: Final = """\
tables:
  load:
    columns:
      event_at: index
      power_kw: {from: load, unit: {from: MW, to: kW}}
    ignore: [temp]
  weather:
    columns:
      valid_at: index
      temp_C: temp
    extras: {numeric: COLUMNS}
    ignore: [load]
  meters:
    columns: {meter_id: meter_id, type: type, tz: tz, country: country}
"""
METERS: Final = "meter_id,type,tz,country\nstation,substation,Europe/Amsterdam,NL\n"
NAMED: Final = ("index", "load", "temp")
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
        with tempfile.TemporaryDirectory(prefix="lepton-bench-") as scratch:
            walk, span = walked(request, station, Path(scratch))
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


def walked(request: BenchRequest, station: int, scratch: Path) -> tuple[Walk, float]:
    """The product's forecasts of the last 28 days with load, in kW, judged by the file's own
    values, and P99 - P1 of the load before."""
    path = request.data / f"openstef_substation_{station}.csv"
    ctx = customer_of(request, path, scratch)
    truth = truth_of(path)
    end_s = int(truth.dropna().index.max()) + STEP_S
    matrix = matrix_of(ctx, end_s)
    first_s = end_s - TEST_DAYS * 86_400
    start_s = first_s - WARM_DAYS * 86_400
    refits = tuple(Refit(at, at + WEEK_S) for at in range(start_s, end_s, WEEK_S))
    workers = min(2, available_workers())
    spec = WalkSpec(
        refits, seed=request.seed, workers=workers, latency_s=LATENCY_S, judged_from_s=first_s
    )
    walk = walk_forward(Lesson.of(matrix), [forecaster(name) for name in FAMILIES], spec)
    own = walk.matrix
    told = truth.reindex((own.step * STEP_S).ravel()).to_numpy().reshape(own.y.shape)
    members = replace(walk.members, matrix=replace(own, y=told))
    return replace(walk, members=members), scores.span_of(truth[truth.index < first_s].to_numpy())


def customer_of(request: BenchRequest, path: Path, scratch: Path) -> Context:
    """The file as a customer's: its temperature by name, everything else as columns of its own."""
    from solutions.energy_load import SOLUTION

    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "meters.csv").write_text(METERS, encoding="utf-8")
    columns = [name for name in pd.read_csv(path, nrows=0).columns if name not in NAMED]
    settings = SETTINGS.format(
        data=json.dumps(str(path.resolve())),
        meters=json.dumps(str(scratch / "meters.csv")),
        latency_h=LATENCY_S / 3_600,
        seed=request.seed,
    )
    mapping = MAPPING.replace("COLUMNS", json.dumps(columns))
    return customer(request, SOLUTION, ROOT, scratch, settings=settings, mapping=mapping)


def truth_of(path: Path) -> pd.Series:
    """Load in kW by UTC second, as the file has it."""
    told = pd.read_csv(path, usecols=["index", "load"])
    at = pd.to_datetime(told["index"], utc=True)
    return pd.Series(1_000 * told["load"].to_numpy(), index=seconds_of(at))


def matrix_of(ctx: Context, end_s: int) -> Matrix:
    """One issue and one lead an interval, from the first row to `end_s`."""
    panel = cleaned(ctx, stages.validate(ctx, stages.read(ctx))).panel
    looks = days_of(spec_of(ctx).looks(panel, ctx.settings))
    one = {name: replace(look, n_leads=1) for name, look in looks.items()}
    issues = np.arange(panel.first_s, end_s, STEP_S, dtype=np.int64)
    return build(panel, one, dict.fromkeys(one, issues))


__all__ = ["customer_of", "matrix_of", "openstef", "walked"]
