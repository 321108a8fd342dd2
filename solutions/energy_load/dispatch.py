"""When to discharge a battery so that the day's highest load falls the most.

What counts is the peak that is left, and the peak of a mean load is not the mean of peaks: the plan
is made on scenarios, a linear programme that gives the least expected peak, or the least of its
worst share (conditional value at risk, Rockafellar & Uryasev 2000). With one scenario it is
water-filling. During the day it is made again for the hours that are left, by what the morning
told: errors persist, by a share that falls with the lead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

_LEAST_PAIRS: Final = 10
_MOST_PERSISTENT: Final = 0.98


@dataclass(frozen=True)
class Battery:
    """power_kw: the most it gives; energy_kwh: what it holds when the day begins."""

    power_kw: float
    energy_kwh: float


@dataclass(frozen=True, eq=False)
class Remaining:
    """What a plan may still decide: hours an interval, energy left, the peak that has been."""

    step_h: float
    energy_kwh: float
    peak_kw: float = -np.inf


def water_fill(load: np.ndarray, battery: Battery, step_h: float) -> np.ndarray:
    """The discharge (kW, an entry an interval) that flattens a load known for certain the most."""
    low, high = float(load.max()) - battery.power_kw, float(load.max())

    def above(level: float) -> np.ndarray:
        return np.clip(load - level, 0.0, battery.power_kw)

    if above(low).sum() * step_h <= battery.energy_kwh:
        return above(low)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if above(middle).sum() * step_h <= battery.energy_kwh else (middle, high)
        )
    return above(high)


def plan(
    scenarios: np.ndarray, battery: Battery, left: Remaining, *, risk: float = 0.0
) -> np.ndarray:
    """Discharge (kW) by interval of least expected peak over the scenarios (n, intervals).

    risk: 0 for the mean of peaks, towards 1 for the mean of the highest tenth of them.
    """
    from scipy.optimize import linprog

    n, steps = scenarios.shape
    if left.energy_kwh <= 0:
        return np.zeros(steps)
    tail = max(1.0, 0.1 * n)
    # variables: discharge, peak of each scenario, value at risk, excess of each scenario
    cost = np.concatenate(
        [np.zeros(steps), np.full(n, (1 - risk) / n), [risk], np.full(n, risk / tail)]
    )
    low = np.concatenate([np.zeros(steps), np.full(n, left.peak_kw), [-np.inf], np.zeros(n)])
    high = np.concatenate([np.full(steps, battery.power_kw), np.full(2 * n + 1, np.inf)])
    A, b = _constraints(scenarios, left)
    found = linprog(cost, A_ub=A, b_ub=b, bounds=np.column_stack([low, high]), method="highs")
    if found.x is None:
        return water_fill(scenarios.mean(axis=0), _held(battery, left), left.step_h)
    return np.asarray(found.x[:steps])


def _constraints(scenarios: np.ndarray, left: Remaining) -> tuple[object, np.ndarray]:
    """load - discharge <= peak; peak - at risk <= excess; energy."""
    from scipy.sparse import bmat, csr_matrix, eye, kron

    n, steps = scenarios.shape
    ones = np.ones((steps, 1))
    rows = [
        [-kron(np.ones((n, 1)), eye(steps)), -kron(eye(n), ones), None, None],
        [None, eye(n), csr_matrix(-np.ones((n, 1))), -eye(n)],
        [csr_matrix(np.full((1, steps), left.step_h)), None, None, None],
    ]
    b = np.concatenate([-scenarios.ravel(), np.zeros(n), [left.energy_kwh]])
    return bmat(rows, format="csr"), b


def _held(battery: Battery, left: Remaining) -> Battery:
    return Battery(battery.power_kw, left.energy_kwh)


def reduction(load: np.ndarray, discharge: np.ndarray) -> float:
    """How far the day's highest load fell, kW."""
    return float(load.max() - (load - discharge).max())


def standard_errors(y: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Errors of the median in units of the outer interval's width, (days, intervals)."""
    width = np.maximum(quantiles[..., -1] - quantiles[..., 0], 1e-9)
    return np.asarray((y - quantiles[..., quantiles.shape[-1] // 2]) / width)


def scenarios_of(quantiles: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Loads of a day (scenarios, intervals): its median moved by whole days of past errors, which
    keeps how hours hang together; quantiles (intervals, 9), errors (scenarios, intervals)."""
    width = quantiles[:, -1] - quantiles[:, 0]
    return np.asarray(quantiles[:, quantiles.shape[-1] // 2] + errors * width)


def told_by_morning(errors: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Errors of the intervals after `seen`, moved by what the day's own errors so far tell.

    errors: past days (days, intervals); seen: the day's errors so far. Each later error is drawn
    to its regression on the last one seen, so its scenarios also become narrower.
    """
    now = len(seen)
    if not now or len(errors) < _LEAST_PAIRS:
        return errors[:, now:]
    last = errors[:, now - 1]
    persistent = errors[:, now:].T @ last / max(float(last @ last), 1e-12)
    persistent = np.clip(persistent, 0.0, _MOST_PERSISTENT)
    return np.asarray(errors[:, now:] + persistent * (seen[-1] - last)[:, None])


def dispatch_day(
    load: np.ndarray,
    quantiles: np.ndarray,
    errors: np.ndarray,
    battery: Battery,
    step_h: float,
    *,
    every: int = 0,
    risk: float = 0.0,
) -> np.ndarray:
    """Discharge (kW) of one day: planned once, or again every so many intervals.

    load: as it turned out, of which a plan sees only what has passed.
    """
    steps, done = len(load), np.zeros(len(load))
    seen = standard_errors(load, quantiles)
    starts = range(0, steps, every) if every else range(1)
    for now in starts:
        left = Remaining(
            step_h,
            battery.energy_kwh - float(done[:now].sum()) * step_h,
            float((load[:now] - done[:now]).max(initial=-np.inf)),
        )
        later = told_by_morning(errors, seen[:now])
        paths = scenarios_of(quantiles[now:], later)
        done[now:] = plan(paths, battery, left, risk=risk)
    return done


__all__ = [
    "Battery",
    "Remaining",
    "dispatch_day",
    "plan",
    "reduction",
    "scenarios_of",
    "standard_errors",
    "told_by_morning",
    "water_fill",
]
