"""From a network of series and instants of issue to what models of the next minutes learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lepton.forecast.matrix import Matrix, joined
from lepton.forecast.panel import PanelDataset
from lepton.forecast.usual import Days
from lepton_edge.habits import Habits
from lepton_edge.near import NearWindow, near_features
from lepton_edge.near_beside import NearKnown
from lepton_edge.near_spec import NearSpec
from lepton_edge.wall_clock import WallClock

AT_ONCE: Final = 64
"""Instants whose features are made at once."""
_EVER: Final = 2**33 - 1

Picks = Callable[[int], np.ndarray]
"""Number of an instant -> codes of the series that are taken of it."""


@dataclass(frozen=True, eq=False)
class NearIssues:
    """issue_s: (m,) UTC seconds; picked: (m, n) mask of the series that are taken; dead: the same
    of those whose whole past is masked; blind: (m,) mask of instants at which nothing is known
    beside the network; None for none of them."""

    issue_s: np.ndarray
    picked: np.ndarray
    dead: np.ndarray | None = None
    blind: np.ndarray | None = None


def build_near(
    panel: PanelDataset,
    spec: NearSpec,
    issues: NearIssues,
    habits: Habits | Days,
    dtype: type = np.float64,
) -> Matrix:
    """The matrix of these issues, instant by instant.

    habits: what is usual; of `Days` that by all but the day of the issue.
    """
    clock = WallClock(spec.zone)
    dates = clock.day(issues.issue_s)
    parts = []
    for date in np.unique(dates):
        own = habits.without(int(date)) if isinstance(habits, Days) else habits
        here = np.flatnonzero(dates == date)
        for start in range(0, len(here), AT_ONCE):
            parts.append(_of_instants(panel, spec, issues, here[start : start + AT_ONCE], own))
    made = joined(parts) if parts else _empty(spec)
    return _typed(made, dtype)


def window_of(panel: PanelDataset, spec: NearSpec, issue_s: np.ndarray) -> NearWindow:
    """What forecasts issued at these instants (UTC seconds, int64) see."""
    step = issue_s // spec.step_s
    wanted = step[:, None] + np.arange(-spec.n_past, 0)
    past = np.stack([panel.histories[n].y.as_of(wanted, issue_s) for n in panel.ids], axis=1)
    around = step[:, None] + np.arange(-spec.n_back, spec.n_ahead)
    known = {one.name: _beside(panel, one, around, issue_s) for one in spec.known}
    return NearWindow(step, past, known)


def _beside(
    panel: PanelDataset, column: NearKnown, step: np.ndarray, issue_s: np.ndarray
) -> np.ndarray:
    """A known column's intervals (m, w) as they stood then, (m, n or 1, w); NaN where the panel
    does not have it."""
    ids = panel.ids[:1] if column.is_shared else panel.ids
    told = [panel.histories[name].known.get(column.name) for name in ids]
    unknown = np.full(step.shape, np.nan)
    found = [unknown if one is None else one.as_of(step, issue_s) for one in told]
    return np.stack(found, axis=1)


def near_matrix(spec: NearSpec, window: NearWindow, habits: Habits, issue_s: np.ndarray) -> Matrix:
    """The matrix of every instant (UTC seconds) and series, its targets not known."""
    made = near_features(spec, window, habits)
    n = window.past.shape[1]
    return Matrix(
        names=spec.names,
        X=made.X,
        y=np.full(made.step.shape, np.nan),
        scale=np.ones(len(made.X)),
        step=made.step,
        series=np.tile(np.arange(n), len(issue_s)),
        issue_s=np.repeat(issue_s, n),
        shape=made.shape,
        step_s=spec.step_s,
        shape_names=spec.shape_names,
    )


def _of_instants(
    panel: PanelDataset, spec: NearSpec, issues: NearIssues, here: np.ndarray, habits: Habits
) -> Matrix:
    issue_s = issues.issue_s[here]
    window = window_of(panel, spec, issue_s)
    if issues.dead is not None:
        past = np.where(issues.dead[here][..., None], np.nan, window.past)
        window = replace(window, past=past)
    if issues.blind is not None:
        gone = issues.blind[here][:, None, None]
        known = {name: np.where(gone, np.nan, rows) for name, rows in window.known.items()}
        window = replace(window, known=known)
    made = near_matrix(spec, window, habits, issue_s)
    own = made.take(np.flatnonzero(issues.picked[here].ravel()))
    return replace(own, y=_turned_out(panel, own.series, own.step))


def _turned_out(panel: PanelDataset, code: np.ndarray, step: np.ndarray) -> np.ndarray:
    y = np.full(step.shape, np.nan)
    for one in np.unique(code):
        here = np.flatnonzero(code == one)
        ever = np.full(len(here), _EVER, dtype=np.int64)
        y[here] = panel.targets[panel.ids[one]].as_of(step[here], ever)
    return y


def _empty(spec: NearSpec) -> Matrix:
    none, grid = np.empty(0, dtype=np.int64), np.empty((0, spec.n_leads))
    X = np.empty((0, spec.n_leads, len(spec.names)))
    shape = np.empty((0, len(spec.shape_names)))
    return Matrix(
        spec.names,
        X,
        grid,
        np.empty(0),
        grid.astype(int),
        none,
        none,
        shape,
        spec.step_s,
        spec.shape_names,
    )


def _typed(matrix: Matrix, dtype: type) -> Matrix:
    if matrix.X.dtype == dtype:
        return matrix
    return replace(matrix, X=matrix.X.astype(dtype), shape=matrix.shape.astype(dtype))


__all__ = ["NearIssues", "build_near", "near_matrix", "window_of"]
