"""LightGBM, direct: one forest for all leads, on what differs from an anchor.

Trees do not extrapolate: they learn the difference from the latest value at the same wall time
(`lightgbm`), or from a linear forecast (`boosted`), whose out-of-fold forecasts they see; where
the past is too short for one, from the calendar's mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lepton.automl.families.lightgbm import Boosted
from lepton.forecast.families.base import (
    Forecaster,
    ForecastModel,
    Lesson,
    Params,
    anchor,
    flat,
    holdouts,
    is_short,
    readable,
)
from lepton.forecast.families.linear import Location, fit_location
from lepton.forecast.families.profile import point as calendar_mean
from lepton.forecast.families.spread import Spread, fit_spread
from lepton.forecast.matrix import Matrix
from lepton.forecast.scores import DECILES, ordered

_FIXED: Final = {
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "feature_pre_filter": False,
}
_POINT: Final[Params] = {
    "rounds": 1000,
    "learning_rate": 0.03,
    "num_leaves": 31,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "folds": 4,
}
_QUANTILE: Final[Params] = {**_POINT, "rounds": 400, "learning_rate": 0.05, "folds": 0}
_FEWEST_A_LEAF: Final = 0.002
"""Least share of the rows that a leaf holds, up to `min_data_in_leaf`."""


@dataclass(frozen=True, eq=False)
class Base:
    """Where trees start from: a linear forecast where there is one, else the calendar's mean, else
    the anchor; names: features that they read."""

    location: Location | None
    names: tuple[str, ...]
    is_profile: bool = False

    def point(self, matrix: Matrix) -> np.ndarray:
        """(n, leads) in units of the scale."""
        if self.location is not None:
            return self.location.point(matrix)
        return calendar_mean(matrix) if self.is_profile else anchor(matrix)

    def rows(self, matrix: Matrix, point: np.ndarray) -> np.ndarray:
        """What trees read: the features, and how far the base has moved from the anchor."""
        if self.location is None and not self.is_profile:
            return flat(matrix, self.names)
        return np.column_stack([flat(matrix, self.names), (point - anchor(matrix)).ravel()])


@dataclass(frozen=True, eq=False)
class BoostedPoint:
    """A forest for the point, on its base, and how far it is off."""

    base: Base
    trees: Boosted
    spread: Spread

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        start = self.base.point(matrix)
        told = self.trees.booster.predict(self.base.rows(matrix, start), num_threads=1)
        return self.spread.around(start + np.asarray(told).reshape(start.shape), matrix)


@dataclass(frozen=True, eq=False)
class BoostedQuantiles:
    """A forest for each decile, rearranged so that none crosses another."""

    base: Base
    trees: tuple[Boosted, ...]

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        start = self.base.point(matrix)
        rows = self.base.rows(matrix, start)
        told = [
            np.asarray(one.booster.predict(rows, num_threads=1)).reshape(start.shape)
            for one in self.trees
        ]
        return ordered(start[..., None] + np.stack(told, axis=-1))


def _on_anchor(matrix: Matrix) -> tuple[Base, np.ndarray]:
    return Base(None, readable(matrix)), anchor(matrix)


def _on_linear(matrix: Matrix) -> tuple[Base, np.ndarray]:
    """The base, and its out-of-fold forecasts.

    A regression on weeks has out-of-fold errors that are no guide to those it will make, so there
    trees start from the calendar's mean.
    """
    if is_short(matrix):
        base = Base(None, readable(matrix), is_profile=True)
        return base, base.point(matrix)
    located = fit_location(matrix)
    point = matrix.target - located.errors
    inside = located.location.point(matrix)
    return Base(located.location, readable(matrix)), np.where(np.isfinite(point), point, inside)


Start = Callable[[Matrix], tuple[Base, np.ndarray]]


def _fit_point(start: Start) -> Callable[[Lesson, Params, int], ForecastModel]:
    def fit(lesson: Lesson, params: Params, seed: int) -> BoostedPoint:
        matrix = lesson.issued
        base, point = start(matrix)
        rows, target = base.rows(matrix, point), (matrix.target - point).ravel()
        known = np.isfinite(target)
        errors = _left_out(rows, target, known, matrix, params, seed)
        spread = fit_spread(matrix, errors.reshape(matrix.y.shape), seed)
        return BoostedPoint(base, _grown(rows[known], target[known], params, seed), spread)

    return fit


def _fit_quantiles(lesson: Lesson, params: Params, seed: int) -> BoostedQuantiles:
    matrix = lesson.issued
    base, point = _on_linear(matrix)
    rows, target = base.rows(matrix, point), (matrix.target - point).ravel()
    known = np.isfinite(target)
    trees = [
        _grown(
            rows[known],
            target[known],
            {**params, "objective": "quantile", "alpha": float(level)},
            seed,
        )
        for level in DECILES
    ]
    return BoostedQuantiles(base, tuple(trees))


def _left_out(
    rows: np.ndarray,
    target: np.ndarray,
    known: np.ndarray,
    matrix: Matrix,
    params: Params,
    seed: int,
) -> np.ndarray:
    """Errors of forests that did not see the row's block of time; half the rounds will do."""
    shorter = {**params, "rounds": int(params["rounds"]) // 2}
    errors = np.full(len(target), np.nan)
    for turn in holdouts(matrix, int(params["folds"])):
        inside, asked = (
            known & np.repeat(mask, matrix.n_leads) for mask in (turn.known, turn.asked)
        )
        if inside.any() and asked.any():
            grown = _grown(rows[inside], target[inside], shorter, seed)
            told = grown.booster.predict(rows[asked], num_threads=1)
            errors[asked] = target[asked] - np.asarray(told)
    return errors


def _grown(rows: np.ndarray, target: np.ndarray, params: Params, seed: int) -> Boosted:
    import lightgbm

    own = {name: value for name, value in params.items() if name not in ("rounds", "folds")}
    least = int(np.clip(_FEWEST_A_LEAF * len(target), 5, own["min_data_in_leaf"]))
    settings: dict[str, Any] = {"objective": "l2", **_FIXED, **own, "min_data_in_leaf": least}
    made = lightgbm.train(
        {**settings, "seed": seed}, lightgbm.Dataset(rows, target), int(params["rounds"])
    )
    return Boosted(made.model_to_string())


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "lightgbm": Forecaster(
        "lightgbm", "boosted trees, direct", _fit_point(_on_anchor), _POINT, cost=10.0
    ),
    "boosted": Forecaster(
        "boosted",
        "boosted trees on the errors of the linear forecast",
        _fit_point(_on_linear),
        _POINT,
        cost=11.0,
    ),
    "lightgbm_quantile": Forecaster(
        "lightgbm_quantile",
        "a forest for each decile, on the linear forecast",
        _fit_quantiles,
        _QUANTILE,
        cost=15.0,
    ),
}

__all__ = ["FAMILIES", "Base", "BoostedPoint", "BoostedQuantiles"]
