"""All readings as matrices: one row an interval, one column a detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from lepton.forecast.panel import seconds_of
from solutions.traffic_forecasting.limits import LIMITS, Limits

DAY_S: Final = 86_400
STEPS_S: Final = (60, 120, 300, 600, 900)
"""Interval lengths of detectors."""
ON_GRID: Final = 0.1
"""Share of an interval by which the clock of a detector may be wrong."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Readings of detectors at one interval length.

    ids: the detectors in the order of columns; speed (km/h), flow (veh/h), occupancy (0..1): one
    row an interval from `first_s` (UTC seconds) on, NaN where nothing is known; flow, occupancy:
    None where nobody delivers them; told: where a reading came at all; zero: where it said 0 km/h
    and that was none; doubted: where the station itself doubts it; off_grid: readings of each
    detector that lie between two intervals.
    """

    ids: tuple[str, ...]
    first_s: int
    step_s: int
    speed: np.ndarray
    flow: np.ndarray | None
    occupancy: np.ndarray | None
    told: np.ndarray
    zero: np.ndarray
    doubted: np.ndarray
    off_grid: np.ndarray

    @property
    def n_steps(self) -> int:
        """Intervals."""
        return len(self.speed)

    @property
    def a_day(self) -> int:
        """Intervals of 24 hours."""
        return DAY_S // self.step_s

    @cached_property
    def at(self) -> pd.DatetimeIndex:
        """When each interval begins."""
        seconds = self.first_s + np.arange(self.n_steps, dtype=np.int64) * self.step_s
        return pd.DatetimeIndex(pd.to_datetime(seconds, unit="s", utc=True))

    def without(self, mask: np.ndarray) -> Grid:
        """The grid with the speeds under the mask missing."""
        return replace(self, speed=np.where(mask, np.nan, self.speed))

    def local_hour(self, zone: str) -> np.ndarray:
        """Hour of each interval by the clock of a zone, 0 to 23."""
        return np.asarray(self.at.tz_convert(zone).hour)

    def local_day(self, zone: str) -> pd.DatetimeIndex:
        """Local date of each interval, as a naive midnight."""
        return self.at.tz_convert(zone).tz_localize(None).normalize()


def is_standing(
    occupancy: np.ndarray | None, flow: np.ndarray | None, limits: Limits = LIMITS
) -> np.ndarray | bool:
    """Whether a speed of 0 is one: the detector stays covered, or few vehicles crawl over it."""
    least, most = limits.standing
    if occupancy is not None:
        known = np.isfinite(occupancy)
        return np.where(known, np.nan_to_num(occupancy) >= least, _crawls(flow, most))
    return _crawls(flow, most)


def _crawls(flow: np.ndarray | None, most: float) -> np.ndarray | bool:
    if flow is None:
        return False
    told = np.nan_to_num(flow)
    return np.asarray((told > 0) & (told <= most))


def step_of(readings: pd.DataFrame) -> int:
    """Seconds of an interval: the most frequent time between two readings of a detector, of the
    detector that reads least often; five minutes where no two readings follow each other."""
    code = pd.factorize(readings["sensor_id"], sort=True)[0]
    second = seconds_of(readings["event_at"])
    order = np.lexsort((second, code))
    same = np.diff(code[order]) == 0
    passed = np.diff(second[order])
    kept = same & (passed > 0) & (passed <= STEPS_S[-1] + 60)
    if not kept.any():
        return 300
    gaps = pd.DataFrame(
        {"code": code[order][1:][kept], "gap": np.round(passed[kept] / 60).astype(np.int64) * 60}
    )
    usual = gaps.groupby("code")["gap"].agg(lambda one: one.mode().iloc[0])
    longest = int(usual.quantile(0.9, interpolation="higher"))
    return min(STEPS_S, key=lambda step: abs(step - longest))


def counters_of(readings: pd.DataFrame) -> tuple[str, ...]:
    """Detectors that count vehicles and never tell a speed, as approaches of signals do; none
    where nobody tells a speed."""
    if "flow_vph" not in readings:
        return ()
    code, names = pd.factorize(readings["sensor_id"].astype("str"), sort=True)
    fast, counted = (
        np.bincount(code[readings[name].notna().to_numpy()], minlength=len(names)) > 0
        for name in ("speed_kmh", "flow_vph")
    )
    if not fast.any():
        return ()
    return tuple(map(str, names[counted & ~fast]))


def grid_of(
    readings: pd.DataFrame,
    settings: Mapping[str, float] | None = None,
    limits: Limits = LIMITS,
    *,
    counters: bool = False,
) -> Grid:
    """The readings on their grid; of an interval with several readings the mean counts.

    A speed of 0 counts only where vehicles stand. settings: `step_min`, 0 for the interval that
    the detectors have; counters: whether those of `counters_of` are columns too.
    """
    aside = () if counters else counters_of(readings)
    if aside:
        readings = readings[~readings["sensor_id"].isin(aside)]
    step_min = (settings or {}).get("step_min", 0.0)
    step_s = round(step_min * 60) if step_min else step_of(readings)
    code, names = pd.factorize(readings["sensor_id"].astype("str"), sort=True)
    second = seconds_of(readings["event_at"])
    slack = round(ON_GRID * step_s)
    step = (second + slack) // step_s
    first = int(step.min())
    shape = (int(step.max()) - first + 1, len(names))
    cell = (step - first) * shape[1] + code
    flow, occupancy = (_numbers(readings, name) for name in ("flow_vph", "occupancy"))
    speed = _numbers(readings, "speed_kmh")
    assert speed is not None
    zero = (speed == 0) & ~np.asarray(is_standing(occupancy, flow, limits))
    off = (second + slack) % step_s > 2 * slack
    return Grid(
        tuple(map(str, names)),
        first * step_s,
        step_s,
        _mean(np.where(zero, np.nan, speed), cell, shape),
        None if flow is None else _mean(flow, cell, shape),
        None if occupancy is None else _mean(occupancy, cell, shape),
        _any(np.ones(len(cell), dtype=bool), cell, shape),
        _any(zero, cell, shape),
        _any(_is_doubted(readings, limits), cell, shape),
        np.bincount(code[off], minlength=shape[1]),
    )


def _numbers(readings: pd.DataFrame, name: str) -> np.ndarray | None:
    if name not in readings or not readings[name].notna().any():
        return None if name != "speed_kmh" else np.full(len(readings), np.nan)
    return np.asarray(readings[name].to_numpy(dtype=np.float64, na_value=np.nan))


def _is_doubted(readings: pd.DataFrame, limits: Limits) -> np.ndarray:
    """What the station says it did not measure, or hardly."""
    doubted = np.zeros(len(readings), dtype=bool)
    if "quality" in readings:
        doubted |= readings["quality"].fillna(0).to_numpy(dtype=np.float64) != 0
    if "observed_pct" in readings:
        share = readings["observed_pct"].fillna(100.0).to_numpy(dtype=np.float64)
        doubted |= share < limits.observed_pct
    return doubted


def _mean(values: np.ndarray, cell: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    there = np.isfinite(values)
    count = np.bincount(cell[there], minlength=shape[0] * shape[1])
    total = np.bincount(cell[there], values[there], minlength=len(count))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape)


def _any(mask: np.ndarray, cell: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros(shape[0] * shape[1], dtype=bool)
    found[cell[mask]] = True
    return found.reshape(shape)


__all__ = ["STEPS_S", "Grid", "counters_of", "grid_of", "is_standing", "step_of"]
