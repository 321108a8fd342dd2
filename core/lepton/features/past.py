"""Who sees whom: rows in (entity, time) order, and the range of them that each row may look at.

Rows are sorted once by (entity, event time). Every window [t - w, t) is then a range of
positions, found block by block, so that what a block needs stays in the processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
import polars as pl

from lepton.features.folding import MAX, fold

BLOCK: Final = 4_096
"""Rows that are looked at together: a few arrays of them fill a first-level cache."""
LARGEST: Final = 2**62


def places(there: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Position of the first value of `there` that is at least each of `wanted`; both ascend."""
    found = np.empty(len(wanted), dtype=np.int64)
    low = 0
    for begin in range(0, len(wanted), BLOCK):
        part = wanted[begin : begin + BLOCK]
        high = low + int(np.searchsorted(there[low:], part[-1]))
        found[begin : begin + BLOCK] = np.searchsorted(there[low:high], part) + low
        low = int(found[begin + len(part) - 1])
    return found


@dataclass(frozen=True)
class Entities:
    """Who each row of a table belongs to: number of its entity (int64), and whether it has one."""

    code: np.ndarray
    present: np.ndarray

    @classmethod
    def of(cls, keys: pd.DataFrame) -> Entities:
        """The entities that the columns of `keys` name together; no columns: one for all."""
        code, present = np.zeros(len(keys), dtype=np.int64), np.ones(len(keys), dtype=bool)
        for name in keys:
            part, levels = pd.factorize(keys[name])
            present &= part >= 0
            # one column is numbered already, without a second hash of all rows
            several = len(keys.columns) > 1
            code = pd.factorize(code * (len(levels) + 1) + part)[0] if several else part
        return cls(code, present)


@dataclass(frozen=True)
class Past:
    """Rows of one kind of entity in (entity, time) order, and who may see whom.

    order: positions of the sorted rows in the table, only of rows that have the entity;
    group: entity number of each sorted row, ascending; at: its instant in microseconds;
    ingested: arrival in sorted order, or None.
    """

    order: np.ndarray
    group: np.ndarray
    at: np.ndarray
    ingested: np.ndarray | None

    @cached_property
    def start(self) -> np.ndarray:
        """First position of each sorted row's group."""
        first = np.flatnonzero(np.diff(self.group, prepend=self.group[:1] - 1))
        return np.repeat(first, np.diff(np.append(first, len(self.group))))

    @cached_property
    def before(self) -> np.ndarray:
        """One past the last row that each sorted row sees: rows of its instant do not count."""
        place = np.arange(len(self.at))
        same = (self.at[1:] == self.at[:-1]) & (self.group[1:] == self.group[:-1])
        place[1:][same] = 0
        return np.maximum.accumulate(place, out=place)

    def since(self, window_s: float | None) -> np.ndarray:
        """First row of the same group in the window [t - window_s, t); None: the group's first."""
        if window_s is None:
            return self.start
        window = round(window_s * 1e6)
        found = np.empty(len(self.at), dtype=np.int64)
        low = 0
        for begin, end in self._blocks():
            low = max(low, int(self.start[begin]))
            clock = self._clock(low, end)
            wanted = clock[begin - low :] - window
            np.maximum(
                np.searchsorted(clock, wanted) + low, self.start[begin:end], out=found[begin:end]
            )
            low = int(found[end - 1])
        return found

    def _blocks(self) -> list[tuple[int, int]]:
        """Both ends of each block; short ones where the times of its groups would not fit."""
        length = min(BLOCK, max(LARGEST // self._width - 1, 1))
        return [
            (begin, min(begin + length, len(self.at))) for begin in range(0, len(self.at), length)
        ]

    def _clock(self, low: int, high: int) -> np.ndarray:
        """Instants of the rows [low, high) that ascend over groups, none near another's."""
        at = self.at[low:high]
        if self.group[low] == self.group[high - 1]:
            return at
        passed = np.cumsum(np.diff(self.group[low:high], prepend=self.group[low]) != 0)
        return np.asarray(passed * self._width + (at - self._first))

    @cached_property
    def _first(self) -> int:
        return int(self.at.min())

    @cached_property
    def _width(self) -> int:
        return int(self.at.max()) - self._first + 1 if len(self.at) else 1

    @cached_property
    def late(self) -> np.ndarray:
        """Sorted rows that must not see some earlier row, as it arrived after them."""
        if self.ingested is None or not len(self.group):
            return np.empty(0, dtype=np.int64)
        frame = pl.DataFrame({"arrived": self.ingested, "group": self.group})
        newest = frame.select(pl.col("arrived").cum_max().over("group")).to_series().to_numpy()
        sees = self.before > self.start
        return np.flatnonzero(sees & (newest[self.before - 1] > self.ingested))


def past_of(entities: Entities, at: np.ndarray, ingested: np.ndarray | None) -> Past:
    """The past of each of `entities`; rows without one are left out.

    at, ingested: instant and arrival of each row of the table in microseconds, `at` ascending;
    arrivals None where they are not known.
    """
    code, rows = entities.code, None
    if not entities.present.all():
        rows = np.flatnonzero(entities.present)
        code = code[rows]
    # numpy sorts 16 bits by radix, ten times as fast
    small = code.astype(np.uint16) if code.max(initial=0) < 2**16 else code
    order = np.argsort(small, kind="stable")
    order = order if rows is None else rows[order]
    arrived = None if ingested is None else ingested[order]
    return Past(order, entities.code[order], at[order], arrived)


@dataclass(frozen=True)
class Ranges:
    """For each sorted row the range [low, high) that it sees; `late` rows see less of it."""

    past: Past
    low: np.ndarray
    high: np.ndarray
    late: np.ndarray

    def visible(self, row: int) -> np.ndarray:
        """Positions that a late-affected row sees: inside its range and arrived by then."""
        inside = np.arange(self.low[row], self.high[row])
        assert self.past.ingested is not None
        arrived: np.ndarray = self.past.ingested[inside] <= self.past.ingested[row]
        return np.asarray(inside[arrived])


def ranges(past: Past, window_s: float | None, gap_s: float = 0.0) -> Ranges:
    """What each row of `past` sees of the window [t - window_s, t - gap_s)."""
    low = past.since(window_s)
    high, late = past.since(gap_s) if gap_s else past.before, past.late
    if len(late) and past.ingested is not None:
        newest = fold(MAX, past.ingested.astype(np.float64), low[late], high[late])[0]
        late = late[newest > past.ingested[late]]
    return Ranges(past, low, high, late)


__all__ = ["BLOCK", "Entities", "Past", "Ranges", "past_of", "places", "ranges"]
