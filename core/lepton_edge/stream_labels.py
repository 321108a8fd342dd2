"""Labels of a stream: those that wait for their time, and what the known ones say of an event."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from math import nan
from typing import Any

from lepton_edge.known import Labels, Rank
from lepton_edge.stream_plan import LabelPlan

Due = tuple[int, int, float, Rank, tuple[Any, ...], tuple[float, ...]]
"""A label that is not known yet: instant, number, target, rank, keys, what its event said."""


class Waiting:
    """Labels in the order in which they become known.

    Most come in that order already and stand in a queue; the others in a heap.
    """

    __slots__ = ("_queue", "_rest")

    def __init__(self, due: Sequence[Due] = ()) -> None:
        self._queue: deque[Due] = deque(sorted(due, key=lambda one: one[:2]))
        self._rest: list[Due] = []

    def add(self, one: Due) -> None:
        """Let one more wait."""
        queue = self._queue
        if not queue or one[0] >= queue[-1][0]:
            queue.append(one)
        else:
            heapq.heappush(self._rest, one)

    def due(self, at: int) -> Iterator[Due]:
        """Those that are known at the instant `at`; they wait no longer."""
        queue, rest = self._queue, self._rest
        while queue and queue[0][0] <= at:
            while rest and rest[0][:2] < queue[0][:2]:
                yield heapq.heappop(rest)
            yield queue.popleft()
        while rest and rest[0][0] <= at:
            yield heapq.heappop(rest)

    def __iter__(self) -> Iterator[Due]:
        return iter(sorted([*self._queue, *self._rest], key=lambda one: one[:2]))


def look_at_labels(
    plan: LabelPlan, labels: Labels | None, at: int, prior: float, numbers: list[float]
) -> None:
    """Fill in what `plan` asks of the labels known at the instant `at`; prior: rate over all."""
    if labels is None:
        for _, strength, place in plan.rates:
            numbers[place] = prior if strength else nan
        return
    learnt, running = labels.learnt, labels.positive
    upto = len(learnt)
    if upto and learnt[-1] > at:
        upto = bisect_right(learnt, at)
    lows, low = [], upto
    for span in plan.spans:  # ascending, so that each begins no later than the one before
        low = bisect_left(learnt, at - span, 0, low)
        lows.append(low)
    positives = running[upto]
    for window, strength, place in plan.rates:
        if window < 0:
            known, found = labels.dropped + upto, positives
        else:
            low = lows[window]
            known, found = upto - low, positives - running[low]
        weight = known + strength
        numbers[place] = (found + strength * prior) / weight if weight else nan
    for window, place in plan.known:
        numbers[place] = 0.0 + (labels.dropped + upto if window < 0 else upto - lows[window])
    if upto:
        for most, place in plan.lasts:
            low = upto - most if upto > most else 0
            numbers[place] = (positives - running[low]) / (upto - low)
        for value, place in plan.newest:
            row = labels.rows[upto - 1]
            numbers[place] = (at - row[0]) / 1e6 if value < 0 else row[2 + value]
    # most entities have no positive label, and what is left is then as on an empty past
    if positives:
        _positives(plan, labels, upto, lows, at, numbers)


def _positives(
    plan: LabelPlan, labels: Labels, upto: int, lows: list[int], at: int, numbers: list[float]
) -> None:
    running = labels.positive
    for window, place in plan.positives:
        numbers[place] = running[upto] - (0.0 if window < 0 else running[lows[window]])
    for (_, windows), column in zip(plan.weights, labels.weights, strict=True):
        sums, lost = column.sums, column.lost
        for window, place in windows:
            total, rest = (0.0, 0.0) if window < 0 else (sums[lows[window]], lost[lows[window]])
            numbers[place] = (sums[upto] - total) + (lost[upto] - rest)
    for run in plan.runs:
        _run(run, labels.rows, upto, at, numbers)


def _run(
    run: tuple[int, int, int, int],
    rows: Sequence[Sequence[float]],
    upto: int,
    at: int,
    numbers: list[float],
) -> None:
    """Positives without a negative among them, from the newest label backwards."""
    most, unless, to_length, to_age = run
    length, first = 0.0, 0.0
    for place in range(upto - 1, max(upto - most, 0) - 1, -1):
        row = rows[place]
        if row[1] != 1.0:
            break
        if unless < 0 or row[2 + unless] != 1.0:
            length += 1.0
            first = row[0]
    if to_length >= 0:
        numbers[to_length] = length
    elif length:
        numbers[to_age] = (at - first) / 1e6


__all__ = ["Due", "Waiting", "look_at_labels"]
