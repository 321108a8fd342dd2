"""What detectors make of traffic: noise, means over lanes, stop and go, and their failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.demand import remembered
from solutions.traffic_forecasting.plan import STEP, STEP_H

MPH: Final = 1.609344
VEHICLE_M: Final = 6.5
DENSEST: Final = 110.0
"""Vehicles a kilometre and lane beyond which none of them is counted."""
WIDE: Final = (0.10, 2.6, 7.5)
"""Share of means that differ much from the next, and both deviations, km/h."""
SLOW_KMH: Final = 2.8
"""Deviation of what a detector alone reads too much for an hour or more."""
DIPS: Final = 0.0082
DIP_STEPS: Final = 2.5
"""Chance that a dip begins, and the intervals that it lasts on average."""
CREEP_KMH: Final = 6.0
"""Speed below which no mean of five minutes falls: who stands is not counted."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Of each interval and detector, (time, detectors): speed km/h, flow veh/h, occupancy."""

    speed: np.ndarray
    flow: np.ndarray
    occupancy: np.ndarray


@dataclass(frozen=True, eq=False)
class Passing:
    """What passes detectors, (time, detectors): flow veh/h, density veh/km, critical veh/km,
    hour: local hour of each interval, lanes of each detector."""

    flow: np.ndarray
    density: np.ndarray
    critical: np.ndarray
    hour: np.ndarray
    lanes: np.ndarray


def measured(rng: np.random.Generator, passing: Passing) -> Measured:
    """Readings without any failure."""
    shape = passing.flow.shape
    pace = passing.flow / np.maximum(passing.density, 1e-6)
    fullness = np.clip(passing.density / passing.critical, 0.0, None)
    # near capacity drivers slow down before the triangle says so (HCM basic freeway segments)
    slowed = pace * (1 - 0.09 * np.clip(fullness, 0.0, 1.0) ** 2.5)
    own = 1 + 0.035 * rng.normal(size=shape[1])
    night = 1 - 0.05 * np.exp(-0.5 * ((passing.hour - 3.5) / 1.6) ** 2)
    count = np.maximum(passing.flow * STEP_H, 2.0)
    flicker = _flicker(rng, shape) + 5.0 * rng.normal(size=shape) / np.sqrt(count)
    slow = SLOW_KMH * remembered(rng.normal(size=shape), 0.97, axis=0)
    calm = (slowed * own * night[:, None] + flicker + slow) * _dips(rng, shape)
    waves = _stop_and_go(rng, np.clip((fullness - 0.85) / 0.4, 0.0, 1.0))
    least = np.maximum(CREEP_KMH, passing.flow / passing.lanes / DENSEST)
    speed = np.clip(calm + waves, least, 150.0)
    # vehicles come at random: their number varies as much as its root
    count = passing.flow * STEP_H
    counted = count + np.sqrt(count + (0.03 * count) ** 2) * rng.normal(size=shape)
    flow = np.round(np.maximum(counted, 0.0)) / STEP_H
    # density as the readings themselves tell it, so that flow is density times speed
    per_lane = flow / np.maximum(speed, CREEP_KMH) / passing.lanes
    noise = np.exp(0.05 * rng.normal(size=shape))
    return Measured(speed, flow, np.clip(per_lane * VEHICLE_M / 1_000 * noise, 0.0, 1.0))


def _flicker(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """What one mean differs by from the next, km/h: mostly little, at times more."""
    wide = rng.random(shape) < WIDE[0]
    return np.asarray(rng.normal(size=shape) * np.where(wide, WIDE[2], WIDE[1]))


def _dips(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Factor on the speed: now and then slow vehicles, or a lane that is counted wrongly, pull a
    few means down."""
    factor = np.ones(shape)
    deep = np.where(rng.random(shape) < DIPS, rng.uniform(0.40, 0.85, shape), 1.0)
    lasts = rng.geometric(1 / DIP_STEPS, shape)
    for ago in range(6):
        still = np.ones(shape)
        still[ago:] = np.where(lasts > ago, deep, 1.0)[: shape[0] - ago]
        factor = np.minimum(factor, still)
    return factor


def _stop_and_go(rng: np.random.Generator, queued: np.ndarray) -> np.ndarray:
    """Waves within queues, km/h: they pass every ten to twenty minutes."""
    shape = queued.shape
    quick = remembered(rng.normal(size=shape), 0.45, axis=0)
    slow = remembered(rng.normal(size=shape), 0.85, axis=0)
    return np.asarray(queued * (4.5 * quick + 11.5 * slow))


MOST_OUT: Final = 0.2
"""Share of the detectors that are out at most at the end of a record."""
OUT: Final = 0.3
"""Share of a day from which a detector counts as out."""


@dataclass(frozen=True)
class Amounts:
    """How often detectors fail, by detector and day unless said otherwise.

    short, long: outages of a detector of about half an hour, and of a third of a day; network: of
    all by the day; stuck: hours of one value; wild: single readings of no sense; drift: days of a
    clock that is wrong by most of a minute.
    """

    short: float = 1.7
    long: float = 0.12
    network: float = 0.03
    stuck: float = 0.02
    wild: float = 0.03
    drift: float = 0.0008


@dataclass(frozen=True, eq=False)
class Failed:
    """Readings with failures, and where they are: zero, gone (no value), absent (no row), stuck,
    wild, late_s: seconds by which the time is wrong; each (time, detectors)."""

    readings: Measured
    zero: np.ndarray
    gone: np.ndarray
    absent: np.ndarray
    stuck: np.ndarray
    wild: np.ndarray
    late_s: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """Where nothing was measured, however it is told."""
        return np.asarray(self.zero | self.gone | self.absent)


def failed(rng: np.random.Generator, made: Measured, amounts: Amounts) -> Failed:
    """The readings as a control centre gets them."""
    shape = made.speed.shape
    zero, gone, absent, stuck, wild = (np.zeros(shape, dtype=bool) for _ in range(5))
    late = np.zeros(shape, dtype=np.int64)
    speed, flow, occupancy = made.speed.copy(), made.flow.copy(), made.occupancy.copy()
    a_day = pd.Timedelta(days=1) // STEP
    days = shape[0] / a_day
    for often, median in ((amounts.short, 5.0), (amounts.long, 92.0)):
        for column, begin, length in _stretches(rng, shape, often * days, median):
            kind = (zero, gone, absent)[int(rng.choice(3, p=(0.6, 0.2, 0.2)))]
            kind[begin : begin + length, column] = True
    _mended((zero, gone, absent), a_day)
    for _ in range(rng.poisson(amounts.network * days)):
        begin = int(rng.integers(0, shape[0]))
        absent[begin : begin + int(rng.integers(1, 6))] = True
    for column, begin, length in _stretches(rng, shape, amounts.stuck * days, 26.0):
        span = slice(begin, begin + length)
        speed[span, column], flow[span, column] = speed[begin, column], flow[begin, column]
        occupancy[span, column], stuck[span, column] = occupancy[begin, column], True
    for column, begin, _ in _stretches(rng, shape, amounts.wild * days, 1.0):
        speed[begin, column] = rng.uniform(175.0, 199.0)
        wild[begin, column] = True
    for column, begin, _ in _stretches(rng, shape, amounts.drift * days, 1.0):
        late[begin : begin + a_day // 2, column] = int(rng.integers(35, 60))
    speed[zero], flow[zero], occupancy[zero] = 0.0, 0.0, 0.0
    speed[gone], flow[gone], occupancy[gone] = np.nan, np.nan, np.nan
    wild &= ~(zero | gone | absent)
    return Failed(Measured(speed, flow, occupancy), zero, gone, absent, stuck, wild, late)


def _mended(masks: tuple[np.ndarray, ...], a_day: int) -> None:
    """No more than a fifth of the detectors are out on the last day: nobody delivers a record of a
    network that is down, and of a small one chance alone would make many."""
    out = np.any(masks, axis=0)[-a_day:].sum(axis=0) / a_day
    spared = int(MOST_OUT * len(out))
    for column in np.argsort(-out, kind="stable")[spared:]:
        if out[column] > OUT:
            for mask in masks:
                mask[-a_day:, column] = False


def _stretches(
    rng: np.random.Generator, shape: tuple[int, ...], each: float, median: float
) -> list[tuple[int, int, int]]:
    """(detector, first interval, intervals) of failures, about `each` of them a detector."""
    found = []
    for column in range(shape[1]):
        for _ in range(rng.poisson(each)):
            length = max(1, round(float(median * np.exp(0.8 * rng.normal()))))
            found.append((column, int(rng.integers(0, shape[0])), length))
    return found


__all__ = ["MPH", "Amounts", "Failed", "Measured", "Passing", "failed", "measured"]
