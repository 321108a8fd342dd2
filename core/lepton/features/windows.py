"""Aggregates over windows of the past of the same entity, exact and without drifting sums.

Sums are differences of prefix sums that carry their own rounding errors along (Ogita, Rump &
Oishi 2005), so that a large value long ago or of another entity leaves no trace; what cannot be
subtracted, `folding` merges from blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import polars as pl

from lepton.features.folding import MAX, MOMENTS, fold
from lepton.features.past import BLOCK, Ranges

Op = Literal["count", "sum", "mean", "max", "min", "std", "distinct"]
EMPTY: Final = {"count": 0.0, "sum": 0.0, "distinct": 0.0}
"""What an aggregate is on an empty window; the others are NaN there."""
Asked = tuple[str, str | None]
"""An aggregate and the column that it is of; None: of the rows."""


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
    def counts(self) -> np.ndarray:
        """Number of values before each position, one longer than the values."""
        return np.append(0, np.cumsum(self.known))

    @cached_property
    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums before each position and, apart, what rounding took from them."""
        filled = self.sorted if self.complete else np.where(self.known, self.sorted, 0.0)
        sums, lost = np.zeros(len(filled) + 1), np.zeros(len(filled) + 1)
        np.cumsum(filled, out=sums[1:])
        for begin in range(0, len(filled), BLOCK):
            before, after = sums[begin : begin + BLOCK], sums[begin + 1 : begin + BLOCK + 1]
            before = before[: len(after)]
            # error of one addition, exactly (Knuth's TwoSum)
            added = after - before
            rest = (before - (after - added)) + (filled[begin : begin + BLOCK] - added)
            lost[begin + 1 : begin + BLOCK + 1] = rest
        return sums, np.cumsum(lost, out=lost)

    @cached_property
    def complete(self) -> bool:
        """Whether no value is missing."""
        return bool(self.known.all())

    def between(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number and sum of the values in each range [low, high)."""
        sums, lost = self.sums
        total = (sums[high] - sums[low]) + (lost[high] - lost[low])
        return high - low if self.complete else self.counts[high] - self.counts[low], total

    def of(self, places: np.ndarray) -> np.ndarray:
        """The values at `places` that are there."""
        return np.asarray(self.sorted[places][self.known[places]])


def totals(
    seen: Ranges, columns: Mapping[str, Values], asked: Collection[Asked], n_rows: int
) -> dict[Asked, np.ndarray]:
    """Each count, sum and mean that is `asked` of `columns`, for every row of the table.

    Missing values count for nobody; a count of no column is that of the rows seen. Rows without
    the entity see an empty window.
    """
    found = {one: _table(seen, one[0], n_rows) for one in asked}
    for begin in range(0, len(seen.low), BLOCK):
        low, high = seen.low[begin : begin + BLOCK], seen.high[begin : begin + BLOCK]
        rows, n_seen = seen.past.order[begin : begin + BLOCK], high - low
        sums = {name: values.between(low, high) for name, values in columns.items()}
        for (op, name), out in found.items():
            count, total = (n_seen, None) if name is None else sums[name]
            out[rows] = count if op == "count" else total
            if op == "mean" and total is not None:
                out[rows] = divided(total, count)
    for row in seen.late:
        inside = seen.visible(row)
        for (op, name), out in found.items():
            out[seen.past.order[row]] = (
                len(inside) if name is None else _direct(op, columns[name].of(inside))
            )
    return found


def _table(seen: Ranges, op: str, n_rows: int) -> np.ndarray:
    """Room for one number a row of the table, filled where no range says what it is."""
    if len(seen.past.order) == n_rows:
        return np.empty(n_rows)
    return np.full(n_rows, EMPTY.get(op, np.nan))


def aggregate(seen: Ranges, op: str, values: Values, n_rows: int) -> np.ndarray:
    """`op` (max, min, std, distinct) of `values` over what each row of a table sees.

    Missing values count for nobody, and rows without the entity see an empty window.
    """
    found = _FAST[op](seen, values)
    for row in seen.late:
        found[row] = _direct(op, values.of(seen.visible(row)))
    return spread(seen, found, EMPTY.get(op, np.nan), n_rows)


def spread(seen: Ranges, found: np.ndarray, otherwise: float, n_rows: int) -> np.ndarray:
    """Values of sorted rows in the table's order, `otherwise` for rows without the entity."""
    out = np.full(n_rows, otherwise)
    out[seen.past.order] = found
    return out


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


def at_last(seen: Ranges, values: Values) -> np.ndarray:
    """Mean of `values` at the last instant that each row sees; NaN without one."""
    past = seen.past
    some = seen.high > past.start
    high = np.where(some, seen.high, 0)
    low = np.where(some, past.before[high - 1], 0)
    count, total = values.between(low, high)
    found = divided(total, count)
    for row in seen.late:
        rows = seen.visible(row)
        last = values.of(rows[past.at[rows] == past.at[rows[-1:]]]) if len(rows) else rows
        found[row] = _direct("mean", last)
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
    known = values.counts[seen.high] - values.counts[seen.low]
    return np.asarray(known - np.cumsum(change)[:-1], dtype=np.float64)


def divided(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator; NaN where the denominator is 0 or missing."""
    some = np.isfinite(denominator) & (denominator != 0)
    if some.all():
        return np.asarray(numerator / denominator)
    out = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=some)
    return out


def _direct(op: str, values: np.ndarray) -> float:
    """The definition itself, for the few rows that a late row must stay hidden from."""
    if not len(values):
        return EMPTY.get(op, np.nan)
    return float(_DIRECT[op](values))


def _deviation(values: np.ndarray) -> float:
    return 0.0 if values.min() == values.max() else float(np.std(values))


_FAST: dict[str, Callable[[Ranges, Values], np.ndarray]] = {
    "std": _std,
    "max": _max,
    "min": _min,
    "distinct": _distinct,
}
_DIRECT: dict[str, Callable[[np.ndarray], float]] = {
    "count": len,
    "sum": math.fsum,
    "mean": lambda values: math.fsum(values) / len(values),
    "std": _deviation,
    "max": np.max,
    "min": np.min,
    "distinct": lambda values: len(np.unique(values)),
}
