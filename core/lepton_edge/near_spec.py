"""What a forecast of the next minutes may look at, as plain data: intervals, lags, neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from lepton_edge.near_beside import AHEAD_S, BACK_S, NearKnown
from lepton_edge.neighbours import Neighbours
from lepton_edge.wall_clock import DAY_S

NEAR: Final = "near"
AHEAD_NAMES: Final = (
    "lead_h",
    "hour",
    "weekday",
    "is_off",
    "recent",
    "habit",
    "habit_to_recent",
    "habit_move",
    "habit_next",
    "age_min",
)
"""What is known of each interval ahead: when it is, the latest value and how old that is, and what
is usual then."""
VALUE_LAGS: Final = (1, 2, 3, 4, 6, 9, 12)
AROUND_LAGS: Final = (1, 2, 4)
_OWN: Final = (
    "mean_short",
    "mean",
    "min",
    "max",
    "spread",
    "slope",
    "gap_mean_short",
    "gap_mean",
    "ratio",
    "unknown",
)
_NETWORK: Final = ("network_gap", "network_gap_before", "network_known", "network_age")
_ALWAYS: Final = ("free", "usual_spread", "often_low")
SIDES: Final = ("up", "down", "near", "far")
"""Whose gaps are averaged: of neighbours against the flow, with it, of both, and of theirs."""


@dataclass(frozen=True)
class OnsetRule:
    """When a series counts as congested, and how far ahead that is told.

    share: of free flow below which it is slow; steps: slow intervals in a row; spans: intervals
    ahead within which congestion may begin, rising; late: intervals after its end until a value is
    there.
    """

    share: float
    steps: int
    spans: tuple[int, ...]
    late: int = 0

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        spans = list(self.spans)
        return {"share": self.share, "steps": self.steps, "spans": spans, "late": self.late}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> OnsetRule:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        spans = tuple(map(int, told["spans"]))
        return cls(float(told["share"]), int(told["steps"]), spans, int(told.get("late", 0)))


@dataclass(frozen=True)
class NearSpec:
    """Features of forecasts of many series at once, in intervals of `step_s` seconds.

    zone: IANA name of the clock of all series; first_lead, n_leads: the intervals forecast, counted
    from the one in which the forecast is issued; n_past: intervals of the past that are seen;
    neighbours: of every series, in the order of their codes; holidays: local dates as days since
    1970, ascending; known: columns beside the series, such as weather.
    """

    step_s: int
    zone: str
    n_leads: int
    neighbours: Neighbours
    first_lead: int = 0
    n_past: int = 12
    holidays: tuple[int, ...] = ()
    known: tuple[NearKnown, ...] = ()

    @property
    def a_day(self) -> int:
        """Intervals of 24 hours."""
        return DAY_S // self.step_s

    @property
    def n_back(self) -> int:
        """Intervals of known columns before the issue."""
        return BACK_S // self.step_s if self.known else 0

    @property
    def n_ahead(self) -> int:
        """Intervals from that of the issue to the end of the horizon."""
        return self.first_lead + self.n_leads

    @property
    def n_kept(self) -> int:
        """Intervals of known columns that a stream keeps."""
        if not self.known:
            return 1
        return self.n_back + max(self.n_ahead, AHEAD_S // self.step_s) + 1

    @cached_property
    def holiday_dates(self) -> np.ndarray:
        """The holidays as an array."""
        return np.asarray(self.holidays, dtype=np.int64)

    @property
    def value_lags(self) -> tuple[int, ...]:
        """Intervals back at which values are read."""
        return tuple(lag for lag in VALUE_LAGS if lag <= self.n_past)

    @property
    def around_lags(self) -> tuple[int, ...]:
        """Intervals back at which neighbours are read."""
        return tuple(lag for lag in AROUND_LAGS if lag <= self.n_past)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features of each interval ahead, in their order."""
        return (*AHEAD_NAMES, *(column.name for column in self.known))

    @cached_property
    def shape_names(self) -> tuple[str, ...]:
        """Names of what is the same for all intervals ahead, in their order."""
        own = [f"value_{lag}" for lag in self.value_lags]
        own += [f"gap_{lag}" for lag in range(1, self.n_past + 1)]
        around = [f"{side}_gap_{lag}" for side in SIDES for lag in self.around_lags]
        around += [f"{side}_turn" for side in SIDES]
        lowest = [f"{side}_low_{lag}" for side in SIDES[:2] for lag in self.around_lags[:2]]
        known = [name for column in self.known for name in column.shape_names]
        return (*own, *_OWN, *around, *lowest, *_NETWORK, *_ALWAYS, *known)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        told = {**asdict(self), "neighbours": self.neighbours.to_json()}
        told = {"look": NEAR, **told, "holidays": list(self.holidays)}
        known = [column.to_json() for column in self.known]
        del told["known"]
        return {**told, "known": known} if known else told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> NearSpec:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        own = {name: value for name, value in told.items() if name != "look"}
        neighbours = Neighbours.from_json(own.pop("neighbours"))
        known = tuple(map(NearKnown.from_json, own.pop("known", ())))
        own["holidays"] = tuple(own["holidays"])
        return cls(**own, neighbours=neighbours, known=known)


__all__ = ["AHEAD_NAMES", "AROUND_LAGS", "NEAR", "SIDES", "VALUE_LAGS", "NearSpec", "OnsetRule"]
