"""Labels that have become known, in the order in which they did."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from lepton_edge.history import ROOMY

Rank = tuple[int, int, str | int]
"""Where a row stands among others: instant, whether its key is text, key."""


class Labels:
    """Labels of one entity that have become known.

    last: how many of the newest must never be dropped. learnt: instants in microseconds,
    ascending; ranks: the order of their rows inside one instant, kept where `last` asks for it;
    positive: running sum, one longer, those dropped included; dropped: their number.
    """

    __slots__ = ("dropped", "last", "learnt", "positive", "ranks", "room")

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.learnt: list[int] = []
        self.ranks: list[Rank] = []
        self.positive = [0.0]
        self.dropped = 0
        self.room = ROOMY

    def add(self, at: int, target: float, rank: Rank) -> None:
        """Remember a label that became known at the instant `at`, of the row `rank`."""
        if not self.learnt or at > self.learnt[-1] or (at == self.learnt[-1] and not self.last):
            self.learnt.append(at)
            self.positive.append(self.positive[-1] + target)
            if self.last:
                self.ranks.append(rank)
            return
        place = bisect_right(self.learnt, at)
        if self.last:
            while place and self.learnt[place - 1] == at and self.ranks[place - 1] > rank:
                place -= 1
            self.ranks.insert(place, rank)
        self.learnt.insert(place, at)
        self.positive.insert(place + 1, self.positive[place])
        for later in range(place + 1, len(self.positive)):
            self.positive[later] += target

    def upto(self, at: int) -> int:
        """Number of the labels held that are known at the instant `at`."""
        learnt = self.learnt
        return bisect_right(learnt, at) if learnt and learnt[-1] > at else len(learnt)

    def is_empty(self) -> bool:
        """Whether no label is held."""
        return not self.learnt

    def drop_before(self, horizon: int) -> None:
        """Forget the labels before the instant `horizon` but for their number and sum."""
        rows = bisect_left(self.learnt, horizon) - self.last
        if rows > 0:
            self.dropped += rows
            del self.learnt[:rows]
            del self.positive[:rows]
            del self.ranks[:rows]
        self.room = max(ROOMY, 2 * len(self.learnt))


__all__ = ["Labels", "Rank"]
