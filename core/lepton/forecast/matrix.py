"""From a panel and issue times to what models learn from: features, targets, the recent past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lepton.forecast.panel import PanelDataset
from lepton_edge.asof import Window, features, recent_shape
from lepton_edge.asof_history import Vintages
from lepton_edge.asof_spec import AsOfSpec

SHAPE_H = 168
"""Hours of the past that networks read as a row."""
_NUMBERS_AT_ONCE = 20_000_000
"""Numbers that a chunk of windows may hold."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """n issues of forecasts with all their leads.

    names: of the features; X: (n, leads, features), quantities in units of `scale` (n,); y: (n,
    leads) in the series' own unit, NaN where unknown or not asked; step: (n, leads) number of each
    interval; series: (n,) codes; issue_s: (n,) UTC seconds; shape: (n, SHAPE_H) the recent past, or
    what `shape_names` tell, the same for all leads.
    """

    names: tuple[str, ...]
    X: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    step: np.ndarray
    series: np.ndarray
    issue_s: np.ndarray
    shape: np.ndarray
    step_s: int
    shape_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_leads(self) -> int:
        """Intervals of each forecast."""
        return int(self.y.shape[1])

    @property
    def target(self) -> np.ndarray:
        """y in units of the scale."""
        return np.asarray(self.y / self.scale[:, None])

    @property
    def since_first_s(self) -> np.ndarray:
        """Seconds from the earliest issue to each, (n,)."""
        return np.asarray(self.issue_s - self.issue_s.min()) if len(self) else self.issue_s

    def column(self, name: str) -> np.ndarray:
        """One feature, (n, leads)."""
        return np.asarray(self.X[:, :, self.names.index(name)])

    def take(self, index: np.ndarray) -> Matrix:
        """The issues at `index`, positions or a mask."""
        return replace(
            self,
            X=self.X[index],
            y=self.y[index],
            scale=self.scale[index],
            step=self.step[index],
            series=self.series[index],
            issue_s=self.issue_s[index],
            shape=self.shape[index],
        )

    def asked(self, wanted: np.ndarray) -> Matrix:
        """The same with targets only where `wanted` (n, leads) says so."""
        return replace(self, y=np.where(wanted, self.y, np.nan))

    def known_by(self, instant_s: int, latency_s: int = 0) -> Matrix:
        """What could be learnt from at `instant_s`: issues before it, with the targets that were
        there by then."""
        there = (self.step + 1) * self.step_s + latency_s <= instant_s
        rows = self.issue_s <= instant_s
        return self.take(rows).asked(there[rows])

    @property
    def learnable(self) -> Matrix:
        """The issues that have some target."""
        return self.take(np.isfinite(self.y).any(axis=1))


def build(
    panel: PanelDataset,
    specs: Mapping[str, AsOfSpec],
    issues: Mapping[str, np.ndarray],
    dtype: type = np.float64,
) -> Matrix:
    """The matrix of each series' issues (UTC seconds, int64), series by series.

    specs: series -> what its forecasts look at, all with the same names and leads.
    """
    parts = [
        part
        for code, name in enumerate(panel.ids)
        for part in _of_series(panel, name, code, specs[name], issues[name], dtype)
    ]
    if not parts:
        return _empty(next(iter(specs.values())))
    return joined(parts)


def joined(parts: list[Matrix]) -> Matrix:
    """The issues of all parts, one after another."""

    def whole(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return replace(
        parts[0],
        X=whole("X"),
        y=whole("y"),
        scale=whole("scale"),
        step=whole("step"),
        series=whole("series"),
        issue_s=whole("issue_s"),
        shape=whole("shape"),
    )


def _of_series(
    panel: PanelDataset,
    name: str,
    code: int,
    spec: AsOfSpec,
    issue_s: np.ndarray,
    dtype: type,
) -> Iterator[Matrix]:
    history, truth = panel.histories[name], panel.targets[name]
    widest = max(spec.n_past, spec.n_leads * len(spec.names))
    at_once = max(1, _NUMBERS_AT_ONCE // widest)
    for start in range(0, len(issue_s), at_once):
        issued = np.asarray(issue_s[start : start + at_once], dtype=np.int64)
        window = history.window(spec, issued)
        made = from_window(spec, window, code, issued)
        yield replace(made, X=made.X.astype(dtype), y=_turned_out(truth, made.step))


def from_window(spec: AsOfSpec, window: Window, code: int, issue_s: np.ndarray) -> Matrix:
    """The matrix of what issues (UTC seconds) of one series see, its targets not known."""
    made = features(spec, window)
    return Matrix(
        names=spec.names,
        X=made.X,
        y=np.full(made.step.shape, np.nan),
        scale=made.scale,
        step=made.step,
        series=np.full(len(window), code),
        issue_s=issue_s,
        shape=recent_shape(spec, window, SHAPE_H),
        step_s=spec.step_s,
    )


def _turned_out(truth: Vintages, step: np.ndarray) -> np.ndarray:
    """The latest vintage of each interval."""
    return truth.as_of(step, np.full(len(step), 2**33 - 1, dtype=np.int64))


def _empty(spec: AsOfSpec) -> Matrix:
    none = np.empty(0, dtype=np.int64)
    grid = np.empty((0, spec.n_leads))
    X = np.empty((0, spec.n_leads, len(spec.names)))
    shape = np.empty((0, SHAPE_H))
    return Matrix(
        spec.names, X, grid, np.empty(0), grid.astype(int), none, none, shape, spec.step_s
    )


__all__ = ["SHAPE_H", "Matrix", "build", "from_window", "joined"]
