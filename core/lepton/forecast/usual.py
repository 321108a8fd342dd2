"""What is usual at each time of day, learnt from days of a history, any one of them left out.

A series' mean of a kind of day is drawn to its mean of all days, and newer days count for more.
While learning, what is usual on a day comes from the other days: else a short history would tell a
model the very value that it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from lepton.forecast.panel import PanelDataset
from lepton_edge.habits import KINDS, Habits, day_kind
from lepton_edge.near_spec import NearSpec
from lepton_edge.wall_clock import DAY_S, WallClock

_SMOOTH_S: Final = 1_800
"""How far to both sides times of day are averaged, less the farther away."""
_SHRINK: Final = 0.3
"""Days of the mean of all days that a kind of day is drawn to."""
_OWN_DAYS: Final = 3.5
"""Days of a series from which on nothing but them tells what is usual for it."""
_HALF_DAYS: Final = 28.0
"""Age of a day that counts half."""
_FREE: Final = 0.85
_LOW: Final = 0.6
"""Share of free flow below which traffic is congested (the protocol's own rule)."""
_LEAST: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Days:
    """values: (days, slots, n) by the wall clock, NaN where unknown; first: local date of the first
    day, days since 1970; kinds: (days,) of each."""

    spec: NearSpec
    values: np.ndarray
    first: int
    kinds: np.ndarray

    @cached_property
    def _weights(self) -> np.ndarray:
        age = len(self.values) - 1 - np.arange(len(self.values))
        return np.asarray(0.5 ** (age / _HALF_DAYS))

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted sums and weights by kind of day, (KINDS, slots, n)."""
        shape = (KINDS, *self.values.shape[1:])
        total, heavy = np.zeros(shape), np.zeros(shape)
        for day in range(len(self.values)):
            own = self._of_day(day)
            total[self.kinds[day]] += own[0]
            heavy[self.kinds[day]] += own[1]
        return total, heavy

    def _of_day(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        known = np.isfinite(self.values[day])
        weight = self._weights[day]
        return weight * np.where(known, self.values[day], 0.0), weight * known

    def without(self, date: int) -> Habits:
        """What is usual by all days but that local date."""
        day = date - self.first
        total, heavy = self._sums
        if 0 <= day < len(self.values):
            own, kind = self._of_day(day), self.kinds[day]
            total, heavy = total.copy(), heavy.copy()
            total[kind] -= own[0]
            heavy[kind] = np.maximum(heavy[kind] - own[1], 0.0)
            heavy[kind][heavy[kind] < _LEAST] = 0.0
        return Habits(self._table(total, heavy), *self._sizes)

    @property
    def whole(self) -> Habits:
        """What is usual by all days."""
        return Habits(self._table(*self._sums), *self._sizes)

    def as_if_new(self, codes: np.ndarray) -> Days:
        """The same as if nothing had ever been known of these series: their neighbours tell what is
        usual for them."""
        values = self.values.copy()
        values[..., codes] = np.nan
        return replace(self, values=values)

    def _table(self, total: np.ndarray, heavy: np.ndarray) -> np.ndarray:
        """Means by kind of day; of series that are young drawn to what they would be were they
        new."""
        table, share = self._means(total, heavy), _share_of_own(heavy)
        young = np.flatnonzero((share > 0) & (share < 1))
        if len(young):
            total, heavy = total.copy(), heavy.copy()
            total[..., young] = heavy[..., young] = 0.0
            own, others = table[..., young], self._means(total, heavy)[..., young]
            table[..., young] = _single(others + share[young] * (own - others))
        return table

    def _means(self, total: np.ndarray, heavy: np.ndarray) -> np.ndarray:
        """Means by kind of day, each drawn to that of all days, every place filled."""
        width = max(1, _SMOOTH_S // self.spec.step_s)
        whole = _smoothed(_over(total.sum(axis=0), heavy.sum(axis=0)), width)
        whole = _filled(self.spec, whole)
        mixed = (total + _SHRINK * whole) / (heavy + _SHRINK)
        table = np.stack([_smoothed(one, width) for one in mixed])
        return _single(table)

    @cached_property
    def _sizes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Free flow, usual gap and share of congestion of each series."""
        table = self._table(*self._sums)
        rows = self.values.reshape(-1, self.values.shape[-1])
        free = _quantile(rows, _FREE)
        some = free[np.isfinite(free)]
        free = np.where(np.isfinite(free), free, np.median(some) if len(some) else 1.0)
        gaps = np.abs(self.values - table[self.kinds]).reshape(rows.shape)
        known = np.isfinite(rows)
        spread = _over(np.where(known, gaps, 0.0).sum(axis=0), known.sum(axis=0))
        low = _over((known & (rows < _LOW * free)).sum(axis=0), known.sum(axis=0))
        sizes = (free, np.maximum(_or_median(spread), _LEAST), _or_median(low))
        free, spread, low = (_single(one) for one in sizes)
        return free, spread, low


def days_of(panel: PanelDataset, spec: NearSpec, until_s: int, from_s: int | None = None) -> Days:
    """The days of every series with what was known of them at `until_s`, UTC seconds."""
    clock = WallClock(spec.zone)
    first_s = panel.first_s if from_s is None else from_s
    ends = clock.day(np.array([first_s, max(first_s, until_s - 1)], dtype=np.int64))
    first, last = int(ends[0]), int(ends[1])
    values = np.full((last - first + 1, spec.a_day, len(panel.ids)), np.nan)
    for code, name in enumerate(panel.ids):
        past = panel.histories[name].y
        there = (past.available_s <= until_s) & (past.step * spec.step_s >= first_s)
        wall = clock.wall(past.step[there] * spec.step_s)
        values[wall // DAY_S - first, wall % DAY_S // spec.step_s, code] = past.value[there]
    dates = np.arange(first, last + 1, dtype=np.int64)
    return Days(spec, values, first, day_kind(spec, dates))


def _share_of_own(heavy: np.ndarray) -> np.ndarray:
    """How far each series is believed what is usual for it, (n,): 1 from some days on; heavy:
    (KINDS, slots, n) weights of its days."""
    return np.asarray(np.minimum(heavy.sum(axis=0).mean(axis=0) / _OWN_DAYS, 1.0) ** 2)


def _single(values: np.ndarray) -> np.ndarray:
    """In single precision, which is what a device keeps, as float64."""
    return np.asarray(values.astype(np.float32).astype(np.float64))


def _smoothed(rows: np.ndarray, width: int) -> np.ndarray:
    """Means around each time of day, (slots, n), the day taken as a circle; NaN where none is."""
    known = np.isfinite(rows)
    filled = np.where(known, rows, 0.0)
    total, heavy = np.zeros(rows.shape), np.zeros(rows.shape)
    for shift in range(-width, width + 1):
        weight = 1 - abs(shift) / (width + 1)
        total += weight * np.roll(filled, shift, axis=0)
        heavy += weight * np.roll(known, shift, axis=0)
    return _over(total, heavy)


def _filled(spec: NearSpec, whole: np.ndarray) -> np.ndarray:
    """A series' median where a time of day is unknown; the mean of its neighbours, else of all,
    for a series of which nothing is known."""
    known = np.isfinite(whole)
    if not known.any():
        return np.zeros(whole.shape)
    median = np.array([np.median(col[ok]) if ok.any() else np.nan for col, ok in _columns(whole)])
    filled = np.where(known, whole, median)
    strange = np.flatnonzero(~known.any(axis=0))
    everyone = np.nanmean(filled[:, known.any(axis=0)], axis=1)
    codes, weights = spec.neighbours.arrays
    for code in strange:
        around = codes[code].ravel()
        usable = (around >= 0) & known.any(axis=0)[around]
        if usable.any():
            own = weights[code].ravel()[usable]
            filled[:, code] = filled[:, around[usable]] @ own / own.sum()
        else:
            filled[:, code] = everyone
    return filled


def _columns(rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(column, np.isfinite(column)) for column in rows.T]


def _quantile(rows: np.ndarray, level: float) -> np.ndarray:
    return np.array([np.quantile(c[ok], level) if ok.any() else np.nan for c, ok in _columns(rows)])


def _over(total: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    return np.asarray(
        np.divide(total, heavy, out=np.full(np.shape(total), np.nan), where=heavy > 0)
    )


def _or_median(values: np.ndarray) -> np.ndarray:
    known = values[np.isfinite(values)]
    return np.where(np.isfinite(values), values, np.median(known) if len(known) else 0.0)


__all__ = ["Days", "days_of"]
