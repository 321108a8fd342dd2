"""The columns of a linear forecaster: lags, calendar, weather as linear splines, interactions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lepton.forecast.families.base import anchor, is_short, readable
from lepton.forecast.matrix import Matrix

_NOT_LINEAR: Final = ("weekday", "hour", "lead_h", "age_days", "new_year_days")
_LAGS: Final = ("last_", "recent_", "week_", "alike_", "day_m", "before", "after")
_KNOTS: Final = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97)
_FEW_KNOTS: Final = (0.2, 0.5, 0.8)
_BEYOND: Final = 4.0
_BEYOND_OF_SHORT: Final = 0.5
"""Deviations beyond the range that was learnt from at which a column is cut: a linear forecast may
extrapolate, but no input runs away with it."""
_NEW_YEAR: Final = (-10.0, -4.0, 0.0, 4.0, 10.0)
"""Knots, in days, of the quiet weeks around New Year."""


@dataclass(frozen=True, eq=False)
class Splines:
    """How a matrix becomes columns; fitted on the rows that are learnt from.

    linear: features taken as they are; knots: feature -> where its slope may change; responses:
    pairs (weather, its change since the lag) of which the slope depends on the level; fill: what
    stands for an unknown feature; centre, spread, low, high: of each column.
    """

    linear: tuple[str, ...]
    knots: dict[str, np.ndarray]
    responses: tuple[tuple[str, str], ...]
    fill: dict[str, float]
    centre: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def columns(self, matrix: Matrix) -> np.ndarray:
        """(n * leads, columns), cut and standardised."""
        raw = np.clip(self.raw(matrix), self.low, self.high)
        return np.asarray((raw - self.centre) / self.spread)

    def raw(self, matrix: Matrix) -> np.ndarray:
        """(n * leads, columns) in their own units."""
        start = anchor(matrix)

        def told(name: str) -> np.ndarray:
            found = matrix.column(name)
            other = start if is_lag(name) else self.fill.get(name, 0.0)
            return np.asarray(np.where(np.isfinite(found), found, other))

        off = told("is_off")[..., None]
        bent = {name: _hinges(told(name), knots) for name, knots in self.knots.items()}
        parts = [np.stack([told(name) for name in self.linear], axis=-1), *bent.values()]
        parts.append(told("weekday")[..., None] == np.arange(7.0))
        for level, change in self.responses:
            parts += [bent[level] * off, bent[level] * told(change)[..., None]]
        wide = np.concatenate(parts, axis=-1)
        return wide.reshape(-1, wide.shape[-1]).astype(np.float64)


def fit_splines(matrix: Matrix) -> Splines:
    """Knots at quantiles of what is learnt from."""
    names = readable(matrix)
    linear = tuple(name for name in names if name not in _NOT_LINEAR)
    fill = {}
    for name in names:
        values = matrix.column(name)
        known = np.isfinite(values)
        fill[name] = float(values[known].mean()) if known.any() else 0.0
    knots = {"new_year_days": np.array(_NEW_YEAR)} if "new_year_days" in names else {}
    responses = []
    for name in _weather(names):
        is_full = f"{name}_to_recent" in names
        ends = ("", "_3h", "_24h", "_72h", "_max") if is_full else ("",)
        for end in ends if is_full or not is_short(matrix) else ():
            knots[name + end] = _at(matrix.column(name + end), _KNOTS if is_full else _FEW_KNOTS)
        if is_full:
            responses += [(name, f"{name}_to_recent"), (f"{name}_24h", f"{name}_24h_to_recent")]
    one = np.ones(1)
    bare = Splines(linear, knots, tuple(responses), fill, 0 * one, one, -np.inf * one, np.inf * one)
    raw = bare.raw(matrix)
    spread = raw.std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    beyond = spread * (_BEYOND_OF_SHORT if is_short(matrix) else _BEYOND)
    low, high = raw.min(axis=0) - beyond, raw.max(axis=0) + beyond
    return replace(bare, centre=raw.mean(axis=0), spread=spread, low=low, high=high)


def is_lag(name: str) -> bool:
    """Whether the feature is a size of the quantity itself, for which the anchor stands in."""
    return name.startswith(_LAGS)


def _weather(names: tuple[str, ...]) -> list[str]:
    """Known columns: those that have a mean of the last day."""
    return [name[: -len("_24h")] for name in names if name.endswith("_24h")]


def _at(values: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    known = values[np.isfinite(values)]
    return np.unique(np.quantile(known, shares)) if len(known) else np.zeros(1)


def _hinges(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(values[..., None] - knots, 0.0))


__all__ = ["Splines", "fit_splines", "is_lag"]
