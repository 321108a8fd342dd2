"""Signal timing as a suggestion, never as a command: green times for the flows that are forecast.

Webster's cycle (1958) for the critical flows, its greens in their proportion, held between limits;
what it would change is the delay of the Highway Capacity Manual (uniform and random part).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.grid import Grid, grid_of
from solutions.traffic_forecasting.incidents import slots
from solutions.traffic_forecasting.register import main_zone, register_of

SHORTEST_S, LONGEST_S = 30.0, 150.0
"""Between which a cycle is held."""
MOST_LOADED: Final = 0.95
"""Sum of critical flow ratios from which no cycle helps."""
LANE_VPH: Final = 1_900.0
"""Saturation flow of a lane (HCM base)."""
QUARTER_H: Final = 0.25
"""Period of the random part of the delay."""
_COLUMNS: Final = ("signal_id", "cycle_s", "green_s", "loaded", "delay_s", "why")
RECENT: Final = 3
"""Intervals whose flow by the usual one tells how busy it is today."""


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
    least = {phase: max(a.least_green_s for a in approaches if a.phase == phase)
             for phase in critical}  # fmt: skip
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


def forecast_flows(
    grid: Grid, slot: np.ndarray, at: int, wanted: int, learn: slice | None = None
) -> np.ndarray:
    """Flow (veh/h) of each detector, (n,), at the time `wanted`, as seen before row `at`: the usual
    one then by how busy the last intervals were; NaN where no flow is known.

    slot: (time,) time of the day or week of each row, as `wanted` is one; only rows before `at` are
    looked at, and those of `learn` tell what is usual. Raises ValueError where there is no flow.
    """
    if grid.flow is None:
        raise ValueError("no flow is delivered")
    known = np.zeros(len(slot), dtype=bool)
    known[learn or slice(None)] = True
    known[at:] = False
    usual_then = _mean(grid.flow[known & (slot == wanted)])
    recent = range(max(at - RECENT, 0), at)
    usual_now = _mean(np.stack([_mean(grid.flow[known & (slot == slot[row])]) for row in recent]))
    now = _mean(grid.flow[recent])
    with np.errstate(invalid="ignore", divide="ignore"):
        busy = np.where(usual_now > 0, now / usual_now, 1.0)
    return np.asarray(usual_then * np.where(np.isfinite(busy), busy, 1.0))


def suggestions(
    tables: Mapping[str, pd.DataFrame], ahead_min: float = 15.0, lost_s: float = 4.0
) -> pd.DataFrame:
    """One row a signal for the flows so many minutes after the last reading: signal_id, cycle_s,
    green_s (phase -> seconds) or None, loaded, delay_s, why; no row where no flow, no approach with
    signal and phase, or no forecast is there. Nothing is switched: a person decides.
    """
    grid = grid_of(tables["readings"])
    register = register_of(tables, grid.ids)
    if grid.flow is None:
        return pd.DataFrame(columns=list(_COLUMNS))
    zone = main_zone(register) or "UTC"
    slot, _ = slots(grid.at, grid.step_s, zone)
    later = grid.at[-1:] + pd.Timedelta(minutes=ahead_min)
    wanted = int(slots(later, grid.step_s, zone)[0][0])
    flows = forecast_flows(grid, slot, grid.n_steps, wanted)
    arms = register.assign(flow=flows)
    known = arms["signal_id"].notna() & arms["phase"].notna() & arms["flow"].notna()
    rows = []
    for signal, own in arms[known].groupby("signal_id", sort=True):
        found = suggest([_approach(arm) for _, arm in own.iterrows()], lost_s)
        timing = found.timing
        rows.append(
            (
                str(signal),
                np.nan if timing is None else timing.cycle_s,
                None if timing is None else dict(timing.green_s),
                found.loaded,
                np.nan if found.delay_s is None else found.delay_s,
                found.why,
            )
        )
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _approach(arm: pd.Series) -> Approach:
    """An arm as the register tells it; one lane and seven seconds where it does not."""
    lanes, least = arm["lanes"], arm["least_green_s"]
    return Approach(
        str(arm["sensor_id"]),
        str(arm["phase"]),
        float(arm["flow"]),
        1.0 if pd.isna(lanes) else float(lanes),
        7.0 if pd.isna(least) else float(least),
    )


def _mean(rows: np.ndarray) -> np.ndarray:
    """Mean of each column; NaN where nothing is known."""
    there = np.isfinite(rows)
    n = there.sum(axis=0)
    return np.where(n > 0, np.where(there, rows, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)


__all__ = [
    "Approach",
    "Suggestion",
    "Timing",
    "delay_s",
    "forecast_flows",
    "mean_delay_s",
    "suggest",
    "suggestions",
]
