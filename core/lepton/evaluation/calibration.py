"""Calibration: a strictly increasing map from log-odds to probability, so that ranking stays.

Beta calibration (Kull, Silva Filho, Flach 2017), or, where positives are many and it is better on
rows it was not fitted on, isotonic regression (Zadrozny & Elkan 2002) made strictly increasing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SLOPE_FLOOR = 0.01
"""Least a and b: at zero, scores far out would tie in float64 and the ranking would suffer."""

PRIOR_STRENGTH = 10.0
"""Pull of a and b towards the identity, so that a handful of positives move the intercept only."""


ISOTONIC_POSITIVES = 200
"""With fewer positives isotonic regression follows noise (Niculescu-Mizil & Caruana 2005 need about
a thousand rows of the rare class; here it must also win on rows that it was not fitted on)."""

FEWEST_IN_BLOCK = 10
"""Positives, at least, between two knots of an isotonic map."""

KNOT_SLOPE = 1e-3
"""Least rise between two knots for each unit of log-odds: ties of the regression stay ordered."""

CALIBRATION_POSITIVES = 100
"""A calibration learns from the newest folds that hold so many positives together."""


@dataclass(frozen=True)
class Calibration:
    """logit(p') = a ln p - b ln(1 - p) + c, with a, b > 0, or straight lines between `knots`.

    Identity is (1, 1, 0). knots: (log-odds, calibrated log-odds) of at least two points, both
    strictly increasing; beyond the outer ones the map goes on with slope one; a, b and c are not
    used then. Strictly increasing, so that ranking and average precision stay.
    """

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "knots", tuple((float(x), float(y)) for x, y in self.knots))

    @property
    def hinges(self) -> tuple[np.ndarray, np.ndarray]:
        """Of a map by knots: where its slope changes, and by how much; it begins with slope one
        through the first knot."""
        x, y = np.array(self.knots, dtype=np.float64).T
        slopes = np.concatenate([[1.0], np.diff(y) / np.diff(x), [1.0]])
        return x, np.diff(slopes)

    def log_odds(self, margin: np.ndarray) -> np.ndarray:
        """Calibrated log-odds of the log-odds `margin`, elementwise."""
        z = np.asarray(margin, dtype=np.float64)
        if self.knots:
            at, turns = self.hinges
            shift = self.knots[0][1] - self.knots[0][0]
            risen: np.ndarray = z + shift + np.maximum(z[..., None] - at, 0.0) @ turns
            return risen
        return -self.a * _softplus(-z) + self.b * _softplus(z) + self.c

    def apply(self, margin: np.ndarray) -> np.ndarray:
        """Calibrated probability in 0..1 of the log-odds `margin`, elementwise."""
        return sigmoid(self.log_odds(margin))


IDENTITY = Calibration()


def fit_calibration(margin: np.ndarray, y: np.ndarray) -> Calibration:
    """The calibration of log-odds `margin` against targets 0/1 in `y`; identity where a class is
    absent.

    Beta, or isotonic where there are enough positives and its log-loss on the later half of the
    rows, fitted on the earlier, is lower.
    """
    z = np.clip(np.asarray(margin, dtype=np.float64), -500.0, 500.0)
    y = np.asarray(y, dtype=np.float64)
    if y.sum() >= ISOTONIC_POSITIVES and _isotonic_wins(z, y):
        return _fit_isotonic(z, y)
    return _fit_beta(z, y)


def newest_with_positives(
    margins: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds and targets of the newest folds (the last ones) that together hold enough positives
    to calibrate by; of all folds where they do not."""
    n = 1
    while n < len(targets) and sum(y.sum() for y in targets[-n:]) < CALIBRATION_POSITIVES:
        n += 1
    return np.concatenate(margins[-n:]), np.concatenate(targets[-n:])


def _fit_beta(z: np.ndarray, y: np.ndarray) -> Calibration:
    """Logistic regression on (ln p, -ln(1 - p)) with both slopes bounded below and pulled towards
    one as if by ten positives."""
    from scipy.optimize import minimize

    if not 0 < y.sum() < len(y):
        return IDENTITY
    terms = np.column_stack([-_softplus(-z), _softplus(z), np.ones_like(z)])
    found = minimize(
        _penalised_loss,
        np.array([1.0, 1.0, 0.0]),
        args=(terms, y),
        jac=True,
        method="L-BFGS-B",
        bounds=[(SLOPE_FLOOR, 20.0), (SLOPE_FLOOR, 20.0), (-50.0, 50.0)],
    )
    a, b, c = (float(value) for value in found.x)
    return Calibration(a, b, c)


def _isotonic_wins(z: np.ndarray, y: np.ndarray) -> bool:
    half = len(y) // 2
    early, late = slice(None, half), slice(half, None)
    if not all(0 < y[part].sum() < len(y[part]) for part in (early, late)):
        return False
    losses = [
        _log_loss(fit(z[early], y[early]).log_odds(z[late]), y[late])
        for fit in (_fit_isotonic, _fit_beta)
    ]
    return losses[0] < losses[1]


def _fit_isotonic(z: np.ndarray, y: np.ndarray) -> Calibration:
    """Knots at the middles of blocks with equal positives, pooled until their rates rise.

    Rates are drawn to the overall one as by one row, so that none is 0 or 1; a floor on the rise
    from knot to knot keeps every order. Beta where fewer than two blocks are left.
    """
    order = np.argsort(z, kind="stable")
    z, y = z[order], y[order]
    edges = np.searchsorted(np.cumsum(y), np.arange(FEWEST_IN_BLOCK, y.sum(), FEWEST_IN_BLOCK)) + 1
    prior = y.mean()
    blocks: list[tuple[float, float, float]] = []  # positives, rows, sum of log-odds
    for rows in zip(np.split(z, edges), np.split(y, edges), strict=True):
        blocks.append((float(rows[1].sum()), float(len(rows[1])), float(rows[0].sum())))
        while len(blocks) > 1 and _rate(blocks[-2], prior) >= _rate(blocks[-1], prior):
            last = blocks.pop()
            blocks[-1] = tuple(map(sum, zip(blocks[-1], last, strict=True)))  # type: ignore[assignment]
    knots = [
        (total / n, float(logit(np.array(_rate((k, n, total), prior))))) for k, n, total in blocks
    ]
    kept = knots[:1]
    for x, risen in knots[1:]:
        if x > kept[-1][0]:
            kept.append((x, max(risen, kept[-1][1] + KNOT_SLOPE * (x - kept[-1][0]))))
    return Calibration(knots=tuple(kept)) if len(kept) > 1 else _fit_beta(z, y)


def _rate(block: tuple[float, float, float], prior: float) -> float:
    return (block[0] + prior) / (block[1] + 1.0)


def _log_loss(z: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(_softplus(z) - y * z))


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


__all__ = [
    "IDENTITY",
    "Calibration",
    "fit_calibration",
    "logit",
    "newest_with_positives",
    "sigmoid",
]
