"""Sensor features of a whole table: the plan is learnt on training rows, the edge's kernel runs it.

Healthy is the early part of each life. What a healthy sensor shows under given settings is the
mean of its regime, and where settings explain more than chance within it, a line on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import FeatureError
from lepton.features.sensor_health import healthy_behaviour, reach, regimes, scaling
from lepton_edge.sensors import SensorBank, SensorPlan

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
    scales: tuple[float, float, float] = (0.03, 0.08, 0.25)
    ticks: tuple[float, float, float] = (1.5, 4.0, 12.0)
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
    LK340 where asset or time is missing, LK341 where there is no row, LK342 where two features
    would have one name.
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
    centre, scale = scaling(U)
    standard = (U - centre) / scale
    standard = np.where(np.isfinite(standard), standard, 0.0)
    centroids = regimes(standard[early], X[early])
    healthy = healthy_behaviour(X[early], standard[early], centroids)
    healthy = healthy.in_lives(X, standard, centroids)
    kept = healthy.telling
    z = healthy.residuals(X, standard, centroids)[:, kept]
    limit = np.maximum(6.0, 1.5 * _quantile(np.abs(z), 0.999))
    z = np.clip(z, -limit, limit)
    half_lives, tick, n_own = _scales(lives, recipe)
    index = _indices(np.nan_to_num(z), early, late, lives, recipe, half_lives[1] / tick)
    plan = SensorPlan(
        sensors=tuple(sensors),
        settings=tuple(settings),
        kept=tuple(int(k) for k in np.flatnonzero(kept)),
        setting_mean=_row(centre),
        setting_scale=_row(scale),
        centroids=_table(centroids),
        reach=_row(reach(standard[early], centroids)),
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
    _check_names(plan)
    return plan


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


def _check_names(plan: SensorPlan) -> None:
    twice = sorted(name for name, n in Counter(plan.names).items() if n > 1)
    if twice:
        raise FeatureError(
            "LK342",
            where="sensor features",
            found=f"{len(twice)} name(s) stand for two features (first '{twice[0]}')",
            remedy="rename the sensor that is named like a statistic of another",
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
