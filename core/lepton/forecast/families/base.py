"""What every kind of forecaster offers, and what points and spreads have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from lepton.forecast.matrix import Matrix
from lepton_edge.asof_spec import CALENDAR_NAMES, LAG_NAMES, Y_NAMES

Params = Mapping[str, Any]
YEARLY: Final = ("year_sin", "year_cos", "year_sin2", "year_cos2", "new_year_days")
YEARLY_DAYS: Final = 400
_OWN: Final = (*CALENDAR_NAMES, *Y_NAMES, *LAG_NAMES)
_LAGGED: Final = ("recent_", "week_", "alike_")
_MOST_OF_DAYS: Final = 0.9
BLOCKS: Final = 8


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a forecaster learns from.

    issued: issues as they are asked for later; anywhere: issues at any time, of which there are
    many more, for those that need many; the same where there are no others.
    """

    issued: Matrix
    anywhere: Matrix

    @classmethod
    def of(cls, issued: Matrix, anywhere: Matrix | None = None) -> Lesson:
        """Only what has targets."""
        learnable = issued.learnable
        return cls(learnable, learnable if anywhere is None else anywhere.learnable)

    def known_by(self, instant_s: int, latency_s: int = 0) -> Lesson:
        """What could be learnt from at an instant."""
        same = self.anywhere is self.issued
        issued = self.issued.known_by(instant_s, latency_s)
        return Lesson.of(issued, None if same else self.anywhere.known_by(instant_s, latency_s))


class ForecastModel(Protocol):
    """A fitted forecaster."""

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles of every target in units of the scale, (n, leads, 9), never crossing."""


@dataclass(frozen=True)
class Forecaster:
    """A kind of forecaster as a value.

    fit(lesson, params, seed); cost: CPU of a fit on the same rows relative to others;
    available(): whether its library is installed; about: one line for people.
    """

    name: str
    about: str
    fit: Callable[[Lesson, Params, int], ForecastModel]
    params: Params = field(default_factory=dict)
    cost: float = 1.0
    available: Callable[[], bool] = lambda: True


def is_short(matrix: Matrix) -> bool:
    """Whether the past is too short to know the seasons."""
    return bool(matrix.since_first_s.max(initial=0) < YEARLY_DAYS * 86_400)


def readable(matrix: Matrix) -> tuple[str, ...]:
    """Features that can be learnt from: not what is never known or never differs.

    Where the past is short, nothing of the season, for a trend of weeks is none; and no known
    column that hardly differs within a day (pressure, means of 24 hours): it tells trees which day
    it is, and they learn that day's level by heart.
    """
    short = is_short(matrix)
    own = set(_OWN)
    found = []
    for at, name in enumerate(matrix.names):
        values = matrix.X[:, :, at]
        known = values[np.isfinite(values)]
        if not len(known) or known.min() == known.max() or (short and name in YEARLY):
            continue
        is_side = not (name in own or name.startswith(_LAGGED))
        if short and is_side and _share_of_days(values, matrix) > _MOST_OF_DAYS:
            continue
        found.append(name)
    return tuple(found)


def _share_of_days(values: np.ndarray, matrix: Matrix) -> float:
    """Share of the variance that lies between days."""
    known = np.isfinite(values)
    day = (matrix.step * matrix.step_s // 86_400)[known]
    told = values[known].astype(np.float64)
    number = np.unique(day, return_inverse=True)[1]
    count = np.bincount(number)
    mean = np.bincount(number, told) / count
    return float(np.average((mean - told.mean()) ** 2, weights=count) / told.var())


def flat(matrix: Matrix, names: Sequence[str]) -> np.ndarray:
    """These features as rows, float64 (n * leads, names)."""
    at = [matrix.names.index(name) for name in names]
    return matrix.X[:, :, at].reshape(-1, len(at)).astype(np.float64)


def anchor(matrix: Matrix) -> np.ndarray:
    """Where points start from: the latest value at the same wall time, else of the same week's
    day, else the last day's mean, else 0; (n, leads)."""
    found = matrix.column("recent_1")
    for name in ("week_1", "day_mean"):
        found = np.where(np.isfinite(found), found, matrix.column(name))
    return np.asarray(np.where(np.isfinite(found), found, 0.0))


@dataclass(frozen=True, eq=False)
class Holdout:
    """Which rows are learnt from and which are asked, in one turn of leaving out; masks (n,)."""

    known: np.ndarray
    asked: np.ndarray


def holdouts(matrix: Matrix, n: int, days: int = 14) -> list[Holdout]:
    """Turns of leaving out whole pieces of time.

    Where the past is long, `n` turns deal out fortnights, and every issue is asked once. Where it
    is short, what follows is asked after what came before, three times, and the first half never:
    between neighbours a trend looks like something that was learnt.
    """
    at = matrix.since_first_s
    span = float(at.max(initial=0)) + 1.0
    if is_short(matrix):
        part = np.floor(at / span * 6).astype(np.int64)
        return [Holdout(part < turn, part == turn) for turn in (3, 4, 5)]
    block = (at // (days * 86_400.0)).astype(np.int64) % n
    return [Holdout(block != turn, block == turn) for turn in range(n)]


__all__ = [
    "ForecastModel",
    "Forecaster",
    "Lesson",
    "Params",
    "anchor",
    "flat",
    "readable",
]
