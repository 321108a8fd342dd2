"""Who follows whom, learnt from the past: gaps from what is usual, correlated at a lag.

Where the one's gap now goes with the other's a few intervals ago more than the reverse, the other
leads. Queues grow against the flow (Lighthill & Whitham 1955), so that in traffic what leads mostly
lies further down the road.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lepton.forecast.usual import Days
from lepton_edge.neighbours import MOST, Neighbours

LAGS: Final = (1, 2, 3)
LEAST: Final = 0.05
"""Correlation below which two series have nothing to say to each other."""
_CUT: Final = 6.0
"""Gap, in units of the usual one, at which it is cut."""


def learnt_neighbours(ids: tuple[str, ...], days: Days) -> Neighbours:
    """The series that lead each one (as `down`) and that follow it (as `up`), closest first."""
    at_lag = _lagged(days)
    mutual = (at_lag + at_lag.T) / 2
    np.fill_diagonal(mutual, -1.0)
    leads = at_lag > at_lag.T
    down = [_closest(mutual[i], leads[i]) for i in range(len(ids))]
    up = [_closest(mutual[i], ~leads[i]) for i in range(len(ids))]
    return Neighbours(ids, *_codes(up, down), *_weights(up, down))


Row = list[tuple[int, float]]


def _closest(mutual: np.ndarray, side: np.ndarray) -> Row:
    wanted = np.flatnonzero(side & (mutual > LEAST))
    order = wanted[np.argsort(-mutual[wanted], kind="stable")][:MOST]
    return [(int(code), float(min(1.0, mutual[code]))) for code in order]


def _codes(*sides: list[Row]) -> list[tuple[tuple[int, ...], ...]]:
    return [tuple(tuple(code for code, _ in row) for row in side) for side in sides]


def _weights(*sides: list[Row]) -> list[tuple[tuple[float, ...], ...]]:
    return [tuple(tuple(weight for _, weight in row) for row in side) for side in sides]


def _lagged(days: Days) -> np.ndarray:
    """Correlation of the row's gap now with the column's gap before, mean over lags, (n, n)."""
    habits = days.whole
    gaps = (days.values - habits.table[days.kinds]).reshape(-1, days.values.shape[-1])
    some = np.isfinite(gaps).any(axis=1)
    first, last = some.argmax(), len(some) - some[::-1].argmax()
    gaps = gaps[first:last]
    gaps = np.clip(gaps, -_CUT * habits.spread, _CUT * habits.spread)
    known = np.isfinite(gaps)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, gaps - np.where(known, gaps, 0.0).sum(axis=0) / count, 0.0)
    size = np.sqrt((centred**2).sum(axis=0) / count)
    scaled = centred / np.where(size > 0, size, 1.0)
    total = np.zeros((scaled.shape[1],) * 2)
    for lag in LAGS:
        both = known[lag:].T.astype(float) @ known[:-lag].astype(float)
        total += (scaled[lag:].T @ scaled[:-lag]) / np.maximum(both, 1.0)
    return total / len(LAGS)


__all__ = ["LAGS", "LEAST", "learnt_neighbours"]
