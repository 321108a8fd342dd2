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

from lepton.forecast.families.base import Forecaster, Lesson, Params, anchor, time_blocks
from lepton.forecast.families.splines import Splines, fit_splines
from lepton.forecast.families.spread import Spread, fit_spread
from lepton.forecast.matrix import Matrix

BLOCKS: Final = 8
_ALPHAS: Final = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
_HOURS: Final = (1, 3, 24)
"""Hours that share one regression."""


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
    """The regression whose left-out blocks have the smallest mean absolute error."""
    splines = fit_splines(matrix)
    columns = splines.columns(matrix)
    target = (matrix.target - anchor(matrix)).ravel()
    block = np.repeat(time_blocks(matrix, BLOCKS), matrix.n_leads)
    known = np.isfinite(target)
    best: tuple[float, int, float, np.ndarray] | None = None
    for hours in _HOURS:
        sums = _Sums.of(
            columns[known], target[known], groups_of(matrix, hours)[known], block[known]
        )
        for alpha in _ALPHAS:
            errors = sums.errors(alpha)
            loss = float(np.abs(errors).mean()) if len(errors) else 0.0
            if best is None or loss < best[0]:
                best = (loss, hours, alpha, errors)
        if best is not None and best[1] != hours:
            break  # coarser hours would do no better where these did not
    assert best is not None
    _, hours, alpha, found = best
    sums = _Sums.of(columns[known], target[known], groups_of(matrix, hours)[known], block[known])
    weights, intercept = sums.solve(alpha, None)
    errors = np.full(len(target), np.nan)
    errors[known] = found
    location = Location(splines, hours, weights, intercept)
    return Located(location, errors.reshape(matrix.y.shape), alpha)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Moments by group and block, so that leaving a block out is a subtraction."""

    columns: np.ndarray
    target: np.ndarray
    group: np.ndarray
    block: np.ndarray
    n: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(
        cls, columns: np.ndarray, target: np.ndarray, group: np.ndarray, block: np.ndarray
    ) -> _Sums:
        """The moments of columns and target, which stands last."""
        both = np.column_stack([columns, target])
        n_groups, k = int(group.max(initial=0)) + 1, both.shape[1]
        n = np.zeros((n_groups, BLOCKS))
        first, second = np.zeros((n_groups, BLOCKS, k)), np.zeros((n_groups, BLOCKS, k, k))
        for g in range(n_groups):
            for b in range(BLOCKS):
                rows = both[(group == g) & (block == b)]
                n[g, b], first[g, b], second[g, b] = len(rows), rows.sum(axis=0), rows.T @ rows
        return cls(columns, target, group, block, n, first, second)

    def solve(self, alpha: float, left_out: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Weights (groups, columns) and intercepts; each column is shrunk by its own variance."""
        kept = np.array([b for b in range(BLOCKS) if b != left_out])
        n = np.maximum(self.n[:, kept].sum(axis=1), 1.0)[:, None]
        mean = self.first[:, kept].sum(axis=1) / n
        moment = self.second[:, kept].sum(axis=1) / n[..., None]
        cov = moment - mean[:, :, None] * mean[:, None, :]
        K = cov.shape[1] - 1
        A, b = cov[:, :K, :K], cov[:, :K, K]
        own = np.diagonal(A, axis1=1, axis2=2)
        ridge = alpha / n * own + 1e-9
        A = A + ridge[..., None] * np.eye(K)
        weights = np.linalg.solve(A, b[..., None])[..., 0]
        return weights, mean[:, K] - np.einsum("gk,gk->g", mean[:, :K], weights)

    def errors(self, alpha: float) -> np.ndarray:
        """Truth less forecast of every row, its block left out."""
        found = np.empty(len(self.target))
        for b in range(BLOCKS):
            rows = self.block == b
            if not rows.any():
                continue
            weights, intercept = self.solve(alpha, b)
            group = self.group[rows]
            told = np.einsum("rk,rk->r", self.columns[rows], weights[group]) + intercept[group]
            found[rows] = self.target[rows] - told
        return found


def _fit(lesson: Lesson, params: Params, seed: int) -> Linear:
    located = fit_location(lesson.issued)
    return Linear(located.location, fit_spread(lesson.issued, located.errors, seed))


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "linear": Forecaster("linear", "ridge on splines, by hour", _fit, cost=1.0)
}

__all__ = ["BLOCKS", "FAMILIES", "Linear", "Located", "Location", "fit_location", "groups_of"]
