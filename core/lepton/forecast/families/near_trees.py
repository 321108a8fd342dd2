"""LightGBM, direct, for the next minutes: a forest at some leads, straight lines between them.

Forests learn the difference from the latest value by absolute error. What is interpolated between
their leads is the gap from what is usual, so that the shape of the day stays. How large errors are
is told by one small forest of the errors that shorter forests made on the newest quarter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lepton.automl.families.lightgbm import Boosted
from lepton.forecast.families.base import Forecaster, Lesson, Params
from lepton.forecast.families.near_floor import lead_deciles
from lepton.forecast.matrix import Matrix
from lepton.forecast.scores import DECILES

PARAMS: Final[Params] = {
    "rounds": 300,
    "learning_rate": 0.06,
    "num_leaves": 63,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "knots": 5,
}
_FIXED: Final = {
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "feature_pre_filter": False,
}
_SIZE: Final = {
    "objective": "l2",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
}
_SIZE_ROUNDS: Final = 60
_FIRST: Final = 0.75
"""Share of the time that shorter forests learn from, to be asked for the rest."""
_SMALLEST: Final = 1e-2
"""Error, as a share of the mean one, below which sizes are not told apart."""
_WEEKS: Final = 28 * 86_400
"""History from which days of the week may be told apart."""


@dataclass(frozen=True, eq=False)
class NearTrees:
    """knots: places among the leads that have forests; columns: places of what forests read, in
    `rows`; forests: for the difference from the latest value; sizes: for the logarithm of the
    error's size; deciles: (leads, 9) of error over size."""

    knots: tuple[int, ...]
    columns: np.ndarray
    forests: tuple[Boosted, ...]
    sizes: Boosted
    deciles: np.ndarray

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles, (n, leads, 9)."""
        habit, recent = matrix.column("habit"), matrix.column("recent")
        gaps, sizes = np.empty((2, len(matrix), len(self.knots)))
        for at, knot in enumerate(self.knots):
            read = rows(matrix, knot)[:, self.columns].astype(np.float64)
            told = self.forests[at].booster.predict(read, num_threads=1)
            gaps[:, at] = told + recent[:, knot] - habit[:, knot]
            sizes[:, at] = np.exp(self.sizes.booster.predict(read, num_threads=1))
        between = interpolation(self.knots, matrix.n_leads)
        point = habit + gaps @ between
        return np.asarray(point[..., None] + (sizes @ between)[..., None] * self.deciles)


def rows(matrix: Matrix, lead: int) -> np.ndarray:
    """What forests may read of one lead: the past, then what is known of the interval."""
    return np.concatenate([matrix.shape, matrix.X[:, lead]], axis=1)


def knots_of(n_leads: int, wanted: int) -> tuple[int, ...]:
    """Places of the leads that have forests, the first and the last among them."""
    places = np.unique(np.round(np.linspace(0, n_leads - 1, min(wanted, n_leads))))
    return tuple(places.astype(int).tolist())


def interpolation(knots: tuple[int, ...], n_leads: int) -> np.ndarray:
    """Weights of the knots in each lead, (knots, leads), by straight lines."""
    return np.stack(
        [np.interp(np.arange(n_leads), knots, np.eye(len(knots))[at]) for at in range(len(knots))]
    )


def readable(matrix: Matrix) -> np.ndarray:
    """Places of what can be learnt from: what differs; days of the week only where there are
    several of each."""
    found = []
    n_shape = matrix.shape.shape[1]
    is_short = np.ptp(matrix.issue_s) < _WEEKS
    for place in range(n_shape + len(matrix.names)):
        name = "" if place < n_shape else matrix.names[place - n_shape]
        column = matrix.shape[:, place] if not name else matrix.X[:, 0, place - n_shape]
        known = column[np.isfinite(column)]
        differs = name == "lead_h" or (len(known) > 0 and known.min() < known.max())
        if differs and not (is_short and name == "weekday"):
            found.append(place)
    return np.array(found)


def _fit(lesson: Lesson, params: Params, seed: int) -> NearTrees:
    matrix = lesson.anywhere
    columns, knots = readable(matrix), knots_of(matrix.n_leads, int(params["knots"]))
    cut = np.quantile(matrix.issue_s, _FIRST)
    first, last = matrix.take(matrix.issue_s <= cut), matrix.take(matrix.issue_s > cut)
    shorter = {**params, "rounds": max(1, int(params["rounds"]) // 3)}
    shorter["learning_rate"] = min(0.3, 2 * float(params["learning_rate"]))
    errors = np.full((len(last), len(knots)), np.nan)
    for at, knot in enumerate(knots):
        trees = _forest(first, knot, columns, shorter, seed)
        read = rows(last, knot)[:, columns].astype(np.float64)
        told = np.asarray(trees.booster.predict(read, num_threads=1))
        errors[:, at] = last.y[:, knot] - last.X[:, knot, _recent(last)] - told
    sizes = _fit_sizes(last, knots, columns, errors, seed)
    forests = tuple(_forest(matrix, knot, columns, params, seed) for knot in knots)
    deciles = _deciles(last, knots, columns, errors, sizes)
    return NearTrees(knots, columns, forests, sizes, deciles)


def _recent(matrix: Matrix) -> int:
    return matrix.names.index("recent")


def _forest(matrix: Matrix, knot: int, columns: np.ndarray, params: Params, seed: int) -> Boosted:
    target = matrix.y[:, knot] - matrix.X[:, knot, _recent(matrix)]
    known = np.isfinite(target)
    own = {name: value for name, value in params.items() if name not in ("rounds", "knots")}
    settings = {"objective": "l1", **_FIXED, **own, "seed": seed}
    return _trained(
        rows(matrix, knot)[known][:, columns], target[known], settings, int(params["rounds"])
    )


def _fit_sizes(
    matrix: Matrix, knots: tuple[int, ...], columns: np.ndarray, errors: np.ndarray, seed: int
) -> Boosted:
    """One forest for the sizes of all knots: their lead is among what it reads."""
    read = np.concatenate([rows(matrix, knot)[:, columns] for knot in knots])
    size = np.abs(errors).T.ravel()
    known = np.isfinite(size)
    least = _SMALLEST * max(float(size[known].mean()), 1e-9) if known.any() else 1.0
    target = np.log(size[known] + least)
    return _trained(read[known], target, {**_SIZE, **_FIXED, "seed": seed}, _SIZE_ROUNDS)


def _deciles(
    matrix: Matrix, knots: tuple[int, ...], columns: np.ndarray, errors: np.ndarray, sizes: Boosted
) -> np.ndarray:
    """Deciles of error over size at each lead, (leads, 9)."""
    standard = np.empty(errors.shape)
    for at, knot in enumerate(knots):
        read = rows(matrix, knot)[:, columns].astype(np.float64)
        told = np.exp(np.asarray(sizes.booster.predict(read, num_threads=1)))
        standard[:, at] = errors[:, at] / told
    of_knots = lead_deciles(standard)
    # the point is a median already: its own decile moves nothing
    of_knots = of_knots - of_knots[:, len(DECILES) // 2, None]
    return np.asarray(interpolation(knots, matrix.n_leads).T @ of_knots)


def _trained(read: np.ndarray, target: np.ndarray, settings: dict[str, Any], n: int) -> Boosted:
    import lightgbm

    made = lightgbm.train(settings, lightgbm.Dataset(read, target), n)
    return Boosted(made.model_to_string())


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "near_trees": Forecaster(
        "near_trees", "boosted trees at some leads, direct", _fit, PARAMS, cost=10.0
    )
}

__all__ = ["FAMILIES", "NearTrees", "interpolation", "knots_of", "readable", "rows"]
