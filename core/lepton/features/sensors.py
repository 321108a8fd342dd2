"""Sensor features of a whole table: the plan is learnt on training rows, the edge's kernel runs it.

Healthy is the early part of each life. What a healthy sensor shows under given settings is the
mean of its regime, and where settings explain more than chance within it, a line on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import FeatureError
from lepton_edge.sensors import SensorBank, SensorPlan

MAX_REGIMES: Final = 12
REGIME_ROWS: Final = 4_000
"""Healthy rows that the regimes are looked for in: centroids of a few clouds need no more."""
MIN_REGIME_ROWS: Final = 20
PRIOR_ROWS: Final = 5.0
"""Rows that the variance over all regimes counts for in the variance of one."""
CONSTANT: Final = 1e-9
"""Deviation within regimes, over the sensor's magnitude, below which it says nothing."""
MIN_KNOWN: Final = 0.02
"""Share of healthy rows that must have a value."""
SHRINK: Final = 0.1
"""Weight of the unit matrix in healthy covariances: sensors are many, healthy rows few."""
MIN_WEAR: Final = 1.5
"""A direction of wear has at least so many times the healthy variance."""


@dataclass(frozen=True)
class Recipe:
    """How sensors are read; the scales follow the data.

    early, late: shares of a life that count as healthy and as worn; scales: half-lives as shares
    of the median life, but at least `ticks` of the usual time between readings; own: baseline of
    an asset as a share of the median life's readings; plane: share of healthy variance that
    T2's components hold; drifts: most directions of wear; band: healthy deviations.
    """

    early: float = 0.25
    late: float = 0.15
    scales: tuple[float, float, float] = (0.01, 0.03, 0.1)
    ticks: tuple[float, float, float] = (1.5, 5.0, 15.0)
    own: float = 0.05
    plane: float = 0.8
    drifts: int = 3
    band: float = 2.0
    what: tuple[str, ...] = SensorPlan.what


@dataclass(frozen=True)
class _Lives:
    """Rows in order of life and time. life (n,): number of the row's life, from 0; order: of rows;
    place, length (n,): position in its life and rows of it; seconds (n,)."""

    order: np.ndarray
    life: np.ndarray
    place: np.ndarray
    length: np.ndarray
    seconds: np.ndarray
    since: np.ndarray


def fit_sensors(
    rows: pd.DataFrame,
    by: str,
    at: str,
    sensors: Sequence[str],
    settings: Sequence[str] = (),
    *,
    resets: pd.DataFrame | None = None,
    recipe: Recipe | None = None,
) -> SensorPlan:
    """The plan that training rows teach: regimes, healthy behaviour, directions of wear, scales.

    rows: one row an asset (`by`) and instant (`at`, UTC); sensors, settings: number columns,
    NaN where missing; resets: `by` and `at` of the instants at which an asset starts anew.
    A sensor that is constant or nearly always missing yields no features. Raises FeatureError
    LK340 where asset or time is missing, LK341 where there is no row.
    """
    recipe = recipe or Recipe()
    if rows.empty:
        raise FeatureError(
            "LK341",
            where="sensor features",
            found="no training row to learn from",
            remedy="give the plan at least one life of one asset",
        )
    lives = _lives(rows, by, at, resets)
    X = _numbers(rows, sensors)[lives.order]
    U = _numbers(rows, settings)[lives.order]
    U = _held(U, lives.life)
    early = lives.place < np.ceil(recipe.early * lives.length)
    late = lives.place >= lives.length - np.ceil(recipe.late * lives.length)
    scaling = _scaling(U)
    standard = (U - scaling[0]) / scaling[1]
    standard = np.where(np.isfinite(standard), standard, 0.0)
    centroids = _regimes(standard[early], X[early])
    healthy = _healthy(X[early], standard[early], centroids)
    kept = healthy.telling
    z = healthy.residuals(X, standard, centroids)[:, kept]
    limit = np.maximum(6.0, 1.5 * _quantile(np.abs(z), 0.999))
    z = np.clip(z, -limit, limit)
    half_lives, tick, n_own = _scales(lives, recipe)
    index = _indices(np.nan_to_num(z), early, late, lives, recipe, half_lives[1] / tick)
    return SensorPlan(
        sensors=tuple(sensors),
        settings=tuple(settings),
        kept=tuple(int(k) for k in np.flatnonzero(kept)),
        setting_mean=_row(scaling[0]),
        setting_scale=_row(scaling[1]),
        centroids=_table(centroids),
        reach=_row(_reach(standard[early], centroids)),
        mean=_table(healthy.mean[:, kept]),
        std=_table(healthy.std[:, kept]),
        slopes=tuple(_table(one[kept]) for one in healthy.slopes),
        limit=_row(limit),
        drifts=_table(index.drifts),
        plane=_table(index.plane),
        plane_variance=_row(index.variance),
        index_mean=_row(index.mean),
        index_std=_row(index.std),
        half_lives_s=half_lives,
        tick_s=tick,
        n_own=n_own,
        band=recipe.band,
        what=recipe.what,
    )


def compute_sensors(
    plan: SensorPlan, rows: pd.DataFrame, by: str, at: str, resets: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The plan's features of every row, from the row itself and the earlier ones of its life.

    rows, resets: as in `fit_sensors`; index and order of the rows are kept. A life's age counts
    from its reset, or where there is none from its first row. Raises FeatureError LK340.
    """
    lives = _lives(rows, by, at, resets)
    X, U = (_numbers(rows, columns)[lives.order] for columns in (plan.sensors, plan.settings))
    bank = SensorBank(plan)
    found = np.empty((len(rows), len(plan.names)))
    state = bank.start(int(lives.life.max(initial=-1)) + 1)
    _begin(bank, state, lives)
    turns = np.argsort(lives.place, kind="stable")
    ends = np.cumsum(np.bincount(lives.place)).tolist()
    for low, high in zip([0, *ends], ends, strict=False):
        now = turns[low:high]
        values = bank.step(state, lives.life[now], lives.seconds[now], X[now], U[now])
        found[lives.order[now]] = values
    return pd.DataFrame(found, index=rows.index, columns=list(plan.names))


def _begin(bank: SensorBank, state: dict[str, np.ndarray], lives: _Lives) -> None:
    first = np.flatnonzero((lives.place == 0) & np.isfinite(lives.since))
    if len(first):
        bank.reset(state, lives.life[first], lives.since[first])


def _lives(rows: pd.DataFrame, by: str, at: str, resets: pd.DataFrame | None) -> _Lives:
    """Rows sorted by life and time; a reset at the instant of a row comes before that row."""
    _check_keys(rows, by, at)
    codes, assets = pd.factorize(rows[by], sort=True)
    seconds = _seconds(rows[at])
    life, since = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), np.nan)
    if resets is not None and len(resets):
        _check_keys(resets, by, at)
        whose, when = assets.get_indexer(pd.Index(resets[by])), _seconds(resets[at])
        for asset in np.unique(whose[whose >= 0]):
            starts = np.sort(when[whose == asset])
            mine = np.flatnonzero(codes == asset)
            number = np.searchsorted(starts, seconds[mine], side="right")
            life[mine] = number
            since[mine] = np.concatenate(([np.nan], starts))[number]
    order = np.lexsort((seconds, life, codes))
    keys = np.stack((codes, life))[:, order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    number = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    sizes = np.diff(np.append(first, len(rows)))
    place = np.arange(len(rows)) - np.repeat(first, sizes)
    return _Lives(order, number, place, np.repeat(sizes, sizes), seconds[order], since[order])


def _check_keys(rows: pd.DataFrame, by: str, at: str) -> None:
    lost = [f"{int(rows[name].isna().sum())} row(s) without '{name}'" for name in (by, at)]
    if rows[[by, at]].isna().any(axis=None):
        raise FeatureError(
            "LK340",
            where="sensor features",
            found=", ".join(lost),
            remedy="drop rows without asset or time: their past cannot be known",
        )


def _seconds(instants: pd.Series) -> np.ndarray:
    """Seconds since 1970, from whole microseconds as on the device."""
    whole = instants.dt.as_unit("us").astype("int64").to_numpy()
    return np.asarray(whole / 1e6)


def _numbers(rows: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """(rows, columns), NaN where missing or infinite."""
    X = rows[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(X), X, np.nan)


def _held(U: np.ndarray, life: np.ndarray) -> np.ndarray:
    """Settings with each gap filled by the last value of the same life."""
    if not np.isnan(U).any():
        return U
    return np.asarray(pd.DataFrame(U).groupby(life).ffill().to_numpy())


def _scaling(U: np.ndarray) -> np.ndarray:
    """(2, S): mean and deviation of each setting, 0 and 1 where it has none."""
    if not U.shape[1]:
        return np.zeros((2, 0))
    known = np.isfinite(U)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, U, 0.0).sum(axis=0) / n
    spread = np.sqrt(np.where(known, (U - mean) ** 2, 0.0).sum(axis=0) / n)
    scale = np.where(spread > CONSTANT * (1.0 + np.abs(mean)), spread, 1.0)
    return np.stack((mean, scale))


def _regimes(U: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Centroids (R, S): as many as the lowest BIC of healthy values, given their regime, asks for.

    Schwarz 1978; each regime has a mean and a slope a setting of each sensor, all of them
    regimes have MIN_REGIME_ROWS rows.
    """
    pick = np.random.default_rng(0).permutation(len(U))[:REGIME_ROWS]
    U, X = U[pick], X[pick]
    best, lowest = np.zeros((1, U.shape[1])), _bic(U, X, np.zeros((1, U.shape[1])))
    distinct = len(np.unique(U, axis=0)) if U.shape[1] else 1
    for k in range(2, min(MAX_REGIMES, distinct, len(U) // MIN_REGIME_ROWS) + 1):
        centroids = _clusters(U, k)
        if np.bincount(_nearest(U, centroids), minlength=k).min() < MIN_REGIME_ROWS:
            continue
        bic = _bic(U, X, centroids)
        if bic < lowest:
            best, lowest = centroids, bic
    return best


def _clusters(U: np.ndarray, k: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    found = KMeans(k, n_init=4, random_state=0).fit(U).cluster_centers_
    return np.asarray(found[np.lexsort(found.T[::-1])])


def _nearest(U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    distance = ((U[:, None, :] - centroids) ** 2).sum(axis=2)
    return np.asarray(distance.argmin(axis=1))


def _reach(U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """(R,): largest distance of a healthy row from its centroid; 1 where all lie on it."""
    at = _nearest(U, centroids)
    distance = np.sqrt(((U - centroids[at]) ** 2).sum(axis=1))
    reach = np.zeros(len(centroids))
    np.maximum.at(reach, at, distance)
    return np.asarray(np.where(reach > 0, reach, 1.0))


def _bic(U: np.ndarray, X: np.ndarray, centroids: np.ndarray) -> float:
    """Sum over sensors of n log(variance left) + parameters * log n."""
    left = _healthy(X, U, centroids)
    n = np.maximum(np.isfinite(X).sum(axis=0), 2)
    squares = np.nansum(left.raw_residuals(X, U, centroids) ** 2, axis=0)
    floor = (CONSTANT * (1.0 + left.magnitude)) ** 2
    used = len(centroids) * (1 + (left.slopes != 0).any(axis=(0, 1)).sum())
    return float((n * np.log(squares / n + floor) + used * np.log(n)).sum())


@dataclass(frozen=True)
class _Healthy:
    """mean, std (R, K), slopes (R, K, S) of all sensors; telling (K,) bool: they vary;
    magnitude (K,): the largest absolute mean."""

    mean: np.ndarray
    std: np.ndarray
    slopes: np.ndarray
    telling: np.ndarray
    magnitude: np.ndarray

    def raw_residuals(self, X: np.ndarray, U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
        at = _nearest(U, centroids)
        offset = U - centroids[at]
        expected = self.mean[at] + (self.slopes[at] * offset[:, None, :]).sum(axis=2)
        return np.asarray(X - expected)

    def residuals(self, X: np.ndarray, U: np.ndarray, centroids: np.ndarray) -> np.ndarray:
        return np.asarray(self.raw_residuals(X, U, centroids) / self.std[_nearest(U, centroids)])


def _healthy(X: np.ndarray, U: np.ndarray, centroids: np.ndarray) -> _Healthy:
    """What healthy rows show: mean, deviation and where it pays a line on settings, by regime."""
    at = _nearest(U, centroids)
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
    varies = std.max(axis=0) > CONSTANT * (1.0 + magnitude)
    known = n.sum(axis=0) >= max(MIN_KNOWN * len(X), 1)
    return _Healthy(mean, np.where(std > 0, std, 1.0), slopes, varies & known, magnitude)


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


def _quantile(X: np.ndarray, share: float) -> np.ndarray:
    """Of each column's known values; 0 where there are none."""
    known = np.isfinite(X)
    pairs = zip(X.T, known.T, strict=True)
    return np.array([np.quantile(x[k], share) if k.any() else 0.0 for x, k in pairs])


def _scales(lives: _Lives, recipe: Recipe) -> tuple[tuple[float, float, float], float, int]:
    """Half-lives and tick in seconds, and readings of an own baseline."""
    same = np.diff(lives.life) == 0
    gaps = np.diff(lives.seconds)[same]
    gaps = gaps[gaps > 0]
    tick = float(np.median(gaps)) if len(gaps) else 3600.0
    first, last = lives.place == 0, lives.place == lives.length - 1
    span = float(np.median(lives.seconds[last] - lives.seconds[first]))
    fast, medium, slow = (
        max(share * span, ticks * tick)
        for share, ticks in zip(recipe.scales, recipe.ticks, strict=True)
    )
    readings = float(np.median(lives.length[first]))
    return (fast, medium, slow), tick, int(np.clip(ceil(recipe.own * readings), 3, 500))


@dataclass(frozen=True)
class _Indices:
    drifts: np.ndarray
    plane: np.ndarray
    variance: np.ndarray
    mean: np.ndarray
    std: np.ndarray


def _indices(
    z: np.ndarray, early: np.ndarray, late: np.ndarray, lives: _Lives, recipe: Recipe, half: float
) -> _Indices:
    """Directions of wear, and the plane of healthy residuals, from residuals z (n, K).

    drifts: Fisher's discriminant C^-1 m of late means m against the healthy covariance C, and
    the directions in which lives wear otherwise than on the average.
    """
    K = z.shape[1]
    if not K:
        none = np.zeros((0, 0))
        return _Indices(none, none, np.zeros(0), np.zeros(0), np.zeros(0))
    C = z[early].T @ z[early] / max(int(early.sum()), 1)
    C = (1.0 - SHRINK) * C + SHRINK * np.eye(K)
    values, vectors = np.linalg.eigh(C)
    values, vectors = values[::-1], vectors[:, ::-1]
    n = min(int(np.searchsorted(np.cumsum(values) / values.sum(), recipe.plane)) + 1, K)
    plane = _signed(vectors[:, :n].T)
    drifts = _drifts(z[late], lives.life[late], (values, vectors), recipe.drifts)
    inside = z[early] @ plane.T
    t2 = np.log1p((inside**2 / values[:n]).sum(axis=1) / n)
    q = (z[early] ** 2).sum(axis=1) - (inside**2).sum(axis=1)
    index = np.column_stack((z[early] @ drifts.T, t2, np.log1p(np.maximum(q, 0) / max(K - n, 1))))
    std = index.std(axis=0)
    return _Indices(drifts, plane, values[:n], index.mean(axis=0), np.where(std > 1e-9, std, 1.0))


def _drifts(
    z: np.ndarray, life: np.ndarray, covariance: tuple[np.ndarray, np.ndarray], most: int
) -> np.ndarray:
    """(D, K): the direction of the mean late shift, then those in which late means go besides.

    In white space, where health has the unit matrix; a further direction has MIN_WEAR.
    """
    means = pd.DataFrame(z).groupby(life).mean().to_numpy()
    values, vectors = covariance
    whiten = vectors / np.sqrt(values)
    white = means @ whiten
    shift = white.mean(axis=0)
    length = np.sqrt((shift**2).sum())
    common = shift / length if length > 0 else np.eye(len(shift))[0]
    rest = white - np.outer(white @ common, common)
    strength, directions = np.linalg.eigh(rest.T @ rest / len(rest))
    order = np.argsort(-strength)[: most - 1]
    order = order[strength[order] >= MIN_WEAR]
    further = _signed(directions[:, order].T) if len(order) else np.zeros((0, len(common)))
    return np.asarray(np.vstack((common, further)) @ whiten.T)


def _signed(rows: np.ndarray) -> np.ndarray:
    """Each row with its largest entry positive: eigenvectors have no sign of their own."""
    largest = np.abs(rows).argmax(axis=1)
    return np.asarray(rows * np.sign(rows[np.arange(len(rows)), largest])[:, None])


def _row(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _table(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(_row(row) for row in values)


__all__ = ["Recipe", "compute_sensors", "fit_sensors"]
