"""The calendar's mean: what the same hour of the same kind of day was over the last weeks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast.families.base import Forecaster, Lesson, Params
from lepton.forecast.families.seasonal_naive import point as last_week
from lepton.forecast.families.spread import Spread, fit_spread
from lepton.forecast.matrix import Matrix


@dataclass(frozen=True, eq=False)
class Profile:
    """Mean of four weeks at the same hour of the week, of like days on holidays."""

    spread: Spread

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        return self.spread.around(point(matrix), matrix)


def point(matrix: Matrix) -> np.ndarray:
    """The calendar's mean; on a holiday that of the latest days off, elsewhere of the weeks."""
    alike = [name for name in matrix.names if name.startswith("alike_")]
    days = np.stack([matrix.column(name) for name in alike], axis=-1)
    count = np.isfinite(days).sum(axis=-1)
    off = np.divide(
        np.nansum(days, axis=-1), count, out=np.full(count.shape, np.nan), where=count > 0
    )
    holiday = (matrix.column("is_holiday") > 0) & np.isfinite(off)
    found = np.where(holiday, off, matrix.column("week_mean"))
    return np.asarray(np.where(np.isfinite(found), found, last_week(matrix)))


def _fit(lesson: Lesson, params: Params, seed: int) -> Profile:
    errors = lesson.issued.target - point(lesson.issued)
    return Profile(fit_spread(lesson.issued, errors, seed))


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "profile": Forecaster(
        "profile", "mean of four weeks at the same hour, by kind of day", _fit, cost=0.05
    )
}

__all__ = ["FAMILIES", "Profile", "point"]
