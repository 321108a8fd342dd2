"""Beta calibration: a strictly increasing map from log-odds to probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SLOPE_FLOOR = 0.01
"""Least a and b: at zero, scores far out would tie in float64 and the ranking would suffer."""

PRIOR_STRENGTH = 10.0
"""Pull of a and b towards the identity, so that a handful of positives move the intercept only."""


@dataclass(frozen=True)
class Calibration:
    """logit(p') = a ln p - b ln(1 - p) + c, with a, b > 0 (Kull, Silva Filho, Flach 2017).

    Identity is (1, 1, 0). Strictly increasing, so that ranking and average precision stay.
    """

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def log_odds(self, margin: np.ndarray) -> np.ndarray:
        """Calibrated log-odds of the log-odds `margin`, elementwise."""
        z = np.asarray(margin, dtype=np.float64)
        return -self.a * _softplus(-z) + self.b * _softplus(z) + self.c

    def apply(self, margin: np.ndarray) -> np.ndarray:
        """Calibrated probability in 0..1 of the log-odds `margin`, elementwise."""
        return sigmoid(self.log_odds(margin))


IDENTITY = Calibration()


def fit_calibration(margin: np.ndarray, y: np.ndarray) -> Calibration:
    """The beta calibration of log-odds `margin` against targets 0/1 in `y`.

    Logistic regression on (ln p, -ln(1 - p)) with both slopes bounded below and pulled
    towards one as if by ten positives; identity where a class is absent.
    """
    from scipy.optimize import minimize

    z = np.clip(np.asarray(margin, dtype=np.float64), -500.0, 500.0)
    if not 0 < y.sum() < len(y):
        return IDENTITY
    terms = np.column_stack([-_softplus(-z), _softplus(z), np.ones_like(z)])
    found = minimize(
        _penalised_loss,
        np.array([1.0, 1.0, 0.0]),
        args=(terms, np.asarray(y, dtype=np.float64)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(SLOPE_FLOOR, 20.0), (SLOPE_FLOOR, 20.0), (-50.0, 50.0)],
    )
    return Calibration(*(float(value) for value in found.x))


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)) without overflow."""
    half = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1.0, half) / (1.0 + half))


def logit(p: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities, finite also at 0 and 1."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _penalised_loss(
    theta: np.ndarray, terms: np.ndarray, y: np.ndarray
) -> tuple[float, np.ndarray]:
    """Negative log-likelihood with its prior, and its gradient."""
    z = terms @ theta
    pull = np.array([theta[0] - 1.0, theta[1] - 1.0, 0.0]) * PRIOR_STRENGTH
    loss = np.sum(_softplus(z) - y * z) + 0.5 / PRIOR_STRENGTH * np.sum(pull**2)
    return float(loss), terms.T @ (sigmoid(z) - y) + pull


def _softplus(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0.0, z))


__all__ = ["IDENTITY", "Calibration", "fit_calibration", "logit", "sigmoid"]
