"""Plans keep to the battery, lower the peak, and see nothing that has not happened."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solutions.energy_load.dispatch import (
    Battery,
    Remaining,
    dispatch_day,
    plan,
    reduction,
    scenarios_of,
    standard_errors,
    water_fill,
)

BATTERY = Battery(power_kw=40.0, energy_kwh=100.0)
NORMAL = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])


def day(rng: np.random.Generator) -> np.ndarray:
    hour = np.arange(24)
    peak = rng.uniform(15, 20)
    return np.asarray(100 + 60 * np.exp(-(((hour - peak) / 3) ** 2)) + rng.normal(0, 4, 24))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_water_filling_is_the_best_plan_for_a_load_that_is_known(seed: int) -> None:
    load = day(np.random.default_rng(seed))
    filled = water_fill(load, BATTERY, 1.0)
    assert filled.min() >= 0
    assert filled.max() <= BATTERY.power_kw + 1e-9
    assert filled.sum() <= BATTERY.energy_kwh + 1e-6
    solved = plan(load[None], BATTERY, Remaining(1.0, BATTERY.energy_kwh))
    assert reduction(load, filled) == pytest.approx(reduction(load, solved), abs=1e-4)


def test_a_plan_on_scenarios_lowers_the_mean_peak_more_than_one_on_their_mean() -> None:
    rng = np.random.default_rng(0)
    days = np.stack([day(rng) for _ in range(40)])
    left = Remaining(1.0, BATTERY.energy_kwh)
    by_scenarios = plan(days, BATTERY, left)
    by_mean = water_fill(days.mean(axis=0), BATTERY, 1.0)
    gained = [np.mean([reduction(d, p) for d in days]) for p in (by_scenarios, by_mean)]
    assert gained[0] >= gained[1] - 1e-9
    cautious = plan(days, BATTERY, left, risk=0.9)
    worst = [np.sort([(d - p).max() for d in days])[-4:].mean() for p in (cautious, by_scenarios)]
    assert worst[0] <= worst[1] + 1e-6


def told(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loads whose errors persist through the day, their deciles, and their standard errors."""
    truth = np.stack([day(rng) for _ in range(n)])
    drift = np.cumsum(rng.normal(0, 4, (n, 24)), axis=1)
    quantiles = (truth - drift)[..., None] + 8.0 * NORMAL
    return truth, quantiles, standard_errors(truth, quantiles)


def test_planning_again_every_hour_loses_no_more_than_chance_where_errors_persist() -> None:
    load, quantiles, errors = told(np.random.default_rng(1), 90)
    once = again = 0.0
    for at in range(40, 90):
        memory = errors[:at]
        once += reduction(load[at], dispatch_day(load[at], quantiles[at], memory, BATTERY, 1.0))
        plans = dispatch_day(load[at], quantiles[at], memory, BATTERY, 1.0, every=1)
        assert plans.sum() <= BATTERY.energy_kwh + 1e-6
        assert plans.min() >= 0
        again += reduction(load[at], plans)
    assert again >= 0.99 * once


def test_an_hour_that_has_not_come_changes_no_discharge_before_it() -> None:
    load, quantiles, errors = told(np.random.default_rng(2), 41)
    other = load[40].copy()
    other[15:] += 1_000.0
    plans = [
        dispatch_day(one, quantiles[40], errors[:40], BATTERY, 1.0, every=1)
        for one in (load[40], other)
    ]
    assert np.array_equal(plans[0][:16], plans[1][:16])


def test_scenarios_are_the_median_moved_by_whole_days_of_errors() -> None:
    _, quantiles, errors = told(np.random.default_rng(3), 5)
    paths = scenarios_of(quantiles[0], errors)
    width = quantiles[0, :, -1] - quantiles[0, :, 0]
    assert np.allclose((paths - quantiles[0, :, 4]) / width, errors)


def test_an_empty_battery_gives_nothing() -> None:
    assert plan(np.ones((3, 4)), BATTERY, Remaining(1.0, 0.0)).tolist() == [0.0] * 4
