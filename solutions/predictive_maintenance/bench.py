"""C-MAPSS by its protocol: folds and scoring, nothing else.

Saxena et al. 2008: run-to-failure of turbofans, judged at the last cycle of each test unit.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import roles, stages
from lepton.automl.model import Model, refit
from lepton.benching import customer, versions
from lepton.context import Context
from lepton.dataset import TabularDataset
from lepton.evaluation.grouped import whole_parts
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from lepton.features.spec import FeatureSpec
from lepton.solution import BenchRequest
from lepton_edge.sensor_plan import CLOCKS
from solutions.predictive_maintenance.intervals import (
    OutOfFold,
    calibrated,
    cross_coverage,
    out_of_fold,
    phm08,
    prudence,
)
from solutions.predictive_maintenance.lives import share_of

ROOT: Final = Path(__file__).resolve().parents[2]
CAP: Final = 125.0
"""Cycles beyond which one remaining life is like another (Heimes 2008)."""
SEEDS: Final = (0, 1, 2)
RESAMPLES: Final = 2000
SETS: Final = ("FD001", "FD002")

MAPPING: Final = """\
tables:
  telemetry:
    columns:
      reading_id: {row_number: true}
      asset_id: unit
      event_at: {from: cycle, epoch: h, origin: "2000-01-01T00:00:00Z"}
SETTING_LINES
    extras: {numeric: [SENSOR_NAMES]}
"""
SETTINGS_YAML: Final = """\
solution: predictive_maintenance
customer: cmapss
source: {{telemetry: {data}}}
mapping: mapping.yaml
task: remaining_life
settings: {{cap_h: 125, horizon_h: 30, run_to_failure: 1}}
budget: {{work_units: {work_units}}}
seed: {seed}
"""


@dataclass(frozen=True)
class Fleet:
    """One C-MAPSS set as raw tables: every training cycle, and the test units' with what is left
    after the last of each (cycles, in the order of the units)."""

    train: pd.DataFrame
    test: pd.DataFrame
    left: np.ndarray


def cmapss(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the folder `request.data`.

    Options: `set` (FD001 or FD002), `work_units` (40): fits that each search may spend.
    """
    started = time.process_time()
    options = request.settings(set="FD001", work_units="40")
    if options["set"] not in SETS:
        raise request.option_refused("set", SETS)
    fleet = read_fleet(request.data, options["set"])
    with tempfile.TemporaryDirectory(prefix="lepton-bench-") as scratch:
        runs = [
            _predict(request, fleet, options["work_units"], Path(scratch) / str(seed), seed)
            for seed in SEEDS
        ]
    rng = np.random.default_rng(request.seed)
    return {
        "protocol": "cmapss",
        "set": options["set"],
        "metrics": _mean([_judged(run, fleet.left) for run in runs]),
        "intervals": _bootstrap(runs, fleet.left, rng),
        "chosen": [
            {"age": age, "family": model.family, "params": dict(model.params)}
            for run in runs
            for age, model in run.models.items()
        ],
        "cpu_s": round(time.process_time() - started, 1),
        "versions": versions(),
    }


@dataclass(frozen=True)
class Run:
    """What one seed gave. predicted: cycles left of each test unit, told early as out of fold was
    best for the loss of PHM08, age-aware; blind: the same
    without the age; models: by which; held: coverage of 90 % intervals and their mean width in
    cycles, on training units by cross-conformal folds, and on the test units."""

    predicted: np.ndarray
    blind: np.ndarray
    models: Mapping[str, Model]
    held: Mapping[str, float]


def read_fleet(folder: Path, name: str) -> Fleet:
    """The set `name`, in text or parquet, under one set of column names."""
    left = np.loadtxt(folder / f"RUL_{name}.txt", encoding="utf-8-sig")
    return Fleet(_table(folder, f"train_{name}"), _table(folder, f"test_{name}"), left)


def _table(folder: Path, stem: str) -> pd.DataFrame:
    packed = folder / f"{stem}.parquet"
    if packed.is_file():
        frame = pd.read_parquet(packed).drop(columns="rul", errors="ignore")
        named = {name: name.replace("op_", "").replace("_id", "") for name in frame.columns}
        return frame.rename(columns=named)
    names = ["unit", "cycle", *(f"setting_{k}" for k in (1, 2, 3))]
    names += [f"sensor_{k}" for k in range(1, 22)]
    text = folder / f"{stem}.txt"
    return pd.read_csv(text, sep=r"\s+", header=None, names=names)


def _predict(request: BenchRequest, fleet: Fleet, work_units: str, scratch: Path, seed: int) -> Run:
    """Search on the training units, refit the best on all of them, score the test units' ends."""
    train = _context(request, fleet.train, scratch / "train", work_units, seed)
    test = _context(request, fleet.test, scratch / "test", work_units, seed)
    rows, later = rows_of(train), rows_of(test)
    bare = without_features(rows, train.contract, train.task.target)
    spec = fit_spec(train.solution.features, bare)
    learnt, asked = (features_of(ctx, part, spec) for ctx, part in ((train, rows), (test, later)))
    ends = _last_of_each(asked)
    predicted, models, held = {}, {}, {}
    for age in ("aware", "blind"):
        seen = learnt if age == "aware" else _without_age(learnt)
        request.progress.stage(f"search, seed {seed}, age-{age}")
        parts = whole_parts(seen, train.rng("split"))
        board = stages.search_parts(train, parts)
        model = refit(board.best.recipe, seen, seed=seed) or board.best.recipe
        found = out_of_fold(board.best.folds(parts), board.best.margins, train.rng("points"))
        told, models[age] = share_of(model.score(ends)), model
        predicted[age] = np.clip(told + prudence(found, CAP), 0.0, 1.0)
        if age == "aware":
            held = _held(found, told, fleet.left, train.rng("coverage"))
    return Run(CAP * predicted["aware"], CAP * predicted["blind"], models, held)


def _held(
    found: OutOfFold, asked: np.ndarray, left: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    inside = cross_coverage(found, rng)
    low, high = calibrated(found).interval(asked, asked, asked)
    true = np.minimum(left, CAP) / CAP
    return {
        "coverage90": float(inside.coverage.value or np.nan),
        "width90": CAP * float(inside.width.value or np.nan),
        "coverage90_test": float(np.mean((low <= true) & (true <= high))),
    }


def _context(
    request: BenchRequest, frame: pd.DataFrame, scratch: Path, work_units: str, seed: int
) -> Context:
    from solutions.predictive_maintenance import SOLUTION

    settings = [name for name in frame.columns if name.startswith("setting_")]
    sensors = [name for name in frame.columns if name.startswith("sensor_")]
    mapping = MAPPING.replace("SENSOR_NAMES", ", ".join(sensors)).replace(
        "SETTING_LINES", "\n".join(f"      {name}: {name}" for name in settings)
    )
    data = scratch / "telemetry.parquet"
    scratch.mkdir(parents=True)
    frame.to_parquet(data, index=False)
    told = SETTINGS_YAML.format(
        data=json.dumps(str(data)), work_units=json.dumps(work_units), seed=seed
    )
    return customer(request, SOLUTION, ROOT, scratch, settings=told, mapping=mapping)


def rows_of(ctx: Context) -> pd.DataFrame:
    """The task's rows of the customer's tables."""
    return ctx.rows(stages.validate(ctx, stages.read(ctx)).tables)


def features_of(ctx: Context, rows: pd.DataFrame, spec: FeatureSpec) -> TabularDataset:
    """The rows with the features that the task learns from."""
    dataset = compute(rows, ctx.contract, spec, ctx.extras, target=ctx.task.target)
    return dataset.only(ctx.task.features)


def _without_age(dataset: TabularDataset) -> TabularDataset:
    return replace(dataset, numeric=tuple(n for n in dataset.numeric if n not in CLOCKS))


def _last_of_each(dataset: TabularDataset) -> TabularDataset:
    """The last row of each unit, units by number."""
    unit = dataset.role(roles.GROUP).astype("int64")
    last = dataset.role(roles.EVENT_AT).groupby(unit).idxmax().sort_index()
    return dataset.take(dataset.rows.index.get_indexer(pd.Index(last)))


def _judged(run: Run, left: np.ndarray) -> dict[str, float]:
    """The protocol's metrics of one seed."""
    clipped = np.minimum(left, CAP)
    return {
        "rmse_clipped": _rmse(run.predicted, clipped),
        "rmse_unclipped": _rmse(run.predicted, left),
        "phm08_clipped": _phm08(run.predicted, clipped),
        "rmse_clipped_age_blind": _rmse(run.blind, clipped),
        **run.held,
    }


def _rmse(predicted: np.ndarray, true: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - true) ** 2)))


def _phm08(predicted: np.ndarray, true: np.ndarray) -> float:
    return float(phm08(predicted - true).sum())


def _mean(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _bootstrap(
    runs: Sequence[Run], left: np.ndarray, rng: np.random.Generator
) -> dict[str, list[float]]:
    """95 % limits of each mean over seeds, test units drawn with replacement."""
    draws = []
    for _ in range(RESAMPLES):
        at = rng.integers(0, len(left), len(left))
        draws.append(
            _mean(
                [
                    _judged(
                        replace(run, predicted=run.predicted[at], blind=run.blind[at]), left[at]
                    )
                    for run in runs
                ]
            )
        )
    return {
        name: [float(v) for v in np.quantile([one[name] for one in draws], [0.025, 0.975])]
        for name in draws[0]
    }


__all__ = ["SEEDS", "cmapss", "features_of", "read_fleet", "rows_of"]
