"""What goes wrong with sensors themselves, and a log of it that no feature ever sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.predictive_maintenance.fleet import Plan
from solutions.predictive_maintenance.sensing import Signals
from solutions.predictive_maintenance.sensors import SENSORS

KINDS: Final = ("dropout", "stuck", "drift", "swapped_unit", "clock_skew", "outage")
A_YEAR: Final = np.array([1.6, 0.35, 0.2, 0.12, 0.5, 2.0])
"""Episodes a year: of each sensor the first four, of a whole asset the last two."""
LASTS_D: Final = np.array([1.2, 4.0, 12.0, 3.0, 6.0, 1.0])
"""Mean days that an episode lasts."""
DRIFT_SPREADS: Final = 5.0
"""What a drift reaches at its end, in spreads of the sensor's noise."""
MOST_SKEW: Final = 0.35
"""Largest error of a clock as a share of the time between readings."""
LOST_CELLS: Final = 0.004
_OTHER: Final = {"degC": (1.8, 32.0), "bar": (14.5038, 0.0), "mm/s": (0.0393701, 0.0)}
"""Factor and offset to the unit that is sent by mistake: degF, psi, in/s."""


@dataclass(frozen=True)
class Faulted:
    """Readings as they are sent: which rows arrive, their clock's error in s, and the log.

    log: asset (position), sensor (its name; missing for a whole asset), kind, first and last step,
    size.
    """

    sensors: np.ndarray
    arrived: np.ndarray
    skew_s: np.ndarray
    log: pd.DataFrame


def spoil(rng: np.random.Generator, plan: Plan, signals: Signals) -> Faulted:
    """`signals` with dropout bursts, stuck and drifting sensors, swapped units, skewed clocks,
    outages of a whole asset, and single lost values."""
    sensors = signals.sensors.copy()
    n = signals.asset.size
    arrived, skew_s = np.ones(n, dtype=bool), np.zeros(n)
    starts = np.searchsorted(signals.asset, np.arange(plan.n_assets + 1))
    log = _drawn(rng, plan)
    numbers = (log[name].to_numpy() for name in ("asset", "place", "first", "last", "size"))
    for kind, asset, place, begun, over, size in zip(log["kind"], *numbers, strict=True):
        low, high = starts[asset], starts[asset + 1]
        first, last = low + np.searchsorted(signals.step[low:high], [begun, over + 1])
        rows = slice(int(first), int(last))
        if kind == "outage":
            arrived[rows] = False
        elif kind == "clock_skew":
            skew_s[rows] = size * MOST_SKEW * plan.step_h * 3_600
        else:
            _bend(sensors[place], rows, kind, size, place)
    sensors[rng.random(sensors.shape) < LOST_CELLS] = np.nan
    return Faulted(sensors, arrived, skew_s, log)


def _drawn(rng: np.random.Generator, plan: Plan) -> pd.DataFrame:
    """All episodes, by asset, sensor and kind; a sensor's are applied in the order of KINDS."""
    years, parts = plan.n_days / 365.25, []
    for kind, name in enumerate(KINDS):
        places = len(SENSORS) if name not in ("clock_skew", "outage") else 1
        counts = rng.poisson(A_YEAR[kind] * years, (plan.n_assets, places))
        asset, place = (np.repeat(part, counts.ravel()) for part in _pairs(counts.shape))
        first = rng.uniform(0, plan.recorded, len(asset)).astype(int)
        days = rng.exponential(LASTS_D[kind], len(asset)) + 0.2
        last = first + np.maximum(days * 24 / plan.step_h, 1).astype(int) - 1
        size = rng.uniform(0.2, 1.0, len(asset)) * rng.choice([-1.0, 1.0], len(asset))
        part = {"asset": asset, "place": place, "kind": name, "size": size}
        parts.append(pd.DataFrame({**part, "first": first, "last": last}))
    log = pd.concat(parts, ignore_index=True)
    unit_swaps = (log["kind"] == "swapped_unit") & ~log["place"].map(_can_swap)
    log = log[~unit_swaps].reset_index(drop=True)
    log[["first", "last"]] += plan.before
    names = pd.Series([sensor.name for sensor in SENSORS], dtype="str")
    whole = log["kind"].isin(["clock_skew", "outage"])
    return log.assign(sensor=names.take(log["place"].to_numpy()).to_numpy()).assign(
        sensor=lambda frame: frame["sensor"].mask(whole)
    )


def _pairs(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.indices(shape)
    return first.ravel(), second.ravel()


def _can_swap(place: int) -> bool:
    return SENSORS[place].unit in _OTHER


def _bend(values: np.ndarray, rows: slice, kind: str, size: float, place: int) -> None:
    """Does to the `rows` of one sensor's values, in place, what its fault does."""
    if rows.start >= rows.stop:
        return
    if kind == "dropout":
        values[rows] = np.nan
    elif kind == "stuck":
        values[rows] = values[rows.start]
    elif kind == "drift":
        ramp = np.linspace(0.0, 1.0, rows.stop - rows.start)
        values[rows] += size * DRIFT_SPREADS * SENSORS[place].noise * ramp
    else:
        factor, offset = _OTHER[SENSORS[place].unit]
        values[rows] = values[rows] * factor + offset


__all__ = ["KINDS", "Faulted", "spoil"]
