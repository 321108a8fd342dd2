"""Windows over the past of the same entity, exact and without drifting sums.

Rows are sorted once by (entity, event time). Every window [t - w, t) is then a range of
positions, found by binary search; sums are differences of prefix sums that start anew with
each entity, so that their magnitude, and with it their rounding, stays that of one entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

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
        newest = _running("max", self.ingested, self.group)
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
    if not keys.width:
        return np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=bool)
    present = ~keys.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    codes = keys.select(pl.struct(pl.all()).rank("dense")).to_series().to_numpy()
    return codes.astype(np.int64), present


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
        return inside[arrived]


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
        found = (seen.high - seen.low).astype(np.float64)
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


def _sums(seen: Ranges, values: np.ndarray) -> np.ndarray:
    """Differences of prefix sums that start anew with each entity."""
    total = np.append(_running("sum", values, seen.past.group), 0.0)
    upto = np.where(seen.high > seen.past.start, total[seen.high - 1], 0.0)
    skipped = np.where(seen.low > seen.past.start, total[seen.low - 1], 0.0)
    found: np.ndarray = np.where(seen.high > seen.low, upto - skipped, 0.0)
    return found


def _present(seen: Ranges, values: np.ndarray) -> np.ndarray:
    return _sums(seen, np.isfinite(values).astype(np.float64))


def _sum(seen: Ranges, values: np.ndarray) -> np.ndarray:
    return _sums(seen, np.nan_to_num(values))


def _mean(seen: Ranges, values: np.ndarray) -> np.ndarray:
    count = _present(seen, values)
    mean = np.full(len(count), np.nan)
    np.divide(_sum(seen, values), count, out=mean, where=count > 0)
    return mean


def _std(seen: Ranges, values: np.ndarray) -> np.ndarray:
    """Population's deviation of values shifted by the entity's first one, against cancellation."""
    first = np.nan_to_num(values)[seen.past.start]
    shifted = values - first
    mean = _mean(seen, shifted)
    deviation: np.ndarray = np.sqrt(np.maximum(_mean(seen, shifted**2) - mean**2, 0.0))
    return deviation


def _max(seen: Ranges, values: np.ndarray) -> np.ndarray:
    """Largest of each range by doubling: level k holds the largest of 2^k neighbours."""
    length = seen.high - seen.low
    found = np.full(len(length), -np.inf)
    level, width = np.where(np.isfinite(values), values, -np.inf), 1
    while True:
        mine = np.flatnonzero((length >= width) & (length < 2 * width))
        ends = np.maximum(level[seen.low[mine]], level[seen.high[mine] - width])
        found[mine] = ends
        width *= 2
        if not (length >= width).any():
            return np.where(np.isfinite(found), found, np.nan)
        level = np.maximum(level[: -width // 2], level[width // 2 :])


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


def _running(op: Literal["sum", "max"], values: np.ndarray, group: np.ndarray) -> np.ndarray:
    column = pl.col("value").cum_sum() if op == "sum" else pl.col("value").cum_max()
    frame = pl.DataFrame({"value": values, "group": group})
    return frame.select(column.over("group")).to_series().to_numpy()


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
