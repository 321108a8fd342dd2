"""Floors of forecasts of the next minutes: the latest value, the usual one, and between the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from lepton.forecast.families.base import Forecaster, Lesson, Params
from lepton.forecast.matrix import Matrix
from lepton.forecast.scores import DECILES

PERSISTENCE: Final = "persistence"
HABIT: Final = "habit"
DRIFT: Final = "drift"
_SHARES: Final = np.arange(0.0, 1.01, 0.05)
_MOST: Final = 40_000
"""Issues from which shares are taken."""


@dataclass(frozen=True, eq=False)
class NearFloor:
    """kind: what the point is; shares: (leads,) of the gap from what is usual that is still there;
    deciles: (leads, 9) of the errors."""

    kind: str
    shares: np.ndarray
    deciles: np.ndarray

    def point(self, matrix: Matrix) -> np.ndarray:
        """(n, leads)."""
        return _POINTS[self.kind](matrix, self.shares)

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles, (n, leads, 9)."""
        return np.asarray(self.point(matrix)[..., None] + self.deciles)


def gap_now(matrix: Matrix) -> np.ndarray:
    """How far the latest value is from what was usual then, (n, leads)."""
    return np.asarray(matrix.column("habit_move") - matrix.column("habit_to_recent"))


_POINTS: Final[Mapping[str, Callable[[Matrix, np.ndarray], np.ndarray]]] = {
    PERSISTENCE: lambda matrix, _: matrix.column("recent"),
    HABIT: lambda matrix, _: matrix.column("habit"),
    DRIFT: lambda matrix, shares: matrix.column("habit") + shares * gap_now(matrix),
}


def lead_deciles(errors: np.ndarray) -> np.ndarray:
    """Deciles of the errors (n, leads) of each lead, (leads, 9); those of all for a lead without
    any."""
    known = errors[np.isfinite(errors)]
    whole = np.quantile(known, DECILES) if len(known) else DECILES - 0.5
    rows = [column[np.isfinite(column)] for column in errors.T]
    return np.stack([np.quantile(row, DECILES) if len(row) else whole for row in rows])


def _fit(kind: str, lesson: Lesson, params: Params, seed: int) -> NearFloor:
    matrix = lesson.issued
    if len(matrix) > _MOST:
        matrix = matrix.take(np.arange(0, len(matrix), -(-len(matrix) // _MOST)))
    shares = np.zeros(matrix.n_leads)
    if kind == DRIFT:
        shares = _best_shares(matrix)
    made = NearFloor(kind, shares, np.zeros((matrix.n_leads, len(DECILES))))
    return NearFloor(kind, shares, lead_deciles(matrix.y - made.point(matrix)))


def _best_shares(matrix: Matrix) -> np.ndarray:
    """The share of least absolute error of each lead."""
    away = matrix.y - matrix.column("habit")
    gap = gap_now(matrix)
    losses = [np.nan_to_num(np.abs(away - share * gap)).sum(axis=0) for share in _SHARES]
    return np.asarray(_SHARES[np.argmin(losses, axis=0)])


_ABOUT: Final = {
    PERSISTENCE: "the latest value",
    HABIT: "what is usual at the time of day on that kind of day",
    DRIFT: "from the latest value to what is usual, the farther ahead the more",
}
FAMILIES: Final[Mapping[str, Forecaster]] = {
    kind: Forecaster(kind, about, partial(_fit, kind), cost=0.02) for kind, about in _ABOUT.items()
}

__all__ = ["DRIFT", "FAMILIES", "HABIT", "PERSISTENCE", "NearFloor", "gap_now", "lead_deciles"]
