"""Labels that have become known, in the order in which they did."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from lepton_edge.history import ROOMY, Kept, Numbers

Rank = tuple[int, int, str | int]
"""Where a row stands among others: instant, whether its key is text, key."""
_SUMS = Kept()


class Labels:
    """Labels of one entity that have become known.

    last: how many of the newest must never be dropped. learnt: instants in microseconds,
    ascending; positive: running sum, one longer, those dropped included; weights: columns whose
    sum over the positive ones is asked; dropped: their number. Kept where `last` asks for it:
    ranks: the order of rows whose labels became known at one instant; rows: what the event said.
    """

    __slots__ = ("dropped", "last", "learnt", "positive", "ranks", "room", "rows", "weights")

    def __init__(self, last: int = 0, n_weights: int = 0) -> None:
        self.last = last
        self.learnt = array("q")
        self.ranks: list[Rank] = []
        self.rows: list[Sequence[float]] = []
        self.positive = array("d", [0.0])
        self.weights = [Numbers(_SUMS) for _ in range(n_weights)]
        self.dropped = 0
        self.room = ROOMY

    def add(
        self,
        at: int,
        target: float,
        rank: Rank,
        row: Sequence[float] = (),
        weights: Sequence[float] = (),
    ) -> None:
        """Remember a label that became known at the instant `at`, of the row `rank`.

        row: numbers of its event; weights: what it adds to each weighted sum, NaN for nothing.
        """
        learnt = self.learnt
        if not learnt or at > learnt[-1] or (at == learnt[-1] and not self.last):
            learnt.append(at)
            self.positive.append(self.positive[-1] + target)
            if weights:
                for numbers, value in zip(self.weights, weights, strict=True):
                    numbers.append(value)
            if self.last:
                self.ranks.append(rank)
                self.rows.append(row)
            return
        place = bisect_right(learnt, at)
        if self.last:
            while place and learnt[place - 1] == at and self.ranks[place - 1] > rank:
                place -= 1
            self.ranks.insert(place, rank)
            self.rows.insert(place, row)
        learnt.insert(place, at)
        self.positive.insert(place + 1, self.positive[place])
        for later in range(place + 1, len(self.positive)):
            self.positive[later] += target
        for numbers, value in zip(self.weights, weights, strict=True):
            numbers.insert(place, value)

    def upto(self, at: int) -> int:
        """Number of the labels held that are known at the instant `at`."""
        learnt = self.learnt
        return bisect_right(learnt, at) if learnt and learnt[-1] > at else len(learnt)

    def is_empty(self) -> bool:
        """Whether no label is held."""
        return not self.learnt

    def drop_before(self, horizon: int) -> None:
        """Forget the labels before the instant `horizon` but for their number and sum."""
        gone = bisect_left(self.learnt, horizon) - self.last
        if gone > 0:
            self.dropped += gone
            for held in (self.learnt, self.positive, self.ranks, self.rows):
                del held[:gone]
            for numbers in self.weights:
                numbers.drop(gone)
        self.room = max(ROOMY, 2 * len(self.learnt))


__all__ = ["Labels", "Rank"]
