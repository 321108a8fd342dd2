from __future__ import annotations

import numpy as np
import pytest

from lepton.evaluation.decision import choose_threshold, settle_policy
from lepton_edge.policy import Action, Policy

SCORE = np.array([0.9, 0.8, 0.6, 0.4, 0.2])
Y = np.array([1.0, 0.0, 1.0, 0.0, 0.0])


def _choose(score: np.ndarray, y: np.ndarray, miss: float, capacity: float | None = None) -> float:
    cost = np.full(len(score), miss)
    return choose_threshold(score, y, cost, np.full(len(score), 1.0), days=1, capacity=capacity)


def test_the_threshold_costs_least_and_lies_between_two_scores() -> None:
    assert _choose(SCORE, Y, miss=10.0) == pytest.approx(0.5)


def test_order_of_rows_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(len(Y))
    assert _choose(SCORE[order], Y[order], miss=10.0) == pytest.approx(0.5)


def test_capacity_bounds_the_alerts() -> None:
    threshold = _choose(SCORE, Y, miss=10.0, capacity=2)
    assert (threshold <= SCORE).sum() <= 2


def test_where_alerts_cost_more_than_misses_nobody_is_alerted() -> None:
    threshold = _choose(SCORE, Y, miss=0.5)
    assert 0.9 < threshold < 1.0


def test_ties_of_cost_go_to_the_higher_threshold() -> None:
    assert _choose(SCORE, Y, miss=1.0) > 0.9


def test_equal_scores_are_decided_together() -> None:
    score = np.array([0.7, 0.7, 0.7, 0.1])
    y = np.array([1.0, 0.0, 0.0, 0.0])
    assert _choose(score, y, miss=10.0, capacity=2) > 0.7


@pytest.mark.parametrize("constant", [0.0, 0.5, 1.0])
def test_a_constant_score_gives_a_threshold_inside_zero_and_one(constant: float) -> None:
    for y in (np.zeros(4), np.ones(4)):
        assert 0.0 < _choose(np.full(4, constant), y, miss=10.0) < 1.0


PASS = Action("pass", positive=(0.0, 1.0), negative=(0.0, 0.0))
CHECK = Action("check", positive=(1.0, 0.0), negative=(1.0, 0.0), limited=True)


def _settled(
    worth: np.ndarray, day: np.ndarray, capacity: float | None, share: float = 0.0
) -> Policy:
    """Rows that a check saves `worth`: score 0.5 and a value of twice worth + 1."""
    score, value = np.full(len(worth), 0.5), 2.0 * (worth + 1.0)
    days = float(len(np.unique(day)))
    raw = Policy((PASS, CHECK), capacity=capacity)
    return settle_policy(raw, score, value, day, days=days, review_sample=share)


def test_the_price_keeps_the_days_places_for_the_rows_that_are_worth_most() -> None:
    # each day begins with ten rows worth little; the two that are worth much come last
    day = np.repeat(np.arange(20), 12)
    worth = np.tile(np.array([*[1.0] * 10, 50.0, 60.0]), 20)
    settled = _settled(worth, day, capacity=2)
    assert 1.0 < settled.price <= 50.0
    reached = worth >= settled.price
    assert np.bincount(day, reached).tolist() == [2.0] * 20


def test_where_places_are_plenty_they_cost_nothing() -> None:
    day = np.repeat(np.arange(20), 12)
    worth = np.linspace(1, 50, 240)
    assert _settled(worth, day, capacity=100).price == 0.0
    assert _settled(worth, day, capacity=None).price == 0.0


def test_the_random_sample_takes_its_share_of_the_places() -> None:
    # 1,000 rows a day that pass and ten that are worth a check, of 20 places
    day = np.repeat(np.arange(10), 1_010)
    worth = np.tile(np.array([*[-1.0] * 1_000, *[30.0] * 10]), 10)
    assert _settled(worth, day, 20, share=0.05).sample.rate == pytest.approx(20 * 0.05 / 1_000)
    assert _settled(worth, day, None, share=0.05).sample.rate == pytest.approx(10 * 0.05 / 1_000)
    assert _settled(worth, day, 20).sample.rate == 0.0
