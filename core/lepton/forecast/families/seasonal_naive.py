"""The floor: what it was the last time at the same wall time of the same day of the week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast.families.base import Forecaster, Lesson, Params, anchor
from lepton.forecast.families.spread import Spread, constant_spread
from lepton.forecast.matrix import Matrix


@dataclass(frozen=True, eq=False)
class SeasonalNaive:
    """Last week's value, with the errors that it used to make around it."""

    spread: Spread

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        return self.spread.around(point(matrix), matrix)


def point(matrix: Matrix) -> np.ndarray:
    """Last week's value at the same wall time, the latest day's where there is none."""
    week = matrix.column("week_1")
    return np.asarray(np.where(np.isfinite(week), week, anchor(matrix)))


def _fit(lesson: Lesson, params: Params, seed: int) -> SeasonalNaive:
    errors = lesson.issued.target - point(lesson.issued)
    return SeasonalNaive(constant_spread(errors))


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "seasonal_naive": Forecaster(
        "seasonal_naive", "last week at the same time of day", _fit, cost=0.01
    )
}

__all__ = ["FAMILIES", "SeasonalNaive", "point"]
