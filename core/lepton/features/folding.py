"""Aggregates over many ranges of one array at once, each as accurate as if computed alone.

Level k holds the aggregate of every run of 2^k neighbours, made from two runs of level k - 1; a
range is then the merge of at most log2 of its length many runs. Nothing is ever taken away
again, so that no sum drifts and no variance cancels, however long the array is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

State = np.ndarray
"""Aggregates of many ranges: one row a part of the aggregate, one column a range."""


@dataclass(frozen=True)
class Aggregate:
    """lift: values, NaN where missing -> states; merge: two neighbours' states -> one; empty."""

    lift: Callable[[np.ndarray], State]
    merge: Callable[[State, State], State]
    empty: tuple[float, ...]


def fold(aggregate: Aggregate, values: np.ndarray, low: np.ndarray, high: np.ndarray) -> State:
    """State of `values[low:high]` for each pair of `low` and `high`, shape (parts, ranges)."""
    found = np.repeat(np.array(aggregate.empty)[:, None], len(low), axis=1)
    level, at, length = aggregate.lift(values), low.copy(), np.maximum(high - low, 0)
    longest, width = int(length.max(initial=0)), 1
    while width <= longest:
        rows = np.flatnonzero(length & width)
        found[:, rows] = aggregate.merge(found[:, rows], level[:, at[rows]])
        at[rows] += width
        level = aggregate.merge(level[:, :-width], level[:, width:])
        width *= 2
    return found


def _moments(values: np.ndarray) -> State:
    known = np.isfinite(values)
    return np.stack([known.astype(np.float64), np.where(known, values, 0.0), np.zeros(len(values))])


def _merged_moments(left: State, right: State) -> State:
    """Count, mean and sum of squared deviations of two runs together (Chan et al. 1979)."""
    count = left[0] + right[0]
    share = np.divide(right[0], count, out=np.zeros_like(count), where=count > 0)
    apart = right[1] - left[1]
    mean = left[1] + apart * share
    squares = left[2] + right[2] + apart**2 * left[0] * share
    return np.stack([count, mean, squares])


MAX = Aggregate(lambda values: np.fmax(values, -np.inf)[None, :], np.maximum, (-np.inf,))
MOMENTS = Aggregate(_moments, _merged_moments, (0.0, 0.0, 0.0))
