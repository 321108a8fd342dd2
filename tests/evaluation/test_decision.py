from __future__ import annotations

import numpy as np
import pytest

from lepton.evaluation.decision import choose_threshold

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
