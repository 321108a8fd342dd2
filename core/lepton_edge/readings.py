"""Which values that a line tells are measurements, and how old the newest one may be.

A bundle says it in its plan: a value that stands for none, such as a speed of 0, is missing unless
what is told beside it says that vehicles stand; a value that cannot be is suspect. Neither is
looked at, as in the batch that the bundle was learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

LATE_STEPS, STALE_STEPS = 2, 6
_INF: Final = float("inf")


@dataclass(frozen=True)
class Standing:
    """When a value that stands for none is one after all: something stands in the detector's field.

    occupancy, flow: fields of a line beside y; least: occupancy, a share, from which it is
    believed; most: flow up to which, above 0, it is where occupancy is not told. covered, quick:
    occupancy above which no value above `quick` is believed.
    """

    occupancy: str
    flow: str
    least: float
    most: float
    covered: float = 1.0
    quick: float = _INF

    def stands(self, beside: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """Whether each of n values is believed; beside: field -> values, NaN for not told."""
        unknown = np.full(n, np.nan)
        occupancy, flow = (beside.get(name, unknown) for name in (self.occupancy, self.flow))
        crawls = (flow > 0) & (flow <= self.most)
        return np.where(np.isfinite(occupancy), occupancy >= self.least, crawls)

    def is_covered(self, y: np.ndarray, beside: Mapping[str, np.ndarray]) -> np.ndarray:
        """Whether each value is too large for what covers the detector."""
        occupancy = beside.get(self.occupancy, np.full(len(y), np.nan))
        return (occupancy > self.covered) & (y > self.quick)


@dataclass(frozen=True)
class Reading:
    """What of the values told is a measurement; as it is, all of them.

    missing: values that stand for none; lowest, highest: beyond them a value cannot be; most:
    series -> the same for it alone; standing: what may be told beside a value, None for nothing;
    late, stale: age of the newest value, in intervals from where its own began (1 where nothing is
    missing), above which a forecast is late, and above which what is usual may stand in.
    """

    missing: tuple[float, ...] = ()
    lowest: float = -_INF
    highest: float = _INF
    most: Mapping[str, float] = field(default_factory=dict)
    standing: Standing | None = None
    late: int = LATE_STEPS
    stale: int = STALE_STEPS

    @property
    def beside(self) -> tuple[str, ...]:
        """Fields that a line may have beside y."""
        return () if self.standing is None else (self.standing.occupancy, self.standing.flow)

    def judged(
        self, series: str, y: np.ndarray, beside: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which values of a series are missing, and which suspect; NaN is neither."""
        missing = np.isin(y, self.missing)
        suspect = (y < self.lowest) | (y > self.highest) | (y > self.most.get(series, _INF))
        if self.standing is not None:
            missing &= ~self.standing.stands(beside, len(y))
            suspect |= self.standing.is_covered(y, beside)
        return missing, suspect & ~missing

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data, null for no bound."""
        told = asdict(self) | {"missing": list(self.missing), "most": dict(self.most)}
        return (
            told
            | {name: _bound(told[name]) for name in ("lowest", "highest")}
            | {
                "standing": None
                if self.standing is None
                else {**asdict(self.standing), "quick": _bound(self.standing.quick)}
            }
        )

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Reading:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        late, stale = int(told["late"]), int(told["stale"])
        if not 0 < late <= stale:
            raise ValueError("a forecast is late after one interval, and stale no sooner")
        return cls(
            tuple(map(float, told["missing"])),
            -_INF if told["lowest"] is None else float(told["lowest"]),
            _INF if told["highest"] is None else float(told["highest"]),
            {str(name): float(value) for name, value in told["most"].items()},
            None if told["standing"] is None else _standing(told["standing"]),
            late,
            stale,
        )


def _bound(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _standing(told: Mapping[str, Any]) -> Standing:
    least, most, covered = (float(told[name]) for name in ("least", "most", "covered"))
    quick = _INF if told["quick"] is None else float(told["quick"])
    return Standing(str(told["occupancy"]), str(told["flow"]), least, most, covered, quick)


__all__ = ["LATE_STEPS", "STALE_STEPS", "Reading", "Standing"]
