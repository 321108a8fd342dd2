"""Preprocessing that is fitted on training rows only: one way for linear models, one for trees."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from lepton.dataset import TabularDataset
from lepton.graph.nodes import (
    Impute,
    Lookup,
    NumericStep,
    OneHot,
    Preprocess,
    SignedLog,
    SmoothClip,
    Standardize,
)

HEAVY_SKEW: Final = 1.5
"""An exponential has 2; a column with more absolute skewness is drawn together by a log."""
MAX_LEVELS: Final = 50
MAX_CODES: Final = 255
"""Trees split a column into at most 255 bins, so more codes would only be pooled again."""
MIN_LEVEL_ROWS: Final = 10
"""A level seen in fewer rows is pooled with those never seen."""
UNSEEN: Final = -1.0


def fit_linear_preprocess(dataset: TabularDataset) -> Preprocess:
    """Median for missing, signed log where heavy-tailed, standardized; one 0/1 column a level.

    Levels are the most frequent ones, at most `MAX_LEVELS` a column; the others are all 0.
    """
    X = dataset.X
    impute = Impute(medians(X))
    filled = impute.apply(X)
    log = SignedLog(_heavy_tailed(filled))
    drawn = log.apply(filled)
    scale = drawn.std(axis=0)
    steps = (impute, log, Standardize(drawn.mean(axis=0), np.where(scale > 0, scale, 1.0)))
    levels = _levels(dataset.C, MAX_LEVELS)
    encode = OneHot(levels) if any(levels) else None
    return Preprocess(len(dataset.numeric), steps, len(dataset.categorical), encode)


def fit_net_preprocess(dataset: TabularDataset) -> Preprocess:
    """Median for missing, signed log where heavy-tailed, robust scale, smooth clip; one 0/1 column
    a level, the most frequent ones, at most `MAX_LEVELS` a column, and one a pattern of gaps.

    The scale is that of RealMLP: the middle half of the rows spans one, or where it is a single
    value, all of them span two.
    """
    X = dataset.X
    impute = Impute(medians(X))
    filled = impute.apply(X)
    log = SignedLog(_heavy_tailed(filled))
    drawn = log.apply(filled)
    scaled = Standardize(medians(drawn), _robust_scale(drawn))
    steps: tuple[NumericStep, ...] = (impute, log, scaled, SmoothClip())
    levels = _levels(dataset.C, MAX_LEVELS)
    encode = OneHot(levels) if any(levels) else None
    missing = _telling_gaps(np.isnan(X))
    return Preprocess(len(dataset.numeric), steps, len(dataset.categorical), encode, missing)


def fit_tree_preprocess(dataset: TabularDataset) -> Preprocess:
    """Numbers as they are, NaN included; each level becomes its rank by frequency, 0 the first.

    Ranks know nothing of the target, so they cannot leak it. Beyond `MAX_CODES` levels, rare
    ones and ones never seen are `UNSEEN`.
    """
    levels = _levels(dataset.C, MAX_CODES)
    tables = tuple({level: float(rank) for rank, level in enumerate(column)} for column in levels)
    encode = Lookup(tables, (UNSEEN,) * len(tables)) if any(levels) else None
    return Preprocess(len(dataset.numeric), (), len(dataset.categorical), encode)


def _levels(texts: np.ndarray, most: int) -> tuple[tuple[str, ...], ...]:
    return tuple(_frequent(Counter(column), most) for column in texts.T)


def _frequent(counts: Counter[str], most: int) -> tuple[str, ...]:
    kept = [item for item in counts.items() if item[1] >= MIN_LEVEL_ROWS]
    kept.sort(key=lambda item: (-item[1], item[0]))
    return tuple(level for level, _ in kept[:most])


def medians(X: np.ndarray) -> np.ndarray:
    """Of each column's known values; 0 where there are none."""
    known = ~np.isnan(X)
    columns = zip(X.T, known.T, strict=True)
    return np.array([np.median(x[k]) if k.any() else 0.0 for x, k in columns])


def _telling_gaps(gaps: np.ndarray) -> tuple[int, ...]:
    """Columns that are missing in some rows and known in some, one of those with equal gaps."""
    few, n = MIN_LEVEL_ROWS, len(gaps)
    first: dict[bytes, int] = {}
    for column, gap in enumerate(gaps.T):
        if few <= gap.sum() <= n - few:
            first.setdefault(gap.tobytes(), column)
    return tuple(first.values())


def _robust_scale(X: np.ndarray) -> np.ndarray:
    low, middle_low, middle_high, high = np.quantile(X, [0.0, 0.25, 0.75, 1.0], axis=0)
    half = middle_high - middle_low
    scale = np.where(half > 0, half, (high - low) / 2)
    return np.asarray(np.where(scale > 0, scale, 1.0))


def _heavy_tailed(X: np.ndarray) -> np.ndarray:
    return np.array([_is_heavy_tailed(column) for column in X.T], dtype=bool)


def _is_heavy_tailed(values: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        centred = values - values.mean()
        spread = np.sqrt((centred**2).mean())
        skew = (centred**3).mean() / spread**3
    return bool(spread > 0 and not abs(skew) <= HEAVY_SKEW)


__all__ = ["fit_linear_preprocess", "fit_net_preprocess", "fit_tree_preprocess", "medians"]
