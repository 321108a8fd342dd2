"""Windows over the past of the same entity, exact and without drifting sums.

Rows are sorted once by (entity, event time). Every window [t - w, t) is then a range of
positions, found in one pass over both ends. Sums are differences of prefix sums that carry
their own rounding errors along (Ogita, Rump & Oishi 2005), so that a large value long ago or of
another entity leaves no trace; what cannot be subtracted, `folding` merges from blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import polars as pl

from lepton.features.folding import MAX, MOMENTS, fold

Op = Literal["count", "sum", "max", "min", "std", "distinct"]


@dataclass(frozen=True)
class Instants:
    """The times of a table in event order.

    distinct: its instants in microseconds, ascending; rank: of each row's instant among them.
    """

    distinct: np.ndarray
    rank: np.ndarray

    @classmethod
    def of(cls, at: np.ndarray) -> Instants:
        """The instants of rows at `at` (microseconds, ascending)."""
        is_new = np.diff(at, prepend=at[:1] - 1) != 0
        return cls(at[is_new], np.cumsum(is_new) - 1)

    def opens(self, window_s: float | None) -> np.ndarray | None:
        """Rank of the first instant inside [t - window_s, t) for each instant t; None for None."""
        if window_s is None:
            return None
        return np.searchsorted(self.distinct, self.distinct - round(window_s * 1e6))


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
    group: entity number of each sorted row, ascending; rank: rank of its instant among
    `instants` (microseconds, ascending, distinct); ingested: arrival in sorted order, or None.
    """

    order: np.ndarray
    group: np.ndarray
    rank: np.ndarray
    instants: np.ndarray
    ingested: np.ndarray | None

    @property
    def at(self) -> np.ndarray:
        """Instant of each sorted row in microseconds."""
        at: np.ndarray = self.instants[self.rank]
        return at

    @cached_property
    def start(self) -> np.ndarray:
        """First position of each sorted row's group."""
        first = np.flatnonzero(np.diff(self.group, prepend=self.group[:1] - 1))
        return np.repeat(first, np.diff(np.append(first, len(self.group))))

    @cached_property
    def before(self) -> np.ndarray:
        """One past the last row that each sorted row sees: rows of its instant do not count."""
        is_new = np.diff(self._keys, prepend=-1) != 0
        return np.asarray(np.flatnonzero(is_new)[np.cumsum(is_new) - 1])

    def since(self, opens: np.ndarray | None) -> np.ndarray:
        """First row of the same group whose instant has at least the rank that `opens` gives.

        opens: of `Instants.opens`; None: the group's first row.
        """
        if opens is None:
            return self.start
        wanted = pl.DataFrame({"key": self._groups + opens[self.rank]}).set_sorted("key")
        there = pl.DataFrame({"key": self._keys}).with_row_index("row").set_sorted("key")
        # both ascend, so that one pass finds all; twice as fast as a binary search each
        found = wanted.join_asof(there, on="key", strategy="forward", check_sortedness=False)
        return found["row"].to_numpy().astype(np.int64)

    @cached_property
    def late(self) -> np.ndarray:
        """Sorted rows that must not see some earlier row, as it arrived after them."""
        if self.ingested is None or not len(self.group):
            return np.empty(0, dtype=np.int64)
        frame = pl.DataFrame({"arrived": self.ingested, "group": self.group})
        newest = frame.select(pl.col("arrived").cum_max().over("group")).to_series().to_numpy()
        sees = self.before > self.start
        return np.flatnonzero(sees & (newest[self.before - 1] > self.ingested))

    @cached_property
    def _groups(self) -> np.ndarray:
        """What to add to a rank so that the sum ascends over groups and ranks."""
        return self.group * (len(self.instants) + 1)

    @cached_property
    def _keys(self) -> np.ndarray:
        return np.asarray(self._groups + self.rank)


def past_of(entities: Entities, instants: Instants, ingested: np.ndarray | None) -> Past:
    """The past of each of `entities`; rows without one are left out.

    ingested: arrival of each row of the table in microseconds, None where it is not known.
    """
    rows = np.flatnonzero(entities.present)
    code = entities.code[rows]
    # numpy sorts 16 bits by radix, ten times as fast
    small = code.astype(np.uint16) if code.max(initial=0) < 2**16 else code
    order = rows[np.argsort(small, kind="stable")]
    arrived = None if ingested is None else ingested[order]
    return Past(order, entities.code[order], instants.rank[order], instants.distinct, arrived)


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


def ranges(past: Past, opens: np.ndarray | None) -> Ranges:
    """What each row of `past` sees of a window that `opens` as `Instants.opens` says."""
    low, high, late = past.since(opens), past.before, past.late
    if len(late) and past.ingested is not None:
        newest = fold(MAX, past.ingested.astype(np.float64), low[late], high[late])[0]
        late = late[newest > past.ingested[late]]
    return Ranges(past, low, high, late)


@dataclass(frozen=True)
class Values:
    """One column in sorted order, NaN where missing (-1 among the codes of `distinct`)."""

    sorted: np.ndarray

    @cached_property
    def known(self) -> np.ndarray:
        """Whether each value is there."""
        if self.sorted.dtype.kind == "i":
            return np.asarray(self.sorted >= 0)
        return np.asarray(np.isfinite(self.sorted))

    @cached_property
    def filled(self) -> np.ndarray:
        """The values, 0 where missing."""
        return np.where(self.known, self.sorted, 0.0)

    @cached_property
    def counts(self) -> np.ndarray:
        """Number of values before each position, one longer than the values."""
        return np.append(0, np.cumsum(self.known))

    @cached_property
    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums before each position and, apart, what rounding took from them."""
        sums = np.append(0.0, np.cumsum(self.filled))
        before, after = sums[:-1], sums[1:]
        # error of one addition, exactly (Knuth's TwoSum)
        added = after - before
        lost = (before - (after - added)) + (self.filled - added)
        return sums, np.append(0.0, np.cumsum(lost))


def aggregate(seen: Ranges, op: Op, values: Values | None) -> np.ndarray:
    """`op` of `values` over what each row sees; without values, the number of rows it sees.

    Missing values count for nobody. count, sum and distinct are 0 on an empty window, the
    others NaN.
    """
    if values is None:
        found = (seen.high - seen.low).astype(np.float64)
        for row in seen.late:
            found[row] = len(seen.visible(row))
        return np.asarray(found)
    found = _FAST[op](seen, values)
    for row in seen.late:
        inside = seen.visible(row)
        found[row] = _direct(op, values.sorted[inside][values.known[inside]])
    return found


def last_before(seen: Ranges) -> np.ndarray:
    """Seconds since the last row that each row sees; NaN at the first."""
    at = seen.past.at
    found = np.full(len(at), np.nan)
    some = seen.high > seen.past.start
    found[some] = (at[some] - at[seen.high[some] - 1]) / 1e6
    for row in seen.late:
        rows = seen.visible(row)
        found[row] = (at[row] - at[rows[-1]]) / 1e6 if len(rows) else np.nan
    return found


def _count(seen: Ranges, values: Values) -> np.ndarray:
    if values.known.all():
        return np.asarray(seen.high - seen.low, dtype=np.float64)
    found: np.ndarray = (values.counts[seen.high] - values.counts[seen.low]).astype(np.float64)
    return found


def _sum(seen: Ranges, values: Values) -> np.ndarray:
    sums, lost = values.sums
    found: np.ndarray = (sums[seen.high] - sums[seen.low]) + (lost[seen.high] - lost[seen.low])
    return found


def _max(seen: Ranges, values: Values) -> np.ndarray:
    found = fold(MAX, values.sorted, seen.low, seen.high)[0]
    return np.where(np.isneginf(found), np.nan, found)


def _min(seen: Ranges, values: Values) -> np.ndarray:
    return -_max(seen, Values(-values.sorted))


def _std(seen: Ranges, values: Values) -> np.ndarray:
    """Population's deviation; exactly 0 where all values of a window are equal."""
    count, _, squares = fold(MOMENTS, values.sorted, seen.low, seen.high)
    return np.asarray(np.sqrt(divided(squares, count)))


def _distinct(seen: Ranges, values: Values) -> np.ndarray:
    """Values in each range less those that came before in the same range.

    Both ends of the ranges only move forward, so a value at `there`, seen last at `last`, is a
    repetition for the rows from the first whose range holds `there` to the first that lost `last`.
    """
    frame = pl.DataFrame({"value": values.sorted, "group": seen.past.group}).with_row_index("there")
    pairs = frame.filter(pl.col("value") >= 0).select(
        "there", last=pl.col("there").shift(1).over("group", "value")
    )
    pairs = pairs.drop_nulls()
    opens = np.searchsorted(seen.high, pairs["there"].to_numpy(), side="right")
    closes = np.searchsorted(seen.low, pairs["last"].to_numpy(), side="right")
    some = opens < closes
    size = len(seen.low) + 1
    change = np.bincount(opens[some], minlength=size) - np.bincount(closes[some], minlength=size)
    found: np.ndarray = _count(seen, values) - np.cumsum(change)[:-1]
    return found


def divided(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator; NaN where the denominator is 0 or missing."""
    some = np.isfinite(denominator) & (denominator != 0)
    out = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=some)
    return out


def _direct(op: Op, values: np.ndarray) -> float:
    """The definition itself, for the few rows that a late row must stay hidden from."""
    if not len(values):
        return 0.0 if op in ("count", "sum", "distinct") else np.nan
    return float(_DIRECT[op](values))


def _deviation(values: np.ndarray) -> float:
    return 0.0 if values.min() == values.max() else float(np.std(values))


_FAST: dict[str, Callable[[Ranges, Values], np.ndarray]] = {
    "count": _count,
    "sum": _sum,
    "std": _std,
    "max": _max,
    "min": _min,
    "distinct": _distinct,
}
_DIRECT: dict[str, Callable[[np.ndarray], float]] = {
    "count": len,
    "sum": math.fsum,
    "std": _deviation,
    "max": np.max,
    "min": np.min,
    "distinct": lambda values: len(np.unique(values)),
}
