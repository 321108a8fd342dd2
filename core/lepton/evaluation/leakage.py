"""Features that know the answer: one feature that alone separates the classes is suspect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from lepton.dataset import TabularDataset
from lepton.evaluation.metrics import rank, roc_auc

SUSPECT_AUC: Final = 0.995
"""A single feature above this is taken for a leak, not for luck."""
MAX_ROWS: Final = 200_000


def suspects(
    train: TabularDataset, *, limit: float = SUSPECT_AUC, max_rows: int = MAX_ROWS
) -> tuple[str, ...]:
    """Names of the features whose AUC alone is above `limit`, the worst first."""
    found = {
        name: auc for name, auc in feature_aucs(train, max_rows=max_rows).items() if auc > limit
    }
    return tuple(sorted(found, key=lambda name: (-found[name], name)))


def feature_aucs(train: TabularDataset, *, max_rows: int = MAX_ROWS) -> Mapping[str, float]:
    """Each feature's AUC alone, 0.5..1 whichever way it points; empty where a class is missing.

    A missing number counts as the lowest or as the highest, whichever separates better. A
    category is replaced by the rate of positives on one half of the rows and rated on the other.
    Above `max_rows` rows positives are kept first, evenly thinned: the AUC does not change with
    the share of positives.
    """
    part = train.take(_thinned(train.y, max_rows))
    y = part.y
    if not 0 < y.sum() < len(y):
        return {}
    numbers = {name: _number_auc(y, column) for name, column in _columns(part.numeric, part.X)}
    levels = {name: _level_auc(y, column) for name, column in _columns(part.categorical, part.C)}
    return {**numbers, **levels}


def _columns(names: tuple[str, ...], matrix: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return list(zip(names, matrix.T, strict=True))


def _thinned(y: np.ndarray, max_rows: int) -> np.ndarray:
    """Positions of at most about `max_rows` rows whose target is known, in their order."""
    positive = _evenly(np.flatnonzero(y == 1), max_rows // 2)
    negative = _evenly(np.flatnonzero(y == 0), max_rows - len(positive))
    return np.sort(np.concatenate((positive, negative)))


def _evenly(index: np.ndarray, n: int) -> np.ndarray:
    return index if len(index) <= n else index[np.linspace(0, len(index) - 1, n).astype(np.int64)]


def _number_auc(y: np.ndarray, column: np.ndarray) -> float:
    missing = np.isnan(column)
    fills = (-np.inf, np.inf) if missing.any() else (0.0,)
    return max(_either_way(y, np.where(missing, fill, column)) for fill in fills)


def _level_auc(y: np.ndarray, column: np.ndarray) -> float:
    """Rates come from the rows at even positions, the AUC from those at odd ones."""
    _, codes = np.unique(column.astype(str), return_inverse=True)
    learnt, judged = slice(0, None, 2), slice(1, None, 2)
    size, prior = int(codes.max()) + 1, float(y[learnt].mean())
    rows = np.bincount(codes[learnt], minlength=size)
    positives = np.bincount(codes[learnt], y[learnt], minlength=size)
    rate = (positives + prior) / (rows + 1.0)
    return _either_way(y[judged], rate[codes[judged]])


def _either_way(y: np.ndarray, score: np.ndarray) -> float:
    auc = roc_auc(rank(y, score).at(np.ones(len(y))))
    return max(auc, 1 - auc) if np.isfinite(auc) else 0.5


__all__ = ["MAX_ROWS", "SUSPECT_AUC", "feature_aucs", "suspects"]
