"""Intervals that keep their promise while time goes on: rolling conformal calibration.

The score of a past forecast is how far, in units of its own width, the truth lay outside its outer
interval, negative inside (conformalized quantile regression, Romano et al. 2019). The quantile of
the last weeks' scores, by block of the horizon and quarter of the day, stretches all deciles about
the median. As errors drift, the level asked for moves against what was missed (adaptive conformal
inference, Gibbs & Candes 2021). Only scores whose truth was there at the issue count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast import scores
from lepton.forecast.matrix import Matrix
from lepton.forecast.rolling import horizon_blocks, hour_groups

_NARROWEST: Final = 0.2
_WIDEST: Final = 5.0
"""Factors beyond which no calibration stretches."""
_LEVELS: Final = (0.5, 0.98)
"""Between which the level that is asked for may move."""
_A_DAY_S: Final = 86_400


@dataclass(frozen=True)
class ConformalSpec:
    """window_days: how long a score counts; fewest: scores a cell needs, else those of its horizon
    block count, else all; gamma: how far one day's misses move the level; level: share that the
    outer interval has to hold; tolerance: what the coverage gate allows."""

    window_days: int = 60
    fewest: int = 200
    gamma: float = 0.02
    level: float = 0.8
    tolerance: float = 0.02


@dataclass(frozen=True, eq=False)
class Scores:
    """Past forecasts in flat form: when the truth was there, when issued, cell, score."""

    known_s: np.ndarray
    issue_s: np.ndarray
    cell: np.ndarray
    score: np.ndarray

    def joined(self, other: Scores) -> Scores:
        """Those of both."""
        names = ("known_s", "issue_s", "cell", "score")
        return Scores(*(np.concatenate([getattr(self, n), getattr(other, n)]) for n in names))


def cells_of(matrix: Matrix) -> np.ndarray:
    """Cell of each target, (n, leads): its horizon block times four, plus its quarter of the day;
    cells of different series are the same."""
    return np.asarray(horizon_blocks(matrix) * 4 + hour_groups(matrix))


def scores_of(matrix: Matrix, quantiles: np.ndarray, latency_s: int = 0) -> Scores:
    """Scores of forecasts whose truth is known."""
    low, high = quantiles[..., 0], quantiles[..., -1]
    width = np.maximum(high - low, 1e-9 * matrix.scale[:, None])
    score = np.maximum(low - matrix.y, matrix.y - high) / width
    known = np.isfinite(score)
    known_s = (matrix.step + 1) * matrix.step_s + latency_s
    issue_s = np.broadcast_to(matrix.issue_s[:, None], score.shape)
    return Scores(known_s[known], issue_s[known], cells_of(matrix)[known], score[known])


def calibrated(
    matrix: Matrix,
    quantiles: np.ndarray,
    *,
    before: Scores | None = None,
    spec: ConformalSpec | None = None,
    latency_s: int = 0,
) -> np.ndarray:
    """The deciles, each issue stretched by what was known when it was issued.

    before: scores of earlier forecasts (out of fold), with which calibration begins.
    """
    spec = spec or ConformalSpec()
    own = scores_of(matrix, quantiles, latency_s)
    every = own if before is None else before.joined(own)
    order = np.argsort(every.known_s, kind="stable")
    every = Scores(
        every.known_s[order], every.issue_s[order], every.cell[order], every.score[order]
    )
    cells, made = cells_of(matrix), np.empty_like(quantiles)
    level = _Level(spec)
    for issue_s in np.unique(matrix.issue_s):
        here = matrix.issue_s == issue_s
        factor = _factors(every, int(issue_s), spec, level)
        made[here] = stretched(quantiles[here], factor[cells[here]])
    return made


def stretched(quantiles: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Deciles moved away from their median by a factor."""
    middle = quantiles[..., quantiles.shape[-1] // 2, None]
    return np.asarray(middle + factor[..., None] * (quantiles - middle))


class _Level:
    """The level asked for, moved once a day by the misses of what has become known since."""

    def __init__(self, spec: ConformalSpec) -> None:
        self._spec, self.asked = spec, spec.level
        self._seen = -np.inf
        self._factors: dict[int, np.ndarray] = {}

    def moved(self, every: Scores, issue_s: int) -> float:
        """The level for this issue; issues within a day of the last move share theirs."""
        if issue_s < self._seen + _A_DAY_S:
            return self.asked
        fresh = (every.known_s > self._seen) & (every.known_s <= issue_s)
        judged = [
            every.score[at] <= (self._factors[int(every.issue_s[at])][every.cell[at]] - 1) / 2
            for at in np.flatnonzero(fresh)
            if int(every.issue_s[at]) in self._factors
        ]
        if judged:
            missed = self._spec.level - float(np.mean(judged))
            self.asked = float(np.clip(self.asked + self._spec.gamma * missed, *_LEVELS))
        self._seen = issue_s
        return self.asked

    def keep(self, issue_s: int, factor: np.ndarray) -> None:
        """Remember what was issued, to judge it later."""
        self._factors[issue_s] = factor


def _factors(every: Scores, issue_s: int, spec: ConformalSpec, level: _Level) -> np.ndarray:
    """Stretch of each cell, (16,)."""
    asked = level.moved(every, issue_s)
    first, last = np.searchsorted(
        every.known_s, [issue_s - spec.window_days * 86_400, issue_s], side="right"
    )
    cell, score = every.cell[first:last], every.score[first:last]
    whole = _margin(score, asked) if len(score) >= spec.fewest else 0.0
    margins = np.full(16, whole)
    for block in range(4):
        inside = cell // 4 == block
        shared = _margin(score[inside], asked) if inside.sum() >= spec.fewest else whole
        for quarter in range(4):
            own = score[cell == 4 * block + quarter]
            margins[4 * block + quarter] = (
                _margin(own, asked) if len(own) >= spec.fewest else shared
            )
    factor = np.clip(1 + 2 * margins, _NARROWEST, _WIDEST)
    level.keep(issue_s, factor)
    return np.asarray(factor)


def _margin(score: np.ndarray, level: float) -> float:
    """Smallest margin that holds the level's share of the scores, one more counted as missed."""
    share = min(1.0, level * (1 + 1 / len(score)))
    return float(np.quantile(score, share, method="higher"))


def coverage_gate(
    y: np.ndarray, quantiles: np.ndarray, spec: ConformalSpec | None = None
) -> tuple[float, bool]:
    """Share of truths that the outer interval holds, and whether that is within tolerance."""
    spec = spec or ConformalSpec()
    found = scores.coverage(y, quantiles[..., 0], quantiles[..., -1])
    return found, bool(abs(found - spec.level) <= spec.tolerance)


__all__ = [
    "ConformalSpec",
    "Scores",
    "calibrated",
    "cells_of",
    "coverage_gate",
    "scores_of",
    "stretched",
]
