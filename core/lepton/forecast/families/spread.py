"""Quantiles around a point: how large errors are as a function of the features, and their shape.

Restricted regression quantiles (He 1997, Quantile curves without crossing): one scale of errors,
fitted on out-of-fold errors, times quantiles of standardised errors. They cannot cross, cost two
small fits whatever the number of levels, and are found with few rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.automl.families.lightgbm import Boosted
from lepton.forecast.families.base import flat, readable
from lepton.forecast.matrix import Matrix
from lepton.forecast.scores import DECILES

_SMALLEST: Final = 1e-3
"""Error, in units of the scale, below which sizes are not told apart."""
_TREES: Final = {
    "objective": "l2",
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "lambda_l2": 5.0,
}
_ROUNDS: Final = 150
_FEWEST: Final = 2_000
"""Errors with which their size may depend on features."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Size of errors: trees for its logarithm that read `names`, or a constant; deciles of error
    over size."""

    size: Boosted | float
    deciles: np.ndarray
    names: tuple[str, ...] = ()

    def around(self, point: np.ndarray, matrix: Matrix) -> np.ndarray:
        """Deciles (n, leads, 9) of the target whose point forecast is `point` (n, leads)."""
        return np.asarray(point[..., None] + self.sizes(matrix)[..., None] * self.deciles)

    def sizes(self, matrix: Matrix) -> np.ndarray:
        """Typical size of the error of each forecast, in units of the scale."""
        if not isinstance(self.size, Boosted):
            return np.full(matrix.y.shape, float(self.size))
        told = self.size.booster.predict(flat(matrix, self.names), num_threads=1)
        return np.asarray(np.exp(told)).reshape(matrix.y.shape)


def fit_spread(matrix: Matrix, errors: np.ndarray, seed: int) -> Spread:
    """From out-of-fold errors (truth less point, units of the scale, NaN where there is none)."""
    known = np.isfinite(errors)
    if known.sum() < _FEWEST:
        return constant_spread(errors)
    names = readable(matrix)
    size = _fit_size(flat(matrix, names), errors.ravel(), seed)
    spread = Spread(size, DECILES, names)
    standard = errors / spread.sizes(matrix)
    return Spread(size, np.asarray(np.quantile(standard[known], DECILES)), names)


def constant_spread(errors: np.ndarray) -> Spread:
    """Errors that are as large everywhere; as large as the scale itself where none is known."""
    known = errors[np.isfinite(errors)]
    if not len(known):
        return Spread(1.0, 2 * DECILES - 1)
    size = max(float(np.abs(known).mean()), _SMALLEST)
    return Spread(size, np.asarray(np.quantile(known / size, DECILES)))


def _fit_size(rows: np.ndarray, errors: np.ndarray, seed: int) -> Boosted:
    import lightgbm

    known = np.isfinite(errors)
    target = np.log(np.abs(errors[known]) + _SMALLEST)
    settings = {**_TREES, "num_threads": 1, "deterministic": True, "force_row_wise": True}
    train = lightgbm.Dataset(rows[known], target)
    made = lightgbm.train({**settings, "verbosity": -1, "seed": seed}, train, _ROUNDS)
    return Boosted(made.model_to_string())


__all__ = ["Spread", "constant_spread", "fit_spread"]
