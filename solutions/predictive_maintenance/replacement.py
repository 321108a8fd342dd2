"""When to replace an asset: now, at the next window, or later; and what such a policy costs.

A replacement renews the asset, so the long-run cost an hour is the expected cost of a cycle over
its expected length (renewal-reward; age replacement: Barlow & Hunter 1960). Hours are operating
hours of one life, counted from its beginning or from the decision; costs are money.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.evaluation.intervals import resamples
from lepton.evaluation.results import MetricResult

YEAR_H: Final = 8_766.0
"""Hours of 365.25 days."""
ACTIONS: Final = ("wait", "window", "now")
"""Wait and ask again; replace at the next window; replace as soon as the part is there."""
_TRIED: Final = 200
_ROUNDS: Final = 12


@dataclass(frozen=True)
class Costs:
    """What replacements cost: money, hours, and money an hour.

    c_failure: of a failure with its replacement; c_planned: of a replacement before it;
    c_inspection: of the look at an asset before a part is ordered for it on a prediction;
    lead_time_h: from the order of a part to its arrival; downtime_per_h: of an asset that failed
    and waits for its part. Raises ValueError naming everything that is negative or no number.
    """

    c_failure: float
    c_planned: float
    c_inspection: float = 0.0
    lead_time_h: float = 0.0
    downtime_per_h: float = 0.0

    def __post_init__(self) -> None:
        wrong = [f"{k} {v}" for k, v in vars(self).items() if not (math.isfinite(v) and v >= 0)]
        if wrong:
            raise ValueError(f"a cost is a number from 0 up, not {', '.join(wrong)}")


def survival(hazard: np.ndarray) -> np.ndarray:
    """(rows, steps + 1): probability of working after 0, 1, ... steps, first 1.

    hazard: (rows, steps), probability of failing in a step once it is reached, 0..1.
    """
    return np.cumprod(np.hstack([np.ones((len(hazard), 1)), 1 - hazard]), axis=1)


def survival_from_quantiles(
    quantiles: np.ndarray, levels: np.ndarray, step_h: float, n_steps: int
) -> np.ndarray:
    """(rows, n_steps + 1): the survival curve of a remaining life known by its quantiles.

    quantiles: (rows, levels), hours, at the ascending `levels` in 0..1. Between quantiles failures
    are spread evenly; beyond the last, the hazard is the mean one up to there.
    """
    at = np.arange(n_steps + 1) * step_h
    known = np.maximum.accumulate(np.maximum(quantiles, 0.0), axis=1)
    curves = np.empty((len(known), n_steps + 1))
    for row, own in enumerate(known):
        below = np.interp(at, np.concatenate([[0.0], own]), np.concatenate([[0.0], levels]))
        hazard = -math.log1p(-levels[-1]) / max(float(own[-1]), step_h)
        after = np.maximum(at - own[-1], 0.0)
        curves[row] = (1 - below) * np.exp(-hazard * after)
    curves[:, 0] = 1.0
    return curves


def failure_probability(curve: np.ndarray, step_h: float, horizon_h: float) -> np.ndarray:
    """(rows,): probability of failing within `horizon_h`; ValueError beyond the curve's end."""
    n_steps = curve.shape[1] - 1
    place = horizon_h / step_h
    if not 0 <= place <= n_steps:
        raise ValueError(f"{horizon_h} h lies outside the curve's {n_steps * step_h} h")
    first = min(int(place), n_steps - 1)
    share = place - first
    return np.asarray(1 - (curve[:, first] * (1 - share) + curve[:, first + 1] * share))


def median_life(curve: np.ndarray, step_h: float) -> np.ndarray:
    """(rows,): hours after which half have failed; infinite where the curve ends above a half."""
    after = (curve <= 0.5).argmax(axis=1)
    rows = np.arange(len(curve))
    above, below = curve[rows, np.maximum(after - 1, 0)], curve[rows, after]
    with np.errstate(invalid="ignore", divide="ignore"):
        hours = (after - 1 + (above - 0.5) / (above - below)) * step_h
    return np.where((curve <= 0.5).any(axis=1), hours, np.inf)


def ahead(curve: np.ndarray, step_h: float, costs: Costs) -> tuple[np.ndarray, np.ndarray]:
    """(cost, hours), each (rows, steps + 1): expected until the end of the cycle that a replacement
    planned 0, 1, ... steps ahead ends, if no failure does before.

    A part is ordered a lead time before its replacement: an asset that fails meanwhile waits for
    what is left of it, one that fails earlier for all of it. A plan within the lead time from now
    is one whose part is on its way. Time spent waiting belongs to the cycle.
    """
    n = curve.shape[1]
    at = np.arange(n) * step_h
    fails = curve[:, :-1] - curve[:, 1:]
    # a failure of a step happens in its middle: (plan, step)
    left = at[:, None] - (at[:-1] + step_h / 2)[None, :]
    waits = np.where(left > 0, np.minimum(left, costs.lead_time_h), 0.0)
    is_before = (left > 0).astype(np.float64)
    down = fails @ waits.T
    lived = np.hstack([np.zeros((len(curve), 1)), (curve[:, :-1] + curve[:, 1:]) / 2]) * step_h
    ordered = np.maximum(at - costs.lead_time_h, 0.0) / step_h
    looked = _between(curve, ordered)
    cost = (
        costs.c_planned * curve
        + costs.c_failure * (fails @ is_before.T)
        + costs.downtime_per_h * down
        + costs.c_inspection * looked
    )
    return cost, np.cumsum(lived, axis=1) + down


@dataclass(frozen=True, eq=False)
class Advice:
    """What to do with each asset; all arrays have one row an asset.

    action: place in `ACTIONS`; at_h: hours from now to the replacement that costs least, also where
    the advice is to wait; values: (rows, actions), what each action is compared by: money an hour
    of the whole cycle, or, against a rate, money lost by the end of the cycle.
    """

    action: np.ndarray
    at_h: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Moment:
    """When each asset is asked about; one entry an asset.

    age_h: hours of this life so far; window_h: hours to the next planned stop; every_h: hours from
    one planned stop to the next, 0 where an asset can be stopped at any time.
    """

    age_h: np.ndarray
    window_h: np.ndarray
    every_h: float = 0.0


def advise(
    curve: np.ndarray, step_h: float, costs: Costs, moment: Moment, *, rate: float | None = None
) -> Advice:
    """Replace now, at the next window, or wait: whichever costs least.

    curve: (rows, steps + 1), survival from now on. Now means after the lead time; a window before
    that is missed, and the first step not before it is taken. To wait is to replace at the best
    later window. rate: money an hour that the fleet's cycles cost in the long run; a cycle is then
    worth going on with while it costs less than that (Aven & Bergman 1986). Without it the asset's
    own cycle is rated as a whole. What later readings will tell is not foreseen, so the advice errs
    on the early side. Raises ValueError where the curve ends before the window after the next.
    """
    n, rows = curve.shape[1], np.arange(len(curve))
    first, apart = math.ceil(costs.lead_time_h / step_h), max(round(moment.every_h / step_h), 1)
    window = np.maximum(np.ceil(moment.window_h / step_h).astype(np.int64), first)
    if (needed := window.max(initial=first) + apart) >= n:
        raise ValueError(
            f"curves of {(n - 1) * step_h:g} h end too early: {needed * step_h:g} h are needed"
        )
    cost, hours = ahead(curve, step_h, costs)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = cost / (moment.age_h[:, None] + hours) if rate is None else cost - rate * hours
    # at age 0 a cycle without length has no rate
    value = np.where(np.isfinite(value), value, np.inf)
    after = np.arange(n)[None, :] - window[:, None]
    later = np.where((after > 0) & (after % apart == 0), value, np.inf)
    steps = np.stack([later.argmin(axis=1), window, np.full(len(curve), first)], axis=1)
    values = value[rows[:, None], steps]
    # of equal values the later action
    action = values.argmin(axis=1)
    return Advice(action, steps[rows, action] * step_h, values)


@dataclass(frozen=True, eq=False)
class Ends:
    """How lives ended without any policy; one entry a life.

    hours: to the failure, or to where the life was cut off; failed: which of them it was; asset:
    code of the asset, as lives of one asset resemble each other.
    """

    hours: np.ndarray
    failed: np.ndarray
    asset: np.ndarray

    def __len__(self) -> int:
        return len(self.hours)


@dataclass(frozen=True, eq=False)
class Cycles:
    """How lives end under a policy; one entry a life.

    hours: to the failure or replacement, or to where it was cut off; is_known: not cut off before;
    cost: of the end; of a life cut off, what a failure there would cost; down_h: hours waited after
    the end.
    """

    hours: np.ndarray
    is_known: np.ndarray
    cost: np.ndarray
    down_h: np.ndarray


def cycles(ends: Ends, planned_h: np.ndarray, costs: Costs, *, inspection: float = 0.0) -> Cycles:
    """Each life as it ends where its replacement is planned at `planned_h`, infinite for never.

    A life that fails at that very hour has failed. inspection: money spent at each order.
    A life cut off before its replacement tells nothing of how it would have ended.
    """
    is_replaced = planned_h < ends.hours
    is_replaced |= ~ends.failed & (planned_h == ends.hours)
    hours = np.where(is_replaced, planned_h, ends.hours)
    wait = np.clip(planned_h - ends.hours, 0.0, costs.lead_time_h)
    is_ordered = np.maximum(planned_h - costs.lead_time_h, 0.0) <= hours
    down = np.where(is_replaced, 0.0, wait)
    end = np.where(is_replaced, costs.c_planned, costs.c_failure + costs.downtime_per_h * down)
    return Cycles(hours, is_replaced | ends.failed, end + inspection * is_ordered, down)


def cost_rate(found: Cycles, weight: np.ndarray | None = None) -> float:
    """Money an hour in the long run: expected cost of a cycle over its expected length.

    Lives that were cut off count as Kaplan & Meier 1958 do: what they might have become is spread
    over those that went on longer (equal to inverse-probability weights, Bang & Tsiatis 2000). The
    longest life, if cut off, counts as failed there (Efron 1967), alike for every policy. This
    holds where cutting off has nothing to do with health; where a customer replaced what looked
    bad, every policy looks better than it is. weight: of each life; NaN where there is none.
    """
    weight = np.ones(len(found.hours)) if weight is None else weight
    if not weight.sum() > 0:
        return math.nan
    mass = _masses(found.hours, found.is_known, weight)
    length = float(mass @ (found.hours + found.down_h))
    return float(mass @ found.cost) / length if length > 0 else math.nan


def best_interval(ends: Ends, costs: Costs) -> float:
    """The age in hours at which replacing every asset costs least an hour; infinite for never."""
    tried = np.linspace(float(ends.hours.min()), float(ends.hours.max()), _TRIED)
    # a lead time before the first of them no part can be there
    tried = np.append(np.maximum(tried, costs.lead_time_h), np.inf)
    rates = [cost_rate(cycles(ends, np.full(len(ends), at), costs)) for at in tried]
    return float(tried[int(np.nanargmin(rates))])


def first_plans(life: np.ndarray, planned_h: np.ndarray, n_lives: int) -> np.ndarray:
    """(n_lives,): hour of the replacement that the first row of each life with a plan ordered.

    life: codes, rows of a life in order of time; planned_h: infinite where the advice is to wait.
    An order is not taken back.
    """
    plans = np.full(n_lives, np.inf)
    rows = np.flatnonzero(np.isfinite(planned_h))[::-1]
    plans[life[rows]] = planned_h[rows]
    return plans


def plans_by_probability(
    p: np.ndarray, life: np.ndarray, age_h: np.ndarray, ends: Ends, costs: Costs, threshold: float
) -> np.ndarray:
    """Planned hour of each life where a part is ordered at the first row that reaches `threshold`.

    p: probability of failing within a horizon, one a row, as are life (place in `ends`) and age_h.
    """
    planned = np.where(p >= threshold, age_h + costs.lead_time_h, np.inf)
    return first_plans(life, planned, len(ends))


def plans_by_advice(found: Advice, life: np.ndarray, age_h: np.ndarray, ends: Ends) -> np.ndarray:
    """Planned hour of each life where the first advice not to wait is followed."""
    planned = np.where(found.action > ACTIONS.index("wait"), age_h + found.at_h, np.inf)
    return first_plans(life, planned, len(ends))


def settle(
    plan: Callable[[float], np.ndarray],
    ends: Ends,
    costs: Costs,
    tried: Sequence[float] | np.ndarray,
) -> float:
    """The number of `tried` whose plans cost least an hour on `ends`; the first of equals.

    plan: a number (a probability from which to order) -> planned hour of each life.
    """
    rates = [
        cost_rate(cycles(ends, plan(float(one)), costs, inspection=costs.c_inspection))
        for one in tried
    ]
    return float(np.asarray(tried)[int(np.nanargmin(rates))])


def settle_rate(
    plan: Callable[[float], np.ndarray], ends: Ends, costs: Costs, start: float
) -> float:
    """The rate for `advise` at which its plans cost least an hour on `ends`.

    plan: rate -> planned hour of each life. Each round rates the plans of the one before and takes
    what they cost as the next rate (Dinkelbach 1967); the best round is kept.
    """
    rates: dict[float, float] = {}
    rate = start
    while rate not in rates and len(rates) < _ROUNDS and math.isfinite(rate):
        rates[rate] = cost_rate(cycles(ends, plan(rate), costs, inspection=costs.c_inspection))
        rate = rates[rate]
    return min(rates, key=rates.__getitem__)


@dataclass(frozen=True)
class PolicyCost:
    """One policy on lives it was not made on.

    per_year: money an asset-year; saving: share of what the fixed interval costs that it saves;
    both with 95 % intervals over assets; failed, planned: shares of cycles that end with a failure
    and with a replacement, 1 together; unused_h: mean hours that a replaced asset would have gone
    on for, of those whose failure is known.
    """

    name: str
    per_year: MetricResult
    saving: MetricResult
    failed: float
    planned: float
    unused_h: float


def compare_policies(
    ends: Ends,
    plans: Mapping[str, np.ndarray],
    costs: Costs,
    *,
    interval_h: float | np.ndarray,
    rng: np.random.Generator,
    n: int = 200,
) -> tuple[PolicyCost, ...]:
    """What the policies `plans` (name -> planned hour of each life) cost on `ends`.

    Beside them: running to failure; replacing at the age `interval_h` (of each life, or one for
    all), chosen on other lives; at
    the best age for these very lives, which nobody can know; and with perfect foresight, just
    before each failure. Plans pay for an inspection at each order, the others need none.
    """
    ages: dict[str, float | np.ndarray] = {
        "run to failure": math.inf,
        "fixed interval": interval_h,
        "fixed interval in hindsight": best_interval(ends, costs),
    }
    given = {name: np.full(len(ends), age) for name, age in ages.items()}
    given["perfect foresight"] = np.where(ends.failed, np.nextafter(ends.hours, 0.0), np.inf)
    found = {name: cycles(ends, plan, costs) for name, plan in given.items()}
    found |= {
        name: cycles(ends, plan, costs, inspection=costs.c_inspection)
        for name, plan in plans.items()
    }
    _, life = np.unique(ends.asset, return_inverse=True)
    drawn = [weights[life] for weights in resamples(np.arange(life.max(initial=-1) + 1), rng, n)]
    base = found["fixed interval"]
    base_draws = np.array([cost_rate(base, weights) for weights in drawn])
    return tuple(
        _policy_cost(name, ends, one, drawn, (cost_rate(base), base_draws))
        for name, one in found.items()
    )


def _policy_cost(
    name: str,
    ends: Ends,
    found: Cycles,
    drawn: Sequence[np.ndarray],
    base: tuple[float, np.ndarray],
) -> PolicyCost:
    rate, draws = cost_rate(found), np.array([cost_rate(found, weights) for weights in drawn])
    is_failure = ends.failed & (found.hours == ends.hours)
    is_replaced = found.is_known & ~is_failure
    mass = _masses(found.hours, found.is_known, np.ones(len(ends)))
    unused = (ends.hours - found.hours)[is_replaced & ends.failed]
    with np.errstate(invalid="ignore", divide="ignore"):
        saved, saves = 1 - np.divide(rate, base[0]), 1 - draws / base[1]
    return PolicyCost(
        name,
        _metric("cost_per_year", rate * YEAR_H, draws * YEAR_H, "money an asset-year"),
        _metric("saving", float(saved), saves, "share of the fixed interval's cost"),
        float(mass[is_failure].sum()),
        float(mass[is_replaced].sum()),
        float(unused.mean()) if len(unused) else math.nan,
    )


def _metric(name: str, value: float, draws: np.ndarray, about: str) -> MetricResult:
    finite = draws[np.isfinite(draws)]
    if not math.isfinite(value):
        return MetricResult(name, None, about=about, reason="no life tells")
    if not len(finite) or 2 * len(finite) < len(draws):
        return MetricResult(name, value, about=about, reason="no interval: too few resamples")
    low, high = np.quantile(finite, [0.025, 0.975])
    return MetricResult(name, value, float(low), float(high), about)


def _masses(hours: np.ndarray, is_known: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Probability of each life's end by Kaplan & Meier, in all 1; the longest counts as known."""
    # of equal hours those that are known come first: the others were seen to reach them
    order = np.lexsort((~is_known, hours))
    share, known = weight[order], is_known[order].copy()
    at_risk = np.cumsum(share[::-1])[::-1]
    used = np.flatnonzero(share > 0)
    known[used[-1]] = True
    dies = np.divide(share * known, at_risk, out=np.zeros(len(share)), where=at_risk > 0)
    left = np.concatenate([[1.0], np.cumprod(1 - np.minimum(dies, 1.0))[:-1]])
    mass = np.empty(len(share))
    mass[order] = left * dies
    return mass


def _between(curve: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Columns of `curve` at the fractional places `place`, by lines between them."""
    first = np.minimum(place.astype(np.int64), curve.shape[1] - 2)
    share = place - first
    return np.asarray(curve[:, first] * (1 - share) + curve[:, first + 1] * share)


__all__ = [
    "ACTIONS",
    "YEAR_H",
    "Advice",
    "Costs",
    "Cycles",
    "Ends",
    "Moment",
    "PolicyCost",
    "advise",
    "ahead",
    "best_interval",
    "compare_policies",
    "cost_rate",
    "cycles",
    "failure_probability",
    "first_plans",
    "median_life",
    "plans_by_advice",
    "plans_by_probability",
    "settle",
    "settle_rate",
    "survival",
    "survival_from_quantiles",
]
