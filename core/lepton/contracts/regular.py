"""A series on a regular grid of time, and what can be wrong with it: pure functions on one series.

Which of it matters, with which limits, a solution says; positions are those of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

_DAY: Final = pd.Timedelta(days=1)
# 1.4826 scales the MAD to a normal sigma (Rousseeuw & Croux 1993)
_MAD_TO_SIGMA: Final = 1.4826
_NEAR: Final = 3
"""Values on each side that a spike stands out from."""
_ABRUPT: Final = 0.8
"""Share of a fortnight's change that a week's must show: a slope over the fortnight shows half."""


@dataclass(frozen=True)
class Regular:
    """One series by its step: `values` at `first`, `first + step`, ...; NaN where nothing came.

    off_grid: instants that came and lie between two steps; copies: instants that came twice.
    """

    first: pd.Timestamp
    step: pd.Timedelta
    values: np.ndarray
    off_grid: int = 0
    copies: int = 0

    @property
    def at(self) -> pd.DatetimeIndex:
        """The instant of each value."""
        return pd.date_range(self.first, periods=len(self.values), freq=self.step)

    @property
    def a_day(self) -> int:
        """Steps of 24 hours."""
        return max(round(_DAY / self.step), 1)

    def trimmed(self) -> Regular:
        """The series from its first value to its last one; empty where it has none."""
        known = np.flatnonzero(~np.isnan(self.values))
        begin, end = (int(known[0]), int(known[-1]) + 1) if len(known) else (0, 0)
        return replace(self, first=self.first + begin * self.step, values=self.values[begin:end])

    def without(self, mask: np.ndarray) -> Regular:
        """The series with the values under the mask missing."""
        return replace(self, values=np.where(mask, np.nan, self.values))


def step_of(at: pd.Series | pd.DatetimeIndex) -> pd.Timedelta | None:
    """The most frequent time between neighbours, the shortest of several; None below two of them.

    Seconds are what clocks of readings are wrong by, so that it is a whole number of minutes where
    it is a minute at least.
    """
    instants = pd.DatetimeIndex(at).dropna().unique().sort_values()
    passed = instants[1:] - instants[:-1]
    if not len(passed):
        return None
    whole = passed.round("min") if passed.min() >= pd.Timedelta(minutes=1) else passed
    return pd.Timedelta(pd.Series(whole).mode().iloc[0])


def regular(
    at: pd.Series | pd.DatetimeIndex, values: np.ndarray, step: pd.Timedelta | None = None
) -> Regular | None:
    """The series by its step, whatever order its rows come in; None for less than two instants.

    step: the series' own where None. Of copies the first counts; what lies off the grid by more
    than a tenth of a step is left out.
    """
    step = step_of(at) if step is None else step
    if step is None:
        return None
    rows = pd.Series(np.asarray(values, dtype=np.float64), index=pd.DatetimeIndex(at))
    rows = rows[rows.index.notna()].sort_index(kind="stable")
    unique = rows[~rows.index.duplicated()]
    instants = pd.DatetimeIndex(unique.index)
    first = _anchor(instants, step)
    place = np.asarray((instants - first) / step, dtype=np.float64)
    whole = np.round(place).astype(np.int64)
    on = np.abs(place - whole) <= 0.1
    grid = np.full(int(whole[on].max()) + 1, np.nan)
    grid[whole[on]] = unique.to_numpy()[on]
    return Regular(first, step, grid, int((~on).sum()), len(rows) - len(unique))


def _anchor(at: pd.DatetimeIndex, step: pd.Timedelta) -> pd.Timestamp:
    """The first instant whose place within a step is the most frequent one."""
    within = (at.as_unit("ns").asi8 % step.value) // max(step.value // 60, 1)
    usual = pd.Series(within).mode().iloc[0]
    return pd.Timestamp(at[int(np.flatnonzero(within == usual)[0])])


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First positions and lengths of the stretches in which the mask holds."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    first = np.flatnonzero(edges == 1)
    return first, np.flatnonzero(edges == -1) - first


def worst_missing_share(series: Regular, days: int) -> tuple[float, pd.Timestamp]:
    """Largest share of missing values in any window of so many days, and where it begins; a shorter
    series is one window."""
    missing = np.isnan(series.values)
    width = max(min(days * series.a_day, len(missing)), 1)
    total = np.concatenate([[0], np.cumsum(missing)])
    share = (total[width:] - total[:-width]) / width
    place = int(share.argmax())
    return float(share[place]), pd.Timestamp(series.at[place])


def longest_gap(series: Regular) -> tuple[pd.Timedelta, pd.Timestamp]:
    """Longest stretch without a value, and where it begins; no time at all where there is none."""
    first, length = runs(np.isnan(series.values))
    if not len(first):
        return pd.Timedelta(0), series.first
    place = int(length.argmax())
    return length[place] * series.step, pd.Timestamp(series.at[first[place]])


def stuck(series: Regular, least: int) -> tuple[np.ndarray, np.ndarray]:
    """First positions and lengths of stretches of `least` or more equal values other than 0."""
    values = series.values
    same = np.concatenate([[False], (values[1:] == values[:-1]) & (values[1:] != 0)])
    first, length = runs(same)
    # the value that is repeated stands one before its first repetition
    enough = length + 1 >= least
    return first[enough] - 1, length[enough] + 1


def spikes(
    series: Regular, max_z: float = 6.0, max_change: float = 0.25, memory_days: int | None = None
) -> np.ndarray:
    """Mask of single values, or a few, that no neighbour and no other day shares.

    A spike is further than `max_z` robust deviations and further than `max_change` from the median
    of the values a day and a week before and after, and at least half as far from its neighbours.
    memory_days: days up to its own over which deviations are measured, so that nothing more than a
    week later decides; all of them where None.
    """
    values = series.values
    usual = _nanmedian([_moved(values, days * series.a_day) for days in (-7, -1, 1, 7)], least=2)
    away = values - usual
    known = away[~np.isnan(away)]
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    spread = np.full(len(values), _deviation(known))
    if memory_days is not None:
        spread = _deviation_by_day(away, series.a_day, memory_days)
    near = [_moved(values, n) for n in range(-_NEAR, _NEAR + 1) if n]
    alone = np.abs(values - _nanmedian(near, least=2)) > 0.5 * np.abs(away)
    with np.errstate(invalid="ignore"):
        far = (np.abs(away) > max_z * spread) & (np.abs(away) > max_change * np.abs(usual))
    return np.asarray(far & alone & (spread > 0))


def _deviation(values: np.ndarray) -> float:
    return _MAD_TO_SIGMA * float(np.median(np.abs(values - np.median(values))))


def _deviation_by_day(away: np.ndarray, a_day: int, memory_days: int) -> np.ndarray:
    """Robust deviation of each value's day and those before it; the first ones share that of the
    first `memory_days`, 0 where nothing is known."""
    n_days = -(-len(away) // a_day)
    found = np.zeros(n_days)
    for day in range(n_days):
        last = max(day + 1, min(memory_days, n_days))
        past = away[max(0, last - memory_days) * a_day : last * a_day]
        past = past[~np.isnan(past)]
        found[day] = _deviation(past) if len(past) else 0.0
    return found[np.arange(len(away)) // a_day]


def _moved(values: np.ndarray, steps: int) -> np.ndarray:
    """The values so many steps later; NaN beyond the ends."""
    moved = np.full(len(values), np.nan)
    if abs(steps) < len(values):
        if steps > 0:
            moved[:-steps] = values[steps:]
        else:
            moved[-steps:] = values[:steps]
    return moved


def _nanmedian(columns: list[np.ndarray], least: int) -> np.ndarray:
    """Median over the columns of each row; NaN where fewer than `least` are known."""
    # NaN sorts to the end, so that the median of those known needs no warning about none
    ordered = np.sort(np.stack(columns, axis=1), axis=1)
    count = (~np.isnan(ordered)).sum(axis=1)
    rows = np.arange(len(ordered))
    low = ordered[rows, np.maximum(count - 1, 0) // 2]
    high = ordered[rows, np.minimum(count // 2, len(columns) - 1)]
    middle = np.where(count % 2 == 1, low, (low + high) / 2)
    return np.where(count >= least, middle, np.nan)


@dataclass(frozen=True)
class Shift:
    """A level that changed at once: when, and by which factor."""

    at: pd.Timestamp
    ratio: float


def level_shifts(
    series: Regular, low: float = 0.7, high: float = 1.4, days: int = 14
) -> tuple[Shift, ...]:
    """Days on which the median of `days` after, by that of `days` before, leaves `low`..`high`, and
    does so at once: seasons change as much, but not within a week.

    Levels are those of the days' mean absolute values, so that a net load has one too.
    """
    daily = _daily_level(series)
    ratio, weekly = _level_ratio(daily, days), _level_ratio(daily, 7)
    with np.errstate(divide="ignore", invalid="ignore"):
        change, abrupt = np.log(ratio), np.log(weekly)
    outside = (ratio < low) | (ratio > high)
    sudden = outside & (np.abs(abrupt) >= _ABRUPT * np.abs(change))
    found = []
    first, length = runs(sudden)
    for begin, count in zip(first.tolist(), length.tolist(), strict=True):
        place = min(range(begin, begin + count), key=lambda day: _spread(daily, day, days))
        found.append(Shift(series.first + place * _DAY, float(ratio[place])))
    return tuple(found)


def _spread(daily: np.ndarray, day: int, days: int) -> float:
    """How far days lie from the medians of both sides of `day`: least where a level changes."""
    sides = (daily[max(day - days, 0) : day], daily[day : day + days])
    known = [side[~np.isnan(side)] for side in sides]
    return sum(float(np.abs(side - np.median(side)).sum()) for side in known if len(side))


def _daily_level(series: Regular) -> np.ndarray:
    """Mean absolute value of each 24 hours from the first; NaN where half or more is missing."""
    n = len(series.values) // series.a_day
    days = np.abs(series.values[: n * series.a_day]).reshape(n, series.a_day)
    known = ~np.isnan(days)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, days, 0.0).sum(axis=1) / known.sum(axis=1)
    return np.where(known.mean(axis=1) > 0.5, mean, np.nan)


def _level_ratio(daily: np.ndarray, days: int) -> np.ndarray:
    """Median of `days` from each day on by that of `days` before it; NaN near the ends."""
    medians = pd.Series(daily).rolling(days, min_periods=max(days - 2, 1)).median().to_numpy()
    after = _moved(medians, days - 1)
    before = np.concatenate([[np.nan], medians[:-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, after / before, np.nan)


def unit_factor(ratio: float, step: pd.Timedelta, tolerance: float = 0.1) -> str | None:
    """What a ratio of two levels says of their units; None where it says nothing.

    A reading of energy is the power times the interval: at a step of an hour the two are the same.
    """
    per_hour = pd.Timedelta(hours=1) / step
    told = {
        1_000.0: "a thousand times: W where kW stood, or kW where MW stood",
        1 / 1_000.0: "a thousandth: MW where kW stood, or kW where W stood",
    }
    if per_hour > 1:
        told[per_hour] = f"{per_hour:g} times: power where energy of an interval stood"
        told[1 / per_hour] = f"1/{per_hour:g}: energy of an interval where power stood"
    for factor, about in told.items():
        if abs(ratio / factor - 1) <= tolerance:
            return about
    return None


__all__ = [
    "Regular",
    "Shift",
    "level_shifts",
    "longest_gap",
    "regular",
    "runs",
    "spikes",
    "step_of",
    "stuck",
    "unit_factor",
    "worst_missing_share",
]
