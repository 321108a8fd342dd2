"""The whole history of one series, from which the window of any issue time is cut.

Every value is a vintage: (interval, instant from which on it was available, value). A correction,
a late meter reading, a forecast of the weather and its next edition are all the same thing, and an
issue sees of each interval the latest vintage that was available by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from lepton_edge.asof import Window
from lepton_edge.asof_spec import AsOfSpec

ALWAYS: Final = 0
"""Instant of availability of what is known in advance for all time, such as a tariff."""
_SHIFT: Final = np.int64(2**33)
"""More seconds than there are before the year 2242."""


@dataclass(frozen=True, eq=False)
class Vintages:
    """Values of intervals: step int64 (numbers since 1970), available_s int64, value float64."""

    step: np.ndarray
    available_s: np.ndarray
    value: np.ndarray

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key = self.step * _SHIFT + self.available_s
        order = np.argsort(key, kind="stable")
        return key[order], self.step[order], self.value[order]

    @cached_property
    def _dense(self) -> tuple[int, np.ndarray, np.ndarray] | None:
        """First interval, values and availability by interval; None with several vintages."""
        if not len(self.step) or len(np.unique(self.step)) < len(self.step):
            return None
        first, last = int(self.step.min()), int(self.step.max())
        value = np.full(last - first + 1, np.nan)
        available = np.zeros(last - first + 1, dtype=np.int64)
        value[self.step - first] = self.value
        available[self.step - first] = self.available_s
        return first, value, available

    def as_of(self, step: np.ndarray, issue_s: np.ndarray) -> np.ndarray:
        """Values of intervals (n, w) as they stood at the instants (n,); NaN where unknown."""
        issue = issue_s[:, None]
        if not len(self.step):
            return np.full(step.shape, np.nan)
        if self._dense is not None:
            first, value, available = self._dense
            place = step - first
            inside = (place >= 0) & (place < len(value))
            place = np.where(inside, place, 0)
            return np.where(inside & (available[place] <= issue), value[place], np.nan)
        keys, steps, values = self._sorted
        at = np.searchsorted(keys, step * _SHIFT + issue, side="right") - 1
        found = (at >= 0) & (steps[at] == step)
        return np.where(found, values[at], np.nan)


@dataclass(frozen=True, eq=False)
class History:
    """What there is of one series, past and known columns; typical: its size where nothing tells,
    such as the contracted power, NaN for none."""

    y: Vintages
    known: Mapping[str, Vintages]
    typical: float = float("nan")

    def window(self, spec: AsOfSpec, issue_s: np.ndarray) -> Window:
        """What forecasts issued at these instants (UTC seconds, int64) see."""
        step = issue_s // spec.step_s
        past = step[:, None] + np.arange(-spec.n_past, 0)
        around = step[:, None] + np.arange(-spec.n_back, spec.n_ahead)
        known = {c.name: self.known[c.name].as_of(around, issue_s) for c in spec.known}
        typical = np.full(len(step), self.typical)
        return Window(step, self.y.as_of(past, issue_s), known, typical)


__all__ = ["ALWAYS", "History", "Vintages"]
