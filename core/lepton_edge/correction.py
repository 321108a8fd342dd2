"""Forecasts made again during the day: what the running forecast's last error tells of the rest.

Errors persist, by a share that falls with the time since (a first-order autoregression of the
error, fitted by lead as in Box & Jenkins 1970). Errors count in units of the outer interval's
width, so that an error of a calm hour says little about a busy one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

_MIDDLE: Final = 4


@dataclass(frozen=True, eq=False)
class Correction:
    """share: (k,) of an error that is left one, two, ... intervals later; width: (k,) how wide what
    is left lies, over how wide the running forecast is. Empty where errors tell nothing."""

    share: np.ndarray
    width: np.ndarray

    @classmethod
    def none(cls) -> Correction:
        """Nothing is corrected."""
        return cls(np.empty(0), np.empty(0))

    def applied(self, quantiles: np.ndarray, error: float, ahead: np.ndarray) -> np.ndarray:
        """Deciles (n, 9) after `error`, in widths, `ahead` (n,) intervals before each; beyond what
        was fitted they stay as they are."""
        place = np.minimum(ahead, len(self.share)) - 1
        within = (ahead >= 1) & (ahead <= len(self.share))
        share = np.where(within, np.append(self.share, 0.0)[place], 0.0)
        narrow = np.where(within, np.append(self.width, 1.0)[place], 1.0)
        middle = quantiles[:, _MIDDLE, None]
        moved = middle + (share * error * _width(quantiles))[:, None]
        return np.asarray(moved + narrow[:, None] * (quantiles - middle))

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {"share": self.share.tolist(), "width": self.width.tolist()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Correction:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        share = np.array(told["share"], dtype=np.float64)
        width = np.array(told["width"], dtype=np.float64)
        if share.ndim != 1 or share.shape != width.shape or not (width > 0).all():
            raise ValueError("shares and widths of a correction do not belong together")
        return cls(share, width)


@dataclass(frozen=True, eq=False)
class Issue:
    """One issue of one series: its instant (UTC seconds), intervals (n,) and deciles (n, 9)."""

    issue_s: int
    step: np.ndarray
    quantiles: np.ndarray


@dataclass(frozen=True, eq=False)
class Running:
    """What stands of one series' forecasts: intervals (n,), the newest deciles of each (n, 9), and
    when these were issued (n,), UTC seconds."""

    step: np.ndarray
    quantiles: np.ndarray
    issue_s: np.ndarray

    @classmethod
    def of(cls, issues: Sequence[Issue]) -> Running:
        """Of issues in the order of time."""
        newest: dict[int, tuple[np.ndarray, int]] = {}
        for one in issues:
            rows = zip(one.step.tolist(), one.quantiles, strict=True)
            newest |= {step: (row, one.issue_s) for step, row in rows}
        step = np.array(sorted(newest), dtype=np.int64)
        if not len(step):
            return cls(step, np.empty((0, 9)), step)
        rows, at = zip(*(newest[int(one)] for one in step), strict=True)
        return cls(step, np.stack(rows), np.array(at, dtype=np.int64))

    def again(self, known: Value | None, now: int, n: int, correction: Correction) -> Running:
        """The intervals now, now + 1, ... of the next `n` as far as they were forecast; those that
        were issued before `known`, the newest value, was there are moved by its error."""
        ahead = (self.step >= now) & (self.step < now + n)
        step, quantiles, at = self.step[ahead], self.quantiles[ahead], self.issue_s[ahead]
        error = self.error(known)
        if known is None or not np.isfinite(error):
            return Running(step, quantiles, at)
        moved = correction.applied(quantiles, error, step - known.step)
        saw = at >= known.there_s
        return Running(step, np.where(saw[:, None], quantiles, moved), at)

    def error(self, known: Value | None) -> float:
        """How far the newest value is off in widths; NaN where it was not forecast."""
        if known is None or not (self.step == known.step).any():
            return float("nan")
        at = np.flatnonzero(self.step == known.step)
        return standard_error(known.y, self.quantiles[at[0]])


@dataclass(frozen=True)
class Value:
    """A measured value: number of its interval, what it is, when it was there (UTC seconds)."""

    step: int
    y: float
    there_s: int


def standard_error(y: float, quantiles: np.ndarray) -> float:
    """How far the median (9,) is off in widths of the outer interval; NaN where it has none."""
    width = float(_width(quantiles[None])[0])
    return (y - float(quantiles[_MIDDLE])) / width if width > 0 else float("nan")


def _width(quantiles: np.ndarray) -> np.ndarray:
    return np.asarray(quantiles[:, -1] - quantiles[:, 0])


__all__ = ["Correction", "Issue", "Running", "Value", "standard_error"]
