"""Alarms of queues over a history: what would have been raised, and what that would have cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.regular import runs
from lepton_edge.neighbours import Neighbours
from lepton_edge.queues import NO_ALARM, QueueAlarms, QueueSpec, components
from solutions.traffic_forecasting.grid import Grid

COSTS: Final = {"missed_queue": 5.0, "false_alarm": 1.0}
"""What a queue without an alarm, and an alarm without a queue, cost by default."""


def queue_spec(costs: Mapping[str, float]) -> QueueSpec:
    """The policy that costs the least, by what `COSTS` names."""
    return QueueSpec(c_miss=costs["missed_queue"], c_false=costs["false_alarm"])


@dataclass(frozen=True)
class Outcome:
    """What a policy did.

    queues: congestion, joined along the road, that began in calm; warned: those with an alarm
    before or when they began; median_lead_min: of these; false: alarms in which nothing was
    congested within the horizon; false_per_100_days: by hundred days of a detector; cost: of those
    missed and of false ones.
    """

    queues: int
    warned: int
    median_lead_min: float
    alarms: int
    false: int
    false_per_100_days: float
    cost: float


def raised(
    grid: Grid, free: np.ndarray, chance: np.ndarray, neighbours: Neighbours, spec: QueueSpec
) -> np.ndarray:
    """Number of the alarm that each detector is in, (time, n) int64, NO_ALARM for none.

    free: (n,) free-flow speeds; chance: (time, n) chances of congestion as known at each interval's
    end, NaN for unknown.
    """
    watch = QueueAlarms(spec, neighbours)
    found = np.full(grid.speed.shape, NO_ALARM, dtype=np.int64)
    first_s = grid.first_s + grid.step_s
    for row in range(grid.n_steps):
        at_s = float(first_s + row * grid.step_s)
        for queue in watch.read(at_s, grid.speed[row] / free, chance[row]):
            found[row, list(queue.members)] = queue.alarm
    return found


def listed(found: np.ndarray, grid: Grid) -> pd.DataFrame:
    """One row an alarm of `raised`: alarm, raised_at, cleared_at (ends of intervals), first (the
    detector it began at), most (detectors at once)."""
    rows = []
    for alarm in np.unique(found[found != NO_ALARM]).tolist():
        own = found == alarm
        steps = np.flatnonzero(own.any(axis=1))
        rows.append(
            (
                alarm,
                grid.at[steps[0]] + pd.Timedelta(seconds=grid.step_s),
                grid.at[steps[-1]] + pd.Timedelta(seconds=2 * grid.step_s),
                grid.ids[int(own[steps[0]].argmax())],
                int(own.sum(axis=1).max()),
            )
        )
    columns = ["alarm", "raised_at", "cleared_at", "first", "most"]
    return pd.DataFrame(rows, columns=columns)


def outcome(
    found: np.ndarray,
    jam: np.ndarray,
    grid: Grid,
    neighbours: Neighbours,
    spec: QueueSpec,
    horizon_min: float = 60.0,
) -> Outcome:
    """What alarms were worth against what was congested, (time, n) bool.

    A queue is warned of where one of its first detectors was in an alarm that began at most
    `horizon_min` before; an alarm is false where none of its detectors was congested from its begin
    to so long after its end.
    """
    steps = max(1, round(60 * horizon_min / grid.step_s))
    leads = [_lead(found, when, codes, steps) for when, codes in _begins(jam, neighbours)]
    warned = [lead for lead in leads if lead is not None]
    alarms = np.unique(found[found != NO_ALARM]).tolist()
    false = sum(not _came(found == alarm, jam, steps) for alarm in alarms)
    days = grid.n_steps / grid.a_day * len(grid.ids)
    lead = float(np.median(warned)) * grid.step_s / 60 if warned else float("nan")
    missed = len(leads) - len(warned)
    cost = spec.c_miss * missed + spec.c_false * false
    return Outcome(len(leads), len(warned), lead, len(alarms), false, 100 * false / days, cost)


def _begins(jam: np.ndarray, neighbours: Neighbours) -> list[tuple[int, list[int]]]:
    """(row, detectors) of each queue where neither it nor its neighbours were congested before."""
    found = []
    for row in np.flatnonzero((jam[1:] & ~jam[:-1]).any(axis=1)).tolist():
        now, before = jam[row + 1], jam[row]
        label = components(now | before, neighbours)
        for one in np.unique(label[now & ~before]).tolist():
            members = np.flatnonzero(label == one)
            if not before[members].any():
                found.append((row + 1, members.tolist()))
    return found


def _lead(found: np.ndarray, row: int, codes: list[int], steps: int) -> int | None:
    """Intervals by which an alarm came before a queue; None where none did."""
    # what is known at the end of the interval before is the last that can warn
    before = found[:row, codes]
    if not len(before) or (before[-1] == NO_ALARM).all():
        return None
    own = before[-1][before[-1] != NO_ALARM]
    since = np.isin(before, own).any(axis=1)
    first, _ = runs(np.asarray(since))
    # an alarm of an interval is raised at its end
    return min(row - int(first[-1]) - 1, steps)


def _came(own: np.ndarray, jam: np.ndarray, steps: int) -> bool:
    rows = np.flatnonzero(own.any(axis=1))
    columns = np.flatnonzero(own.any(axis=0))
    return bool(jam[rows[0] : rows[-1] + 1 + steps][:, columns].any())


__all__ = ["COSTS", "Outcome", "listed", "outcome", "queue_spec", "raised"]
