"""Shares whose intervals are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from lepton.evaluation.shares import shares, wilson

DAYS = np.repeat(np.arange(20), 50)


def drawn(rate: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(DAYS)) < rate).astype(float)


def test_a_share_is_part_over_whole_and_lies_inside_its_interval() -> None:
    hit = drawn(0.3)
    (found,) = shares(hit[:, None], np.ones((1000, 1)), DAYS, np.random.default_rng(0))
    assert found.value == pytest.approx(hit.mean())
    assert found.low is not None
    assert found.high is not None
    assert found.low < hit.mean() < found.high
    assert found.whole == 1000


def test_a_share_of_all_or_nothing_is_not_called_certain() -> None:
    (found,) = shares(np.ones((1000, 1)), np.ones((1000, 1)), DAYS, np.random.default_rng(0))
    assert found.value == 1
    assert found.low == pytest.approx(0.9962, abs=1e-3)


def test_days_that_differ_widen_the_interval_beyond_that_of_single_rows() -> None:
    by_day = (DAYS % 2).astype(float)
    (found,) = shares(by_day[:, None], np.ones((1000, 1)), DAYS, np.random.default_rng(0))
    low, _ = wilson(np.array([0.5]), np.array([1000]))
    assert found.low is not None
    assert found.low < low[0] - 0.1


def test_money_has_no_interval_of_counts() -> None:
    money = np.full((1000, 1), 7.0)
    (found,) = shares(money, money, DAYS, np.random.default_rng(0))
    assert (found.low, found.high) == (1.0, 1.0)


def test_a_share_of_nothing_is_no_number() -> None:
    (found,) = shares(np.zeros((1000, 1)), np.zeros((1000, 1)), DAYS, np.random.default_rng(0))
    assert (found.value, found.low, found.high) == (None, None, None)


def test_no_rows_at_all_are_no_error() -> None:
    empty = np.zeros((0, 2))
    told = shares(empty, empty, np.zeros(0), np.random.default_rng(0))
    assert [one.value for one in told] == [None, None]


def test_order_of_rows_does_not_matter() -> None:
    hit, order = drawn(0.3), np.random.default_rng(5).permutation(len(DAYS))
    ones = np.ones((1000, 1))
    rng = np.random.default_rng
    assert shares(hit[:, None], ones, DAYS, rng(0)) == shares(
        hit[order, None], ones, DAYS[order], rng(0)
    )


def test_wilson_agrees_with_its_table() -> None:
    low, high = wilson(np.array([0.0]), np.array([10]))
    assert low[0] == pytest.approx(0.0, abs=1e-12)
    assert high[0] == pytest.approx(0.2775, abs=1e-3)
