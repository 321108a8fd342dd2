"""What a bundle of forecasts says of itself: its series, their clocks, when it forecasts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from lepton_edge.bundle import FORECAST, Opened
from lepton_edge.conformal import ConformalSpec, Rolling
from lepton_edge.correction import Correction
from lepton_edge.errors import BundleError
from lepton_edge.habits import Habits
from lepton_edge.looks import Look, look_from_json
from lepton_edge.near_spec import NearSpec, OnsetRule
from lepton_edge.readings import Reading
from lepton_edge.strict_json import parse
from lepton_edge.wall_clock import DAY_S, WallClock, changes_of
from lepton_edge.watch import WatchSpec

PLAN: Final = "forecast.json"
CALIBRATION: Final = "calibration.npz"
FALLBACK: Final = "fallback.onnx"
HABITS: Final = "habits.npz"


RUNGS: Final = ("model", "profile", "seasonal_naive", "none")
"""What forecasts days, best first; the last is no forecast."""


@dataclass(frozen=True)
class Usual:
    """How much was missing while learning; beyond it and a little more, what needs less stands in.

    known: column -> share of the leads without it; recent: share of the leads without a value at
    the same wall time; age_days: how old that value was.
    """

    known: Mapping[str, float]
    recent: float
    age_days: float


@dataclass(frozen=True)
class Schedule:
    """When forecasts are issued by themselves: at times of the local day (minutes after midnight
    by the wall clock of `zone`), or every `every_s` seconds; never where neither is told.
    again_s: every so many seconds what was issued is made again for the next `again_n` intervals,
    by what has been measured since; 0 for never."""

    zone: str = "UTC"
    minutes: tuple[int, ...] = ()
    every_s: int = 0
    again_s: int = 0
    again_n: int = 0

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Schedule:
        """From plain data; KeyError, TypeError or ValueError on other."""
        seconds = [int(told[name]) for name in ("every_s", "again_s", "again_n")]
        made = cls(str(told["zone"]), tuple(map(int, told["minutes"])), *seconds)
        if min(seconds) < 0 or not all(0 <= one < 1440 for one in made.minutes):
            raise ValueError("a schedule needs minutes of a day, or seconds above 0")
        return made

    def between(self, after_s: int, until_s: int, clock: WallClock | None = None) -> list[int]:
        """Instants of issue after the first and up to the second, ascending, UTC seconds."""
        if until_s <= after_s:
            return []
        found: set[int] = set()
        found |= set(_multiples(self.every_s, after_s, until_s))
        if self.minutes:
            clock = clock or WallClock(self.zone)
            ends = clock.day(np.array([after_s, until_s], dtype=np.int64))
            days = np.arange(ends[0] - 1, ends[1] + 2, dtype=np.int64)
            walls = days[:, None] * DAY_S + np.array(self.minutes, dtype=np.int64) * 60
            found |= {int(at) for at in clock.instant(walls).ravel() if after_s < at <= until_s}
        return sorted(found)

    def again(self, after_s: int, until_s: int) -> list[int]:
        """Instants after the first and up to the second at which forecasts are made again."""
        return list(_multiples(self.again_s, after_s, until_s))


def _multiples(every_s: int, after_s: int, until_s: int) -> range:
    if not every_s:
        return range(0)
    return range((after_s // every_s + 1) * every_s, until_s + 1, every_s)


@dataclass(frozen=True, eq=False)
class Plan:
    """ids: the series in the order of their codes; specs, clocks: of each calendar; calendar: that
    of each series; typical: size of each where its past does not tell, NaN for none; latency_s:
    column (y among them) -> seconds after an interval's end; habits, onset, watch: what is usual,
    when congestion is told, and what is told of queues, of forecasts of the next minutes; reading:
    which values are measurements; unread: columns that may be told and that no forecast looks
    at."""

    ids: tuple[str, ...]
    specs: tuple[Look, ...]
    clocks: tuple[WallClock, ...]
    calendar: np.ndarray
    typical: np.ndarray
    latency_s: Mapping[str, int]
    usual: Usual
    conformal: ConformalSpec
    schedule: Schedule
    unit: str
    correction: Correction
    habits: Habits | None = None
    onset: OnsetRule | None = None
    watch: WatchSpec | None = None
    reading: Reading = field(default_factory=Reading)
    unread: tuple[str, ...] = ()

    @cached_property
    def codes(self) -> Mapping[str, int]:
        """Series -> code."""
        return {name: code for code, name in enumerate(self.ids)}

    @property
    def spec(self) -> Look:
        """Names, leads, interval and columns of all series."""
        return self.specs[0]

    @property
    def is_near(self) -> bool:
        """Whether the next minutes of a whole network are forecast."""
        return isinstance(self.spec, NearSpec)

    @property
    def rungs(self) -> tuple[str, ...]:
        """What forecasts, best first: each needs less than the one before; the last is none."""
        return ("model", "habit", "none") if self.is_near else RUNGS

    def issues(self, after_s: int, until_s: int) -> list[int]:
        """Instants of issue after the first and up to the second."""
        zones = [clock for clock in self.clocks if clock.zone == self.schedule.zone]
        return self.schedule.between(after_s, until_s, zones[0] if zones else None)


def is_forecast(opened: Opened) -> bool:
    """Whether the bundle forecasts, rather than scores rows."""
    return FORECAST in opened.manifest.content


def read_plan(opened: Opened) -> Plan:
    """The plan of an opened bundle; BundleError LK650 where it has none or it is not understood."""
    if not is_forecast(opened) or PLAN not in opened.manifest.files:
        raise _not_understood(opened, "it scores rows and forecasts nothing")
    try:
        plan = _plan(parse(opened.read(PLAN).decode("utf-8")))
        return replace(plan, habits=_habits(opened, plan)) if plan.is_near else plan
    except (ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        raise _not_understood(opened, f"{PLAN} is not understood: {error}") from error


def read_calibration(opened: Opened, spec: ConformalSpec) -> Rolling:
    """The calibration that the bundle begins with; BundleError LK650 where it is damaged."""
    try:
        with np.load(io.BytesIO(opened.read(CALIBRATION)), allow_pickle=False) as file:
            return Rolling.from_arrays(spec, {name: file[name] for name in file.files})
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise _not_understood(opened, f"{CALIBRATION} is not understood: {error}") from error


def changed_zones(plan: Plan) -> list[str]:
    """Zones whose rules on this machine are not those that the bundle was made with."""
    found = []
    for clock in plan.clocks:
        assert clock.changes is not None
        at, offset = clock.changes
        span = int(at[1]) if len(at) > 1 else 0, int(at[-1])
        try:
            own = WallClock(clock.zone, changes_of(clock.zone, *span))
            same = np.array_equal(own.offset(at[1:]), offset[1:])
        except (KeyError, OSError, ValueError):  # the machine knows no such zone
            same = False
        if not same and clock.zone not in found:
            found.append(clock.zone)
    return found


def _plan(told: Mapping[str, Any]) -> Plan:
    calendars = told["calendars"]
    specs = [
        look_from_json({**told["spec"], "zone": c["zone"], "holidays": c["holidays"]})
        for c in calendars
    ]
    clocks = [WallClock(c["zone"], _changes(c["changes"])) for c in calendars]
    ids, calendar = tuple(told["ids"]), np.array(told["calendar"], dtype=np.int64)
    typical = [np.nan if size is None else float(size) for size in told["typical"]]
    if not ids or len(set(ids)) != len(ids) or not len(ids) == len(calendar) == len(typical):
        raise ValueError("series have no names of their own, or are not described")
    if calendar.min() < 0 or calendar.max() >= len(specs):
        raise ValueError("a series has a calendar that is not there")
    return Plan(
        ids=ids,
        specs=tuple(specs),
        clocks=tuple(clocks),
        calendar=calendar,
        typical=np.array(typical),
        latency_s={name: int(late) for name, late in told["latency_s"].items()},
        usual=Usual(**told["usual"]),
        conformal=ConformalSpec(**told["conformal"]),
        schedule=Schedule.from_json(told["schedule"]),
        unit=str(told["unit"]),
        correction=Correction.from_json(told["correction"]),
        onset=OnsetRule.from_json(told["onset"]) if told.get("onset") else None,
        watch=WatchSpec.from_json(told["watch"]) if told.get("watch") else None,
        # bundles of former kits take every value as it is
        reading=Reading.from_json(told["reading"]) if "reading" in told else Reading(),
        unread=tuple(map(str, told.get("unread", ()))),
    )


def _habits(opened: Opened, plan: Plan) -> Habits:
    """What is usual, of the same series as the plan; ValueError where it is not."""
    with np.load(io.BytesIO(opened.read(HABITS)), allow_pickle=False) as file:
        wide = {name: file[name].astype(np.float64) for name in file.files}
    habits = Habits.from_arrays(wide)
    if habits.table.shape != (len(habits.table), plan.spec.a_day, len(plan.ids)):
        raise ValueError("usual values are of other series or intervals")
    return habits


def _changes(told: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The table of a zone; what is before its first change has the first offset."""
    at, offset = zip(*told, strict=True)
    instants = np.array(at, dtype=np.int64)
    if (np.diff(instants) <= 0).any():
        raise ValueError("changes of a clock are not in the order of time")
    instants[0] = np.iinfo(np.int64).min // 2
    return instants, np.array(offset, dtype=np.int64)


def _not_understood(opened: Opened, found: str) -> BundleError:
    remedy = "give a bundle of forecasts, or export it again with `lepton run`"
    return BundleError("LK650", where=str(opened.path), found=found, remedy=remedy)


__all__ = [
    "CALIBRATION",
    "FALLBACK",
    "HABITS",
    "PLAN",
    "RUNGS",
    "Plan",
    "Schedule",
    "Usual",
    "changed_zones",
    "is_forecast",
    "read_calibration",
    "read_plan",
]
