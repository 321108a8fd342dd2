"""Windows over the past of the same entity, exact and without drifting sums.

Rows are sorted once by (entity, event time). Every window [t - w, t) is then a range of
positions, found by binary search, over which `folding` aggregates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from lepton.features.folding import COUNT, MAX, MOMENTS, SUM, fold

Op = Literal["count", "sum", "mean", "max", "min", "std", "distinct"]


@dataclass(frozen=True)
class Past:
    """Rows of one kind of entity in (entity, time) order, and who may see whom.

    order: positions of the sorted rows in the table, only of rows that have the entity;
    group: entity number of each sorted row, ascending; start: first position of its group;
    rank: rank of its instant among `instants` (microseconds, ascending, distinct);
    ingested: arrival instants in sorted order, None where nothing in any group is late.
    """

    order: np.ndarray
    group: np.ndarray
    start: np.ndarray
    rank: np.ndarray
    instants: np.ndarray
    ingested: np.ndarray | None

    @property
    def at(self) -> np.ndarray:
        """Instant of each sorted row in microseconds."""
        at: np.ndarray = self.instants[self.rank]
        return at

    def before(self) -> np.ndarray:
        """One past the last row that each sorted row sees: rows of its instant do not count."""
        return self._first_from(self.rank)

    def since(self, window_s: float | None) -> np.ndarray:
        """First row inside [t - window_s, t) for each sorted row; its group's first for None."""
        if window_s is None:
            return self.start
        opens = self.at - round(window_s * 1e6)
        return self._first_from(np.searchsorted(self.instants, opens))

    def late(self, before: np.ndarray) -> np.ndarray:
        """Sorted rows that must not see some earlier row, as it arrived after them."""
        if self.ingested is None or not len(self.group):
            return np.empty(0, dtype=np.int64)
        newest = _newest(self.ingested, self.group)
        sees = before > self.start
        return np.flatnonzero(sees & (newest[before - 1] > self.ingested))

    def _first_from(self, rank: np.ndarray) -> np.ndarray:
        """For each sorted row the first row of its group whose instant has at least its `rank`."""
        groups = self.group * (len(self.instants) + 1)
        found: np.ndarray = np.searchsorted(groups + self.rank, groups + rank)
        return found


def past_of(
    keys: pl.DataFrame, at: np.ndarray, ingested: np.ndarray | None, instants: np.ndarray
) -> Past:
    """The past by the columns of `keys` (none: everybody); rows with a missing key are left out.

    at: event instants in microseconds, ascending; ingested: the same of arrivals.
    """
    group, present = entity_codes(keys, len(at))
    rows = np.flatnonzero(present)
    order = rows[np.argsort(group[rows], kind="stable")]
    group = group[order]
    first = np.flatnonzero(np.diff(group, prepend=group[:1] - 1)) if len(group) else order
    start = np.repeat(first, np.diff(np.append(first, len(group))))
    rank = np.searchsorted(instants, at[order])
    arrived = None if ingested is None else ingested[order]
    return Past(order, group, start, rank, instants, arrived)


def entity_codes(keys: pl.DataFrame, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of each row's entity (int64) and whether it has one; no columns: one for all."""
    codes, present = np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=bool)
    for column in keys.iter_columns():
        levels = column.cast(pl.Categorical).to_physical()
        present &= levels.is_not_null().to_numpy()
        fine = levels.fill_null(0).to_numpy().astype(np.int64)
        codes = np.unique(codes * (int(fine.max(initial=0)) + 1) + fine, return_inverse=True)[1]
    return codes, present


@dataclass(frozen=True)
class Ranges:
    """For each sorted row the range [low, high) that it sees; `late` rows see less of it."""

    past: Past
    low: np.ndarray
    high: np.ndarray
    late: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Rows in each range, float64."""
        lengths: np.ndarray = (self.high - self.low).astype(np.float64)
        return lengths

    def visible(self, row: int) -> np.ndarray:
        """Positions that a late-affected row sees: inside its range and arrived by then."""
        inside = np.arange(self.low[row], self.high[row])
        assert self.past.ingested is not None
        arrived = self.past.ingested[inside] <= self.past.ingested[row]
        return np.asarray(inside[arrived])


def ranges(past: Past, window_s: float | None) -> Ranges:
    """What each row of `past` sees in [t - window_s, t); the whole past for None."""
    before = past.before()
    return Ranges(past, past.since(window_s), before, past.late(before))


def aggregate(seen: Ranges, op: Op, values: np.ndarray | None) -> np.ndarray:
    """`op` of `values` (in sorted order, NaN where missing) over what each row sees.

    Missing values count for nobody. count and sum are 0 on an empty window, the others NaN.
    `distinct` takes integer codes, -1 where missing.
    """
    if values is None:
        found = seen.lengths
        for row in seen.late:
            found[row] = len(seen.visible(row))
        return found
    found = _FAST[op](seen, values)
    for row in seen.late:
        found[row] = _direct(op, values[seen.visible(row)])
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


def _present(seen: Ranges, values: np.ndarray) -> np.ndarray:
    found: np.ndarray = fold(COUNT, values, seen.low, seen.high)[0]
    return found


def _sum(seen: Ranges, values: np.ndarray) -> np.ndarray:
    found: np.ndarray = fold(SUM, values, seen.low, seen.high)[0]
    return found


def _mean(seen: Ranges, values: np.ndarray) -> np.ndarray:
    count = _present(seen, values) if np.isnan(values).any() else seen.lengths
    mean = np.full(len(values), np.nan)
    np.divide(_sum(seen, values), count, out=mean, where=count > 0)
    return mean


def _std(seen: Ranges, values: np.ndarray) -> np.ndarray:
    count, _, squares = fold(MOMENTS, values, seen.low, seen.high)
    variance = np.full(len(values), np.nan)
    np.divide(squares, count, out=variance, where=count > 0)
    deviation: np.ndarray = np.sqrt(variance)
    return deviation


def _max(seen: Ranges, values: np.ndarray) -> np.ndarray:
    found = fold(MAX, values, seen.low, seen.high)[0]
    return np.where(np.isneginf(found), np.nan, found)


def _min(seen: Ranges, values: np.ndarray) -> np.ndarray:
    return -_max(seen, -values)


def _distinct(seen: Ranges, codes: np.ndarray) -> np.ndarray:
    """One sweep: both ends of the ranges only move forward inside an entity."""
    found = np.zeros(len(codes))
    inside: Counter[int] = Counter()
    left = right = 0
    for row, (low, high) in enumerate(zip(seen.low.tolist(), seen.high.tolist(), strict=True)):
        if low >= right:
            inside.clear()
            left = right = low
        for code in codes[right:high]:
            inside[code] += 1
        for code in codes[left:low]:
            inside[code] -= 1
            if not inside[code]:
                del inside[code]
        left, right = low, max(right, high)
        found[row] = len(inside) - (-1 in inside)
    return found


def _direct(op: Op, values: np.ndarray) -> float:
    """The definition itself, for the few rows that a late row must stay hidden from."""
    if op == "distinct":
        return float(len(set(values.tolist()) - {-1}))
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0 if op in ("count", "sum") else np.nan
    return float(_DIRECT[op](known))


def _newest(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Largest of `values` up to each row of its group."""
    frame = pl.DataFrame({"value": values, "group": group})
    return frame.select(pl.col("value").cum_max().over("group")).to_series().to_numpy()


_FAST: dict[str, Callable[[Ranges, np.ndarray], np.ndarray]] = {
    "count": _present,
    "sum": _sum,
    "mean": _mean,
    "std": _std,
    "max": _max,
    "min": _min,
    "distinct": _distinct,
}
_DIRECT: dict[str, Callable[[np.ndarray], float]] = {
    "count": len,
    "sum": np.sum,
    "mean": np.mean,
    "std": np.std,
    "max": np.max,
    "min": np.min,
}
