"""What is simulated: where, how long, and which meters hang below which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.local_time import day_begins

STEP: Final = pd.Timedelta(minutes=15)
"""Step of everything that is simulated; meters are read at it, or at an hour."""
WARM_UP_D: Final = 7
"""Days before the record in which the weather and what buildings remember of it settle."""
FORESEEN_D: Final = 8
"""Days behind the record of which the last forecast of the weather still speaks."""
HISTORY_D: Final = 480
"""Days of a record of the usual size: sixteen months, so that each season is seen."""
_DAY: Final = pd.Timedelta(days=1)
FEWEST_D, MOST_D = 28, 1_096


@dataclass(frozen=True)
class Place:
    """Where a network lies: its zone, its holidays, and its climate in degrees C.

    mean_c and season_c: yearly mean and half the range of monthly means; spell_c: standard
    deviation of spells of weather in winter and in summer, summer's skewed to the hot side.
    """

    zone: str
    country: str
    subdiv: str | None
    lat: float
    lon: float
    mean_c: float
    season_c: float
    spell_c: tuple[float, float]


MELBOURNE: Final = Place("Australia/Melbourne", "AU", "VIC", -37.8, 145.0, 16.0, 5.0, (2.4, 4.4))
BERLIN: Final = Place("Europe/Berlin", "DE", "BE", 52.5, 13.4, 10.4, 9.4, (3.6, 3.6))


@dataclass(frozen=True)
class Plan:
    """A network and a record of it.

    meters: those asked for, the system's included; first: first local midnight of the record;
    faults: whether meters fail, shift and appear as real ones do.
    """

    meters: int
    days: int
    place: Place = MELBOURNE
    first: str = "2023-07-01"
    faults: bool = True

    @property
    def at(self) -> pd.DatetimeIndex:
        """Every step from the warm-up to the end of what is foreseen, UTC, interval starts."""
        first, last = self._midnights(-WARM_UP_D, self.days + FORESEEN_D)
        return pd.date_range(first, last, freq=STEP, inclusive="left").as_unit("us")

    @property
    def recorded(self) -> np.ndarray:
        """Mask of the steps of `at` that belong to the record."""
        begin, end = self._midnights(0, self.days)
        return np.asarray((self.at >= begin) & (self.at < end))

    def _midnights(self, *days: int) -> pd.DatetimeIndex:
        """The instants at which the days that many after the first one begin."""
        first = pd.Timestamp(self.first)
        return day_begins(pd.DatetimeIndex([first + n * _DAY for n in days]), self.place.zone)


def plan_for(size: int) -> Plan:
    """The network whose meters, read over its days, give about `size` rows of load; the smallest is
    of three meters over four weeks, about 2,000 rows."""
    for meters in range(16, 2, -1):
        if size >= _rows(meters, HISTORY_D):
            break
    days = size / _rows(meters, 1)
    if days > MOST_D:
        meters = int(size / 24 / MOST_D) - 3
        days = size / _rows(meters, 1)
    return Plan(meters, int(np.clip(round(days), FEWEST_D, MOST_D)))


def _rows(meters: int, days: int) -> int:
    """Rows of hourly meters, and four times as many of the one that is read each quarter hour."""
    return days * 24 * (meters + (3 if meters >= FEWEST_WITH_FEEDERS else 0))


@dataclass(frozen=True)
class Meter:
    """One meter of the network.

    kind: what is behind it (an archetype, `losses`, or `sum` of its children); type: what the
    register calls it; kw: usual power, or installed power of pv and wind; interval_min: how often
    it is read; station: position of the weather station nearest to it.
    """

    meter_id: str
    kind: str
    type: str
    kw: float
    parent: str | None
    station: int = 0
    interval_min: int = 60


FEWEST_WITH_FEEDERS: Final = 7
"""Meters of a network that has feeders and losses; a smaller one is a system and its parts."""
STATIONS: Final = 2
_LEAVES: Final[tuple[tuple[str, str, float], ...]] = (
    ("residential", "substation", 1_250.0),
    ("commercial", "substation", 1_900.0),
    ("residential", "substation", 330.0),
    ("pv", "pv", 850.0),
    ("industry", "industry", 1_150.0),
    ("heat_pump", "heat_pump", 130.0),
    ("ev", "ev", 90.0),
    ("commercial", "building", 240.0),
    ("household", "household", 0.6),
    ("residential", "substation", 650.0),
    ("wind", "wind", 180.0),
    ("industry", "industry", 140.0),
)
"""Kind, type and size of parts, in the order in which they are added to a network."""
_SOLAR: Final = frozenset({2, 3})
"""Parts of the feeder whose roofs give back more than its homes take at noon."""


def network(plan: Plan) -> tuple[Meter, ...]:
    """The meters, each parent before its children; exactly `plan.meters` of them."""
    system = Meter("system", "sum", "system", 0.0, None)
    if plan.meters < FEWEST_WITH_FEEDERS:
        return (system, *_parts(plan.meters - 1, ["system"]))
    n_feeders = 2 + max(plan.meters - 12, 0) // 6
    feeders = [f"feeder_{number}" for number in range(1, n_feeders + 1)]
    sums = (
        Meter(name, "sum", "feeder", 0.0, "system", interval_min=15 if name == feeders[1] else 60)
        for name in feeders
    )
    losses = Meter("losses", "losses", "losses", 0.0, "system")
    return (system, *sums, losses, *_parts(plan.meters - 2 - n_feeders, feeders))


def _parts(count: int, parents: list[str]) -> Iterator[Meter]:
    """Leaves under their parents: those with much sun under the second one."""
    others = [*parents[:1], *parents[2:]] if len(parents) > 1 else parents
    for number in range(count):
        place = number % len(_LEAVES)
        kind, type_, kw = _LEAVES[place]
        solar = place in _SOLAR and len(parents) > 1
        parent = parents[1] if solar else others[number % len(others)]
        station = parents.index(parent) % STATIONS
        yield Meter(f"m{number + 1:03d}", kind, type_, kw, parent, station)


__all__ = [
    "BERLIN",
    "HISTORY_D",
    "MELBOURNE",
    "STATIONS",
    "STEP",
    "WARM_UP_D",
    "Meter",
    "Place",
    "Plan",
    "network",
    "plan_for",
]
