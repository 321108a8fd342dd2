"""What every kind of forecaster offers, and what points and spreads have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from lepton.forecast.matrix import Matrix

Params = Mapping[str, Any]


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


def flat(matrix: Matrix) -> np.ndarray:
    """X as rows: (n * leads, features)."""
    return matrix.X.reshape(-1, matrix.X.shape[-1])


def anchor(matrix: Matrix) -> np.ndarray:
    """Where points start from: the latest value at the same wall time, else of the same week's
    day, else the last day's mean, else 0; (n, leads)."""
    found = matrix.column("recent_1")
    for name in ("week_1", "day_mean"):
        found = np.where(np.isfinite(found), found, matrix.column(name))
    return np.asarray(np.where(np.isfinite(found), found, 0.0))


def time_blocks(matrix: Matrix, n: int, days: int = 14) -> np.ndarray:
    """Number 0 .. n-1 of the block of each issue: pieces of time dealt out in turn, shorter where
    there is little time. Neighbours stay together, so that a left-out block is new."""
    at = matrix.issue_s - matrix.issue_s.min(initial=0)
    span = float(at.max(initial=0)) + 1.0
    width = min(days * 86_400.0, span / n)
    return np.asarray((at // width).astype(np.int64) % n)


__all__ = ["ForecastModel", "Forecaster", "Lesson", "Params", "anchor", "flat", "time_blocks"]
