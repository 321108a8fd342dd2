"""Incidents on a network, told from jams of every day: cumulated contrast of up- and downstream.

Between an incident and the detector before it traffic slows and stands close; behind it the road is
freer than usual. What is cumulated (CUSUM, Page 1954) is by how much a place is slower than usual
*and* slower than the places behind it; a jam of every day is usual, and one that comes from further
down slows both sides of a detector.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from lepton_edge.neighbours import NONE, Neighbours

SIDE_DOWN: Final = 1


@dataclass(frozen=True)
class IncidentSpec:
    """drift: contrast, in usual deviations, that is put up with in each interval; threshold: sum
    above which an incident is told; clip: deviations beyond which more says no more; occupied:
    weight of the contrast of occupancy by that of speed, 0 for none; forget: intervals without a
    value after which a sum begins anew. Raises ValueError for what does not fit together."""

    drift: float = 2.0
    threshold: float = 10.0
    clip: float = 5.0
    occupied: float = 0.5
    forget: int = 3

    def __post_init__(self) -> None:
        if not (self.drift > 0 and self.threshold > 0 and self.clip > self.drift):
            raise ValueError("drift and threshold are above 0, and clip is above drift")
        if self.occupied < 0 or self.forget < 1:
            raise ValueError("occupied is no less than 0, and forget no less than 1")

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return asdict(self)


class IncidentDetector:
    """The sums of a network, interval by interval."""

    def __init__(self, spec: IncidentSpec, neighbours: Neighbours) -> None:
        self.spec, self.ids = spec, neighbours.ids
        codes, weights = neighbours.arrays
        self._down, self._weight = codes[:, SIDE_DOWN], weights[:, SIDE_DOWN]
        self._sum = np.zeros(len(neighbours))
        self._silent = np.zeros(len(neighbours), dtype=np.int64)
        self._open = np.zeros(len(neighbours), dtype=bool)

    @property
    def sums(self) -> np.ndarray:
        """The cumulated contrast of each series, (n,)."""
        return self._sum.copy()

    def read(self, speed: np.ndarray, occupancy: np.ndarray | None = None) -> np.ndarray:
        """Whether an incident is told just behind each series, (n,), at the next interval.

        speed, occupancy: (n,) deviations from what is usual then, by the usual deviation; NaN for
        unknown. One that is told stands until its sum is back at 0.
        """
        spec = self.spec
        gain = self._contrast(-np.clip(speed, -spec.clip, spec.clip))
        if occupancy is not None and spec.occupied:
            more = self._contrast(np.clip(occupancy, -spec.clip, spec.clip))
            gain = gain + spec.occupied * np.nan_to_num(np.maximum(more, 0.0))
        known = np.isfinite(gain)
        self._silent = np.where(known, 0, self._silent + 1)
        # a sum grows by at most clip an interval, so that one that is over is soon forgotten
        moved = np.clip(self._sum + gain - spec.drift, 0.0, 2 * spec.threshold)
        lost = self._silent >= spec.forget
        self._sum = np.where(known, moved, np.where(lost, 0.0, self._sum))
        self._open = (self._sum >= spec.threshold) | (self._open & (self._sum > 0))
        return self._open.copy()

    def _contrast(self, worse: np.ndarray) -> np.ndarray:
        """How much worse than usual a series is where the ones behind it are not, NaN for unknown:
        the lesser of its own deviation and of its difference to theirs."""
        padded = np.append(worse, np.nan)
        around = np.where(self._down == NONE, np.nan, padded[self._down])
        there = np.isfinite(around)
        heavy = np.where(there, self._weight, 0.0)
        total = heavy.sum(axis=1)
        behind = np.where(there, around, 0.0)
        mean = np.where(
            total > 0, (heavy * behind).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan
        )
        return np.asarray(np.minimum(worse, worse - mean))

    def checkpoint(self) -> str:
        """The state as JSON text."""
        return json.dumps(
            {
                "sum": self._sum.tolist(),
                "silent": self._silent.tolist(),
                "open": self._open.tolist(),
            }
        )

    @classmethod
    def restored(cls, spec: IncidentSpec, neighbours: Neighbours, text: str) -> IncidentDetector:
        """The detector as `checkpoint` left it; ValueError for the state of another network."""
        told: Mapping[str, Any] = json.loads(text)
        made = cls(spec, neighbours)
        if {len(told[name]) for name in ("sum", "silent", "open")} != {len(neighbours)}:
            raise ValueError("the state is of another number of series")
        if not all(math.isfinite(one) for one in told["sum"]):
            raise ValueError("a sum is no number")
        made._sum = np.array(told["sum"], dtype=np.float64)
        made._silent = np.array(told["silent"], dtype=np.int64)
        made._open = np.array(told["open"], dtype=bool)
        return made


__all__ = ["IncidentDetector", "IncidentSpec"]
