"""What is remembered of one entity: its rows in time order and what runs along with them.

Running sums carry their own rounding errors (Ogita, Rump & Oishi 2005), so that the sum of any
window is a difference that does not drift. Rows older than every window can be dropped at any
time: the running values at the cut stay, and nothing that is asked later changes by it. All of
it lies in flat arrays, as most of the time goes into fetching what was not touched for long.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import dist, inf, nan, sqrt
from typing import Final

ROOMY: Final = 64
"""Rows that an entity may hold before anybody looks for what to drop."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a column of values must keep: running sums, squares, moments, extremes."""

    sums: bool = True
    powers: bool = False
    moments: bool = False
    top: bool = False
    bottom: bool = False


class Numbers:
    """One numeric column of an entity: values, NaN where missing, and what runs before each.

    The running arrays are one longer than the values: place i tells of all rows before row i,
    those that were dropped included. known: number of values that are there, None while none is
    missing; sums, lost: their sum and what rounding took from it; powers, spare: the same of
    squared distances to `anchor`, the first value; means, squares: Welford's mean and sum of
    squared deviations; dropped: rows forgotten.
    """

    __slots__ = (
        "anchor",
        "bottoms",
        "dropped",
        "is_plain",
        "kept",
        "known",
        "lost",
        "means",
        "powers",
        "spare",
        "squares",
        "sums",
        "tops",
        "values",
    )

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.is_plain = not (kept.powers or kept.moments or kept.top or kept.bottom)
        self.values = array("d")
        self.dropped = 0
        self.known: array[int] | None = None
        self.sums, self.lost = array("d", [0.0]), array("d", [0.0])
        self.anchor = nan
        self.powers, self.spare = array("d", [0.0]), array("d", [0.0])
        self.means, self.squares = array("d", [0.0]), array("d", [0.0])
        self.tops, self.bottoms = array("d", [-inf]), array("d", [inf])

    def append(self, value: float) -> None:
        """Remember the newest row's `value`."""
        if not -inf < value < inf:
            self._append_missing(value)
            return
        self.values.append(value)
        if self.known is not None:
            self.known.append(self.known[-1] + 1)
        kept = self.kept
        if kept.sums:
            sums, lost = self.sums, self.lost
            before = sums[-1]
            after = before + value
            added = after - before
            sums.append(after)
            lost.append(lost[-1] + ((before - (after - added)) + (value - added)))
        if self.is_plain:
            return
        if kept.powers:
            self._append_power(value)
        if kept.moments:
            mean = self.means[-1]
            apart = value - mean
            moved = mean + apart / self.count(len(self.values))
            self.means.append(moved)
            self.squares.append(self.squares[-1] + apart * (value - moved))
        if kept.top:
            self.tops.append(max(self.tops[-1], value))
        if kept.bottom:
            self.bottoms.append(min(self.bottoms[-1], value))

    def _append_power(self, value: float) -> None:
        if self.anchor != self.anchor:
            self.anchor = value
        square = (value - self.anchor) * (value - self.anchor)
        before = self.powers[-1]
        after = before + square
        added = after - before
        self.powers.append(after)
        self.spare.append(self.spare[-1] + ((before - (after - added)) + (square - added)))

    def _append_missing(self, value: float) -> None:
        if self.known is None:
            self.known = array("q", range(self.dropped, self.dropped + len(self.values) + 1))
        self.values.append(value)
        self.known.append(self.known[-1])
        for running in self.running():
            running.append(running[-1])

    def insert(self, place: int, value: float) -> None:
        """Remember the `value` of a late row before row `place`; what runs after it runs anew."""
        later = self.values[place:]
        del self.values[place:]
        if self.known is not None:
            del self.known[place + 1 :]
        for running in self.running():
            del running[place + 1 :]
        for one in (value, *later):
            self.append(one)

    def drop(self, rows: int) -> None:
        """Forget the oldest `rows` rows but for what runs along."""
        self.dropped += rows
        del self.values[:rows]
        if self.known is not None:
            del self.known[:rows]
        for running in self.running():
            del running[:rows]

    def running(self) -> list[array[float]]:
        """Every running array that is kept, but for the counts."""
        kept = self.kept
        found = [self.sums, self.lost] if kept.sums else []
        found += [self.powers, self.spare] if kept.powers else []
        found += [self.means, self.squares] if kept.moments else []
        found += [self.tops] if kept.top else []
        return found + ([self.bottoms] if kept.bottom else [])

    def count(self, high: int) -> int:
        """Number of values that are there before row `high`, those that were dropped included."""
        return self.dropped + high if self.known is None else self.known[high]

    def inside(self, low: int, high: int) -> Sequence[float]:
        """The values that are there among the rows [low, high)."""
        found = self.values[low:high]
        known = self.known
        if known is None or known[high] - known[low] == high - low:
            return found
        return [value for value in found if -inf < value < inf]

    def deviation(self, low: int, high: int) -> float:
        """Population's standard deviation of the rows [low, high); exactly 0 for equal values."""
        known = self.known
        count = high - low if known is None else known[high] - known[low]
        if not count:
            return nan
        mean = ((self.sums[high] - self.sums[low]) + (self.lost[high] - self.lost[low])) / count
        powers, spare = self.powers, self.spare
        power = ((powers[high] - powers[low]) + (spare[high] - spare[low])) / count
        apart = mean - self.anchor
        variance = power - apart * apart
        # a difference that keeps eleven of sixteen digits
        if variance > 1e-5 * power:
            return sqrt(variance)
        values = self.inside(low, high)
        if min(values) == max(values):
            return 0.0
        return dist(values, [mean] * count) / sqrt(count)


class Texts:
    """One column of an entity whose different values are counted; None where missing.

    first: value -> the first instant that it was seen at; seen: those instants, ascending.
    """

    __slots__ = ("first", "seen", "values", "whole")

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.values: list[str | int | float | None] = []
        self.first: dict[str | int | float, int] = {}
        self.seen: list[int] = []

    def insert(self, place: int, at: int, value: str | int | float | None) -> None:
        """Remember the `value` of a row at the instant `at`, before row `place`."""
        self.values.insert(place, value)
        if not self.whole or value is None:
            return
        known = self.first.get(value)
        if known is None or at < known:
            if known is not None:
                del self.seen[bisect_left(self.seen, known)]
            self.first[value] = at
            self.seen.insert(bisect_right(self.seen, at), at)

    def distinct(self, low: int, high: int) -> int:
        """Number of different values among the rows [low, high)."""
        found = set(self.values[low:high])
        found.discard(None)
        return len(found)

    def ever(self, at: int) -> int:
        """Number of different values that were seen before the instant `at`."""
        return bisect_left(self.seen, at)


class History:
    """The rows of one entity.

    at: instants in microseconds, ascending; dropped: rows forgotten; room: number of rows at
    which to look again for some to drop.
    """

    __slots__ = ("at", "dropped", "numbers", "room", "texts")

    def __init__(self, kept: Sequence[Kept], whole: Sequence[bool]) -> None:
        self.at = array("q")
        self.numbers = [Numbers(one) for one in kept]
        self.texts = [Texts(whole=one) for one in whole]
        self.dropped = 0
        self.room = ROOMY

    def add(
        self, at: int, numbers: Sequence[float], texts: Sequence[str | int | float | None]
    ) -> None:
        """Remember a row: its instant and what each column says of it."""
        instants = self.at
        place = len(instants)
        if not place or at >= instants[-1]:
            instants.append(at)
            for column, value in zip(self.numbers, numbers, strict=True):
                column.append(value)
        else:
            place = bisect_right(instants, at)
            instants.insert(place, at)
            for column, value in zip(self.numbers, numbers, strict=True):
                column.insert(place, value)
        if texts:
            for named, text in zip(self.texts, texts, strict=True):
                named.insert(place, at, text)

    def is_empty(self) -> bool:
        """Whether no row is held."""
        return not self.at

    def drop_before(self, horizon: int, *, keep_newest: bool) -> None:
        """Forget the rows before the instant `horizon`, which no window reaches any more.

        keep_newest: but for the rows of the newest instant among them.
        """
        rows = bisect_left(self.at, horizon)
        if rows and keep_newest:
            rows = bisect_left(self.at, self.at[rows - 1])
        if rows:
            self.dropped += rows
            del self.at[:rows]
            for numbers in self.numbers:
                numbers.drop(rows)
            for texts in self.texts:
                del texts.values[:rows]
        self.room = max(ROOMY, 2 * len(self.at))


__all__ = ["ROOMY", "History", "Kept", "Numbers", "Texts"]
