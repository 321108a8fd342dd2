"""Streets where ramps end at signals: what comes to each signal, as counts alone.

The ramp brings what leaves the motorway there; streets have peaks of their own. Counters at
approaches tell no speed: who waits at red would spoil any mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.cells import Traffic
from solutions.traffic_forecasting.demand import STEPS, Layout, course, kinds_of_days, remembered
from solutions.traffic_forecasting.detectors import Amounts, Measured, failed
from solutions.traffic_forecasting.plan import CELL_KM, DAY_BEGINS_H, STEP_H, Plan

RAMP: Final = "ramp"
"""The arm that comes from the motorway."""


@dataclass(frozen=True)
class Arm:
    """Of every signal: what comes, its phase, lanes, least green (s), and peak demand (veh/h)."""

    name: str
    phase: str
    lanes: float
    least_green_s: float
    peak_vph: tuple[float, float] = (0.0, 0.0)


ARMS: Final = (
    Arm(RAMP, "B", 2.0, 7.0),
    Arm("east", "A", 2.0, 10.0, (800.0, 1_050.0)),
    Arm("west", "A", 2.0, 10.0, (800.0, 1_050.0)),
    Arm("turn", "C", 1.0, 6.0, (140.0, 230.0)),
)
EACH: Final = 5
"""Detectors of motorways by approach."""
DAY_SD, FLICKER_SD = 0.06, 0.07
"""Deviation of a day's demand from the usual one, and within hours."""
FAILS: Final = Amounts(short=0.6, long=0.03, network=0.0, stuck=0.01, wild=0.0, drift=0.0)
LIMIT_KMH: Final = 50.0


@dataclass(frozen=True, eq=False)
class Approaches:
    """Rows of the tables readings and sensors."""

    readings: pd.DataFrame
    sensors: pd.DataFrame


def approaches(rng: np.random.Generator, plan: Plan, made: Layout, traffic: Traffic) -> Approaches:
    """About one approach to every `EACH` detectors, at signals of up to four of them; none where
    no signal has two."""
    total = plan.carriageways * plan.detectors // EACH
    signals = [min(len(ARMS), total - first) for first in range(0, total, len(ARMS))]
    signals = [n for n in signals if n > 1]
    flows, rows = [], []
    for number, n in enumerate(signals):
        way = number * plan.carriageways // len(signals)
        cell = int(made.road.off[way].argmax())
        for arm in ARMS[:n]:
            flow = _ramp(made, traffic, way, cell) if arm.name == RAMP else _street(rng, plan, arm)
            flows.append(_of_record(plan, flow))
            rows.append(_registered(plan, number, arm, way, cell))
    sensors = pd.DataFrame(rows, columns=list(_COLUMNS))
    return Approaches(_counted(rng, plan, flows, list(sensors["sensor_id"])), sensors)


def _ramp(made: Layout, traffic: Traffic, way: int, cell: int) -> np.ndarray:
    """What leaves a carriageway, veh/h, (days, steps)."""
    return np.asarray(traffic.flow[:, :, way, cell] * made.road.off[way, cell])


def _street(rng: np.random.Generator, plan: Plan, arm: Arm) -> np.ndarray:
    """What comes along a street, veh/h, (days, steps)."""
    hour = DAY_BEGINS_H + np.arange(STEPS) * STEP_H
    is_off = kinds_of_days(plan) >= 5
    usual = course(hour - rng.uniform(-0.5, 0.5), is_off, bool(rng.random() < 0.5))
    day = np.exp(DAY_SD * rng.normal(size=(plan.days, 1)))
    flicker = remembered(rng.normal(size=(plan.days, STEPS)), 0.9, axis=1)
    return np.asarray(rng.uniform(*arm.peak_vph) * usual * day * np.exp(FLICKER_SD * flicker))


def _of_record(plan: Plan, flow: np.ndarray) -> np.ndarray:
    """The intervals of the record, day after day."""
    return np.concatenate([own[:n] for own, n in zip(flow, plan.steps_of_days, strict=True)])


def _counted(
    rng: np.random.Generator, plan: Plan, flows: list[np.ndarray], ids: list[str]
) -> pd.DataFrame:
    """Readings of counters: vehicles come at random, and counters fail by sending nothing."""
    flow = rng.poisson(np.stack(flows, axis=1) * STEP_H) / STEP_H if ids else np.empty((0, 0))
    none = np.full(flow.shape, np.nan)
    dirty = failed(rng, Measured(none, flow, none), FAILS if plan.faults else Amounts(*[0] * 6))
    column, row = np.nonzero(~(dirty.absent | dirty.zero).T)
    there = (column, row)
    return pd.DataFrame(
        {
            "event_at": plan.at[row].as_unit("us"),
            "sensor_id": pd.Series(np.asarray(ids, dtype=object)[column], dtype="str"),
            "speed_kmh": none.T[there],
            "flow_vph": dirty.readings.flow.T[there],
            "occupancy": none.T[there],
        }
    )


_COLUMNS: Final = ("sensor_id", "lat", "lon", "lanes", "speed_limit_kmh", "tz", "country",
                   "subdiv", "type", "signal_id", "phase", "least_green_s")  # fmt: skip


def _registered(plan: Plan, number: int, arm: Arm, way: int, cell: int) -> tuple[object, ...]:
    """A row of the register: each signal beside the motorway, as far along it as its ramp."""
    away = round((cell - plan.cells / 2) * CELL_KM / 111.2, 5)
    lat, lon = plan.lat + away, round(plan.lon + 0.004 * (1 + way), 5)
    name = f"S{number + 1}"
    place = (f"{name}-{arm.name}", lat, lon, arm.lanes, LIMIT_KMH)
    signal = ("approach", name, arm.phase, arm.least_green_s)
    return (*place, plan.zone, plan.country, plan.subdiv, *signal)


__all__ = ["ARMS", "EACH", "Approaches", "Arm", "approaches"]
