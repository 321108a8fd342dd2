"""What forecasts are judged by: errors of points, quantiles and intervals; lower is better.

Arrays share their leading axes; quantiles have one more, last, in the order of their levels. Where
the truth is NaN nothing is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

DECILES: Final = np.arange(1, 10) / 10


def pinball(y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray = DECILES) -> np.ndarray:
    """Loss of each quantile (Koenker & Bassett 1978): level times what lies above it, 1 - level
    times what lies below."""
    over = y[..., None] - quantiles
    return np.asarray(np.maximum(levels * over, (levels - 1) * over))


def crps(y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray = DECILES) -> np.ndarray:
    """Twice the mean pinball loss over the levels: the continuous ranked probability score as
    far as they tell it (Gneiting & Ranjan 2011)."""
    return np.asarray(2 * pinball(y, quantiles, levels).mean(axis=-1))


def mean(values: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Mean of what is known, NaN for nothing."""
    known = np.isfinite(values)
    if not known.any():
        return float("nan")
    return float(np.average(values[known], weights=None if weight is None else weight[known]))


def mae(y: np.ndarray, point: np.ndarray) -> float:
    """Mean absolute error."""
    return mean(np.abs(y - point))


def mape(y: np.ndarray, point: np.ndarray) -> float:
    """Mean absolute error in per cent of the truth; NaN where some truth is 0 or changes sign."""
    known = y[np.isfinite(y)]
    if not len(known) or known.min() <= 0:
        return float("nan")
    return 100 * mean(np.abs(y - point) / y)


def mase(y: np.ndarray, point: np.ndarray, naive: np.ndarray) -> float:
    """Mean absolute error over that of a naive forecast on the same intervals."""
    both = np.isfinite(y) & np.isfinite(naive)
    return mae(np.where(both, y, np.nan), point) / mae(np.where(both, y, np.nan), naive)


def coverage(y: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Share of truths inside their interval, its ends included."""
    return mean(np.where(np.isfinite(y), (y >= low) & (y <= high), np.nan))


def rcrps(y: np.ndarray, quantiles: np.ndarray, span: float, levels: np.ndarray = DECILES) -> float:
    """CRPS over the range (P99 - P1) of the series' past, comparable between series."""
    return mean(crps(y, quantiles, levels)) / span


def span_of(past: np.ndarray) -> float:
    """P99 - P1 of what is known."""
    low, high = np.nanquantile(past, [0.01, 0.99])
    return float(high - low)


def summary(
    y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray = DECILES
) -> Mapping[str, float]:
    """All of them that need no more than forecasts and truth, by name."""
    point = quantiles[..., len(levels) // 2]
    return {
        "mae": mae(y, point),
        "mape": mape(y, point),
        "crps": mean(crps(y, quantiles, levels)),
        f"coverage{round(100 * (levels[-1] - levels[0]))}": coverage(
            y, quantiles[..., 0], quantiles[..., -1]
        ),
    }


def ordered(quantiles: np.ndarray) -> np.ndarray:
    """The quantiles rearranged so that none crosses another, which never raises their pinball loss
    (Chernozhukov, Fernandez-Val & Galichon 2010)."""
    return np.sort(quantiles, axis=-1)


__all__ = [
    "DECILES",
    "coverage",
    "crps",
    "mae",
    "mape",
    "mase",
    "mean",
    "ordered",
    "pinball",
    "rcrps",
    "span_of",
    "summary",
]
