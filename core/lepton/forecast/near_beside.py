"""Which columns beside a network make forecasts of the next minutes better, by what they are worth.

A month has few rainy days and few incidents, and a column that hardly differs within a day tells
trees which day it is. So each is tried: small forests learn three days of four with it and without
it, and are asked for the fourth. They may read everything in every tree, so that nothing differs by
chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lepton.forecast.families.near_trees import readable, rows
from lepton.forecast.matrix import Matrix
from lepton_edge.near_spec import NearSpec
from lepton_edge.wall_clock import WallClock

TURNS: Final = 4
"""Turns in which days are left out."""
SHARES: Final = (0.5, 1.0)
"""Of the horizon: where forecasts are compared."""
LEAST_GAIN: Final = 0.001
"""Share of the error that a column has to save."""
DEVIATIONS: Final = 2.0
"""Standard errors, day by day, that its gain has to be above 0."""
_ROUNDS: Final = 60
_SETTINGS: Final[Mapping[str, object]] = {
    "objective": "l1",
    "learning_rate": 0.15,
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Worth:
    """What a column is worth: gain, the share of the mean absolute error that it saves; error, its
    standard error; is_kept: whether forecasts look at it."""

    name: str
    gain: float
    error: float
    is_kept: bool

    @property
    def text(self) -> str:
        """One line for people."""
        what = "is looked at" if self.is_kept else "is not looked at"
        return f"{self.name}: {what}; it saves {self.gain:.2%} (± {self.error:.2%}) of the error"


def worth_of(spec: NearSpec, learnt: Matrix, seed: int) -> tuple[Worth, ...]:
    """Each known column's worth, one after another, beside those before it that are kept.

    learnt: issues whose usual values are by other days than their own.
    """
    if not spec.known:
        return ()
    kept: list[str] = []
    day = WallClock(spec.zone).day(learnt.issue_s)
    best, found = _errors(without(learnt, spec, kept), day, seed), []
    for column in spec.known:
        told = _errors(without(learnt, spec, [*kept, column.name]), day, seed)
        gain, error = _gain(day, best, told)
        is_kept = gain > max(LEAST_GAIN, DEVIATIONS * error)
        found.append(Worth(column.name, gain, error, is_kept))
        if is_kept:
            kept.append(column.name)
            best = told
    return tuple(found)


def without(matrix: Matrix, spec: NearSpec, kept: list[str]) -> Matrix:
    """The matrix without the known columns that are not among `kept`."""
    gone = [column for column in spec.known if column.name not in kept]
    names = {column.name for column in gone}
    of_shape = {name for column in gone for name in column.shape_names}
    own = [at for at, name in enumerate(matrix.names) if name not in names]
    shape = [at for at, name in enumerate(matrix.shape_names) if name not in of_shape]
    return replace(
        matrix,
        names=tuple(matrix.names[at] for at in own),
        X=matrix.X[:, :, own],
        shape=matrix.shape[:, shape],
        shape_names=tuple(matrix.shape_names[at] for at in shape),
    )


def _errors(matrix: Matrix, day: np.ndarray, seed: int) -> np.ndarray:
    """Absolute errors of days that were left out, (n, places); day: (n,) local date of each."""
    places = [max(0, round(share * matrix.n_leads) - 1) for share in SHARES]
    turn = day % TURNS
    columns = readable(matrix)
    recent = matrix.names.index("recent")
    found = np.full((len(matrix), len(places)), np.nan)
    for at, place in enumerate(places):
        read = rows(matrix, place)[:, columns]
        target = matrix.y[:, place] - matrix.X[:, place, recent]
        for one, told in _asked(read, target, turn, seed):
            found[one, at] = np.abs(target[one] - told)
    return found


def _asked(
    read: np.ndarray, target: np.ndarray, turn: np.ndarray, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    import lightgbm

    for number in range(TURNS):
        known, asked = np.isfinite(target) & (turn != number), np.flatnonzero(turn == number)
        if not known.any() or not len(asked):
            continue
        settings = {**_SETTINGS, "seed": seed}
        made = lightgbm.train(settings, lightgbm.Dataset(read[known], target[known]), _ROUNDS)
        told = made.predict(read[asked].astype(np.float64), num_threads=1)
        yield asked, np.asarray(told)


def _gain(day: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """The share of the error that is saved, and its standard error by days."""
    both = np.isfinite(before) & np.isfinite(after)
    saved = np.where(both, before - after, 0.0).sum(axis=1)
    by_day = np.bincount(np.unique(day, return_inverse=True)[1], saved)
    total = float(before[both].sum()) or 1.0
    error = np.sqrt(len(by_day)) * np.std(by_day, ddof=1) if len(by_day) > 1 else np.inf
    return float(by_day.sum()) / total, float(error) / total


__all__ = ["Worth", "without", "worth_of"]
