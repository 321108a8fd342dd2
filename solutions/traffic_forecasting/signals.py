"""Signal timing as a suggestion, never as a command: green times for the flows that are forecast.

Webster's cycle (1958) for the critical flows, its greens in their proportion, held between limits;
what it would change is the delay of the Highway Capacity Manual (uniform and random part).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

SHORTEST_S, LONGEST_S = 30.0, 150.0
"""Between which a cycle is held."""
MOST_LOADED: Final = 0.95
"""Sum of critical flow ratios from which no cycle helps."""
LANE_VPH: Final = 1_900.0
"""Saturation flow of a lane (HCM base)."""
QUARTER_H: Final = 0.25
"""Period of the random part of the delay."""


@dataclass(frozen=True)
class Approach:
    """One arm: the phase in which it has green, forecast flow (veh/h), lanes, least green (s)."""

    name: str
    phase: str
    flow_vph: float
    lanes: float = 1.0
    least_green_s: float = 7.0

    @property
    def saturation_vph(self) -> float:
        """What it passes while green."""
        return LANE_VPH * self.lanes

    @property
    def ratio(self) -> float:
        """Flow by saturation flow."""
        return self.flow_vph / self.saturation_vph


@dataclass(frozen=True)
class Timing:
    """A cycle and the effective green of each phase, seconds."""

    cycle_s: float
    green_s: Mapping[str, float]


@dataclass(frozen=True)
class Suggestion:
    """What is suggested for one signal; timing is None where nothing is, why says so.

    loaded: sum of critical flow ratios; delay_s: mean delay of a vehicle with it; change_s: by how
    much that differs from the present timing, negative for less, None where that is not told.
    """

    timing: Timing | None
    why: str
    loaded: float
    delay_s: float | None = None
    change_s: float | None = None


def suggest(
    approaches: Sequence[Approach], lost_s: float = 4.0, present: Timing | None = None
) -> Suggestion:
    """A timing for the flows of one signal's approaches; nothing is ever switched by it.

    lost_s: seconds of each phase in which nobody passes; present: the timing in use. Raises
    ValueError for flows, lanes or times that cannot be.
    """
    _sound(approaches, lost_s, present)
    critical = _critical(approaches)
    loaded = sum(critical.values())
    lost = lost_s * len(critical)
    if loaded >= MOST_LOADED:
        why = f"flows need {loaded:.0%} of the green: no cycle passes them, meter what comes in"
        return Suggestion(None, why, loaded)
    least = _least(approaches)
    if sum(least.values()) + lost > LONGEST_S:
        return Suggestion(None, f"least greens do not fit into {LONGEST_S:g} s", loaded)
    cycle = float(np.clip((1.5 * lost + 5) / (1 - loaded), SHORTEST_S, LONGEST_S))
    cycle = max(cycle, sum(least.values()) + lost)
    timing = Timing(cycle, _greens(cycle - lost, critical, least))
    delay = mean_delay_s(approaches, timing)
    if present is None:
        return Suggestion(timing, "the present timing is not told", loaded, delay)
    change = delay - mean_delay_s(approaches, present)
    if change >= 0:
        return Suggestion(None, "the present timing is as good", loaded, delay, change)
    return Suggestion(timing, "less delay is expected", loaded, delay, change)


def longest(approaches: Sequence[Approach], lost_s: float = 4.0) -> Timing:
    """The longest cycle, its greens by the flows: what is left where no cycle passes them."""
    _sound(approaches, lost_s, None)
    critical = _critical(approaches)
    least = _least(approaches)
    lost = lost_s * len(critical)
    cycle = max(LONGEST_S, sum(least.values()) + lost)
    return Timing(cycle, _greens(cycle - lost, critical, least))


def _least(approaches: Sequence[Approach]) -> dict[str, float]:
    """Least green of each phase, in the order of phases."""
    found: dict[str, float] = {}
    for one in approaches:
        found[one.phase] = max(found.get(one.phase, 0.0), one.least_green_s)
    return found


def _sound(approaches: Sequence[Approach], lost_s: float, present: Timing | None) -> None:
    found = []
    if not approaches:
        found.append("no approach")
    for one in approaches:
        if not (np.isfinite(one.flow_vph) and one.flow_vph >= 0 and one.lanes > 0):
            found.append(f"{one.name} has no flow or no lane")
        if one.least_green_s <= 0:
            found.append(f"{one.name} has no least green")
    if lost_s < 0:
        found.append("time is lost, not won")
    if present is not None:
        phases = {one.phase for one in approaches}
        if not phases <= set(present.green_s) or present.cycle_s <= 0:
            found.append("the present timing lacks a phase")
    if found:
        raise ValueError("; ".join(found))


def _critical(approaches: Sequence[Approach]) -> dict[str, float]:
    """Largest flow ratio of each phase, in the order of phases."""
    found: dict[str, float] = {}
    for one in approaches:
        found[one.phase] = max(found.get(one.phase, 0.0), one.ratio)
    return found


def _greens(
    time_s: float, critical: Mapping[str, float], least: Mapping[str, float]
) -> dict[str, float]:
    """Green times that add up to `time_s`, by critical ratios, none below its least."""
    held: dict[str, float] = {}
    while True:
        free = {phase: ratio for phase, ratio in critical.items() if phase not in held}
        rest, total = time_s - sum(held.values()), sum(free.values())
        share = {
            phase: rest * (ratio / total if total > 0 else 1 / len(free))
            for phase, ratio in free.items()
        }
        short = [phase for phase, green in share.items() if green < least[phase] - 1e-9]
        if not short:
            return {phase: held.get(phase, share.get(phase, 0.0)) for phase in critical}
        held.update({phase: least[phase] for phase in short})


def delay_s(flow_vph: float, saturation_vph: float, green_s: float, cycle_s: float) -> float:
    """Delay of a vehicle at a pretimed signal (HCM 2000, eq. 16-9 to 16-12, random arrivals):
    uniform, and by chance and overload over a quarter of an hour."""
    share = min(green_s / cycle_s, 1.0)
    capacity = max(saturation_vph * share, 1e-6)
    x = flow_vph / capacity
    uniform = 0.5 * cycle_s * (1 - share) ** 2 / max(1 - min(1.0, x) * share, 1e-9)
    inside = (x - 1) ** 2 + 8 * 0.5 * x / (capacity * QUARTER_H)
    return float(uniform + 900 * QUARTER_H * ((x - 1) + np.sqrt(inside)))


def mean_delay_s(approaches: Sequence[Approach], timing: Timing) -> float:
    """Mean delay of a vehicle over all approaches, 0 where nobody comes."""
    flows = np.array([one.flow_vph for one in approaches])
    told = [
        delay_s(one.flow_vph, one.saturation_vph, timing.green_s[one.phase], timing.cycle_s)
        for one in approaches
    ]
    return float(flows @ np.array(told) / flows.sum()) if flows.sum() > 0 else 0.0


__all__ = ["Approach", "Suggestion", "Timing", "delay_s", "longest", "mean_delay_s", "suggest"]
