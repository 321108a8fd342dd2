"""How many vehicles want to go where: roads, ramps, peaks of the day, kinds of days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.local_time import local_days
from lepton.forecast.holidays import holidays_of
from solutions.traffic_forecasting.cells import JAM_PER_LANE, Road
from solutions.traffic_forecasting.plan import DAY_BEGINS_H, STEP_H, Plan

STEPS: Final = round(25 / STEP_H)
"""Intervals that are simulated of a day: 25 hours, of which a day of the changing clock has all."""
NARROW: Final = (0.98, 1.0)
"""Least and largest capacity of a narrow place by that of the road."""
TIGHT, TIGHT_AT = 0.88, (-4, 2)
"""Capacity of each carriageway's narrowest place by that of the road, and the cells by which it
comes first and last behind the last detector: a queue that nobody sees is none."""
OFF, ON = (0.10, 0.12), (0.11, 0.13)
"""Least and largest share that leaves at an exit, and that comes at the next entry."""
LATE_H: Final = 0.3
"""Hours by which peaks come sooner or later than usual at most."""
BUSY: Final = (0.985, 1.06)
"""Least and largest peak demand of a carriageway by what its narrowest place carries."""
MORNING, EVENING = (7.5, 1.4), (16.9, 2.75)
"""Local hour of each peak, and its width in hours."""
PEAKS, PEAKS_BACK = (0.413, 0.304), (0.303, 0.414)
"""Heights of the morning's and the evening's peak where most go in the morning, and where they come
back, by the largest demand of a workday."""
LANE_VPH: Final = 2_050.0
FREE_KMH: Final = 105.0
WEEK: Final = (0.99, 0.995, 1.005, 1.005, 1.0, 1.035, 0.94)
"""Demand of Monday to Sunday by that of Tuesday."""
SHARED_SD, OWN_SD, FLICKER_SD = 0.004, 0.004, 0.014
"""Deviation of a day's demand that all carriageways share, of each one's own, and within hours."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The roads, and how much each carriageway is used.

    lanes: (carriageways, cells); morning: whether most go in the morning; busy: peak demand at the
    entry by the capacity there; ramps: on-ramp demand by the entry's, (carriageways, cells);
    shift_h: hours by which peaks come later than usual.
    """

    road: Road
    lanes: np.ndarray
    morning: np.ndarray
    busy: np.ndarray
    ramps: np.ndarray
    shift_h: np.ndarray


def layout(rng: np.random.Generator, plan: Plan) -> Layout:
    """Carriageways of three to five lanes, ramps every few cells, and narrow places between."""
    ways, cells = plan.carriageways, plan.cells
    lanes = np.repeat(rng.integers(3, 6, ways)[:, None], cells, axis=1)
    ramps, off = np.zeros((ways, cells)), np.zeros((ways, cells))
    narrow = np.ones((ways, cells))
    tight = plan.at_cells[-1] + np.round(_spread(rng, TIGHT_AT, ways)).astype(int)
    for way in range(ways):
        # the last entry before the narrowest place lies right before it
        for cell in range(1 + int(tight[way]) % 4, cells - 3, 4):
            off[way, cell] = rng.uniform(*OFF)
            ramps[way, cell + 2] = rng.uniform(*ON)
        for cell in range(int(rng.integers(2, 6)), cells, 5):
            narrow[way, cell : cell + 1] = rng.uniform(*NARROW)
    narrow[np.arange(ways), tight] = TIGHT
    free = FREE_KMH * rng.uniform(0.97, 1.0, (ways, 1)) * np.ones((ways, cells))
    road = Road(free, LANE_VPH * lanes * narrow, JAM_PER_LANE * lanes, off)
    morning = np.arange(ways) % 2 == 0
    shift, busy = _spread(rng, (-LATE_H, LATE_H), ways), _spread(rng, BUSY, ways)
    return Layout(road, lanes, morning, busy, ramps, shift)


def _spread(rng: np.random.Generator, ends: tuple[float, float], ways: int) -> np.ndarray:
    """A value of each carriageway, spread evenly and alike over those of the morning and of the
    evening, so that a small network is neither all empty nor all jammed."""
    values, place = np.linspace(*ends, ways), np.arange(ways)
    some = (place // 2 + place + rng.integers(2)) % 2 == 0
    found = np.empty(ways)
    found[0::2], found[1::2] = rng.permutation(values[some]), rng.permutation(values[~some])
    return found


def demand(rng: np.random.Generator, plan: Plan, made: Layout) -> np.ndarray:
    """Vehicles an hour that come to the entry of each carriageway, (days, steps, carriageways)."""
    hour = DAY_BEGINS_H + np.arange(STEPS) * STEP_H
    days, ways = plan.days, plan.carriageways
    kinds = kinds_of_days(plan)
    least = made.road.capacity_vph.min(axis=1)
    level = np.asarray(WEEK)[np.where(kinds == 7, 6, kinds)]
    shared = np.exp(SHARED_SD * rng.normal(size=(days, 1)))
    own = np.exp(OWN_SD * rng.normal(size=(days, ways)))
    ways_of = zip(made.morning, made.shift_h, strict=True)
    usual = np.stack([course(hour - late, kinds >= 5, is_am) for is_am, late in ways_of], axis=-1)
    flicker = np.exp(FLICKER_SD * _remembered(rng, (days, STEPS, ways), 0.75))
    scale = made.busy * least / (1 + _through(made))
    # a few days are slower or faster to begin: peaks shift by some minutes
    found = usual * (level[:, None] * shared * own)[:, None, :] * flicker * scale
    return np.asarray(found)


def _through(made: Layout) -> np.ndarray:
    """What ramps add on balance up to the narrowest place, by the entry's demand."""
    flow = np.ones(len(made.busy))
    worst = np.zeros(len(made.busy))
    for cell in range(made.ramps.shape[1]):
        flow = flow + made.ramps[:, cell]
        worst = np.maximum(worst, flow / made.road.capacity_vph[:, cell])
        flow = flow * (1 - made.road.off[:, cell])
    return np.asarray(worst * made.road.capacity_vph.min(axis=1) - 1)


def kinds_of_days(plan: Plan) -> np.ndarray:
    """0 to 6 for Monday to Sunday, 7 for a public holiday."""
    days = local_days(plan.days_at[:-1], plan.zone)
    years = range(int(days[0].year), int(days[-1].year) + 1)
    off = holidays_of(plan.country, plan.subdiv, years)
    number = (days - pd.Timestamp("1970-01-01")) // pd.Timedelta(days=1)
    return np.asarray(np.where(np.isin(number, off), 7, days.day_of_week))


def course(hour: np.ndarray, is_off: np.ndarray, is_morning: bool) -> np.ndarray:
    """Demand over the day by its largest of a workday, (days, steps)."""
    am, pm = PEAKS if is_morning else PEAKS_BACK
    base = 0.10 + 0.52 * _rise(hour, 5.6, 0.45) * (1 - _rise(hour, 20.6, 0.9))
    work = base + am * _bump(hour, *MORNING) + pm * _bump(hour, *EVENING)
    work = work + 0.04 * _bump(hour, 12.5, 2.0)
    free = 0.10 + 0.62 * _rise(hour, 8.6, 1.0) * (1 - _rise(hour, 20.8, 1.2))
    free = free + 0.16 * _bump(hour, 15.0, 2.4)
    return np.asarray(np.where(is_off[:, None], free, work))


def _bump(hour: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * ((hour - centre) / width) ** 2))


def _rise(hour: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(hour - centre) / width)))


def _remembered(rng: np.random.Generator, shape: tuple[int, int, int], keep: float) -> np.ndarray:
    """Standard normal noise that remembers along the steps of each day."""
    return remembered(rng.normal(size=shape), keep, axis=1)


def remembered(shocks: np.ndarray, keep: float, axis: int) -> np.ndarray:
    """AR(1) of standard normal shocks along an axis, with a deviation of 1."""
    from scipy.signal import lfilter

    first = np.take(shocks, [0], axis=axis)
    gain = np.sqrt(1 - keep**2)
    rest = shocks * gain
    head = [slice(None)] * shocks.ndim
    head[axis] = slice(0, 1)
    rest[tuple(head)] = first
    return np.asarray(lfilter([1.0], [1.0, -keep], rest, axis=axis))


__all__ = ["STEPS", "Layout", "course", "demand", "kinds_of_days", "layout", "remembered"]
