"""From a score to the chance of surviving several spans: a hazard in steps ahead of a reading.

The chance to fail in step k, once it is reached, has the log-odds

    level_k + (risk + risk_slope s_k) z + (age + age_slope s_k) a

with z the log-odds of the score, a = ln(1 + age / span) and s_k = ln(end of step k / span): what a
score says wears off, or grows, with the time ahead (a landmark model: van Houwelingen 2007).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

MOST_ODDS: Final = 8.0
"""Log-odds of a score beyond which it says no more: no hazard was learnt there."""


@dataclass(frozen=True)
class HazardPlan:
    """ends_h: ends of the steps in hours from the reading, rising; span_h: what times are counted
    in; level: one a step; the other coefficients as in the module's formula."""

    ends_h: tuple[float, ...]
    span_h: float
    level: tuple[float, ...]
    risk: float
    risk_slope: float
    age: float
    age_slope: float

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0.0, *self.ends_h), self.ends_h, strict=False))
        numbers = (*self.level, self.risk, self.risk_slope, self.age, self.age_slope)
        if not rising or not self.ends_h or len(self.level) != len(self.ends_h):
            raise ValueError("a hazard needs rising ends of steps above 0, and a level for each")
        if not self.span_h > 0 or not np.isfinite(numbers).all():
            raise ValueError("a hazard needs finite coefficients and a span above 0")

    @cached_property
    def _steps(self) -> np.ndarray:
        return np.log(np.array(self.ends_h) / self.span_h)

    def survival(self, score: np.ndarray, age_h: np.ndarray) -> np.ndarray:
        """(rows, steps): chance to outlive each step; age_h: NaN where the age is not known."""
        z, a = terms(score, age_h, self.span_h)
        s = self._steps
        odds = (
            np.array(self.level)
            + (self.risk + self.risk_slope * s) * z[:, None]
            + (self.age + self.age_slope * s) * a[:, None]
        )
        return np.cumprod(1.0 / (1.0 + np.exp(odds)), axis=1)

    def fails_within(self, score: float, age_h: float) -> dict[str, float]:
        """Hours (as text) -> chance to fail until then, of one reading."""
        found = 1.0 - self.survival(np.array([score]), np.array([age_h]))[0]
        return {f"{end:g}": float(p) for end, p in zip(self.ends_h, found, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        told: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> HazardPlan:
        """The plan that `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        ends, level = (tuple(map(float, told[name])) for name in ("ends_h", "level"))
        rest = (float(told[name]) for name in ("risk", "risk_slope", "age", "age_slope"))
        return cls(ends, float(told["span_h"]), level, *rest)


def terms(score: np.ndarray, age_h: np.ndarray, span_h: float) -> tuple[np.ndarray, np.ndarray]:
    """z and a of the formula, (rows,) each; an age that is not known counts as none."""
    p = np.clip(score, 1e-12, 1.0 - 1e-12)
    z = np.clip(np.log(p) - np.log1p(-p), -MOST_ODDS, MOST_ODDS)
    known = np.where(np.isfinite(age_h), np.maximum(age_h, 0.0), 0.0)
    return z, np.log1p(known / span_h)


__all__ = ["MOST_ODDS", "HazardPlan", "terms"]
