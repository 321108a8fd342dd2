"""What healthy sensors show, given what is asked of the asset: a mean or a line, by regime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

MAX_REGIMES: Final = 12
PATIENCE: Final = 3
"""Numbers of regimes in a row that bring nothing, after which no more are tried."""
REGIME_ROWS: Final = 4_000
"""Healthy rows that the regimes are looked for in: centroids of a few clouds need no more."""
MIN_REGIME_ROWS: Final = 20
PRIOR_ROWS: Final = 5.0
"""Rows that the variance over all regimes counts for in the variance of one."""
CONSTANT: Final = 1e-9
"""Deviation within regimes, over the sensor's magnitude, below which it says nothing."""
MIN_KNOWN: Final = 0.02
"""Share of rows that must have a value."""
QUIETEST: Final = 0.01
"""Least healthy deviation, as a share of that over whole lives."""


def scaling(U: np.ndarray) -> np.ndarray:
    """(2, S): mean and deviation of each setting, 0 and 1 where it has none."""
    if not U.shape[1]:
        return np.zeros((2, 0))
    known = np.isfinite(U)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, U, 0.0).sum(axis=0) / n
    spread = np.sqrt(np.where(known, (U - mean) ** 2, 0.0).sum(axis=0) / n)
    scale = np.where(spread > CONSTANT * (1.0 + np.abs(mean)), spread, 1.0)
    return np.stack((mean, scale))


def regimes(U: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Centroids (R, S): as many as the lowest BIC of healthy values, given their regime, asks for.

    Schwarz 1978; a regime has a mean of each sensor, and where they tell more, slopes on the
    settings. Each has MIN_REGIME_ROWS rows.
    """
    pick = np.random.default_rng(0).permutation(len(U))[:REGIME_ROWS]
    U, X = U[pick], X[pick]
    best, found = 1, np.zeros((1, U.shape[1]))
    lowest = _bic(U, X, found)
    distinct = len(np.unique(U, axis=0)) if U.shape[1] else 1
    for k in range(2, min(MAX_REGIMES, distinct, len(U) // MIN_REGIME_ROWS) + 1):
        if k > best + PATIENCE:
            break
        centroids = _clusters(U, k)
        if np.bincount(nearest(U, centroids), minlength=k).min() < MIN_REGIME_ROWS:
            continue
        bic = _bic(U, X, centroids)
        if bic < lowest:
            best, found, lowest = k, centroids, bic
    return found


def _clusters(U: np.ndarray, k: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    found = KMeans(k, n_init=4, random_state=0).fit(U).cluster_centers_
    return np.asarray(found[np.lexsort(found.T[::-1])])


def nearest(U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    distance = ((U[:, None, :] - centroids) ** 2).sum(axis=2)
    return np.asarray(distance.argmin(axis=1))


def reach(U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """(R,): largest distance of a healthy row from its centroid; 1 where all lie on it."""
    at = nearest(U, centroids)
    distance = np.sqrt(((U - centroids[at]) ** 2).sum(axis=1))
    longest = np.zeros(len(centroids))
    np.maximum.at(longest, at, distance)
    return np.asarray(np.where(longest > 0, longest, 1.0))


def _bic(U: np.ndarray, X: np.ndarray, centroids: np.ndarray) -> float:
    """Sum over sensors of n log(variance left) + parameters * log n."""
    left = healthy_behaviour(X, U, centroids)
    n = np.maximum(np.isfinite(X).sum(axis=0), 2)
    squares = np.nansum(left.raw_residuals(X, U, centroids) ** 2, axis=0)
    floor = (CONSTANT * (1.0 + left.magnitude)) ** 2
    used = len(centroids) * (1 + (left.slopes != 0).any(axis=(0, 1)).sum())
    return float((n * np.log(squares / n + floor) + used * np.log(n)).sum())


@dataclass(frozen=True)
class Healthy:
    """mean, std (R, K), slopes (R, K, S) of all sensors; telling (K,) bool: they vary;
    magnitude (K,): the largest absolute mean."""

    mean: np.ndarray
    std: np.ndarray
    slopes: np.ndarray
    telling: np.ndarray
    magnitude: np.ndarray

    def raw_residuals(self, X: np.ndarray, U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
        at = nearest(U, centroids)
        offset = U - centroids[at]
        expected = self.mean[at] + (self.slopes[at] * offset[:, None, :]).sum(axis=2)
        return np.asarray(X - expected)

    def residuals(self, X: np.ndarray, U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
        return np.asarray(self.raw_residuals(X, U, centroids) / self.std[nearest(U, centroids)])

    def in_lives(self, X: np.ndarray, U: np.ndarray, centroids: np.ndarray) -> Healthy:
        """The same, knowing whole lives: what only wear moves tells, too.

        No deviation is less than QUIETEST of that over whole lives, in which wear has its part:
        else a sensor that stands still in health would shout at its first step.
        """
        residuals = self.raw_residuals(X, U, centroids)
        known = np.isfinite(residuals)
        n = np.maximum(known.sum(axis=0), 1)
        overall = np.sqrt(np.where(known, residuals**2, 0.0).sum(axis=0) / n)
        telling = (overall > CONSTANT * (1.0 + self.magnitude)) & (known.mean(axis=0) >= MIN_KNOWN)
        still = self.std <= CONSTANT * (1.0 + self.magnitude)
        std = np.maximum(np.where(still, overall, self.std), QUIETEST * overall)
        return replace(self, std=np.where(std > 0, std, 1.0), telling=telling)


def healthy_behaviour(X: np.ndarray, U: np.ndarray, centroids: np.ndarray) -> Healthy:
    """What healthy rows show: mean, deviation and where it pays a line on settings, by regime."""
    at = nearest(U, centroids)
    R, K, S = len(centroids), X.shape[1], U.shape[1]
    mean, slopes = np.zeros((R, K)), np.zeros((R, K, S))
    overall = _mean(X)
    squares, n = np.zeros((R, K)), np.zeros((R, K))
    for regime in range(R):
        mine = at == regime
        x, offset = X[mine], U[mine] - centroids[regime]
        mean[regime], slopes[regime], squares[regime] = _line(x, offset, overall)
        n[regime] = np.isfinite(x).sum(axis=0)
    pooled = squares.sum(axis=0) / np.maximum(n.sum(axis=0), 1.0)
    std = np.sqrt((squares + PRIOR_ROWS * pooled) / (n + PRIOR_ROWS))
    magnitude = np.abs(mean).max(axis=0)
    telling = std.max(axis=0) > CONSTANT * (1.0 + magnitude)
    return Healthy(mean, std, slopes, telling, magnitude)


def _line(
    x: np.ndarray, offset: np.ndarray, overall: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean at the centroid (K,), slopes (K, S) and squares left (K,) of one regime's rows.

    A line is kept where it lowers the BIC; without rows the mean is the overall one.
    """
    K, S = x.shape[1], offset.shape[1]
    mean, slopes, squares = overall.copy(), np.zeros((K, S)), np.zeros(K)
    for k in range(K):
        known = np.isfinite(x[:, k])
        y, n = x[known, k], int(known.sum())
        if n:
            mean[k] = y.mean()
            squares[k] = ((y - mean[k]) ** 2).sum()
        if not S or n < MIN_REGIME_ROWS:
            continue
        design = np.column_stack((np.ones(n), offset[known]))
        fitted = np.linalg.lstsq(design, y, rcond=1e-6)[0]
        left = float(((y - design @ fitted) ** 2).sum())
        if n * np.log(max(squares[k], 1e-300) / max(left, 1e-300)) > 2.0 * S * np.log(n):
            mean[k], slopes[k], squares[k] = fitted[0], fitted[1:], left
    return mean, slopes, squares


def _mean(X: np.ndarray) -> np.ndarray:
    known = np.isfinite(X)
    total = np.where(known, X, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1))


__all__ = ["Healthy", "healthy_behaviour", "reach", "regimes", "scaling"]
