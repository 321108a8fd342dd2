"""Blends are no worse than their members promise, intervals hold, and neither sees the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lepton.errors import SearchError
from lepton.forecast import scores
from lepton.forecast.conformal import calibrated, coverage_gate
from lepton.forecast.ensemble import best_weights, equal_weights, fit_weights
from lepton.forecast.matrix import Matrix, joined
from lepton.forecast.rolling import Backtest

DAYS, LEADS = 150, 24
NORMAL = np.array([-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816])


def matrix_of(seed: int = 0, n: int = DAYS) -> Matrix:
    """Days of standard normal truths."""
    rng = np.random.default_rng(seed)
    hours = np.broadcast_to(np.arange(float(LEADS)), (n, LEADS))
    issue = 1_700_006_400 + 86_400 * np.arange(n)
    return Matrix(
        names=("lead_h", "hour"),
        X=np.stack([hours, hours], axis=-1),
        y=rng.normal(0, 1, (n, LEADS)),
        scale=np.ones(n),
        step=issue[:, None] // 3_600 + np.arange(LEADS),
        series=np.zeros(n, dtype=np.int64),
        issue_s=issue,
        shape=np.zeros((n, 168)),
        step_s=3_600,
    )


def told(matrix: Matrix, width: float, shift: float = 0.0) -> np.ndarray:
    return np.broadcast_to(shift + width * NORMAL, (*matrix.y.shape, 9)).copy()


@pytest.mark.parametrize("width", [0.6, 1.0, 1.7])
def test_intervals_that_are_too_narrow_or_too_wide_come_to_hold_their_share(width: float) -> None:
    matrix = matrix_of()
    made = calibrated(matrix, told(matrix, width))
    late = slice(40, None)
    found, holds = coverage_gate(matrix.y[late], made[late])
    assert holds, found
    assert (np.diff(made, axis=-1) >= 0).all()


def test_calibration_sees_no_truth_that_was_not_there_at_the_issue() -> None:
    matrix = matrix_of()
    quantiles = told(matrix, 0.7)
    rng = np.random.default_rng(1)
    after = matrix.y.copy()
    after[90:] = rng.normal(0, 1e3, after[90:].shape)
    left = calibrated(matrix, quantiles)
    right = calibrated(replace(matrix, y=after), quantiles)
    assert np.array_equal(left[:91], right[:91])
    assert not np.array_equal(left[91:], right[91:])


def test_calibration_waits_for_truth_that_comes_late() -> None:
    matrix = matrix_of()
    quantiles = told(matrix, 0.7)
    made = calibrated(matrix, quantiles, latency_s=20 * 86_400)
    assert np.array_equal(made[:20], quantiles[:20])


def test_the_best_of_unequal_members_gets_the_weight_and_a_bad_one_is_left_out() -> None:
    matrix = matrix_of()
    members = {
        "good": told(matrix, 1.0),
        "shifted": told(matrix, 1.0, 0.6),
        "useless": told(matrix, 1.0, 5.0),
    }
    weights = fit_weights(Backtest(matrix, members), 1)
    assert weights.names == ("good", "shifted")
    assert (weights.by_cell[..., 0] > 0.6).all()
    assert np.allclose(weights.by_cell.sum(axis=-1), 1)
    blend = weights.of(Backtest(matrix, members))
    losses = [scores.mean(scores.crps(matrix.y, members[name])) for name in ("good", "shifted")]
    assert scores.mean(scores.crps(matrix.y, blend)) < np.mean(losses)


def test_opposite_biases_cancel_in_equal_weights() -> None:
    y = np.random.default_rng(0).normal(0, 1, 2_000)
    members = np.stack([np.broadcast_to(s + NORMAL, (2_000, 9)) for s in (-0.5, 0.5)])
    assert best_weights(y, members, np.array([0.5, 0.5])) == pytest.approx([0.5, 0.5], abs=0.06)


def test_few_days_hardly_move_the_weights() -> None:
    matrix = matrix_of(n=3)
    members = {"a": told(matrix, 1.0), "b": told(matrix, 1.0, 0.4)}
    cells = fit_weights(Backtest(matrix, members), 1).by_cell
    assert np.abs(cells - equal_weights(("a", "b")).by_cell).max() < 0.1


def test_a_blend_of_nothing_is_refused() -> None:
    with pytest.raises(SearchError, match="LK452"):
        fit_weights(Backtest(matrix_of(), {}, {"net": "killed"}), 1)


def test_scores_of_known_forecasts() -> None:
    y = np.array([1.0, 2.0, np.nan])
    assert scores.mae(y, np.array([2.0, 2.0, 9.0])) == 0.5
    assert scores.mape(y, np.array([2.0, 2.0, 9.0])) == 50.0
    assert np.isnan(scores.mape(np.array([-1.0, 1.0]), np.zeros(2)))
    assert scores.coverage(y, np.zeros(3), np.ones(3)) == 0.5
    point = np.repeat(np.array([[2.0]]), 9, axis=1)
    # of a single point twice the mean pinball loss is half of it times two: the absolute error
    assert scores.mean(scores.crps(np.array([1.0]), point)) == pytest.approx(1.0)


def test_issues_every_hour_move_the_level_no_faster_than_issues_every_day() -> None:
    days = matrix_of(n=60)
    hourly = Matrix(
        names=days.names,
        X=days.X.reshape(-1, 1, 2),
        y=days.y.reshape(-1, 1),
        scale=np.ones(60 * LEADS),
        step=days.step.reshape(-1, 1),
        series=np.zeros(60 * LEADS, dtype=np.int64),
        issue_s=days.step.ravel() * 3_600,
        shape=np.zeros((60 * LEADS, 168)),
        step_s=3_600,
    )
    made = calibrated(hourly, told(hourly, 0.8))
    late = slice(30 * LEADS, None)
    assert scores.coverage(hourly.y[late], made[late, :, 0], made[late, :, -1]) == pytest.approx(
        0.8, abs=0.03
    )
    width = (made[..., -1] - made[..., 0])[late]
    assert width.std() / width.mean() < 0.15


def test_each_series_is_as_wide_as_its_own_errors_ask() -> None:
    """Of two series with the same forecasts one errs by a third: alone its deciles are drawn in."""
    both = [replace(matrix_of(seed), series=np.full(DAYS, seed)) for seed in (0, 1)]
    quiet = replace(both[0], y=both[0].y / 3)
    matrix = joined([quiet, both[1]])
    quantiles = told(matrix, 1.0)
    weights = fit_weights(Backtest(matrix, {"a": quantiles}), 2)
    assert weights.width is not None
    assert weights.width[0] < 0.6 < 0.9 < weights.width[1]
    made = weights.of(Backtest(matrix, {"a": quantiles}))
    covered = [
        scores.coverage(matrix.y[own], made[own][..., 0], made[own][..., -1])
        for own in (matrix.series == 0, matrix.series == 1)
    ]
    apart = abs(covered[0] - covered[1])
    assert apart < 0.08
    assert np.array_equal(made[..., 4], quantiles[..., 4])
    assert fit_weights(Backtest(both[0], {"a": told(both[0], 1.0)}), 1).width is None
