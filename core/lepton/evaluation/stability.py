"""How far columns have moved between two sets of rows."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton.dataset import TabularDataset

BINS: Final = 10
TOP_LEVELS: Final = 20
FEWEST_ROWS: Final = 30
"""With fewer rows on either side the index says more of chance than of change."""
MOST_ROWS: Final = 20_000
_EMPTY: Final = 1e-4
"""Share that an empty bin counts as, so that its logarithm exists."""


def stability(before: TabularDataset, after: TabularDataset) -> pd.DataFrame:
    """Population stability index of each feature of `before` against `after`, the largest first.

    Columns: feature, psi (NaN where either side has fewer than `FEWEST_ROWS` rows),
    missing_before, missing_after (shares). Bins are tenths of `before` and one for missing
    values; of a text its most frequent levels. Long sets are thinned evenly.
    """
    old, new = _thinned(before), _thinned(after)
    few = min(len(old), len(new)) < FEWEST_ROWS
    numbers = zip(before.numeric, old.X.T, new.X.T, strict=True)
    texts = zip(before.categorical, old.C.T, new.C.T, strict=True)
    rows = [(name, *_numbers(a, b, few)) for name, a, b in numbers]
    rows += [(name, *_texts(a, b, few)) for name, a, b in texts]
    frame = pd.DataFrame(rows, columns=["feature", "psi", "missing_before", "missing_after"])
    return frame.sort_values("psi", ascending=False, kind="stable", ignore_index=True)


def population_stability(before: np.ndarray, after: np.ndarray) -> float:
    """PSI of two arrays of counts over the same bins: sum of (q - p) ln(q / p)."""
    p = np.maximum(before / max(before.sum(), 1), _EMPTY)
    q = np.maximum(after / max(after.sum(), 1), _EMPTY)
    return float(np.sum((q - p) * np.log(q / p)))


def _thinned(dataset: TabularDataset) -> TabularDataset:
    step = max(1, -(-len(dataset) // MOST_ROWS))
    return dataset.take(np.arange(0, len(dataset), step))


def _numbers(before: np.ndarray, after: np.ndarray, few: bool) -> tuple[float, float, float]:
    known, known_after = before[~np.isnan(before)], after[~np.isnan(after)]
    missing = _rate(len(before) - len(known), len(before))
    missing_after = _rate(len(after) - len(known_after), len(after))
    if few:
        return np.nan, missing, missing_after
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner)) if len(known) else np.empty(0)
    counts = [
        np.append(np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1), n - len(x))
        for x, n in ((known, len(before)), (known_after, len(after)))
    ]
    return population_stability(*counts), missing, missing_after


def _texts(before: np.ndarray, after: np.ndarray, few: bool) -> tuple[float, float, float]:
    old, new = (pd.Series(values).value_counts() for values in (before, after))
    missing = _rate(old.get("", 0), len(before)), _rate(new.get("", 0), len(after))
    if few:
        return np.nan, *missing
    levels = old.index[:TOP_LEVELS]
    counts = [
        np.append(found.reindex(levels, fill_value=0), found.sum() - found.reindex(levels).sum())
        for found in (old, new)
    ]
    return population_stability(*counts), *missing


def _rate(part: float, whole: int) -> float:
    return float(part) / whole if whole else float("nan")


__all__ = ["BINS", "FEWEST_ROWS", "population_stability", "stability"]
