"""Lives are told early as far as the loss asks for it."""

from __future__ import annotations

import numpy as np
import pytest

from solutions.predictive_maintenance.intervals import OutOfFold, phm08, prudence

LONGEST = 125.0


def found(apart: np.ndarray) -> OutOfFold:
    """Predictions `apart` cycles too long of lives of which half is left."""
    code = np.zeros(len(apart), dtype=int)
    return OutOfFold(np.full(len(apart), 0.5), 0.5 + apart / LONGEST, code, code)


def test_a_life_told_too_long_costs_more_than_one_told_too_short() -> None:
    assert phm08(np.array([10.0]))[0] > phm08(np.array([-10.0]))[0] > phm08(np.array([0.0]))[0] == 0


def test_sure_predictions_are_told_as_they_are() -> None:
    assert prudence(found(np.zeros(50)), LONGEST) == 0.0


def test_the_wider_errors_are_the_earlier_lives_are_told() -> None:
    errors = np.random.default_rng(0).normal(size=4000)
    shifts = [LONGEST * prudence(found(spread * errors), LONGEST) for spread in (3.0, 8.0, 12.0)]
    assert 0 > shifts[0] > shifts[1] > shifts[2]


def test_a_bias_is_taken_back() -> None:
    assert prudence(found(np.full(50, 4.0)), LONGEST) == pytest.approx(-4.0 / LONGEST)
