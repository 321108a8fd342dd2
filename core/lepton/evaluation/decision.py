"""From scores to decisions: the threshold that costs least, and the price of a day's places."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from lepton_edge.policy import Policy

_LOADS: Final = (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
"""Rows a day above a price that is tried, in parts of the capacity."""


def choose_threshold(
    score: np.ndarray,
    y: np.ndarray,
    miss_cost: np.ndarray,
    alert_cost: np.ndarray,
    *,
    days: float,
    capacity: float | None,
) -> float:
    """The threshold in (0, 1) at which alerts and misses together cost least money.

    score: 0..1; y: 0/1; miss_cost: lost where a positive row stays below the threshold;
    alert_cost: spent where any row reaches it; days: length of time that the rows cover;
    capacity: most alerts a day on average, None for no bound. Ties go to the higher
    threshold. The threshold lies midway between two scores, so that rounding flips no row.
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    cost = _cost_of_alerting(miss_cost[order] * (y[order] > 0), alert_cost[order])
    ends = _ends_of_ties(ranked)
    if capacity is not None:
        ends = ends[ends <= max(capacity * max(days, 1.0), 0.0)]
    n_alerts = int(ends[np.argmin(cost[ends])])
    return threshold_after(ranked, n_alerts)


def threshold_after(ranked: np.ndarray, n_alerts: int) -> float:
    """The threshold in (0, 1) that the first `n_alerts` of the descending scores `ranked` reach.

    It lies midway to the next score; between equal scores, on them.
    """
    above = float(ranked[n_alerts - 1]) if n_alerts else 1.0
    below = float(ranked[n_alerts]) if n_alerts < len(ranked) else 0.0
    middle = (above + below) / 2
    lowest, highest = np.nextafter(0.0, 1.0), np.nextafter(1.0, 0.0)
    return float(np.clip(above if middle <= below else middle, lowest, highest))


def settle_policy(
    policy: Policy,
    score: np.ndarray,
    value: np.ndarray,
    day: np.ndarray,
    *,
    days: float,
    review_sample: float,
) -> Policy:
    """`policy` with the price of its limited action and the rate of its random sample.

    score: calibrated, of rows that are new to the model, in the order in which they come; value:
    money; day: number of each row's day in the policy's zone; days: length of time they cover.
    No label is read. The price is the one at which the places of a day are worth most in
    expectation: a high one leaves places empty, a low one has given them away by noon.
    review_sample: share of the places (without a capacity, of the rows acted on by hand) that
    rows drawn among those let pass may take on average.
    """
    costs = policy.costs(score, value)
    worth = np.asarray(policy.worth(costs), dtype=np.float64)
    price = _price(worth, day, policy.capacity, days)
    is_limited = (worth > 0) & (worth >= price)
    free = np.min([c for at, c in enumerate(costs) if at != policy.limited], axis=0)
    n_passed = int((~is_limited & (costs[0] <= free)).sum())
    places = policy.capacity * days if policy.capacity is not None else float(is_limited.sum())
    rate = min(review_sample * places / n_passed, 1.0) if n_passed else 0.0
    return Policy(
        policy.actions,
        capacity=policy.capacity,
        price=price,
        zone=policy.zone,
        sample=replace(policy.sample, rate=rate),
    )


def _price(worth: np.ndarray, day: np.ndarray, capacity: float | None, days: float) -> float:
    """The price at which the first `capacity` rows of each day that reach it are worth most."""
    falling = np.sort(worth[worth > 0])[::-1]
    if capacity is None or len(falling) <= capacity:
        return 0.0
    numbers = [int(load * capacity * days) for load in _LOADS]
    tried = [0.0, *(float(falling[n]) for n in numbers if n < len(falling))]
    return max(tried, key=lambda price: (_captured(worth, day, capacity, price), price))


def _captured(worth: np.ndarray, day: np.ndarray, capacity: float, price: float) -> float:
    """Expected money of the first `capacity` rows of each day that are worth `price`."""
    rows = np.flatnonzero((worth > 0) & (worth >= price))
    order = np.argsort(day[rows], kind="stable")
    days = day[rows][order]
    starts = np.searchsorted(days, days, side="left")
    place = np.arange(len(days)) - starts
    return float(worth[rows][order][place < capacity].sum())


def _cost_of_alerting(missed: np.ndarray, alert_cost: np.ndarray) -> np.ndarray:
    """Money at 0, 1, ... n alerts, in the order of the rows."""
    saved = np.concatenate([[0.0], np.cumsum(missed)])
    spent = np.concatenate([[0.0], np.cumsum(alert_cost)])
    return np.asarray(saved[-1] - saved + spent)


def _ends_of_ties(ranked: np.ndarray) -> np.ndarray:
    """Numbers of alerts that some threshold can give: equal scores go together."""
    last_of_tie = np.flatnonzero(np.diff(ranked) < 0) + 1
    return np.unique(np.concatenate([[0], last_of_tie, [len(ranked)]])).astype(np.int64)


__all__ = ["choose_threshold", "settle_policy", "threshold_after"]
