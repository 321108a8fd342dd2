"""How assets wear and when they fail: hidden, competing, and partly undone by maintenance.

Each asset has a clock a mode that runs with the stress of its regime: `wear` a gamma process
(van Noortwijk 2009), `crack` a compound Poisson process of shocks, `contact` a Wiener process with
drift (Whitmore & Schenkelberg 1997). A life reads these clocks at its own random scale (Lawless &
Crowder 2004) from an initial wear, and ends where the first of them reaches 1. `sudden` failures
come at a constant hazard and show nothing before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from solutions.predictive_maintenance.fleet import STRESS, Fleet, Plan

MODES: Final = ("wear", "crack", "contact", "sudden")
COMPONENTS: Final = ("bearing", "rotor", "winding", "controller")
WEAR, CRACK, CONTACT, SUDDEN = range(4)
ONSET_D: Final = np.array([35.0, 54.0, 46.0])
ONSET_SPREAD: Final = 0.75
LIFE_SPREAD: Final = 0.7
"""Median days of nominal stress until a mode sets in; spread of their logarithm, each mode's own
and what a life's modes share."""
GROWTH_D: Final = np.array([47.0, 40.0, 44.0])
GROWTH_SPREAD: Final = 0.1
"""The same from there to the failure."""
KIND_ONSET: Final = np.array([[1.0, 0.85, 1.3], [1.1, 1.25, 0.8], [0.9, 1.0, 1.2]])
"""The same relative to it, by type (rows) and mode: what a pump, motor, compressor dies of."""
SUDDEN_D: Final = 1_000.0
GAMMA_A_DAY: Final = 4.0
SHOCKS_A_DAY: Final = 1.0
SHOCK_SHAPE: Final = 4.0
WIENER: Final = 0.5
"""Gamma shape, shocks and volatility a day of nominal stress; a life has some hundred days."""
ACCELERATION: Final = np.array([2.0, 1.5, 1.5])
"""Exponent of what damage does: `expm1(k w) / expm1(k)` of wear w in 0..1 (Gebraeel 2005)."""
VISIT_D: Final = (22.0, 50.0)
REPAIR_SHARE: Final = 0.35
REJUVENATION: Final = (0.1, 0.3)
"""Share of a component's wear that a repair undoes (Kijima 1989, type II)."""
REPAIRED: Final = np.array([0.5, 0.25, 0.25])
DOWN_FAILED_D: Final = (2.0, 6.0)
DOWN_PLANNED_D: Final = (0.3, 1.2)


@dataclass(frozen=True)
class Life:
    """One life: steps of the grid from `start` up to, and not including, `end`.

    cause: position in MODES of what it fails of, or would have failed of at `fails` (a step with
    a fraction), had it been left alone; planned: replaced by age at `end` instead.
    visits: (step, component or -1 for an inspection, share of its wear undone).
    """

    asset: int
    start: int
    end: int
    fails: float
    cause: int
    planned: bool
    visits: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class Hidden:
    """What nobody measures.

    lives: by asset and time; those that touch the record only.
    life: (n_assets, steps) position in `lives`, -1 where the asset stands still.
    wear: (3, n_assets, steps) of the first three modes, 0 new, 1 failed.
    """

    lives: tuple[Life, ...]
    life: np.ndarray
    wear: np.ndarray


def damage(wear: np.ndarray) -> np.ndarray:
    """What sensors can see of `wear` (3, ...): 0..1, exponentially faster towards the end."""
    k = ACCELERATION.reshape(3, *[1] * (wear.ndim - 1))
    return np.asarray(np.expm1(k * np.clip(wear, 0.0, 1.0)) / np.expm1(k))


def make_hidden(rng: np.random.Generator, fleet: Fleet) -> Hidden:
    """Every asset's lives one after another, from before the record to its end."""
    plan = fleet.plan
    clocks = _clocks(rng, fleet)
    life = np.full((fleet.n, plan.steps), -1, dtype=np.int32)
    wear = np.zeros((3, fleet.n, plan.steps))
    lives: list[Life] = []
    for asset in range(fleet.n):
        start = int(rng.integers(0, plan.before // 2))
        while start < plan.before + plan.recorded:
            one, paths = _live(rng, fleet, clocks[:, asset], asset, start)
            if one.end > plan.before:
                life[asset, one.start : one.end] = len(lives)
                wear[:, asset, one.start : one.end] = paths[:, : one.end - one.start]
                lives.append(one)
            start = one.end + _down(rng, plan, one.planned)
    return Hidden(tuple(lives), life, wear)


def _clocks(rng: np.random.Generator, fleet: Fleet) -> np.ndarray:
    """The three modes' clocks (3, n_assets, steps + 1) in days of nominal stress."""
    days = fleet.plan.step_h / 24
    stress = STRESS[fleet.regime] * (1.0 + 0.012 * np.maximum(fleet.ambient - 18.0, 0.0))
    shocks = rng.poisson(SHOCKS_A_DAY * stress**1.5 * days)
    steps = (
        rng.gamma(GAMMA_A_DAY * stress * days) / GAMMA_A_DAY,
        rng.gamma(SHOCK_SHAPE * shocks) / (SHOCK_SHAPE * SHOCKS_A_DAY),
        stress * days + WIENER * np.sqrt(stress * days) * rng.normal(0.0, 1.0, stress.shape),
    )
    clocks = np.zeros((3, fleet.n, fleet.plan.steps + 1))
    for clock, step in zip(clocks, steps, strict=True):
        np.cumsum(step, axis=1, out=clock[:, 1:])
    return clocks


def _live(
    rng: np.random.Generator, fleet: Fleet, clocks: np.ndarray, asset: int, start: int
) -> tuple[Life, np.ndarray]:
    """One life, and its wear (3, steps) from `start` to the end of the grid or well past its end.

    clocks: (3, steps + 1) of this asset.
    """
    plan = fleet.plan
    a_day = 24 / plan.step_h
    kind = KIND_ONSET[fleet.kind[asset]]
    apart = ONSET_SPREAD * rng.normal(0.0, 1.0, 3) + LIFE_SPREAD * rng.normal()
    onset = ONSET_D * kind * np.exp(apart) / fleet.frailty[asset]
    growth = GROWTH_D * np.exp(GROWTH_SPREAD * rng.normal(0.0, 1.0, 3))
    since = clocks[:, start + 1 :] - clocks[:, start, None] - onset[:, None]
    paths = rng.beta(1.5, 28.0, 3)[:, None] + np.maximum(since, 0.0) / growth[:, None]
    visits = _visits(rng, start, a_day, paths.shape[1])
    for step, component, undone in visits:
        if component >= 0:
            at = step - start
            paths[component, at:] -= undone * max(paths[component, at], 0.0)
    reached = paths >= 1.0
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), np.inf)
    times = np.append(first, rng.exponential(SUDDEN_D) * a_day) + rng.uniform(0.45, 1.0)
    age = fleet.interval_d[asset] * rng.uniform(0.95, 1.05) * a_day
    left = float(rng.exponential(600.0)) * a_day if plan.preventive else np.inf
    planned = min(age, left)
    fails = float(times.min())
    last = min(fails, planned, float(paths.shape[1]))
    end = start + max(int(last), 1)
    kept = tuple(visit for visit in visits if visit[0] < end)
    return (
        Life(asset, start, end, start + fails, int(times.argmin()), planned < fails, kept),
        paths,
    )


def _visits(
    rng: np.random.Generator, start: int, a_day: float, steps: int
) -> tuple[tuple[int, int, float], ...]:
    """Visits of maintenance in a life, a few weeks apart; some repair one component."""
    at = start + np.cumsum(rng.uniform(*VISIT_D, 24)) * a_day
    component = rng.choice(3, 24, p=REPAIRED)
    component[rng.random(24) >= REPAIR_SHARE] = -1
    undone = rng.uniform(*REJUVENATION, 24)
    found = zip(at.astype(int).tolist(), component.tolist(), undone.tolist(), strict=True)
    return tuple(visit for visit in found if visit[0] < start + steps)


def _down(rng: np.random.Generator, plan: Plan, planned: bool) -> int:
    """Steps until the replacement runs."""
    days = rng.uniform(*(DOWN_PLANNED_D if planned else DOWN_FAILED_D))
    return max(round(days * 24 / plan.step_h), 1)


__all__ = [
    "COMPONENTS",
    "CONTACT",
    "CRACK",
    "MODES",
    "SUDDEN",
    "WEAR",
    "Hidden",
    "Life",
    "damage",
    "make_hidden",
]
