"""What an entity's past, its labels and the event itself say, into the event's list of numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf, nan, sqrt

from lepton_edge.history import History, Numbers, Texts
from lepton_edge.known import Labels
from lepton_edge.stream_plan import (
    COPY,
    DIFFERENCE,
    RATIO,
    EntityPlan,
    LabelPlan,
    StreamPlan,
    TextPlan,
    ValuePlan,
)


def look(plan: EntityPlan, history: History, at: int, numbers: list[float]) -> None:
    """Fill in what `plan` asks of the rows of `history` before the instant `at`."""
    instants = history.at
    high = len(instants)
    if high and instants[-1] >= at:
        high = bisect_left(instants, at)
    lows = [bisect_left(instants, at - span, 0, high) for span in plan.spans]
    lows.append(-history.dropped)
    for window, place in plan.counts:
        numbers[place] = float(high - lows[window])
    for place in plan.recency:
        if high:
            numbers[place] = (at - instants[high - 1]) / 1e6
        elif history.dropped:
            numbers[place] = (at - history.last_dropped) / 1e6
    for values, column in zip(plan.values, history.numbers, strict=True):
        _sums(values, column, lows, high, numbers)
        if values.tops:
            _extremes(values.tops, column, lows, high, numbers, 1.0)
        if values.bottoms:
            _extremes(values.bottoms, column, lows, high, numbers, -1.0)
        for window, place in values.deviations:
            numbers[place] = column.deviation(lows[window], high)
        if values.ever:
            _whole(values, column, high, numbers)
    for asked, texts in zip(plan.texts, history.texts, strict=True):
        _different(asked, texts, lows, high, at, numbers)


def _sums(
    plan: ValuePlan, column: Numbers, lows: list[int], high: int, numbers: list[float]
) -> None:
    sums, lost, known = column.sums, column.lost, column.known
    sum_high, lost_high, known_high = sums[high], lost[high], known[high]
    for window, to_sum, to_mean, to_count in plan.sums:
        low = lows[window]
        total = (sum_high - sums[low]) + (lost_high - lost[low])
        count = known_high - known[low]
        numbers[to_sum] = total
        numbers[to_mean] = total / count if count else nan
        numbers[to_count] = float(count)


def _extremes(
    asked: list[tuple[int, int]],
    column: Numbers,
    lows: list[int],
    high: int,
    numbers: list[float],
    sign: float,
) -> None:
    """The largest value (sign 1) or the smallest (-1) of each window, shorter windows first."""
    found = -inf * sign
    end = high
    furthest = max if sign > 0 else min
    for window, place in asked:
        low = lows[window]
        if low < end:
            values = column.inside(low, end)
            if values:
                found = furthest(found, furthest(values))
            end = low
        numbers[place] = found if -inf < found < inf else nan


def _whole(plan: ValuePlan, column: Numbers, high: int, numbers: list[float]) -> None:
    """Aggregates of the whole past: what runs along with the rows."""
    count = column.known[high]
    for op, place in plan.ever:
        if op == "count":
            numbers[place] = float(count)
        elif op == "sum":
            numbers[place] = column.sums[high] + column.lost[high]
        elif not count:
            continue
        elif op == "mean":
            numbers[place] = (column.sums[high] + column.lost[high]) / count
        elif op == "std":
            numbers[place] = sqrt(column.squares[high] / count)
        else:
            numbers[place] = (column.tops if op == "max" else column.bottoms)[high]


def _different(
    plan: TextPlan, texts: Texts, lows: list[int], high: int, at: int, numbers: list[float]
) -> None:
    for window, place in plan.asked:
        found = texts.ever(at) if window < 0 else texts.distinct(lows[window], high)
        numbers[place] = float(found)


def look_at_labels(
    plan: LabelPlan, labels: Labels | None, at: int, prior: float, numbers: list[float]
) -> None:
    """Fill in what `plan` asks of the labels known at the instant `at`; prior: rate over all."""
    learnt: Sequence[int] = () if labels is None else labels.learnt
    running: Sequence[float] = (0.0,) if labels is None else labels.positive
    dropped = 0 if labels is None else labels.dropped
    upto = len(learnt)
    if upto and learnt[-1] > at:
        upto = bisect_right(learnt, at)
    lows = [bisect_left(learnt, at - span, 0, upto) for span in plan.spans]
    positives_upto = running[upto]
    for window, what, strength, place in plan.asked:
        if window < 0:
            known, positives = dropped + upto, positives_upto
        else:
            known, positives = upto - lows[window], positives_upto - running[lows[window]]
        if what == "last":
            low = max(upto - int(strength), 0)
            numbers[place] = (positives_upto - running[low]) / (upto - low) if upto > low else nan
        elif what == "rate":
            weight = known + strength
            numbers[place] = (positives + strength * prior) / weight if weight else nan
        else:
            numbers[place] = float(known) if what == "known" else positives


def derive(plan: StreamPlan, at: int, numbers: list[float]) -> None:
    """Fill in the parts of the day, and the nodes that are made of others."""
    for clock, parts in plan.calendar:
        hour, weekday = clock.parts(at)
        for part, place in parts:
            if part == "hour":
                numbers[place] = hour
            elif part == "weekday":
                numbers[place] = float(weekday)
            else:
                numbers[place] = float(weekday >= 5 if part == "is_weekend" else hour < 6)
    for code, place, left, right, scale in plan.steps:
        if code == COPY:
            numbers[place] = numbers[left]
            continue
        if code == RATIO:
            over, below = numbers[left], numbers[right]
        else:
            over = numbers[left] - numbers[right]
            if code == DIFFERENCE:
                numbers[place] = over
                continue
            below = numbers[scale]
        numbers[place] = over / below if below and -inf < below < inf else nan


__all__ = ["derive", "look", "look_at_labels"]
