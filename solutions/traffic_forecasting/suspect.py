"""Readings that are not to be believed, one mask a reason: for checks and for the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.regular import runs
from lepton_edge.neighbours import NONE
from solutions.traffic_forecasting.grid import Grid
from solutions.traffic_forecasting.limits import LIMITS, Limits
from solutions.traffic_forecasting.register import nearest, register_of

REASONS: Final = ("doubted", "impossible", "stuck", "jump", "dead")
"""Names of the masks, in the order in which they are told."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """Masks over the grid: the station doubts it, no vehicle does that, it stands still while
    others move, the detectors around say something else, and the detector was dead most of the 24
    hours before."""

    doubted: np.ndarray
    impossible: np.ndarray
    stuck: np.ndarray
    jump: np.ndarray
    dead: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """Whether a reading is suspect for any reason."""
        return np.asarray(self.doubted | self.impossible | self.stuck | self.jump | self.dead)

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> Suspect:
        """No reading is suspect."""
        return cls(*(np.zeros(shape, dtype=bool) for _ in range(5)))


def suspects(grid: Grid, tables: Mapping[str, pd.DataFrame], limits: Limits = LIMITS) -> Suspect:
    """What is suspect; readings that one reason marks are missing for the next one.

    A reading is judged by what came before it and at the same time, so that a running forecast
    leaves out the same ones: what a stuck detector repeats counts until the hour is full.
    """
    register = register_of(tables, grid.ids)
    impossible = impossible_readings(grid, register, limits)
    rest = grid.without(impossible | grid.doubted)
    around = nearest(tables, grid.ids, limits.near, limits.around_km)
    held = stuck_readings(rest, around, limits)
    rest = rest.without(held)
    near = nearest(tables, grid.ids, limits.near, limits.near_km)
    jump = spatial_jumps(rest, near, limits)
    rest = rest.without(jump)
    return Suspect(grid.doubted, impossible, held, jump, dead_readings(rest, limits))


def impossible_readings(grid: Grid, register: pd.DataFrame, limits: Limits) -> np.ndarray:
    """Far above what is allowed there, or fast over a detector that stays covered."""
    allowed = register["speed_limit_kmh"].to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        found = grid.speed > limits.over_limit * allowed
        if grid.occupancy is not None:
            fast = grid.speed > limits.occupied_kmh
            found |= (grid.occupancy > limits.occupied) & fast
    return np.asarray(found)


def stuck_readings(grid: Grid, around: np.ndarray, limits: Limits) -> np.ndarray:
    """Equal speeds from when they have lasted an hour in which the detectors around moved; where
    none is around, all count."""
    least = max(limits.stuck_least, round(60 * limits.stuck_min / grid.step_s))
    mask = np.zeros(grid.speed.shape, dtype=bool)
    same = np.zeros(grid.speed.shape, dtype=bool)
    same[1:] = grid.speed[1:] == grid.speed[:-1]
    for column in np.flatnonzero(same.sum(axis=0) >= least - 1).tolist():
        others = around[column][around[column] != NONE]
        for begin, length in zip(*runs(same[:, column]), strict=True):
            full = begin - 1 + least
            if full > begin + length:
                continue
            window = grid.speed[begin - 1 : full]
            moving = window[:, others] if len(others) else np.delete(window, column, axis=1)
            if _typical_sd(moving) > limits.stuck_sd_kmh:
                mask[full - 1 : begin + length, column] = True
    return mask


def _typical_sd(window: np.ndarray) -> float:
    """Median over detectors of the standard deviation over time; 0 where none has two values."""
    there = np.isfinite(window)
    n = there.sum(axis=0)
    enough = n >= 2
    if not enough.any():
        return 0.0
    filled, n = np.where(there, window, 0.0)[:, enough], n[enough]
    mean = filled.sum(axis=0) / n
    square = np.where(there[:, enough], np.square(filled - mean), 0.0).sum(axis=0) / n
    return float(np.median(np.sqrt(square)))


def spatial_jumps(grid: Grid, near: np.ndarray, limits: Limits) -> np.ndarray:
    """Speeds far from the median of the detectors next to them, several intervals in a row."""
    mask = np.zeros(grid.speed.shape, dtype=bool)
    for column in np.flatnonzero((near != NONE).sum(axis=1) >= 2).tolist():
        others = np.sort(grid.speed[:, near[column][near[column] != NONE]], axis=1)
        known = np.isfinite(others).sum(axis=1)
        usual = _median(others, known)
        with np.errstate(invalid="ignore"):
            far = np.abs(grid.speed[:, column] - usual) > limits.jump_kmh
        for begin, length in zip(*runs(far & (known >= 2)), strict=True):
            # known from the last of so many on
            mask[begin + limits.jump_steps - 1 : begin + length, column] = True
    return mask


def _median(ordered: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Median of each row's first `known` values."""
    rows = np.arange(len(ordered))
    last = ordered.shape[1] - 1
    low = ordered[rows, np.maximum(known - 1, 0) // 2]
    return np.asarray((low + ordered[rows, np.minimum(known // 2, last)]) / 2)


def missing_share(grid: Grid) -> np.ndarray:
    """Share of the 24 hours up to and with each interval without a speed, (time, detector); what
    lies before a detector's first reading does not count."""
    missing = np.isnan(grid.speed)
    began = np.maximum.accumulate(~missing, axis=0)
    total = np.cumsum(missing & began, axis=0, dtype=np.int32)
    before = np.zeros_like(total)
    before[grid.a_day :] = total[: -grid.a_day] if grid.n_steps > grid.a_day else 0
    return np.asarray((total - before) / grid.a_day)


def dead_readings(grid: Grid, limits: Limits = LIMITS) -> np.ndarray:
    """Readings of detectors that were dead for most of the last 24 hours."""
    return np.asarray((missing_share(grid) > limits.missing_day[1]) & np.isfinite(grid.speed))


__all__ = [
    "Suspect",
    "dead_readings",
    "impossible_readings",
    "missing_share",
    "spatial_jumps",
    "stuck_readings",
    "suspects",
]
