"""Incidents in a history: deviations from what was usual, what is told, and how good that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.regular import runs
from lepton_edge.incidents import IncidentDetector, IncidentSpec
from lepton_edge.neighbours import Neighbours
from solutions.traffic_forecasting.grid import DAY_S, Grid
from solutions.traffic_forecasting.register import along_km, carriageways, register_of

SMOOTH: Final = 3
"""Intervals to both sides over which a time of day is averaged."""
LEAST: Final = {"speed": 16.0, "occupancy": 0.06}
"""Deviation that is taken at least: km/h, and share of time; what queues of every day differ by."""
NEAR_KM: Final = 2.5
"""Kilometres up the road within which an incident may be told."""
LATE_MIN: Final = 30.0
"""Minutes after its end until which it may be told."""


@dataclass(frozen=True)
class Usual:
    """What is usual of each detector at each time of the day: (slots, n) each."""

    middle: np.ndarray
    spread: np.ndarray

    def deviations(self, values: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Values (time, n) less the usual ones, by the usual deviation then."""
        return np.asarray((values - self.middle[slot]) / self.spread[slot])


def slots(at: pd.DatetimeIndex, step_s: int, zone: str) -> tuple[np.ndarray, int]:
    """The time of the day of each interval, of working days and others, and how many there are."""
    local = at.tz_convert(zone)
    seconds = local.hour * 3_600 + local.minute * 60
    off = np.asarray(local.day_of_week >= 5).astype(np.int64)
    a_day = DAY_S // step_s
    return np.asarray(seconds // step_s) + a_day * off, 2 * a_day


def usual_of(values: np.ndarray, slot: np.ndarray, n_slots: int, least: float) -> Usual:
    """Median and mean deviation of each time of day over the rows (time, n) of a training part,
    averaged with the times around; where a time has no value that of all times stands in."""
    middle, spread = (np.full((n_slots, values.shape[1]), np.nan) for _ in range(2))
    for one in np.unique(slot):
        rows = values[slot == one]
        some = np.isfinite(rows).any(axis=0)
        middle[one, some] = np.nanmedian(rows[:, some], axis=0)
        spread[one, some] = np.nanmean(np.abs(rows[:, some] - middle[one, some]), axis=0)
    return Usual(_smoothed(middle), np.maximum(_smoothed(spread), least))


def _smoothed(table: np.ndarray) -> np.ndarray:
    """Means over the slots around that are known; of all where none is."""
    moved = np.stack([np.roll(table, k, axis=0) for k in range(-SMOOTH, SMOOTH + 1)])
    known = np.isfinite(moved)
    count = known.sum(axis=0)
    mean = np.where(known, moved, 0.0).sum(axis=0) / np.maximum(count, 1)
    some = count > 0
    whole = np.where(some, mean, 0.0).sum(axis=0) / np.maximum(some.sum(axis=0), 1)
    return np.asarray(np.where(some, mean, whole))


def told_incidents(
    grid: Grid,
    believed: np.ndarray,
    neighbours: Neighbours,
    zone: str,
    spec: IncidentSpec | None = None,
    learn: slice | None = None,
) -> np.ndarray:
    """Whether an incident is told behind each detector, (time, n) bool, by what was known then.

    believed: speeds, NaN where they are missing or suspect; learn: rows from which what is usual is
    learnt, all of them where None.
    """
    spec, learn = spec or IncidentSpec(), learn or slice(None)
    slot, n = slots(grid.at, grid.step_s, zone)
    speed = usual_of(believed[learn], slot[learn], n, LEAST["speed"]).deviations(believed, slot)
    covered = None
    if grid.occupancy is not None:
        usual = usual_of(grid.occupancy[learn], slot[learn], n, LEAST["occupancy"])
        covered = usual.deviations(grid.occupancy, slot)
    detector = IncidentDetector(spec, neighbours)
    found = np.zeros(believed.shape, dtype=bool)
    for row in range(len(speed)):
        found[row] = detector.read(speed[row], None if covered is None else covered[row])
    return found


@dataclass(frozen=True)
class Told:
    """How good what was told is. found of n incidents; false: told where there was no event;
    median_min: minutes from the begin of an incident until it was told; false_per_100_days: by
    hundred days of a detector."""

    found: int
    n: int
    false: int
    median_min: float
    false_per_100_days: float


def judged(
    told: np.ndarray, grid: Grid, tables: Mapping[str, pd.DataFrame], first: int = 0
) -> Told:
    """What was told from row `first` on against the incidents of the table events.

    One counts as found where it was told within `NEAR_KM` up its carriageway from its begin until
    `LATE_MIN` minutes after its end; what is told near no event is false, once for each queue of
    detectors that touch in time and along the road.
    """
    register = register_of(tables, grid.ids)
    roads, km = carriageways(register), along_km(register)
    at = grid.at
    real = np.zeros(told.shape, dtype=bool)
    minutes = []
    events = tables["events"]
    sudden = (events["type"] == "incident") & (events["started_at"] >= at[first])
    begins = at.searchsorted(events["started_at"])
    ends = at.searchsorted(events["ended_at"] + pd.Timedelta(minutes=LATE_MIN))
    for row, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        near = _near(events.iloc[row], roads, km)
        real[begin:end, near] = True
        if sudden.iloc[row]:
            seen = np.flatnonzero(told[begin:end][:, near].any(axis=1))
            minutes += [(int(when) + 1) * grid.step_s / 60 for when in seen[:1]]
    false = _false(told[first:], real[first:], roads)
    days = (grid.n_steps - first) / grid.a_day * len(grid.ids)
    middle = float(np.median(minutes)) if minutes else float("nan")
    return Told(len(minutes), int(sudden.sum()), false, middle, 100 * false / max(days, 1e-9))


def _near(event: pd.Series, roads: Sequence[str | None], km: np.ndarray) -> np.ndarray:
    """Codes of the detectors up the road within reach of an event."""
    own = f"{event['road_id']} {event['direction']}".strip()
    away = float(event["km"]) - km
    same = np.array([road == own for road in roads])
    return np.flatnonzero(same & (away >= -0.5) & (away <= NEAR_KM))


def _false(told: np.ndarray, real: np.ndarray, roads: Sequence[str | None]) -> int:
    """Stretches in time, by carriageway, in which something is told and nothing of it is real."""
    count = 0
    for road in {*roads}:
        columns = [code for code, name in enumerate(roads) if name == road]
        own = np.asarray(told[:, columns].any(axis=1))
        near = np.asarray((told & real)[:, columns].any(axis=1))
        for begin, length in zip(*runs(own), strict=True):
            count += not near[begin : begin + length].any()
    return count


__all__ = ["Told", "Usual", "judged", "slots", "told_incidents", "usual_of"]
