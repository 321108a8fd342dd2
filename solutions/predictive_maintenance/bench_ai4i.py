"""AI4I by its protocol: machining records without asset or time, each row judged by itself.

Matzka 2020, Explainable Artificial Intelligence for Predictive Maintenance Applications.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import stages
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.model import refit
from lepton.benching import customer, versions
from lepton.evaluation.calibration import sigmoid
from lepton.evaluation.grouped import whole_parts
from lepton.solution import BenchRequest
from solutions.predictive_maintenance.bench import SEEDS, features_of, rows_of

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDS: Final = 5
MAPPING: Final = """\
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
SETTINGS: Final = """\
solution: predictive_maintenance
customer: ai4i
source: {{telemetry: {data}}}
mapping: mapping.yaml
budget: {{work_units: {work_units}}}
seed: {seed}
"""


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
        "versions": versions(),
    }


def _pooled(
    request: BenchRequest, frame: pd.DataFrame, work_units: str, scratch: Path, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Targets and out-of-fold scores of all rows, and the F1 of decisions whose threshold was
    chosen inside the training folds."""
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold

    from solutions.predictive_maintenance import SOLUTION

    data = scratch / "telemetry.parquet"
    scratch.mkdir(parents=True)
    frame.to_parquet(data, index=False)
    settings = SETTINGS.format(
        data=json.dumps(str(data)), work_units=json.dumps(work_units), seed=seed
    )
    ctx = customer(request, SOLUTION, ROOT, scratch, settings=settings, mapping=MAPPING)
    dataset = features_of(ctx, rows_of(ctx), ctx.solution.features)
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
            board, [fold.valid.y for fold in board.best.folds(parts)]
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


__all__ = ["ai4i"]
