"""The simulated fleet: how big it is, its assets, and what each is asked to do at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

START: Final = pd.Timestamp("2023-01-02", tz="UTC")
TYPES: Final = ("pump", "motor", "compressor")
SITES: Final = ("north", "south", "east", "west")
BEFORE_DAYS: Final = 150
"""What the fleet runs before its records begin, so that they begin with assets of every age."""
BEHIND_DAYS: Final = 420
"""What is simulated after the records' end: when a life that they cut off would have ended."""
FEWEST: Final = 6
"""Assets that the smallest fleet has: two of each type."""
IN_SERVICE: Final = 0.945
"""Share of steps with a reading; the rest is repair, waiting for parts, lost telemetry."""

LOADS: Final = np.array([25.0, 45.0, 50.0, 70.0, 85.0, 100.0])
SPEEDS: Final = np.array([900.0, 1_100.0, 1_750.0, 1_480.0, 1_900.0, 1_300.0])
STRESS: Final = np.array([0.6, 0.8, 0.95, 1.0, 1.3, 1.5])
"""Load in % of rated, speed in rpm, and wear relative to nominal, of the six regimes."""
REGIME_SHARES: Final = np.array([0.14, 0.20, 0.18, 0.22, 0.15, 0.11])
DWELL_H: Final = 60.0
LOAD_SPREAD: Final = 2.0
SPEED_SPREAD: Final = 22.0


@dataclass(frozen=True)
class Plan:
    """How much is simulated: assets, days on record, hours between two readings of an asset.

    preventive: whether the owner replaces by age; without it every life runs to its failure.
    """

    n_assets: int
    n_days: int
    step_h: int
    preventive: bool = True

    @property
    def before(self) -> int:
        """Steps before the records begin."""
        return BEFORE_DAYS * 24 // self.step_h

    @property
    def recorded(self) -> int:
        """Steps on record."""
        return self.n_days * 24 // self.step_h

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.before + self.recorded + BEHIND_DAYS * 24 // self.step_h

    def days(self, steps: np.ndarray | float) -> np.ndarray:
        """Days from the beginning of the records to each step."""
        return np.asarray((np.asarray(steps, dtype=np.float64) - self.before) * self.step_h / 24)


def plan_for(size: int) -> Plan:
    """The fleet that gives about `size` readings.

    Up to 8,000: daily readings of half a year, of a shorter time where that leaves too few assets;
    to 400,000: every eight hours for a year; above, hourly for two years.
    """
    n_days, step_h = (182, 24) if size <= 8_000 else (365, 8) if size <= 400_000 else (730, 1)
    n_assets = max(round(size / (n_days * 24 / step_h * IN_SERVICE)), FEWEST)
    if size <= 8_000:
        n_days = min(max(round(size / (n_assets * IN_SERVICE)), 30), n_days)
    return Plan(n_assets, n_days, step_h)


@dataclass(frozen=True)
class Fleet:
    """One value an asset: kind and site as positions in TYPES and SITES, own clock's phase.

    frailty: how fast it wears, relative; interval_d: age at which its owner replaces it, days,
    infinite where it is run to failure; rated_kw: nameplate power.
    On the grid (n_assets, steps): regime; load in %, speed in rpm, ambient in degC, as they are.
    """

    plan: Plan
    kind: np.ndarray
    site: np.ndarray
    phase_min: np.ndarray
    frailty: np.ndarray
    interval_d: np.ndarray
    rated_kw: np.ndarray
    regime: np.ndarray
    load: np.ndarray
    speed: np.ndarray
    ambient: np.ndarray

    @property
    def n(self) -> int:
        """Number of assets."""
        return len(self.kind)


def make_fleet(rng: np.random.Generator, plan: Plan) -> Fleet:
    """Assets of three types at four sites; two owners in three replace by age."""
    n = plan.n_assets
    kind, site = rng.permutation(n) % len(TYPES), rng.integers(0, len(SITES), n)
    interval = rng.choice([55.0, 70.0, 85.0], n) * rng.uniform(0.92, 1.08, n)
    by_age = (rng.permutation(n) % 3 < 2) & plan.preventive
    regime = _regimes(rng, plan)
    shape = regime.shape
    return Fleet(
        plan=plan,
        kind=kind,
        site=site,
        phase_min=rng.integers(0, 60, n),
        frailty=np.exp(rng.normal(0.0, 0.3, n)),
        interval_d=np.where(by_age, interval, np.inf),
        rated_kw=np.round(rng.choice([15.0, 30.0, 55.0, 90.0], n) * (1.0 + 0.1 * kind), 1),
        regime=regime,
        load=np.clip(LOADS[regime] + rng.normal(0.0, LOAD_SPREAD, shape), 5.0, 110.0),
        speed=SPEEDS[regime] + rng.normal(0.0, SPEED_SPREAD, shape),
        ambient=_ambient(rng, plan, site),
    )


def _regimes(rng: np.random.Generator, plan: Plan) -> np.ndarray:
    """A Markov chain of each asset: it leaves its regime after DWELL_H in the mean, for one drawn
    by REGIME_SHARES."""
    shape = (plan.n_assets, plan.steps)
    drawn = np.searchsorted(np.cumsum(REGIME_SHARES[:-1]), rng.random(shape), side="right")
    moves = rng.random(shape) < -np.expm1(-plan.step_h / DWELL_H)
    moves[:, 0] = True
    since = np.maximum.accumulate(np.where(moves, np.arange(plan.steps), 0), axis=1)
    return np.asarray(np.take_along_axis(drawn, since, axis=1).astype(np.int8))


def _ambient(rng: np.random.Generator, plan: Plan, site: np.ndarray) -> np.ndarray:
    """Temperature around each asset, degC: season, time of day, and the site's weather."""
    day = plan.days(np.arange(plan.steps))
    season = 12.0 - 9.0 * np.cos(2 * np.pi * (day - 20.0) / 365.25)
    hour = -3.0 * np.cos(2 * np.pi * (day % 1.0 - 0.12))
    weather = 2.5 * coloured(rng, (len(SITES), plan.steps), 72.0, plan.step_h)
    climate = np.array([-2.0, 3.0, 0.0, 1.0])
    return np.asarray((season + hour + weather + climate[:, None])[site])


def coloured(
    rng: np.random.Generator, shape: tuple[int, int], memory_h: float, step_h: float
) -> np.ndarray:
    """Gaussian noise (series, steps) of variance 1 whose correlation falls by e in `memory_h`.

    The exact sampling of an Ornstein-Uhlenbeck process (Gillespie 1996): AR(1).
    """
    keep = np.exp(-step_h / memory_h)
    fresh = rng.normal(0.0, 1.0, (shape[1], shape[0]))
    fresh[1:] *= np.sqrt(1.0 - keep**2)
    for now, then in zip(fresh[1:], fresh[:-1], strict=True):
        now += keep * then
    return np.ascontiguousarray(fresh.T)


__all__ = [
    "LOADS",
    "REGIME_SHARES",
    "SITES",
    "SPEEDS",
    "START",
    "STRESS",
    "TYPES",
    "Fleet",
    "Plan",
    "coloured",
    "make_fleet",
    "plan_for",
]
