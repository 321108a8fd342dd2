"""What is simulated: roads, their cells and detectors, where they are, and how long."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

STEP: Final = pd.Timedelta(minutes=5)
"""Interval of a reading."""
STEP_H: Final = STEP / pd.Timedelta(hours=1)
TICK_S: Final = 15.0
"""Seconds of a step of the flow: no vehicle passes more than one cell in it."""
CELL_KM: Final = 0.45
MARGIN: Final = 4
"""Cells without a detector at each end of a carriageway."""
EVERY: Final = 2
"""Cells from one detector to the next."""
DAY_BEGINS_H: Final = 3
"""Local hour at which roads are empty: each day is simulated from then on by itself."""
MOST_DETECTORS: Final = 5
"""Detectors of one carriageway."""
DAYS: Final = 30
"""Days of a record of the usual size."""
SENSORS: Final = 40
"""Detectors of a record of the usual size."""
FEWEST_D, FEWEST_SENSORS = 2, 4


@dataclass(frozen=True)
class Plan:
    """A network and a record of it.

    roads: each has two carriageways of `detectors` detectors; first: local date of the record's
    first day; faults: whether detectors fail as real ones do.
    """

    roads: int
    detectors: int
    days: int
    zone: str = "America/Los_Angeles"
    country: str = "US"
    subdiv: str = "CA"
    lat: float = 34.05
    lon: float = -118.25
    first: str = "2024-02-22"
    faults: bool = True

    @property
    def carriageways(self) -> int:
        """Both directions of all roads."""
        return 2 * self.roads

    @property
    def cells(self) -> int:
        """Cells of one carriageway."""
        return 2 * MARGIN + EVERY * (self.detectors - 1) + 1

    @property
    def at_cells(self) -> np.ndarray:
        """Cells of one carriageway at which its detectors lie."""
        return MARGIN + EVERY * np.arange(self.detectors)

    @cached_property
    def days_at(self) -> pd.DatetimeIndex:
        """Begin (UTC) of each simulated day and of the one behind the last; days may be 23 or 25
        hours apart."""
        first = pd.Timestamp(self.first) + pd.Timedelta(hours=DAY_BEGINS_H)
        local = pd.date_range(first, periods=self.days + 1, freq="D")
        return pd.DatetimeIndex(local.tz_localize(self.zone)).tz_convert("UTC")

    @cached_property
    def at(self) -> pd.DatetimeIndex:
        """Begin (UTC) of each interval of the record."""
        return pd.date_range(self.days_at[0], self.days_at[-1], freq=STEP, inclusive="left")

    @property
    def steps_of_days(self) -> np.ndarray:
        """Intervals of each day: 288, and 12 less or more where the clock changes."""
        return np.asarray((self.days_at[1:] - self.days_at[:-1]) // STEP)

    @cached_property
    def local(self) -> pd.DatetimeIndex:
        """Wall clock of each interval."""
        return self.at.tz_convert(self.zone)


def plan_for(size: int) -> Plan:
    """A plan of about `size` readings: months grow first, then roads."""
    per_day = pd.Timedelta(days=1) // STEP
    sensors = int(np.clip(round(size / (per_day * DAYS)), FEWEST_SENSORS, None))
    roads = max(1, round(sensors / (2 * MOST_DETECTORS)))
    detectors = max(2, round(sensors / (2 * roads)))
    days = max(FEWEST_D, round(size / (per_day * 2 * roads * detectors)))
    return Plan(roads, detectors, days)


__all__ = [
    "CELL_KM",
    "DAYS",
    "DAY_BEGINS_H",
    "EVERY",
    "MARGIN",
    "SENSORS",
    "STEP",
    "STEP_H",
    "TICK_S",
    "Plan",
    "plan_for",
]
