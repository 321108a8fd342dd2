"""A network that is watched while it is forecast: queues with one alarm each, and incidents.

What is read is what forecasts see, the newest value of every series, and the chances that go with
them. Batch and stream read by this one kernel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lepton_edge.habits import Habits
from lepton_edge.incidents import IncidentDetector, IncidentSpec
from lepton_edge.near import NearWindow
from lepton_edge.near_spec import NearSpec
from lepton_edge.neighbours import Neighbours
from lepton_edge.queues import Queue, QueueAlarms, QueueSpec
from lepton_edge.wall_clock import WallClock


@dataclass(frozen=True)
class WatchSpec:
    """queue: when an alarm is raised; incident: when one is told, None for never; least: deviation
    from what is usual that is taken at least, in the unit of the series; around_s: seconds before
    and after by which what comes every day may come at another time; late: intervals after its end
    until a value is there."""

    queue: QueueSpec
    incident: IncidentSpec | None = None
    least: float = 0.0
    around_s: float = 0.0
    late: int = 0

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> WatchSpec:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        incident = None if told["incident"] is None else IncidentSpec(**told["incident"])
        least, around_s = float(told["least"]), float(told["around_s"])
        return cls(QueueSpec(**told["queue"]), incident, least, around_s, int(told["late"]))


@dataclass(frozen=True, eq=False)
class Sight:
    """What is seen of n series at m instants, (m, n) each, NaN where nothing is known: ratio of the
    newest value to the free one, and how far it is away from the usual one, in usual deviations."""

    ratio: np.ndarray
    away: np.ndarray


def sight(
    spec: NearSpec, window: NearWindow, habits: Habits, clock: WallClock, watch: WatchSpec
) -> Sight:
    """What is seen at every instant of a window: the interval whose value has just come, by what is
    usual then, the lowest of the time around it."""
    lag = watch.late + 1
    newest = window.past[..., -lag]
    width = round(watch.around_s) // spec.step_s
    usual = habits.lowest_at(spec, clock, window.step - lag, width)
    return Sight(newest / habits.free, (newest - usual) / np.maximum(habits.spread, watch.least))


@dataclass(frozen=True)
class Seen:
    """queues: the open ones, oldest first; incidents: codes of the series behind which one is
    told."""

    queues: tuple[Queue, ...]
    incidents: tuple[int, ...]


class Watch:
    """A network under watch, instant by instant."""

    def __init__(self, spec: WatchSpec, neighbours: Neighbours) -> None:
        self.spec, self.neighbours = spec, neighbours
        self.queues = QueueAlarms(spec.queue, neighbours)
        self.incidents = (
            None if spec.incident is None else IncidentDetector(spec.incident, neighbours)
        )

    def read(self, at_s: float, seen: Sight, chance: np.ndarray) -> Seen:
        """What is to be told at an instant (UTC seconds) of the first row of what is seen.

        chance: (n,) that congestion begins within the longest span, NaN where unknown or there
        already. Raises ValueError
        for an instant that is not later than the one before.
        """
        queues = self.queues.read(at_s, seen.ratio[0], chance)
        if self.incidents is None:
            return Seen(queues, ())
        told = self.incidents.read(seen.away[0])
        return Seen(queues, tuple(np.flatnonzero(told).tolist()))

    def checkpoint(self) -> str:
        """The state as JSON text."""
        incidents = None if self.incidents is None else self.incidents.checkpoint()
        return json.dumps([self.queues.checkpoint(), incidents])

    @classmethod
    def restored(cls, spec: WatchSpec, neighbours: Neighbours, text: str) -> Watch:
        """The watch as `checkpoint` left it; ValueError for the state of another network."""
        queues, incidents = json.loads(text)
        made = cls(spec, neighbours)
        made.queues = QueueAlarms.restored(spec.queue, neighbours, queues)
        if spec.incident is not None:
            made.incidents = IncidentDetector.restored(spec.incident, neighbours, incidents)
        return made


__all__ = ["Seen", "Sight", "Watch", "WatchSpec", "sight"]
