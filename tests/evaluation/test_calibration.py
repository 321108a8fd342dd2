from __future__ import annotations

import numpy as np
import pytest

from lepton.evaluation.calibration import (
    IDENTITY,
    Calibration,
    fit_calibration,
    logit,
    newest_with_positives,
    sigmoid,
)


def _drawn(n: int, bias: float, slope: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z = rng.normal(-2, 1.5, n)
    return (z - bias) / slope, (rng.random(n) < sigmoid(z)).astype(float)


def test_identity_returns_the_sigmoid_of_the_margin() -> None:
    z = np.linspace(-30, 30, 101)
    assert np.allclose(IDENTITY.apply(z), sigmoid(z), rtol=1e-12)


def test_a_biased_model_is_calibrated_to_the_observed_rate() -> None:
    margin, y = _drawn(20_000, bias=1.5, slope=2.0)
    p = fit_calibration(margin, y).apply(margin)
    assert p.mean() == pytest.approx(y.mean(), rel=0.01)
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 1.0)):
        inside = (p >= low) & (p < high)
        assert p[inside].mean() == pytest.approx(y[inside].mean(), abs=0.02)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_the_map_is_strictly_increasing_even_for_a_model_that_is_wrong(direction: float) -> None:
    margin, y = _drawn(2_000, bias=0.0, slope=direction)
    fitted = fit_calibration(margin, y)
    assert fitted.a > 0
    assert fitted.b > 0
    assert (np.diff(fitted.apply(np.linspace(-25, 5, 500))) > 0).all()


def test_with_few_positives_only_the_intercept_moves_much() -> None:
    margin, y = np.linspace(-6, 0, 400), np.zeros(400)
    y[[10, 200, 390]] = 1
    fitted = fit_calibration(margin, y)
    assert abs(fitted.a - 1) < 0.6
    assert abs(fitted.b - 1) < 0.6


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_one_class_alone_gives_the_identity(target: float) -> None:
    assert fit_calibration(np.linspace(-5, 5, 50), np.full(50, target)) == IDENTITY


def test_extreme_margins_stay_finite() -> None:
    fitted = fit_calibration(np.array([-1e9, -3.0, 2.0, 1e9]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert np.isfinite(fitted.apply(np.array([-1e9, 0.0, 1e9]))).all()
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


def test_the_formula_is_that_of_beta_calibration() -> None:
    p = np.array([0.1, 0.5, 0.8])
    found = Calibration(2.0, 0.5, 0.3).log_odds(logit(p))
    assert np.allclose(found, 2.0 * np.log(p) - 0.5 * np.log(1 - p) + 0.3)


def _bent(n: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose log-odds are right below -2, and three units too high from there on."""
    rng = np.random.default_rng(3)
    z = rng.normal(-2, 2, n)
    truth = np.where(z < -2, z, np.maximum(-2.0, z - 3.0))
    return z, (rng.random(n) < sigmoid(truth)).astype(float)


def test_a_bend_that_no_beta_map_follows_is_followed_where_positives_are_many() -> None:
    z, y = _bent()
    fitted = fit_calibration(z, y)
    assert fitted.knots
    p = fitted.apply(z)
    for low, high in ((-6, -3), (-3, -2), (-2, 0.5), (1.5, 4)):
        inside = (z >= low) & (z < high)
        assert p[inside].mean() == pytest.approx(y[inside].mean(), abs=0.02)
    few = slice(0, 300)
    assert not fit_calibration(z[few], y[few]).knots


def test_a_map_by_knots_is_strictly_increasing_inside_and_beyond_them() -> None:
    fitted = fit_calibration(*_bent())
    x, y = np.array(fitted.knots).T
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()
    assert (np.diff(fitted.log_odds(np.linspace(-25, 25, 5001))) > 0).all()
    assert np.allclose(fitted.log_odds(x), y, atol=1e-9)
    assert fitted.log_odds(x[-1:] + 2.0) == pytest.approx(y[-1] + 2.0)
    assert Calibration(knots=[list(knot) for knot in fitted.knots]) == fitted  # type: ignore[arg-type]


def test_where_a_beta_map_is_right_it_stays() -> None:
    assert not fit_calibration(*_drawn(8_000, bias=0.4, slope=1.2)).knots


def test_the_newest_folds_that_hold_enough_positives_calibrate() -> None:
    margins = [np.full(100, float(n)) for n in range(4)]
    targets = [np.repeat([1.0, 0.0], 50) for _ in range(4)]
    z, y = newest_with_positives(margins, targets)
    assert sorted(set(z)) == [2.0, 3.0]
    assert y.sum() == 100
    every, _ = newest_with_positives(margins[:1], targets[:1])
    assert len(every) == 100
