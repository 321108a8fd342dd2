"""C-MAPSS and AI4I by their protocols: folds and scoring, nothing else.

C-MAPSS: Saxena et al. 2008, run-to-failure of turbofans, judged at the last cycle of each test
unit. AI4I: Matzka 2020, machining records without asset or time.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import roles, stages
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.model import Model, refit
from lepton.context import Context, make_context
from lepton.dataset import TabularDataset
from lepton.evaluation.calibration import sigmoid
from lepton.evaluation.grouped import whole_parts
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from lepton.features.spec import FeatureSpec
from lepton.solution import BenchRequest, Project
from lepton_edge.sensor_plan import CLOCKS
from solutions.predictive_maintenance.intervals import (
    OutOfFold,
    calibrated,
    cross_coverage,
    out_of_fold,
)
from solutions.predictive_maintenance.lives import share_of

CAP: Final = 125.0
"""Cycles beyond which one remaining life is like another (Heimes 2008)."""
SEEDS: Final = (0, 1, 2)
RESAMPLES: Final = 2000
SETS: Final = ("FD001", "FD002")
FOLDS: Final = 5

CMAPSS_MAPPING: Final = """\
tables:
  telemetry:
    columns:
      reading_id: {row_number: true}
      asset_id: unit
      event_at: {from: cycle, epoch: h, origin: "2000-01-01T00:00:00Z"}
SETTING_LINES
    extras: {numeric: [SENSOR_NAMES]}
"""
CMAPSS_SETTINGS: Final = """\
solution: predictive_maintenance
customer: cmapss
source: {{telemetry: {data}}}
mapping: mapping.yaml
task: remaining_life
settings: {{cap_h: 125, horizon_h: 30, run_to_failure: 1}}
budget: {{work_units: {work_units}}}
seed: {seed}
"""
AI4I_MAPPING: Final = """\
tables:
  telemetry:
    columns:
      reading_id: UDI
      failed: Machine failure
    extras:
      numeric:
        - Air temperature [K]
        - Process temperature [K]
        - Rotational speed [rpm]
        - Torque [Nm]
        - Tool wear [min]
      category: [Type]
      derived:
        power: '"Torque [Nm]" * "Rotational speed [rpm]" * 0.104719755'
        temperature difference: '"Process temperature [K]" - "Air temperature [K]"'
        strain: '"Torque [Nm]" * "Tool wear [min]"'
    ignore: [Product ID]
"""
AI4I_SETTINGS: Final = """\
solution: predictive_maintenance
customer: ai4i
source: {{telemetry: {data}}}
mapping: mapping.yaml
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
        "versions": _versions(),
    }


@dataclass(frozen=True)
class Run:
    """What one seed gave. predicted: cycles left of each test unit, age-aware; blind: the same
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
    rows, later = _rows(train), _rows(test)
    bare = without_features(rows, train.contract, train.task.target)
    spec = fit_spec(train.solution.features, bare)
    learnt, asked = (_features(ctx, part, spec) for ctx, part in ((train, rows), (test, later)))
    ends = _last_of_each(asked)
    predicted, models, held = {}, {}, {}
    for age in ("aware", "blind"):
        seen = learnt if age == "aware" else _without_age(learnt)
        request.progress.stage(f"search, seed {seed}, age-{age}")
        parts = whole_parts(seen, train.rng("split"))
        board = stages.search_parts(train, parts)
        model = refit(board.best.recipe, seen, seed=seed) or board.best.recipe
        predicted[age], models[age] = share_of(model.score(ends)), model
        if age == "aware":
            found = out_of_fold(board.best.folds(parts), board.best.margins, train.rng("points"))
            held = _held(found, predicted[age], fleet.left, train.rng("coverage"))
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
    settings = [name for name in frame.columns if name.startswith("setting_")]
    sensors = [name for name in frame.columns if name.startswith("sensor_")]
    mapping = CMAPSS_MAPPING.replace("SENSOR_NAMES", ", ".join(sensors)).replace(
        "SETTING_LINES", "\n".join(f"      {name}: {name}" for name in settings)
    )
    return _customer(request, frame, scratch, mapping, CMAPSS_SETTINGS, work_units, seed)


def _customer(
    request: BenchRequest,
    frame: pd.DataFrame,
    scratch: Path,
    mapping: str,
    settings: str,
    work_units: str,
    seed: int,
) -> Context:
    """A customer with this table: mapping and settings like any other's."""
    from solutions.predictive_maintenance import SOLUTION

    scratch.mkdir(parents=True)
    data = scratch / "telemetry.parquet"
    frame.to_parquet(data, index=False)
    (scratch / "mapping.yaml").write_text(mapping, encoding="utf-8")
    told = settings.format(data=json.dumps(str(data)), work_units=json.dumps(work_units), seed=seed)
    (scratch / "solution.yaml").write_text(told, encoding="utf-8")
    return make_context(
        Project(Path(__file__).resolve().parents[2], {SOLUTION.name: SOLUTION}, state=scratch),
        SOLUTION.name,
        run_id="bench",
        config_path=scratch / "solution.yaml",
        progress=request.progress,
    )


def _rows(ctx: Context) -> pd.DataFrame:
    return ctx.rows(stages.validate(ctx, stages.read(ctx)).tables)


def _features(ctx: Context, rows: pd.DataFrame, spec: FeatureSpec) -> TabularDataset:
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
    d = predicted - true
    return float(np.expm1(np.where(d < 0, -d / 13.0, d / 10.0)).sum())


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


def ai4i(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the file `request.data`.

    Option `work_units` (16): fits that the search may spend in each of the 15 folds.
    """
    started = time.process_time()
    options = request.settings(work_units="16")
    frame = pd.read_csv(request.data, encoding="utf-8-sig")
    with tempfile.TemporaryDirectory(prefix="lepton-bench-") as scratch:
        found = [
            _pooled(request, frame, options["work_units"], Path(scratch) / str(seed), seed)
            for seed in SEEDS
        ]
    scores = [one[:2] for one in found]
    return {
        "protocol": "ai4i",
        "metrics": {
            "ap": float(np.mean([_ap(y, p) for y, p in scores])),
            "f1": float(np.mean([one[2] for one in found])),
        },
        "by_seed": [{"ap": _ap(y, p), "f1": f1} for y, p, f1 in found],
        "intervals": {"ap": _ap_limits(scores, np.random.default_rng(request.seed))},
        "cpu_s": round(time.process_time() - started, 1),
        "versions": _versions(),
    }


def _pooled(
    request: BenchRequest, frame: pd.DataFrame, work_units: str, scratch: Path, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Targets and out-of-fold scores of all rows, and the F1 of decisions whose threshold was
    chosen inside the training folds."""
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold

    ctx = _customer(request, frame, scratch, AI4I_MAPPING, AI4I_SETTINGS, work_units, seed)
    dataset = _features(ctx, _rows(ctx), ctx.solution.features)
    y, score, alert = dataset.y, np.empty(len(dataset)), np.empty(len(dataset))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(y, y)
    for number, (known, asked) in enumerate(folds):
        request.progress.stage(f"seed {seed}, fold {number + 1}")
        learnt = dataset.take(known)
        parts = whole_parts(learnt, ctx.rng(f"split {number}"))
        board = stages.search_parts(ctx, parts)
        model = refit(board.best.recipe, learnt, seed=seed) or board.best.recipe
        score[asked] = sigmoid(model.margin(dataset.take(asked)))
        alert[asked] = score[asked] >= _best_threshold(
            board, [fold.valid.y for fold in parts.folds]
        )
    return y, score, float(f1_score(y, alert))


def _best_threshold(board: Leaderboard, targets: Sequence[np.ndarray]) -> float:
    """The out-of-fold score from which on alerts have the highest F1."""
    from sklearn.metrics import precision_recall_curve

    score = sigmoid(np.concatenate(board.best.margins))
    precision, recall, edges = precision_recall_curve(np.concatenate(targets), score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(edges[np.argmax(f1[:-1])])


def _ap(y: np.ndarray, score: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(y, score))


def _ap_limits(
    scores: Sequence[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator
) -> list[float]:
    draws = []
    for _ in range(200):
        at = rng.integers(0, len(scores[0][0]), len(scores[0][0]))
        draws.append(np.mean([_ap(y[at], p[at]) for y, p in scores]))
    return [float(v) for v in np.quantile(draws, [0.025, 0.975])]


def _versions() -> dict[str, str]:
    names = ("lepton-kit", "lightgbm", "numpy", "pandas", "polars", "scikit-learn")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


__all__ = ["ai4i", "cmapss", "read_fleet"]
