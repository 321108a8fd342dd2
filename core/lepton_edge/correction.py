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
class Running:
    """What stands of one series' forecasts: intervals (n,), the newest deciles of each (n, 9)."""

    step: np.ndarray
    quantiles: np.ndarray

    @classmethod
    def of(cls, issues: Sequence[tuple[np.ndarray, np.ndarray]]) -> Running:
        """Of issues in the order of time, each with its intervals and their deciles."""
        newest: dict[int, np.ndarray] = {}
        for step, quantiles in issues:
            newest |= dict(zip(step.tolist(), quantiles, strict=True))
        step = np.array(sorted(newest), dtype=np.int64)
        if not len(step):
            return cls(step, np.empty((0, 9)))
        return cls(step, np.stack([newest[int(one)] for one in step]))

    def again(
        self, known: tuple[int, float] | None, now: int, n: int, correction: Correction
    ) -> Running:
        """The intervals now, now + 1, ... of the next `n` as far as they were forecast, moved by
        the error at `known`, the newest interval with a value, and that value."""
        ahead = (self.step >= now) & (self.step < now + n)
        step, quantiles = self.step[ahead], self.quantiles[ahead]
        if known is None:
            return Running(step, quantiles)
        at = np.flatnonzero(self.step == known[0])
        error = standard_error(known[1], self.quantiles[at[0]]) if len(at) else np.nan
        if not np.isfinite(error):
            return Running(step, quantiles)
        return Running(step, correction.applied(quantiles, error, step - known[0]))


def standard_error(y: float, quantiles: np.ndarray) -> float:
    """How far the median (9,) is off in widths of the outer interval; NaN where it has none."""
    width = float(_width(quantiles[None])[0])
    return (y - float(quantiles[_MIDDLE])) / width if width > 0 else float("nan")


def _width(quantiles: np.ndarray) -> np.ndarray:
    return np.asarray(quantiles[:, -1] - quantiles[:, 0])


__all__ = ["Correction", "Running", "standard_error"]
