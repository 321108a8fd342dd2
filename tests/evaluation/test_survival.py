"""Hazards are found again where they are known, also where most lives are cut off."""

from __future__ import annotations

import numpy as np
import pytest

from lepton.evaluation.survival import (
    MOST_JUDGED,
    Landmarks,
    brier,
    concordance,
    drawn,
    fit_hazard,
    outlived,
    periods,
    rated,
    survival_by_age,
)

ENDS = (10.0, 20.0, 40.0)


def marks(left: list[float], failed: list[bool]) -> Landmarks:
    n = len(left)
    return Landmarks(np.array(left), np.array(failed), np.zeros(n), np.arange(n))


def fleet(n: int = 6_000, *, cut: bool = True) -> tuple[np.ndarray, Landmarks]:
    """Scores, and lives of which those with a higher one end sooner, at a constant rate; a third
    is cut off at a random hour before."""
    rng = np.random.default_rng(0)
    score = rng.choice([0.1, 0.5], n)
    life = rng.exponential(np.where(score > 0.3, 15.0, 120.0))
    seen = rng.uniform(0.0, 60.0, n) if cut else np.full(n, np.inf)
    left = np.minimum(life, seen)
    return score, Landmarks(left, life <= seen, np.full(n, np.nan), np.arange(n))


def test_a_life_that_was_cut_off_gives_the_periods_up_to_there() -> None:
    found = periods(marks([5.0, 15.0, 25.0, 40.0], [True, True, False, False]), np.array(ENDS))
    columns = (found.row, found.step, found.died, found.share)
    assert list(zip(*(one.tolist() for one in columns), strict=True)) == [
        (0, 0, True, 1.0),
        (1, 0, False, 1.0),
        (1, 1, True, 1.0),
        (2, 0, False, 1.0),
        (2, 1, False, 1.0),
        (2, 2, False, 0.25),
        (3, 0, False, 1.0),
        (3, 1, False, 1.0),
        (3, 2, False, 1.0),
    ]


@pytest.mark.parametrize("cut", [False, True])
def test_the_true_chances_are_found_whether_or_not_lives_are_cut_off(cut: bool) -> None:
    plan = fit_hazard(*fleet(cut=cut), ENDS, 10.0)
    assert plan is not None
    found = plan.survival(np.array([0.1, 0.5]), np.full(2, np.nan))
    wanted = np.exp(-np.array(ENDS) / np.array([[120.0], [15.0]]))
    np.testing.assert_allclose(found, wanted, atol=0.03)


def test_leaving_out_lives_that_were_cut_off_would_show_otherwise() -> None:
    score, whole = fleet()
    kept = np.flatnonzero(whole.failed | (whole.left_h > ENDS[-1]))
    plan = fit_hazard(score[kept], whole.at(kept), ENDS, 10.0)
    assert plan is not None
    found = plan.survival(np.array([0.1]), np.full(1, np.nan))[0, -1]
    assert found < np.exp(-ENDS[-1] / 120.0) - 0.1


def test_few_failures_teach_no_hazard() -> None:
    score, whole = fleet(15)
    assert fit_hazard(score, whole, ENDS, 10.0) is None


def test_the_life_table_of_landmarks() -> None:
    found = outlived(marks([5, 15, 15, 30, 50], [True, True, False, False, True]), np.array(ENDS))
    # one of five, then one of three and a half: one was cut off in the middle of the step
    np.testing.assert_allclose(found, [0.8, 0.8 * 2.5 / 3.5, 0.8 * 2.5 / 3.5])


def test_age_alone_is_the_share_that_outlived_it() -> None:
    """Lives of 10, 20 and 30 hours, seen from their begin: at 15 hours two of three are left."""
    seen = Landmarks(np.array([10.0, 20.0, 30.0]), np.ones(3, bool), np.zeros(3), np.arange(3))
    asked = Landmarks(np.zeros(2), np.zeros(2, bool), np.array([0.0, 15.0]), np.zeros(2, int))
    found = survival_by_age(seen, asked, np.array([10.0, 20.0]))
    np.testing.assert_allclose(found[0], [2 / 3, 1 / 3], atol=1e-9)
    np.testing.assert_allclose(found[1, 0], 0.5, atol=1e-9)


def test_concordance_and_brier_of_answers_that_are_known() -> None:
    lives = marks([5.0, 15.0, 30.0, 50.0], [True, True, True, False])
    ones = np.ones(4)
    assert concordance(np.array([4.0, 3.0, 2.0, 1.0]), lives, 40.0)(ones) == 1.0
    assert concordance(np.array([1.0, 2.0, 3.0, 4.0]), lives, 40.0)(ones) == 0.0
    assert concordance(np.ones(4), lives, 40.0)(ones) == 0.5
    perfect = (lives.left_h[:, None] > np.array(ENDS)).astype(float)
    np.testing.assert_allclose(brier(perfect, lives, np.array(ENDS), ones), 0.0)
    np.testing.assert_allclose(brier(np.full((4, 3), 0.5), lives, np.array(ENDS), ones), 0.25)


def test_a_better_answer_is_rated_better() -> None:
    score, whole = fleet(600)
    plan = fit_hazard(score, whole, ENDS, 10.0)
    assert plan is not None
    rng, ends = np.random.default_rng(0), np.array(ENDS)
    good = rated(plan.survival(score, whole.age_h), whole, ends, rng)
    blind = rated(np.full((600, 3), 0.5), whole, ends, rng)
    assert good[0].value is not None
    assert blind[0].value == 0.5
    assert good[0].value > 0.65
    assert good[0].low is not None
    assert good[0].low < good[0].value
    assert good[1].value is not None
    assert blind[1].value is not None
    assert good[1].value < blind[1].value


def test_each_group_is_drawn_alike_and_no_more_than_can_be_compared() -> None:
    group = np.repeat(np.arange(30), 100)
    rows = drawn(group, np.random.default_rng(0))
    assert (np.bincount(group[rows]) == 20).all()
    many = np.repeat(np.arange(2_000), 3)
    assert len(drawn(many, np.random.default_rng(0))) == MOST_JUDGED
