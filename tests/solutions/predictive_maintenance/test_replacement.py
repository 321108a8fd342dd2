"""Replacement: survival curves, the action of lowest cost, and what a policy costs on lives."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from lepton.evaluation.results import MetricResult
from solutions.predictive_maintenance.replacement import (
    ACTIONS,
    YEAR_H,
    Advice,
    Costs,
    Ends,
    Moment,
    PolicyCost,
    advise,
    ahead,
    best_interval,
    compare_policies,
    cost_rate,
    cycles,
    failure_probability,
    first_plans,
    median_life,
    plans_by_advice,
    plans_by_probability,
    settle,
    settle_rate,
    survival,
    survival_from_quantiles,
)

COSTS = Costs(c_failure=10.0, c_planned=1.0)
NEVER = math.inf


def weibull(shape: float, scale: float, at: np.ndarray) -> np.ndarray:
    """Survival at the hours `at`."""
    return np.asarray(np.exp(-((at / scale) ** shape)))


def ends(hours: list[float] | np.ndarray, failed: list[bool] | np.ndarray | None = None) -> Ends:
    known = np.ones(len(hours), bool) if failed is None else np.asarray(failed)
    return Ends(np.asarray(hours, float), known, np.arange(len(hours)))


def value(result: MetricResult) -> float:
    assert result.value is not None
    return result.value


def test_a_hazard_makes_a_survival_curve() -> None:
    curve = survival(np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.3]]))
    assert curve.tolist() == [[1.0, 0.5, 0.25, 0.25], [1.0, 1.0, 0.0, 0.0]]
    assert failure_probability(curve, 10.0, 20.0).tolist() == [0.75, 1.0]
    assert failure_probability(curve, 10.0, 5.0).tolist() == [0.25, 0.0]
    assert failure_probability(curve, 10.0, 30.0).tolist() == [0.75, 1.0]
    with pytest.raises(ValueError, match=r"31.0 h lies outside the curve's 30.0 h"):
        failure_probability(curve, 10.0, 31.0)


def test_half_have_failed_at_the_median_life() -> None:
    at = np.arange(0, 2_001) * 1.0
    curves = np.stack([weibull(1.0, 1_000.0, at), weibull(1.0, 1e6, at), at * 0 + (at < 7)])
    found = median_life(curves, 1.0)
    assert found[0] == pytest.approx(1_000 * math.log(2), rel=1e-6)
    assert found[1] == NEVER
    assert found[2] == 6.5


def test_quantiles_of_a_remaining_life_make_its_curve() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    curve = survival_from_quantiles(np.array([[10.0, 50.0, 90.0]]), levels, 10.0, 12)
    assert curve[0, [0, 1, 3, 5, 9]] == pytest.approx([1.0, 0.9, 0.7, 0.5, 0.1])
    assert np.diff(curve[0]).max() < 0
    assert curve[0, 12] == pytest.approx(0.1 * math.exp(-30 * math.log(10) / 90))
    crossed = survival_from_quantiles(np.array([[20.0, 5.0, -3.0]]), levels, 10.0, 5)
    assert (np.diff(crossed[0]) <= 0).all()


def test_the_best_age_is_that_of_barlow_and_hunter() -> None:
    def rate(age: float) -> float:
        lived = quad(lambda t: math.exp(-((t / 1_000) ** 3)), 0, age)[0]
        still = math.exp(-((age / 1_000) ** 3))
        return float((10 * (1 - still) + still) / lived)

    best = minimize_scalar(rate, bounds=(50, 2_000), method="bounded")
    cost, hours = ahead(weibull(3, 1_000, np.arange(401) * 5.0)[None], 5.0, COSTS)
    found = cost[0, 1:] / hours[0, 1:]
    assert (found.argmin() + 1) * 5.0 == pytest.approx(best.x, abs=5.0)
    assert found.min() == pytest.approx(best.fun, rel=1e-3)


def test_what_lies_ahead_counts_downtime_lead_time_and_inspection() -> None:
    costs = Costs(100.0, 10.0, c_inspection=3.0, lead_time_h=20.0, downtime_per_h=2.0)
    # fails in the middle of the third step of ten hours for certain, at 25 h
    cost, hours = ahead(np.array([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]]), 10.0, costs)
    # plans within 20 h replace it; at 30 h the part is 5 h away; at 50 h it is not yet ordered
    assert cost[0, [0, 1, 2]].tolist() == [13.0] * 3
    assert hours[0, [0, 1, 2]].tolist() == [0.0, 10.0, 20.0]
    assert (cost[0, 3], hours[0, 3]) == (100 + 2 * 5 + 3, 25 + 5)
    assert (cost[0, 5], hours[0, 5]) == (100 + 2 * 20, 25 + 20)


def advice(curve: np.ndarray, costs: Costs = COSTS, rate: float | None = None) -> Advice:
    """For one asset of age 500 h, steps of 10 h, windows in 50 h and every 100 h from there."""
    moment = Moment(np.array([500.0]), np.array([50.0]), every_h=100.0)
    return advise(curve[None], 10.0, costs, moment, rate=rate)


@pytest.mark.parametrize("rate", [None, 0.01])
@pytest.mark.parametrize(
    ("fails_after", "action", "at_h"),
    [(30, "now", 0.0), (70, "window", 50.0), (150, "wait", 150.0), (290, "wait", 250.0)],
)
def test_it_is_replaced_at_the_last_chance_before_it_fails(
    rate: float | None, fails_after: float, action: str, at_h: float
) -> None:
    found = advice(np.where(np.arange(31) * 10.0 <= fails_after, 1.0, 0.0), rate=rate)
    assert (ACTIONS[found.action[0]], found.at_h[0]) == (action, at_h)
    assert found.values[0].argmin() == found.action[0]


def test_without_fixed_windows_any_later_step_will_do() -> None:
    curve = np.where(np.arange(31) * 10.0 <= 70, 1.0, 0.0)[None]
    found = advise(curve, 10.0, COSTS, Moment(np.array([500.0]), np.array([10.0])))
    assert (ACTIONS[found.action[0]], found.at_h[0]) == ("wait", 70.0)


def test_a_hazard_that_does_not_rise_is_never_worth_a_replacement() -> None:
    curve = np.exp(-np.arange(101) * 10.0 / 400.0)
    # run to failure costs 10 / 400 h; at any age the rest of the life costs as much
    assert ACTIONS[advice(curve, rate=10 / 400).action[0]] == "wait"
    lives = ends(np.random.default_rng(0).exponential(400.0, 3_000))
    interval = best_interval(lives, COSTS)
    assert cost_rate(cycles(lives, np.full(3_000, interval), COSTS)) == pytest.approx(
        10 / 400, rel=0.05
    )
    assert interval > 1_000


def test_the_part_must_arrive_before_the_replacement() -> None:
    costs = Costs(10.0, 1.0, lead_time_h=25.0)
    found = advice(np.where(np.arange(31) <= 4, 1.0, 0.0), costs)
    assert (ACTIONS[found.action[0]], found.at_h[0]) == ("now", 30.0)
    with pytest.raises(ValueError, match="curves of 50 h end too early: 150 h are needed"):
        advice(np.ones(6), costs)


def test_each_life_ends_as_its_plan_says() -> None:
    costs = Costs(100.0, 10.0, c_inspection=3.0, lead_time_h=20.0, downtime_per_h=2.0)
    lives = ends([50.0, 50.0, 50.0, 50.0, 50.0], [True, True, True, True, False])
    found = cycles(lives, np.array([40.0, 50.0, 60.0, NEVER, 60.0]), costs, inspection=3.0)
    assert found.hours.tolist() == [40.0, 50.0, 50.0, 50.0, 50.0]
    # in the second the part is there when it fails, in the third it is 10 h away
    assert found.cost[:4].tolist() == [13.0, 103.0, 123.0, 140.0]
    assert found.down_h[:4].tolist() == [0.0, 0.0, 10.0, 20.0]
    assert found.is_known.tolist() == [True, True, True, True, False]
    # it fails before its part is ordered, and one cut off at its very plan was replaced
    early = cycles(lives, np.array([NEVER, NEVER, 70.1, 70.0, 50.0]), costs, inspection=3.0)
    assert early.cost[2:].tolist() == [140.0, 143.0, 13.0]
    assert early.is_known[4]
    rates = [cost_rate(cycles(ends([50.0]), np.array([plan]), costs)) for plan in (40.0, NEVER)]
    assert rates == pytest.approx([10 / 40, 140 / 70])


def test_lives_that_were_cut_off_do_not_bend_the_cost() -> None:
    rng = np.random.default_rng(1)
    lives = 1_000 * rng.weibull(3.0, 6_000)
    cut = rng.uniform(200, 1_600, 6_000)
    whole, censored = ends(lives), ends(np.minimum(lives, cut), lives <= cut)
    assert (~censored.failed).mean() > 0.4
    for plan in (NEVER, 500.0, 900.0):
        planned = np.full(6_000, plan)
        truth = cost_rate(cycles(whole, planned, COSTS))
        found = cost_rate(cycles(censored, planned, COSTS))
        assert found == pytest.approx(truth, rel=0.04)
    only_failed = Ends(censored.hours[censored.failed], np.ones(censored.failed.sum(), bool), lives)
    naive = cost_rate(cycles(only_failed, np.full(len(only_failed), NEVER), COSTS))
    assert naive > 1.1 * cost_rate(cycles(whole, np.full(6_000, NEVER), COSTS))


def test_the_longest_life_counts_as_failed_and_none_is_no_number() -> None:
    lives = ends([10.0, 30.0], [True, False])
    # half fail after 10 h, the rest is taken to fail after 30 h
    assert cost_rate(cycles(lives, np.full(2, NEVER), COSTS)) == pytest.approx(10 / 20)
    assert math.isnan(cost_rate(cycles(lives, np.full(2, NEVER), COSTS), np.zeros(2)))
    # a life cut off at the hour at which another failed was at risk then
    tied = ends([10.0, 10.0, 30.0], [False, True, True])
    third = cost_rate(cycles(tied, np.full(3, NEVER), COSTS))
    assert third == pytest.approx(10 / (10 / 3 + 30 * 2 / 3))


def test_the_best_interval_is_found_on_lives() -> None:
    lives = ends(1_000 * np.random.default_rng(2).weibull(3.0, 5_000))
    found = best_interval(lives, COSTS)
    # minimum of Barlow & Hunter's rate for this distribution: 386 h, flat around it
    cost, hours = ahead(weibull(3, 1_000, np.arange(401) * 5.0)[None], 5.0, COSTS)
    assert found == pytest.approx(5 * (cost[0, 1:] / hours[0, 1:]).argmin() + 5, abs=60)


def test_the_first_plan_of_a_life_stands() -> None:
    life = np.array([0, 0, 0, 2, 2])
    planned = np.array([NEVER, 40.0, 30.0, NEVER, NEVER])
    assert first_plans(life, planned, 4).tolist() == [40.0, NEVER, NEVER, NEVER]


Rows = tuple[np.ndarray, np.ndarray]
STEP_H = 10.0


def decisions(lives: Ends) -> Rows:
    """(life, age): one decision each ten hours until the life's end."""
    ages = [np.arange(0.0, hours, STEP_H) for hours in lives.hours]
    return np.repeat(np.arange(len(lives)), [len(one) for one in ages]), np.concatenate(ages)


def planner(
    lives: Ends, curves: Callable[[Rows], np.ndarray], costs: Costs
) -> Callable[[float], np.ndarray]:
    """Rate -> planned hours, asking `advise` at every decision; a stop is possible at any step."""
    life, age = decisions(lives)
    curve = curves((life, age))

    def plan(rate: float) -> np.ndarray:
        moment = Moment(age, np.full(len(age), STEP_H))
        found = advise(curve, STEP_H, costs, moment, rate=rate)
        return plans_by_advice(found, life, age, lives)

    return plan


def fleet(seed: int, n: int = 250) -> Ends:
    return ends(1_000 * np.random.default_rng(seed).weibull(3.0, n))


def of_age(rows: Rows) -> np.ndarray:
    """What age alone tells: the distribution that made the lives, given the age reached."""
    at = rows[1][:, None] + np.arange(41) * STEP_H
    return np.asarray(weibull(3, 1_000, at) / weibull(3, 1_000, at[:, :1]))


def knowing(lives: Ends, seed: int) -> Callable[[Rows], np.ndarray]:
    """A predictor whose median is off by a tenth of the remaining life, the same all life long."""
    error = np.random.default_rng(seed).normal(0, 0.1, len(lives))

    def curves(rows: Rows) -> np.ndarray:
        life, age = rows
        middle = (lives.hours[life] - age) * np.exp(error[life])
        spread = np.array([-1.64, -1.04, -0.52, 0.0, 0.52, 1.04, 1.64])
        levels = np.array([0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95])
        quantiles = middle[:, None] * np.exp(0.1 * spread)
        return survival_from_quantiles(quantiles, levels, STEP_H, 40)

    return curves


def policies(
    curves_of: Callable[[Ends, int], Callable[[Rows], np.ndarray]],
) -> dict[str, PolicyCost]:
    """Policies settled on one fleet and compared on another."""
    train, test = fleet(3), fleet(4)
    start = 10 / 900
    rate = settle_rate(planner(train, curves_of(train, 5), COSTS), train, COSTS, start)
    planned = planner(test, curves_of(test, 6), COSTS)(rate)
    found = compare_policies(
        test,
        {"policy": planned},
        COSTS,
        interval_h=best_interval(train, COSTS),
        rng=np.random.default_rng(0),
        n=50,
    )
    return {one.name: one for one in found}


def test_a_policy_that_knows_the_age_only_is_the_best_fixed_interval() -> None:
    found = policies(lambda lives, seed: of_age)
    policy, fixed = found["policy"], found["fixed interval"]
    assert value(policy.per_year) == pytest.approx(value(fixed.per_year), rel=0.08)
    low, high = policy.saving.low, policy.saving.high
    assert low is not None
    assert high is not None
    assert low < 0.05
    assert high > -0.05


def test_a_policy_that_foresees_the_failure_costs_less_than_any_interval() -> None:
    found = policies(knowing)
    costs = {name: value(one.per_year) for name, one in found.items()}
    assert (
        costs["perfect foresight"]
        < costs["policy"]
        < 0.7 * costs["fixed interval in hindsight"]
        <= 0.7 * costs["fixed interval"]
        < 0.7 * costs["run to failure"]
    )
    policy = found["policy"]
    assert value(policy.saving) == pytest.approx(1 - costs["policy"] / costs["fixed interval"])
    assert policy.saving.low is not None
    assert policy.saving.low > 0.2
    assert policy.failed + policy.planned == pytest.approx(1.0)
    assert policy.failed < 0.1
    assert 0 < policy.unused_h < found["fixed interval"].unused_h


def test_policies_of_a_known_fleet_cost_what_arithmetic_says() -> None:
    lives = ends([100.0, 300.0, 200.0, 400.0])
    found = compare_policies(
        lives,
        {"half": lives.hours / 2},
        Costs(10.0, 2.0, c_inspection=1.0),
        interval_h=150.0,
        rng=np.random.default_rng(0),
        n=0,
    )
    costs = {one.name: value(one.per_year) / YEAR_H for one in found}
    assert costs["run to failure"] == pytest.approx(40 / 1_000)
    assert costs["fixed interval"] == pytest.approx((10 + 3 * 2) / (100 + 3 * 150))
    assert costs["perfect foresight"] == pytest.approx(8 / 1_000)
    assert costs["half"] == pytest.approx(12 / 500)
    half = found[-1]
    assert (half.failed, half.planned, half.unused_h) == (0.0, 1.0, 125.0)


def test_savings_are_compared_on_the_same_resamples() -> None:
    lives, ages = fleet(7, 40), np.full(40, 400.0)
    found = compare_policies(
        lives, {"same": ages}, COSTS, interval_h=400.0, rng=np.random.default_rng(0), n=30
    )
    same = found[-1]
    assert (same.saving.value, same.saving.low, same.saving.high) == (0.0, 0.0, 0.0)
    assert same.per_year.low is not None
    assert same.per_year.low < value(same.per_year)


def test_a_threshold_is_settled_where_orders_cost_least() -> None:
    lives, costs = ends([100.0] * 5), Costs(10.0, 1.0, lead_time_h=20.0)
    life, age = decisions(lives)

    def plan(threshold: float) -> np.ndarray:
        return plans_by_probability(age / 100, life, age, lives, costs, threshold)

    assert [plan(one)[0] for one in (0.3, 0.7, 0.8, 0.95)] == [50.0, 90.0, 100.0, NEVER]
    # ordered at 70 h it is replaced at 90 h; ordered at 80 h it fails as the part arrives
    assert settle(plan, lives, costs, [0.3, 0.7, 0.8, 0.95]) == 0.7


def test_the_rate_that_costs_least_is_kept() -> None:
    lives = ends([100.0] * 5)
    seen: list[float] = []

    def plan(rate: float) -> np.ndarray:
        seen.append(rate)
        return np.full(5, 90.0 if rate > 0.05 else 20.0)

    found = settle_rate(plan, lives, COSTS, start=0.1)
    # at 0.1 plans cost 1 / 90 an hour, at 1 / 90 they cost 1 / 20, at 1 / 20 the same again
    assert seen == pytest.approx([0.1, 1 / 90, 1 / 20])
    assert found == 0.1


def test_costs_are_numbers_from_zero_up() -> None:
    with pytest.raises(ValueError, match=r"not c_planned -1\.0, downtime_per_h nan"):
        Costs(1.0, -1.0, downtime_per_h=math.nan)
