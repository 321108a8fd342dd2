"""From a score to hours that are left, with an interval: what a model of shares says of a life."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any


@dataclass(frozen=True)
class RemainingPlan:
    """full_h: hours that a share of 1 stands for; edge: how far targets keep from 0 and 1; level:
    share of assets whose intervals hold; edges: shares where the next margin begins, rising;
    margins: one more than edges, in shares, infinite where too few assets told."""

    full_h: float
    edge: float
    level: float
    edges: tuple[float, ...]
    margins: tuple[float, ...]

    def __post_init__(self) -> None:
        if not (self.full_h > 0 and 0 <= self.edge < 0.5 and 0 < self.level < 1):
            raise ValueError("a remaining life needs hours above 0, an edge and a level")
        if len(self.margins) != len(self.edges) + 1 or list(self.edges) != sorted(self.edges):
            raise ValueError("margins need rising edges, one less than they are")

    def told(self, score: float) -> dict[str, float]:
        """Hours left, between 0 and `full_h`, which stands for so many or more."""
        share = min(max((score - self.edge) / (1.0 - 2.0 * self.edge), 0.0), 1.0)
        margin = self.margins[bisect_right(self.edges, share)]
        low, high = max(share - margin, 0.0), min(share + margin, 1.0)
        return {
            "point": share * self.full_h,
            "low": low * self.full_h,
            "high": high * self.full_h,
            "level": self.level,
        }

    def risk(self, score: float) -> float:
        """What an alarm is raised by: larger is worse."""
        return 1.0 - score

    def risk_at(self, hours: float) -> float:
        """The risk of an asset with so many hours left, in (0, 1)."""
        share = min(max(hours / self.full_h, 0.0), 1.0)
        return self.risk(self.edge + (1.0 - 2.0 * self.edge) * share)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data; an infinite margin is None."""
        return {
            "full_h": self.full_h,
            "edge": self.edge,
            "level": self.level,
            "edges": list(self.edges),
            "margins": [None if margin == inf else margin for margin in self.margins],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> RemainingPlan:
        """The plan that `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        return cls(
            float(told["full_h"]),
            float(told["edge"]),
            float(told["level"]),
            tuple(map(float, told["edges"])),
            tuple(inf if margin is None else float(margin) for margin in told["margins"]),
        )


__all__ = ["RemainingPlan"]
