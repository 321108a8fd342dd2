"""A new series: it is forecast like its neighbours until its own past tells more.

Their mean shape, by hour of the week in units of their own level, times the new one's level or, at
first, its typical size. The weight of its own model grows with the days that it has been seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast import scores
from lepton.forecast.matrix import Matrix

HALF_DAYS: Final = 14.0
"""Days of its own past with which a series' own forecast weighs as much as its neighbours'."""
_CELLS: Final = 7 * 24


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Deciles of load over level by hour of the week (168, 9), weekday Monday first."""

    deciles: np.ndarray

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        return np.asarray(self.deciles[_cell(matrix)])


def fit_neighbours(matrix: Matrix) -> Neighbours:
    """From the issues of series that are known; each series counts once in every hour.

    An hour of the week that none of them tells has the deciles of all hours.
    """
    cell, target = _cell(matrix), matrix.target
    series = np.broadcast_to(matrix.series[:, None], target.shape)
    known = np.isfinite(target)
    whole = np.quantile(target[known], scores.DECILES) if known.any() else np.ones(9)
    deciles = np.tile(whole, (_CELLS, 1))
    for at in range(_CELLS):
        inside = known & (cell == at)
        if inside.any():
            deciles[at] = _evenly(target[inside], series[inside])
    return Neighbours(scores.ordered(deciles))


def warmed_up(
    own: np.ndarray, neighbours: np.ndarray, days_seen: np.ndarray, half_days: float = HALF_DAYS
) -> np.ndarray:
    """Deciles (n, leads, 9) between its neighbours' and its own; days_seen (n,) of known past.

    Where its own model has none, its neighbours' stand alone.
    """
    weight = (days_seen / (days_seen + half_days))[:, None, None]
    weight = np.where(np.isfinite(own), weight, 0.0)
    return scores.ordered(weight * np.where(np.isfinite(own), own, 0.0) + (1 - weight) * neighbours)


def days_seen(matrix: Matrix) -> np.ndarray:
    """Days of each issue's last week that are known, (n,); 7 means a week or more."""
    hours = (matrix.shape != 0).sum(axis=1)
    return np.asarray(hours / 24.0)


def _evenly(values: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Deciles where each series has the same weight."""
    _, number, count = np.unique(series, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    weight = 1.0 / count[number][order]
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.asarray(np.interp(scores.DECILES, share, values[order]))


def _cell(matrix: Matrix) -> np.ndarray:
    hour = np.floor(matrix.column("hour")).astype(np.int64)
    return np.asarray(matrix.column("weekday").astype(np.int64) * 24 + hour)


__all__ = ["HALF_DAYS", "Neighbours", "days_seen", "fit_neighbours", "warmed_up"]
