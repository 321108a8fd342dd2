"""What an entity's past and the event itself say, into the event's list of numbers.

Every function here runs once an event or more: plain loops over tuples, nothing looked up twice.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import asin, cos, inf, nan, radians, sin, sqrt
from typing import Final

from lepton_edge.history import History, Numbers, Texts
from lepton_edge.stream_plan import (
    ABOVE,
    ALIGNMENT,
    CONTRAST,
    COPY,
    DIFFERENCE,
    EVER,
    NOW,
    RATIO,
    SCALED,
    Asked,
    EntityPlan,
    StreamPlan,
    TextPlan,
    ValuePlan,
)

EARTH_KM: Final = 6_371.0088
"""Mean radius of the earth (Moritz 2000, Geodetic Reference System 1980)."""


def look(plan: EntityPlan, history: History, at: int, numbers: list[float]) -> None:
    """Fill in what `plan` asks of the rows of `history` before the instant `at`."""
    instants = history.at
    high = len(instants)
    if high and instants[-1] >= at:
        high = bisect_left(instants, at)
    bounds = []
    low = high
    for span in plan.spans:  # ascending, so that each begins no later than the one before
        low = bisect_left(instants, at - span, 0, low)
        bounds.append(low)
    bounds.append(high)
    for low, upto, place in plan.counts:
        first = -history.dropped if low == EVER else bounds[low]
        numbers[place] = 0.0 + (bounds[upto] - first)
    if high:
        for place in plan.recency:
            numbers[place] = (at - instants[high - 1]) / 1e6
    for values, column in zip(plan.values, history.numbers, strict=True):
        if values.totals:
            if column.known is None:
                _all_there(values, column, bounds, numbers)
            else:
                _some_there(values, column, bounds, numbers)
        if values.tops:
            _extremes(values.tops, column, bounds, numbers, max)
        if values.bottoms:
            _extremes(values.bottoms, column, bounds, numbers, min)
        for low, upto, place in values.deviations:
            numbers[place] = column.deviation(bounds[low], bounds[upto])
        if values.ever:
            _whole(values, column, bounds, numbers)
        if values.last and high:
            _newest(values, column, instants, high, numbers)
    if plan.texts:
        for asked, texts in zip(plan.texts, history.texts, strict=True):
            _different(asked, texts, bounds, at, numbers)


def _all_there(plan: ValuePlan, column: Numbers, bounds: list[int], numbers: list[float]) -> None:
    """Sums, means and counts of a column of which nothing is missing."""
    sums, lost = column.sums, column.lost
    now = bounds[-1]
    sum_now, lost_now = sums[now], lost[now]
    for low, upto, place in plan.means:
        first = bounds[low]
        if upto == NOW:
            if now > first:
                total = (sum_now - sums[first]) + (lost_now - lost[first])
                numbers[place] = total / (now - first)
            continue
        end = bounds[upto]
        if end > first:
            total = (sums[end] - sums[first]) + (lost[end] - lost[first])
            numbers[place] = total / (end - first)
    for low, upto, place in plan.sums:
        first, end = bounds[low], bounds[upto]
        numbers[place] = (sums[end] - sums[first]) + (lost[end] - lost[first])
    for low, upto, place in plan.counts:
        numbers[place] = 0.0 + (bounds[upto] - bounds[low])


def _some_there(plan: ValuePlan, column: Numbers, bounds: list[int], numbers: list[float]) -> None:
    """The same where some are missing, which count for nobody."""
    sums, lost, known = column.sums, column.lost, column.known or ()
    for low, upto, place in plan.means:
        first, end = bounds[low], bounds[upto]
        count = known[end] - known[first]
        if count:
            total = (sums[end] - sums[first]) + (lost[end] - lost[first])
            numbers[place] = total / count
    for low, upto, place in plan.sums:
        first, end = bounds[low], bounds[upto]
        numbers[place] = (sums[end] - sums[first]) + (lost[end] - lost[first])
    for low, upto, place in plan.counts:
        numbers[place] = 0.0 + (known[bounds[upto]] - known[bounds[low]])


def _extremes(
    asked: list[Asked],
    column: Numbers,
    bounds: list[int],
    numbers: list[float],
    furthest: Callable[[Sequence[float]], float],
) -> None:
    """The furthest value of each window, shorter windows first: each looks at what is new."""
    end = bounds[-1]
    best = nan
    for low, _, place in asked:
        first = bounds[low]
        if first < end:
            values = column.inside(first, end)
            if values:
                found = furthest(values)
                best = furthest((best, found)) if best == best else found
            end = first
        numbers[place] = best


def _whole(plan: ValuePlan, column: Numbers, bounds: list[int], numbers: list[float]) -> None:
    """Aggregates of the whole past: what runs along with the rows."""
    for op, upto, place in plan.ever:
        high = bounds[upto]
        count = column.count(high)
        if op == "mean":
            if count:
                numbers[place] = (column.sums[high] + column.lost[high]) / count
        elif op == "std":
            if count:
                numbers[place] = sqrt(column.squares[high] / count)
        elif op == "count":
            numbers[place] = 0.0 + count
        elif op == "sum":
            numbers[place] = column.sums[high] + column.lost[high]
        elif count:
            numbers[place] = (column.tops if op == "max" else column.bottoms)[high]


def _newest(
    plan: ValuePlan, column: Numbers, instants: array[int], high: int, numbers: list[float]
) -> None:
    """Mean of the values at the newest instant."""
    low = high - 1
    while low and instants[low - 1] == instants[high - 1]:
        low -= 1
    values = column.inside(low, high)
    for place in plan.last:
        numbers[place] = sum(values) / len(values) if values else nan


def _different(
    plan: TextPlan, texts: Texts, bounds: list[int], at: int, numbers: list[float]
) -> None:
    for low, place in plan.asked:
        found = texts.ever(at) if low == EVER else texts.distinct(bounds[low], bounds[-1])
        numbers[place] = float(found)


def derive(plan: StreamPlan, at: int, numbers: list[float]) -> None:
    """Fill in the parts of the day, and the nodes that are made of others."""
    for clock, parts in plan.calendar:
        hour, weekday = clock.parts(at)
        for part, place in parts:
            numbers[place] = part(hour, weekday)
    for code, place, of, limit in plan.steps:
        if code == RATIO:
            over, below = numbers[of[0]], numbers[of[1]]
        elif code == COPY:
            numbers[place] = numbers[of[0]]
            continue
        elif code == DIFFERENCE:
            numbers[place] = numbers[of[0]] - numbers[of[1]]
            continue
        elif code == SCALED:
            over, below = numbers[of[0]] - numbers[of[1]], numbers[of[2]]
        elif code == ABOVE:
            value = numbers[of[0]]
            numbers[place] = (1.0 if value > limit else 0.0) if value == value else nan
            continue
        elif code == CONTRAST:
            left, right = numbers[of[0]], numbers[of[1]]
            over, below = left - right, left + right
        elif code == ALIGNMENT:
            x, y, mean_x, mean_y = [numbers[one] for one in of]
            numbers[place] = x * mean_x + y * mean_y
            continue
        else:
            over, below = _kilometres(*[numbers[one] for one in of[:4]]) * 3_600, numbers[of[4]]
        numbers[place] = over / below if below and -inf < below < inf else nan


def _kilometres(lat: float, lon: float, from_lat: float, from_lon: float) -> float:
    """Length of the great circle between two places in degrees (haversine, Sinnott 1984)."""
    south, north = radians(from_lat), radians(lat)
    up, along = sin((north - south) / 2), sin(radians(lon - from_lon) / 2)
    chord = up * up + cos(south) * cos(north) * along * along
    return 2 * EARTH_KM * asin(sqrt(chord if chord < 1.0 else 1.0)) if chord == chord else nan


__all__ = ["derive", "look"]
