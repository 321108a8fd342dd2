"""What is usual at a time of day on a kind of day, of every series: what gaps are measured from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton_edge.near_spec import NearSpec
from lepton_edge.wall_clock import DAY_S, WallClock, weekday

KINDS: Final = 3
"""Working days, Saturdays, Sundays and holidays."""


@dataclass(frozen=True, eq=False)
class Habits:
    """table: (KINDS, slots of a day, n) usual values; free: (n,) the 85th percentile, for speeds
    that of free flow; spread: (n,) mean absolute gap; often_low: (n,) share below 0.6 of free."""

    table: np.ndarray
    free: np.ndarray
    spread: np.ndarray
    often_low: np.ndarray

    def at(self, spec: NearSpec, clock: WallClock, step: np.ndarray) -> np.ndarray:
        """Usual values of intervals (...) by number since 1970, (..., n)."""
        wall = clock.wall(step * spec.step_s)
        kind = day_kind(spec, wall // DAY_S)
        return np.asarray(self.table[kind, wall % DAY_S // spec.step_s])

    def lowest_at(
        self, spec: NearSpec, clock: WallClock, step: np.ndarray, width: int
    ) -> np.ndarray:
        """Lowest usual values up to `width` intervals before or after these, on the same kind of
        day taken as a circle, (..., n)."""
        wall = clock.wall(step * spec.step_s)
        kind, slot = day_kind(spec, wall // DAY_S), wall % DAY_S // spec.step_s
        found = self.table[kind, slot]
        for shift in range(-width, width + 1):
            found = np.minimum(found, self.table[kind, (slot + shift) % spec.a_day])
        return np.asarray(found)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As plain arrays."""
        return dict(self.__dict__)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Habits:
        """What `to_arrays` gave; KeyError or ValueError on other data."""
        made = cls(*(arrays[n] for n in ("table", "free", "spread", "often_low")))
        n = made.table.shape[-1]
        if made.table.ndim != 3 or len(made.table) != KINDS:
            raise ValueError("usual values are not by kind of day and time of day")
        if {made.free.shape, made.spread.shape, made.often_low.shape} != {(n,)}:
            raise ValueError("usual values and sizes are of different series")
        if not all(np.isfinite(one).all() for one in made.to_arrays().values()):
            raise ValueError("a usual value is not known")
        return made


def day_kind(spec: NearSpec, day: np.ndarray) -> np.ndarray:
    """0 for a working day, 1 for a Saturday, 2 for a Sunday or a holiday, of local dates."""
    of_week = weekday(day)
    kind = np.where(of_week == 5, 1, np.where(of_week == 6, 2, 0))
    dates = spec.holiday_dates
    if not len(dates):
        return kind
    at = np.minimum(np.searchsorted(dates, day), len(dates) - 1)
    return np.where(dates[at] == day, 2, kind)


__all__ = ["KINDS", "Habits", "day_kind"]
