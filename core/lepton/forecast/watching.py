"""A network under watch: what would have been told, what that was worth, and when to tell.

Everything here reads by the kernel that a device has, `lepton_edge.watch`, one interval after the
other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.regular import runs
from lepton.forecast.judged import instants
from lepton.forecast.matrix import Matrix
from lepton.forecast.near import NearIssues, build_near, window_of
from lepton.forecast.near_lessons import Span
from lepton.forecast.panel import PanelDataset
from lepton_edge.habits import Habits
from lepton_edge.near_spec import NearSpec
from lepton_edge.neighbours import Neighbours
from lepton_edge.queues import NO_ALARM, QueueSpec, components, congested
from lepton_edge.wall_clock import WallClock
from lepton_edge.watch import Sight, Watch, WatchSpec, sight

MOST_WATCHED: Final = 250_000
"""Instants times series that a policy is chosen by, or judged by: the newest ones."""
CHANCES: Final = (0.05, 0.1, 0.25, 0.35, 0.5, 0.7, 0.9)
"""From which alarms are tried, beside the chance at which silence costs more for one series."""
AT_ONCE: Final = 30_000
"""The same whose features are made at once."""
HORIZON_S: Final = 3_600
"""How long after an alarm what it tells of has to come."""

Chances = Callable[[Matrix], np.ndarray]
"""Issues -> chances of congestion (n, spans), NaN where it is there or nothing is known."""


@dataclass(frozen=True, eq=False)
class Record:
    """A stretch of a network's history, an interval a row.

    ids: the series; at_s: (m,) UTC seconds, ends of the intervals; value: (m, n) what they turned
    out to be; seen: what was known at each end; chance: (m, n, spans); free: (n,); step_s: seconds
    of an interval.
    """

    ids: tuple[str, ...]
    at_s: np.ndarray
    value: np.ndarray
    seen: Sight
    chance: np.ndarray
    free: np.ndarray
    step_s: int

    def jammed(self, share: float) -> np.ndarray:
        """Where congestion was, (m, n) bool."""
        return congested(self.value, self.free, share)


def record_of(
    panel: PanelDataset,
    spec: NearSpec,
    habits: Habits,
    span: Span,
    chances: Chances,
    watch: WatchSpec,
    most: int | None = MOST_WATCHED,
) -> Record:
    """The newest part of a span with at most so many instants times series; all of it for None."""
    n = len(panel.ids)
    at = span.instants(spec.step_s)
    if most is not None:
        at = at[-max(1, most // n) :]
    clock = WallClock(spec.zone)
    ratio, away, told = [], [], []
    for own in np.array_split(at, max(1, -(-len(at) * n // AT_ONCE))):
        here = sight(spec, window_of(panel, spec, own), habits, clock, watch)
        ratio.append(here.ratio)
        away.append(here.away)
        asked = build_near(panel, spec, NearIssues(own, np.ones((len(own), n), bool)), habits)
        told.append(chances(asked)[:, -1].reshape(len(own), n))
    seen = Sight(np.concatenate(ratio), np.concatenate(away))
    ever = np.full(len(at), np.iinfo(np.int64).max // 2)
    newest = (at // spec.step_s - 1)[:, None]
    value = np.concatenate([panel.targets[n].as_of(newest, ever) for n in panel.ids], axis=1)
    return Record(panel.ids, at, value, seen, np.concatenate(told), habits.free, spec.step_s)


@dataclass(frozen=True, eq=False)
class Told:
    """alarm: (m, n) number of the alarm that each series is in, NO_ALARM for none; incident: (m, n)
    whether one is told behind it."""

    alarm: np.ndarray
    incident: np.ndarray


def replayed(record: Record, spec: WatchSpec, neighbours: Neighbours) -> Told:
    """What a device would have told, from no alarm on."""
    watch = Watch(spec, neighbours)
    alarm = np.full(record.value.shape, NO_ALARM, dtype=np.int64)
    incident = np.zeros(record.value.shape, dtype=bool)
    for row, at_s in enumerate(record.at_s.tolist()):
        here = Sight(record.seen.ratio[row : row + 1], record.seen.away[row : row + 1])
        found = watch.read(float(at_s), here, record.chance[row])
        for queue in found.queues:
            alarm[row, list(queue.members)] = queue.alarm
        incident[row, list(found.incidents)] = True
    return Told(alarm, incident)


@dataclass(frozen=True)
class Outcome:
    """What a policy did.

    queues: congestion, joined along the road, that began in calm; warned: those with an alarm
    before or when they began; median_lead_min: of these; false: alarms in which nothing was
    congested from their begin to an hour after their end; false_per_100_days: by hundred days of a
    series; cost: of those missed and of false ones.
    """

    queues: int
    warned: int
    median_lead_min: float
    alarms: int
    false: int
    false_per_100_days: float
    cost: float


def outcome(alarms: pd.DataFrame, queues: pd.DataFrame, record: Record, spec: QueueSpec) -> Outcome:
    """What alarms were worth, from the tables of `alarms_of` and `queues_of`."""
    leads = queues["lead_min"].dropna()
    false = int((~alarms["came"]).sum())
    days = len(record.at_s) * record.step_s / 86_400 * len(record.ids)
    missed = len(queues) - len(leads)
    return Outcome(
        len(queues),
        len(leads),
        float(leads.median()) if len(leads) else float("nan"),
        len(alarms),
        false,
        100 * false / days,
        spec.c_miss * missed + spec.c_false * false,
    )


@dataclass(frozen=True, eq=False)
class Watched:
    """What a policy told of a record, its alarms and the queues there were (tables of `alarms_of`
    and `queues_of`), and what it was worth."""

    told: Told
    alarms: pd.DataFrame
    queues: pd.DataFrame
    worth: Outcome


def watched(record: Record, spec: WatchSpec, neighbours: Neighbours) -> Watched:
    """What a device would have told, against what came."""
    told, jam = replayed(record, spec, neighbours), record.jammed(spec.queue.enter)
    alarms = alarms_of(told.alarm, jam, record)
    queues = queues_of(told.alarm, jam, record, neighbours)
    return Watched(told, alarms, queues, outcome(alarms, queues, record, spec.queue))


def alarms_of(told: np.ndarray, jam: np.ndarray, record: Record) -> pd.DataFrame:
    """One row an alarm: alarm, raised_at, cleared_at (ends of intervals), first (the series it
    began at), most (series at once), came (whether any of its series was congested until an hour
    after it)."""
    steps = max(1, HORIZON_S // record.step_s)
    rows = []
    for alarm in np.unique(told[told != NO_ALARM]).tolist():
        own = told == alarm
        row, column = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        came = jam[row[0] : row[-1] + 1 + steps][:, column].any()
        first, last = (record.at_s[at] for at in (row[0], row[-1]))
        began = record.ids[int(own[row[0]].argmax())]
        most = int(own.sum(axis=1).max())
        rows.append((alarm, first, last + record.step_s, began, most, bool(came)))
    columns = ["alarm", "raised_at", "cleared_at", "first", "most", "came"]
    found = pd.DataFrame(rows, columns=columns).astype({"came": "bool", "first": "str"})
    return _instants(found, "raised_at", "cleared_at")


def queues_of(
    told: np.ndarray, jam: np.ndarray, record: Record, neighbours: Neighbours
) -> pd.DataFrame:
    """One row a queue that began in calm: begins_at, first (one of the series it began at),
    lead_min (minutes by which an alarm of one of these came before it, missing where none did)."""
    rows = []
    for row, codes in _begins(jam, neighbours):
        lead = _lead(told, row, codes)
        first = record.ids[codes[0]]
        minutes = np.nan if lead is None else min(lead * record.step_s, HORIZON_S) / 60
        rows.append((record.at_s[row] - record.step_s, first, minutes))
    found = pd.DataFrame(rows, columns=["begins_at", "first", "lead_min"])
    return _instants(found.astype({"lead_min": "float64", "first": "str"}), "begins_at")


def with_best_chance(record: Record, spec: WatchSpec, neighbours: Neighbours) -> WatchSpec:
    """The watch with the chance from which alarms cost the least on a record; of equal ones the
    higher.

    A queue has many series and one alarm, so that the chance which pays for a series alone need not
    pay for the network. What a chance is worth is only seen where there were queues: without any
    the watch stays as it is.
    """
    best, least = spec, math.inf
    for chance in sorted({*CHANCES, spec.queue.threshold}, reverse=True):
        option = replace(spec, queue=replace(spec.queue, from_chance=chance))
        worth = watched(record, replace(option, incident=None), neighbours).worth
        if worth.queues and worth.cost < least:
            best, least = option, worth.cost
    return best


def stays_of(told: np.ndarray, record: Record) -> pd.DataFrame:
    """One row for each stay of a series in an alarm: alarm, series, from_at, until (ends of
    intervals)."""
    rows = []
    for alarm in np.unique(told[told != NO_ALARM]).tolist():
        own = told == alarm
        for code in np.flatnonzero(own.any(axis=0)).tolist():
            for first, length in zip(*runs(own[:, code]), strict=True):
                last = record.at_s[first + length - 1] + record.step_s
                rows.append((alarm, record.ids[code], record.at_s[first], last))
    found = pd.DataFrame(rows, columns=["alarm", "series", "from_at", "until"])
    return _instants(found, "from_at", "until")


def incidents_of(told: np.ndarray, record: Record) -> pd.DataFrame:
    """One row an incident that is told: the series it lies behind, told_at, cleared_at."""
    rows = [
        (record.ids[code], record.at_s[first], record.at_s[first + length - 1] + record.step_s)
        for code in np.flatnonzero(told.any(axis=0)).tolist()
        for first, length in zip(*runs(told[:, code]), strict=True)
    ]
    found = pd.DataFrame(rows, columns=["series", "told_at", "cleared_at"])
    table = _instants(found, "told_at", "cleared_at")
    return table.sort_values(["told_at", "series"], kind="stable", ignore_index=True)


def _instants(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    return table.assign(**{name: instants(table[name].to_numpy(np.int64)) for name in names})


def _begins(jam: np.ndarray, neighbours: Neighbours) -> Iterator[tuple[int, list[int]]]:
    """(row, codes) of each queue where neither it nor its neighbours were congested before."""
    for row in np.flatnonzero((jam[1:] & ~jam[:-1]).any(axis=1)).tolist():
        now, before = jam[row + 1], jam[row]
        label = components(now | before, neighbours)
        for one in np.unique(label[now & ~before]).tolist():
            members = np.flatnonzero(label == one)
            if not before[members].any():
                yield row + 1, members.tolist()


def _lead(told: np.ndarray, row: int, codes: Sequence[int]) -> int | None:
    """Intervals by which an alarm came before a queue; None where none did."""
    # what is known at the end of the interval before is the last that can warn
    before = told[:row, list(codes)]
    if not len(before) or (before[-1] == NO_ALARM).all():
        return None
    own = before[-1][before[-1] != NO_ALARM]
    outside = np.flatnonzero(~np.isin(before, own).any(axis=1))
    # an alarm of an interval is raised at its end
    return row - (int(outside[-1]) + 1 if len(outside) else 0) - 1


__all__ = [
    "Chances",
    "Outcome",
    "Record",
    "Told",
    "Watched",
    "alarms_of",
    "incidents_of",
    "outcome",
    "queues_of",
    "record_of",
    "replayed",
    "stays_of",
    "watched",
    "with_best_chance",
]
