from __future__ import annotations

import numpy as np
import pytest

from lepton.evaluation.calibration import IDENTITY, Calibration, fit_calibration, logit, sigmoid


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
