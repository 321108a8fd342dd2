"""What a forecast may look at, as plain data: intervals, horizon, weather, holidays, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from lepton_edge.wall_clock import DAY_S, HOUR_S

Y_NAMES: Final = ("last_1", "last_2", "last_3", "day_mean", "day_max", "day_min", "week_level")
LAG_NAMES: Final = ("week_mean", "day_mean_lag", "age_days", "before", "after")
CALENDAR_NAMES: Final = (
    "lead_h",
    "hour",
    "weekday",
    "year_sin",
    "year_cos",
    "year_sin2",
    "year_cos2",
    "new_year_days",
    "is_off",
    "is_holiday",
    "is_before_holiday",
    "is_after_holiday",
    "is_bridge",
    "recent_was_off",
    "week_was_holiday",
)
MEANS_H: Final = (3, 24, 72)
"""Hours over which weather is averaged, back from the interval that is forecast."""
HEATING_C: Final = 16.0
COOLING_C: Final = 18.0
"""Degrees from which on buildings are heated, cooled."""


@dataclass(frozen=True)
class Known:
    """A column of side data that is known, or forecast, for the intervals ahead.

    is_temperature: degrees C, which get heating and cooling degrees; is_brief: only its value and
    the mean of a day become features.
    """

    name: str
    is_temperature: bool = False
    is_brief: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Names of what is made of it."""
        short = ("", "_24h")
        full = ("", *(f"_{hours}h" for hours in MEANS_H), "_max", "_min")
        full += ("_to_recent", "_to_week", "_24h_to_recent")
        degrees = ("_heating", "_cooling") if self.is_temperature else ()
        return tuple(self.name + end for end in (*(short if self.is_brief else full), *degrees))


@dataclass(frozen=True)
class AsOfSpec:
    """Features of a forecast of one quantity in intervals of `step_s` seconds.

    zone: IANA name of the clock that people there live by; first_lead, n_leads: the intervals
    forecast, counted from the one in which the forecast is issued; holidays: local dates as days
    since 1970, ascending; past_days: how much of the past is kept, at least 28 and the latency;
    back_days: the same of known columns; ahead_days: how far ahead a stream may be told these;
    n_recent, n_weeks, n_alike: how many earlier values at the same wall time are looked up among
    the latest days, the same days of the week, and days of the same kind (working day, Saturday,
    Sunday or holiday).
    """

    step_s: int
    zone: str
    n_leads: int
    first_lead: int = 0
    known: tuple[Known, ...] = ()
    holidays: tuple[int, ...] = ()
    past_days: int = 31
    back_days: int = 9
    ahead_days: int = 15
    n_recent: int = 3
    n_weeks: int = 4
    n_alike: int = 3

    @property
    def a_day(self) -> int:
        """Intervals of 24 hours."""
        return DAY_S // self.step_s

    @property
    def n_past(self) -> int:
        """Intervals of the past that are kept."""
        return self.past_days * self.a_day

    @property
    def n_back(self) -> int:
        """Intervals of known columns before the issue."""
        return self.back_days * self.a_day

    @property
    def n_ahead(self) -> int:
        """Intervals of known columns from that of the issue on."""
        return self.first_lead + self.n_leads

    @property
    def lead_days(self) -> int:
        """Whole days that the farthest interval lies ahead, rounded up."""
        return -(-self.n_ahead * self.step_s // DAY_S)

    @property
    def n_kept(self) -> int:
        """Intervals of known columns that a stream keeps."""
        return self.n_back + max(self.n_ahead, self.ahead_days * self.a_day) + 1

    def an_hour(self, hours: int) -> int:
        """Intervals of so many hours, at least one."""
        return max(1, hours * HOUR_S // self.step_s)

    @cached_property
    def holiday_dates(self) -> np.ndarray:
        """The holidays as an array."""
        return np.asarray(self.holidays, dtype=np.int64)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the features in their order."""
        lags = [f"recent_{k + 1}" for k in range(self.n_recent)]
        lags += [f"week_{k + 1}" for k in range(self.n_weeks)]
        lags += [f"alike_{k + 1}" for k in range(self.n_alike)]
        known = [name for column in self.known for name in column.features]
        return (*CALENDAR_NAMES, *Y_NAMES, *lags, *LAG_NAMES, *known)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        told = asdict(self)
        return {**told, "known": list(told["known"]), "holidays": list(self.holidays)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> AsOfSpec:
        """What `to_json` wrote; KeyError or TypeError on other data."""
        known = tuple(Known(**column) for column in told["known"])
        return cls(**{**told, "known": known, "holidays": tuple(told["holidays"])})


__all__ = [
    "CALENDAR_NAMES",
    "COOLING_C",
    "HEATING_C",
    "LAG_NAMES",
    "MEANS_H",
    "Y_NAMES",
    "AsOfSpec",
    "Known",
]
