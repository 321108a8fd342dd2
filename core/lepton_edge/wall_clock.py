"""What clocks on the wall show at instants, for any IANA zone, on whole arrays at once.

Instants are UTC seconds since 1970 and wall times are seconds of the same scale read off a local
clock, both int64. A day of a clock change has 23 or 25 hours; nothing here assumes 24.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

DAY_S: Final = 86_400
HOUR_S: Final = 3_600
_SCAN_S: Final = 12 * HOUR_S
_YEAR_S: Final = 366 * DAY_S
_EPOCH_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday; Monday is 0."""


Changes = tuple[np.ndarray, np.ndarray]
"""Instants from which on an offset holds, the first of them before all, and the offsets."""


class WallClock:
    """The clock of one zone; its table of changes grows with what it is asked for.

    changes: a table that stands for the machine's own rules, as `changes_of` made it elsewhere.
    """

    def __init__(self, zone: str, changes: Changes | None = None) -> None:
        self.zone, self.changes = zone, changes
        if changes is None:
            ZoneInfo(zone)

    def offset(self, utc_s: np.ndarray) -> np.ndarray:
        """Seconds that the wall clock is ahead of UTC at each instant."""
        if not utc_s.size:
            return np.zeros(utc_s.shape, dtype=np.int64)
        at, offset = self.changes or self._own(utc_s)
        return np.asarray(offset[np.searchsorted(at, utc_s, side="right") - 1])

    def _own(self, utc_s: np.ndarray) -> Changes:
        """This machine's table for these instants."""
        return changes_of(self.zone, int(utc_s.min()), int(utc_s.max()))

    def wall(self, utc_s: np.ndarray) -> np.ndarray:
        """Wall time of each instant."""
        return np.asarray(utc_s + self.offset(utc_s))

    def day(self, utc_s: np.ndarray) -> np.ndarray:
        """Local date of each instant, as days since 1970-01-01."""
        return self.wall(utc_s) // DAY_S

    def instant(self, wall_s: np.ndarray, offset: np.ndarray | None = None) -> np.ndarray:
        """The instant at which the clock shows each wall time.

        Of a wall time that a change skips, the instant as far after the change; of one that comes
        twice, the one at which `offset` holds where that is one of the two, else the first.
        """
        before, after = self.offset(wall_s - DAY_S), self.offset(wall_s + DAY_S)
        early, late = wall_s - before, wall_s - after
        is_early, is_late = self.wall(early) == wall_s, self.wall(late) == wall_s
        found = np.where(is_late & ~is_early, late, early)
        first = np.minimum(early, late)
        if offset is not None:
            first = np.where(offset == before, early, np.where(offset == after, late, first))
        return np.asarray(np.where(is_early & is_late, first, found))

    def earlier(self, utc_s: np.ndarray, days: np.ndarray | int) -> np.ndarray:
        """The instant at which the wall clock showed the same so many days before."""
        offset = self.offset(utc_s)
        return self.instant(utc_s + offset - np.asarray(days, dtype=np.int64) * DAY_S, offset)

    def midnight(self, day: np.ndarray) -> np.ndarray:
        """First instant of each local date (days since 1970-01-01)."""
        return self.instant(np.asarray(day, dtype=np.int64) * DAY_S)

    def n_steps(self, day: np.ndarray, step_s: int) -> np.ndarray:
        """How many intervals of `step_s` seconds each local date has: 23, 24 or 25 hours' worth."""
        days = np.asarray(day, dtype=np.int64)
        return np.asarray((self.midnight(days + 1) - self.midnight(days)) // step_s)


def weekday(day: np.ndarray) -> np.ndarray:
    """Day of the week of days since 1970, Monday 0."""
    return np.asarray((day + _EPOCH_WEEKDAY) % 7)


def day_of_year(day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1 January, and the year, of days since 1970."""
    date = day.astype("datetime64[D]")
    year = date.astype("datetime64[Y]")
    return (date - year.astype("datetime64[D]")).astype(np.int64), year.astype(np.int64) + 1970


def changes_of(zone: str, first_s: int, last_s: int) -> Changes:
    """This machine's rules of a zone from one instant to another, UTC seconds."""
    return _changes(zone, first_s // _YEAR_S, last_s // _YEAR_S + 1)


@lru_cache(maxsize=256)
def _changes(zone: str, first: int, last: int) -> Changes:
    info = ZoneInfo(zone)
    at, now = first * _YEAR_S - 2 * DAY_S, (last + 1) * _YEAR_S
    found = [(np.iinfo(np.int64).min // 2, _offset(info, at))]
    for later in range(at + _SCAN_S, now, _SCAN_S):
        if _offset(info, later) != found[-1][1]:
            low, high = later - _SCAN_S, later
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (low, middle) if _offset(info, middle) != found[-1][1] else (middle, high)
                )
            found.append((high, _offset(info, high)))
    instants, offsets = zip(*found, strict=True)
    return np.array(instants, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _offset(info: ZoneInfo, utc_s: int) -> int:
    told = datetime.fromtimestamp(utc_s, tz=UTC).astimezone(info).utcoffset()
    return 0 if told is None else int(told.total_seconds())


__all__ = ["DAY_S", "HOUR_S", "Changes", "WallClock", "changes_of", "day_of_year", "weekday"]
