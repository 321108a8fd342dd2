"""Forecasts of a network that add up: which sums hold, which projection, deciles of joint paths.

What is reconciled are calibrated deciles of single series. The projection and the paths come from
joint errors of past days that the models had not seen, in units of each forecast's own width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lepton.forecast import scores
from lepton.forecast.panel import OK, PanelDataset, seconds_of
from lepton.forecast.reconcile import (
    Hierarchy,
    bottom_up,
    by_variance,
    coherent_quantiles,
    least_squares,
    mint,
    reconciled,
)
from lepton_edge.wall_clock import DAY_S

METHODS: Final = ("bottom_up", "least_squares", "by_variance", "mint")
MOST_APART: Final = 0.02
"""Share by which a parent's measured total may differ from that of its children."""
WORTH: Final = 0.99
"""Error over that of bottom-up forecasts up to which another method is worth its estimates."""
MEMORY_DAYS: Final = 56
"""Days of joint errors that a projection and paths are made from."""
FEWEST_DAYS: Final = 14
_PARTS: Final = 4
"""Stretches of the selection: errors of all others decide what is tried on each."""
_TO_SIGMA: Final = 2 * 1.2816
"""Standard deviations between the outer deciles of a normal distribution."""
_MEDIAN: Final = len(scores.DECILES) // 2


@dataclass(frozen=True, eq=False)
class Joint:
    """Forecasts of all nodes at once, in the order of time.

    issue_s: (n,); y: (n, nodes, leads), NaN for unknown; quantiles: (n, nodes, leads, 9), NaN where
    there is none.
    """

    issue_s: np.ndarray
    y: np.ndarray
    quantiles: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """y - median, (n, nodes, leads)."""
        return np.asarray(self.y - self.quantiles[..., _MEDIAN])

    @property
    def width(self) -> np.ndarray:
        """Between the outer deciles, (n, nodes, leads), above 0."""
        return np.asarray(np.maximum(self.quantiles[..., -1] - self.quantiles[..., 0], 1e-9))

    def cut(self, n_leads: int) -> Joint:
        """The first leads alone."""
        return Joint(self.issue_s, self.y[..., :n_leads], self.quantiles[:, :, :n_leads])

    def take(self, index: np.ndarray) -> Joint:
        """The issues at `index`, positions or a mask."""
        return Joint(self.issue_s[index], self.y[index], self.quantiles[index])

    def until(self, issue_s: int, step_s: int) -> Joint:
        """The issues of the last `MEMORY_DAYS` before an instant whose truths were all due."""
        ends = self.issue_s + self.y.shape[2] * step_s
        return self.take((ends <= issue_s) & (self.issue_s >= issue_s - MEMORY_DAYS * DAY_S))


@dataclass(frozen=True)
class Choice:
    """method: one of `METHODS`; loss: method -> mean over nodes of error by size, out of fold;
    roots: the same of the roots alone; `direct` among them are forecasts as they were."""

    method: str
    loss: Mapping[str, float]
    roots: Mapping[str, float]


def sums_of(panel: PanelDataset, before_s: int) -> tuple[Hierarchy | None, tuple[str, ...]]:
    """The sums that `series.parent_id` states and measurements before an instant confirm; None for
    none. Also a sentence for each that they do not confirm.

    Raises DataError LK267 for a circle.
    """
    if "parent_id" not in panel.series:
        return None, ()
    ids = set(panel.ids)
    told = dict(zip(panel.ids, panel.series["parent_id"], strict=True))
    parents = {name: one if one in ids else None for name, one in told.items()}
    Hierarchy.of(parents)
    rows = panel.rows[seconds_of(panel.rows["ts"]) < before_s]
    if "quality" in rows:
        rows = rows[rows["quality"] == OK]
    table = rows.pivot(index="ts", columns="series_id", values="y").reindex(columns=panel.ids)
    notes = []
    for parent in sorted({one for one in parents.values() if one is not None}):
        children = [name for name, one in parents.items() if one == parent]
        began = [name for name in children if table[name].notna().any()]
        both = table[[parent, *began]].dropna()
        apart = (both[parent] - both[began].sum(axis=1)).abs().sum()
        size = both[parent].abs().sum()
        if not len(both) or apart > MOST_APART * size:
            share = f"{apart / size:.1%}" if len(both) and size > 0 else "nobody knows how much"
            notes.append(f"{parent} is not the sum of its {len(children)} parts: {share} apart.")
            parents |= dict.fromkeys(children)
    linked = {n for n, one in parents.items() if one is not None} | {*parents.values()} - {None}
    kept = {name: one for name, one in parents.items() if name in linked}
    return (Hierarchy.of(kept) if kept else None), tuple(notes)


def joint(
    hierarchy: Hierarchy,
    ids: tuple[str, ...],
    series: np.ndarray,
    issue_s: np.ndarray,
    y: np.ndarray,
    quantiles: np.ndarray,
) -> Joint:
    """Issues of single series (codes (n,), y (n, leads), quantiles (n, leads, 9)) side by side."""
    at = np.unique(issue_s)
    shape = (len(at), len(hierarchy.nodes), y.shape[1])
    told_y, told = np.full(shape, np.nan), np.full((*shape, quantiles.shape[-1]), np.nan)
    place = {ids.index(name): number for number, name in enumerate(hierarchy.nodes)}
    inside = np.isin(series, list(place))
    row = np.searchsorted(at, issue_s[inside])
    node = np.array([place[code] for code in series[inside].tolist()], dtype=np.int64)
    told_y[row, node], told[row, node] = y[inside], quantiles[inside]
    return Joint(at, told_y, told)


def project(hierarchy: Hierarchy, method: str, past: Joint, now: np.ndarray) -> np.ndarray:
    """The projection (nodes, nodes) by a method; now: (nodes, leads, 9) of the forecast that is
    asked for, whose width stands in where a node has no errors yet."""
    errors = np.moveaxis(past.errors, 1, 0).reshape(len(hierarchy.nodes), -1)
    few = np.isfinite(errors).sum(axis=1) < FEWEST_DAYS * past.y.shape[2] / 2
    if few.any():
        width = np.nanmean(now[..., -1] - now[..., 0], axis=1) / _TO_SIGMA
        wave = np.where(np.arange(errors.shape[1]) % 2, 1.0, -1.0)
        errors = np.where(few[:, None], np.maximum(width, 1e-9)[:, None] * wave, errors)
    made: Mapping[str, Callable[[], np.ndarray]] = {
        "bottom_up": lambda: bottom_up(hierarchy),
        "least_squares": lambda: least_squares(hierarchy),
        "by_variance": lambda: by_variance(hierarchy, errors),
        "mint": lambda: mint(hierarchy, errors),
    }
    return made[method]()


def coherent(hierarchy: Hierarchy, method: str, past: Joint, now: np.ndarray) -> np.ndarray:
    """Deciles (nodes, leads, 9) whose medians add up, of one issue's (nodes, leads, 9).

    past: what was forecast before and is known by then. With fewer than `FEWEST_DAYS` of it leaves
    are believed, and deciles lie about their median as before.
    """
    is_told = np.isfinite(now).all(axis=(0, 2))
    found = now.copy()
    if not is_told.any():
        return found
    paths = _paths(past)
    if len(paths) < FEWEST_DAYS:
        middle = reconciled(bottom_up(hierarchy), now[..., _MEDIAN])
        return np.asarray(now + (middle - now[..., _MEDIAN])[..., None])
    width = np.maximum(now[..., -1] - now[..., 0], 1e-9)
    made = coherent_quantiles(
        project(hierarchy, method, past, now),
        np.nan_to_num(now[..., _MEDIAN]),
        paths * np.nan_to_num(width),
        scores.DECILES.tolist(),
    )
    found[:, is_told] = scores.ordered(made)[:, is_told]
    return found


def _paths(past: Joint) -> np.ndarray:
    """Errors of whole days in units of the width, (days, nodes, leads); of a node that is not
    known, those of the others on the mean, and 0 where no other is."""
    standard = past.errors / past.width
    known = np.isfinite(standard)
    kept = known.any(axis=1).mean(axis=1) > 0.5 if len(standard) else np.zeros(0, dtype=bool)
    standard, known = standard[kept], known[kept]
    total = np.where(known, standard, 0.0).sum(axis=1, keepdims=True)
    count = known.sum(axis=1, keepdims=True)
    others = np.divide(total, count, out=np.zeros(total.shape), where=count > 0)
    return np.asarray(np.where(known, standard, others))


def choose(hierarchy: Hierarchy, past: Joint) -> Choice:
    """The method of least error out of fold: each stretch of the days is reconciled by the errors
    of the others. What counts is the error of all series and that of the roots, each by the best
    one's, so that neither is bought with the other; bottom-up, which estimates nothing, is kept
    where others gain less than `WORTH`."""
    parts = np.arange(len(past.issue_s)) * _PARTS // max(len(past.issue_s), 1)
    told = {"direct": past.quantiles[..., _MEDIAN]}
    for method in METHODS:
        made = np.full(past.y.shape, np.nan)
        for part in np.unique(parts):
            others, own = past.take(parts != part), parts == part
            first = past.quantiles[own][0]
            P = project(hierarchy, method, others, first)
            points = np.moveaxis(past.quantiles[own][..., _MEDIAN], 1, 0)
            made[own] = np.moveaxis(reconciled(P, points), 0, 1)
        told[method] = made
    common = np.isfinite(np.stack(list(told.values()))).all(axis=0)
    past = replace(past, y=np.where(common, past.y, np.nan))
    loss, roots = ({name: f(hierarchy, past, one) for name, one in told.items()} for f in _LOSSES)
    both = {
        name: loss[name] / min(loss.values()) + roots[name] / min(roots.values())
        for name in METHODS
    }
    best = min(METHODS, key=lambda name: both[name])
    if both[best] > WORTH * both["bottom_up"]:
        best = "bottom_up"
    return Choice(best, loss, roots)


def node_errors(past: Joint, point: np.ndarray) -> np.ndarray:
    """Mean absolute error by mean size of each node, (nodes,); NaN where unknown."""
    found = np.full(past.y.shape[1], np.nan)
    for node in range(len(found)):
        y, told = past.y[:, node], point[:, node]
        both = np.isfinite(y) & np.isfinite(told)
        size = np.abs(y[both]).mean() if both.any() else 0.0
        if size > 0:
            found[node] = np.abs(y[both] - told[both]).mean() / size
    return found


def _of_all(hierarchy: Hierarchy, past: Joint, point: np.ndarray) -> float:
    return _mean(node_errors(past, point))


def _of_roots(hierarchy: Hierarchy, past: Joint, point: np.ndarray) -> float:
    return _mean(node_errors(past, point)[list(hierarchy.roots)])


_LOSSES: Final = (_of_all, _of_roots)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


__all__ = [
    "METHODS",
    "Choice",
    "Joint",
    "choose",
    "coherent",
    "joint",
    "node_errors",
    "project",
    "sums_of",
]
