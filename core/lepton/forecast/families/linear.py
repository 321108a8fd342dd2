"""Ridge regression on splines, one for each hour where there is enough to learn from.

The mandatory candidate: it extrapolates, costs a second, and is hard to beat where load follows
weather. How finely hours are told apart and how much is shrunk is chosen by leaving out blocks of
time; the errors of the left-out blocks then give the quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast.families.base import (
    BLOCKS,
    Forecaster,
    Holdout,
    Lesson,
    Params,
    anchor,
    holdouts,
    is_short,
)
from lepton.forecast.families.splines import Splines, fit_splines
from lepton.forecast.families.spread import Spread, fit_spread
from lepton.forecast.matrix import Matrix

_ALPHAS: Final = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 30_000.0, 300_000.0)
_HOURS: Final = (1, 3, 24)
_HOURS_OF_SHORT: Final = (6, 24)
"""Hours that share one regression; more of them where weeks are all there is to learn from."""


@dataclass(frozen=True, eq=False)
class Location:
    """A point forecast: hours of `hours` share weights (groups, columns) and an intercept."""

    splines: Splines
    hours: int
    weights: np.ndarray
    intercept: np.ndarray

    def point(self, matrix: Matrix) -> np.ndarray:
        """(n, leads) in units of the scale."""
        columns = self.splines.columns(matrix)
        group = groups_of(matrix, self.hours)
        moved = np.einsum("rk,rk->r", columns, self.weights[group]) + self.intercept[group]
        return np.asarray(anchor(matrix) + moved.reshape(matrix.y.shape))


@dataclass(frozen=True, eq=False)
class Located:
    """A location with what its choice told: errors of left-out blocks (n, leads)."""

    location: Location
    errors: np.ndarray
    alpha: float


@dataclass(frozen=True, eq=False)
class Linear:
    """Splines, and how far they are off."""

    location: Location
    spread: Spread

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        return self.spread.around(self.location.point(matrix), matrix)


def groups_of(matrix: Matrix, hours: int) -> np.ndarray:
    """Which regression each row belongs to: by wall clock."""
    return np.asarray((matrix.column("hour") // hours).astype(np.int64).ravel())


def fit_location(matrix: Matrix) -> Located:
    """The regression whose left-out pieces of time have the smallest mean absolute error."""
    splines = fit_splines(matrix)
    target = (matrix.target - anchor(matrix)).ravel()
    known = np.isfinite(target)
    columns, target = splines.columns(matrix)[known], target[known]
    turns = [
        Holdout(*(np.repeat(mask, matrix.n_leads)[known] for mask in (turn.known, turn.asked)))
        for turn in holdouts(matrix, BLOCKS)
    ]
    best: tuple[float, int, float, np.ndarray] | None = None
    for hours in _HOURS_OF_SHORT if is_short(matrix) else _HOURS:
        group = groups_of(matrix, hours)[known]
        moments = [_Moments.of(columns, target, group, turn.known) for turn in turns]
        for alpha in _ALPHAS:
            errors = _errors(columns, target, group, moments, turns, alpha)
            loss = float(np.nanmean(np.abs(errors))) if np.isfinite(errors).any() else 0.0
            if best is None or loss < best[0]:
                best = (loss, hours, alpha, errors)
    assert best is not None
    _, hours, alpha, found = best
    every = np.ones(len(target), dtype=bool)
    whole = _Moments.of(columns, target, groups_of(matrix, hours)[known], every)
    errors = np.full(len(known), np.nan)
    errors[known] = found
    location = Location(splines, hours, *whole.solve(alpha))
    return Located(location, errors.reshape(matrix.y.shape), alpha)


@dataclass(frozen=True, eq=False)
class _Moments:
    """By group: rows, means, and covariance of columns and target, which stands last."""

    n: np.ndarray
    mean: np.ndarray
    cov: np.ndarray

    @classmethod
    def of(
        cls, columns: np.ndarray, target: np.ndarray, group: np.ndarray, rows: np.ndarray
    ) -> _Moments:
        """The moments of `rows`, a mask."""
        both = np.column_stack([columns, target])
        n_groups, k = int(group.max(initial=0)) + 1, both.shape[1]
        n, mean, cov = np.zeros(n_groups), np.zeros((n_groups, k)), np.zeros((n_groups, k, k))
        for g in range(n_groups):
            part = both[rows & (group == g)]
            if len(part):
                n[g], mean[g] = len(part), part.mean(axis=0)
                off = part - mean[g]
                cov[g] = off.T @ off / len(part)
        return cls(n, mean, cov)

    def solve(self, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights (groups, columns) and intercepts; each column is shrunk by its own variance."""
        K = self.cov.shape[1] - 1
        A, b = self.cov[:, :K, :K], self.cov[:, :K, K]
        own = np.diagonal(A, axis1=1, axis2=2)
        ridge = alpha / np.maximum(self.n, 1.0)[:, None] * own + 1e-9
        weights = np.linalg.solve(A + ridge[..., None] * np.eye(K), b[..., None])[..., 0]
        return weights, self.mean[:, K] - np.einsum("gk,gk->g", self.mean[:, :K], weights)


def _errors(
    columns: np.ndarray,
    target: np.ndarray,
    group: np.ndarray,
    moments: list[_Moments],
    turns: list[Holdout],
    alpha: float,
) -> np.ndarray:
    """Truth less forecast where a row is asked, NaN elsewhere."""
    found = np.full(len(target), np.nan)
    for told, turn in zip(moments, turns, strict=True):
        weights, intercept = told.solve(alpha)
        rows = turn.asked
        moved = np.einsum("rk,rk->r", columns[rows], weights[group[rows]])
        found[rows] = target[rows] - moved - intercept[group[rows]]
    return found


def _fit(lesson: Lesson, params: Params, seed: int) -> Linear:
    located = fit_location(lesson.issued)
    return Linear(located.location, fit_spread(lesson.issued, located.errors, seed))


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "linear": Forecaster("linear", "ridge on splines, by hour", _fit, cost=1.0)
}

__all__ = ["FAMILIES", "Linear", "Located", "Location", "fit_location", "groups_of"]
