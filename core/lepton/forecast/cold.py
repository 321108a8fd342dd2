"""A new series: it is forecast like its neighbours until its own past tells more.

Their mean shape, by hour of the week in units of their own level, times the new one's level or, at
first, its typical size. The weight of its own model grows with the days that it has been seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast import scores
from lepton.forecast.matrix import Matrix
from lepton.forecast.panel import PanelDataset
from lepton_edge.wall_clock import DAY_S

COLD_DAYS: Final = 28.0
"""Days of a past below which a series is new."""
WEEK_DAYS: Final = 7.0
HALF_DAYS: Final = 14.0
"""Days of its own past with which a series' own forecast weighs as much as its neighbours'."""
_CELLS: Final = 7 * 24


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Deciles of load over level by hour of the week (168, 9), weekday Monday first."""

    deciles: np.ndarray

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        return np.asarray(self.deciles[_cell(matrix)])


def fit_neighbours(matrix: Matrix) -> Neighbours:
    """From the issues of series that are known; each series counts once in every hour.

    An hour of the week that none of them tells has the deciles of all hours.
    """
    cell, target = _cell(matrix), matrix.target
    series = np.broadcast_to(matrix.series[:, None], target.shape)
    known = np.isfinite(target)
    whole = np.quantile(target[known], scores.DECILES) if known.any() else np.ones(9)
    deciles = np.tile(whole, (_CELLS, 1))
    for at in range(_CELLS):
        inside = known & (cell == at)
        if inside.any():
            deciles[at] = _evenly(target[inside], series[inside])
    return Neighbours(scores.ordered(deciles))


def warmed_up(
    own: np.ndarray, neighbours: np.ndarray, days_seen: np.ndarray, half_days: float = HALF_DAYS
) -> np.ndarray:
    """Deciles (n, leads, 9) between its neighbours' and its own; days_seen (n,) of known past.

    Where its own model has none, its neighbours' stand alone.
    """
    weight = (days_seen / (days_seen + half_days))[:, None, None]
    weight = np.where(np.isfinite(own), weight, 0.0)
    return scores.ordered(weight * np.where(np.isfinite(own), own, 0.0) + (1 - weight) * neighbours)


@dataclass(frozen=True, eq=False)
class Cold:
    """Forecasts among which those of new series are made like their neighbours': quantiles (n,
    leads, 9) in the series' unit; reasons (n,), "" for a series that is not new; is_alone (n,),
    whether its own past said nothing yet."""

    quantiles: np.ndarray
    reasons: tuple[str, ...]
    is_alone: np.ndarray


def with_cold(panel: PanelDataset, before: Matrix, now: Matrix, own: np.ndarray) -> Cold:
    """Deciles `own` (n, leads, 9) of the issues `now`, those of series with less than `COLD_DAYS`
    of a past drawn to the shape of series of their kind, told in `before`.

    Kinds are `series.type` where there, and all series are one kind where a new one is alone in its
    own. The size is that of its own past, its typical one, or at last the kind's middle one.
    """
    days = days_known(panel, now)
    cold = days < COLD_DAYS
    quantiles, reasons = own.copy(), [""] * len(now)
    is_alone = np.zeros(len(now), dtype=bool)
    kinds = _kinds(panel)
    until_s = int(now.issue_s.min(initial=2**33))
    learnt = before.known_by(until_s, panel.latency_s.get("y", 0))
    old = np.unique(learnt.series[days_known(panel, learnt) >= WEEK_DAYS])
    old = np.setdiff1d(old, now.series[cold])
    for row in np.flatnonzero(cold).tolist():
        alike = [code for code in old if kinds[code] == kinds[now.series[row]]]
        named = f"like_{kinds[now.series[row]]}" if alike else "like_all"
        known = learnt.take(np.isin(learnt.series, alike or old)).learnable
        if not len(known):
            continue
        scale = _size(panel, now, row, days[row], known)
        shape = fit_neighbours(known).quantiles(now.take(np.array([row])))
        told = np.full(shape.shape, np.nan) if days[row] < 1 else own[row][None] / scale
        made = warmed_up(told, shape, days[row][None])
        quantiles[row] = made[0] * scale
        reasons[row] = f"cold_start:{days[row]:.0f}_days:{named}"
        is_alone[row] = not np.isfinite(told).all()
    return Cold(quantiles, tuple(reasons), is_alone)


def days_known(panel: PanelDataset, matrix: Matrix) -> np.ndarray:
    """Days of known values before each issue, (n,), gaps not counted."""
    found = np.zeros(len(matrix))
    for code in np.unique(matrix.series):
        truth = panel.targets[panel.ids[code]]
        ends = np.sort((truth.step[np.isfinite(truth.value)] + 1) * panel.step_s)
        here = matrix.series == code
        found[here] = np.searchsorted(ends, matrix.issue_s[here], side="right")
    return found * panel.step_s / DAY_S


def _kinds(panel: PanelDataset) -> list[str]:
    if "type" not in panel.series:
        return ["all"] * len(panel.ids)
    return [str(kind) for kind in panel.series["type"].fillna("all")]


def _size(panel: PanelDataset, now: Matrix, row: int, days: float, known: Matrix) -> float:
    """Size of a new series: its own from a day on, else what is typical, else its kind's."""
    typical = np.nan
    if "typical" in panel.series:
        typical = float(panel.series["typical"].iloc[int(now.series[row])])
    if days >= 1:
        return float(now.scale[row])
    return typical if np.isfinite(typical) and typical > 0 else float(np.median(known.scale))


def _evenly(values: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Deciles where each series has the same weight."""
    _, number, count = np.unique(series, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    weight = 1.0 / count[number][order]
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.asarray(np.interp(scores.DECILES, share, values[order]))


def _cell(matrix: Matrix) -> np.ndarray:
    """Hour of the week; a holiday is like a Sunday."""
    hour = np.floor(matrix.column("hour")).astype(np.int64)
    day = np.where(matrix.column("is_holiday") > 0, 6, matrix.column("weekday").astype(np.int64))
    return np.asarray(day * 24 + hour)


__all__ = [
    "COLD_DAYS",
    "HALF_DAYS",
    "Cold",
    "Neighbours",
    "days_known",
    "fit_neighbours",
    "warmed_up",
    "with_cold",
]
