"""Queues on a network: who is in one, which belong together, and one alarm for each of them.

A series is taken into an alarm where staying silent is expected to cost more than being wrong, or
where it is low already; it leaves once it is well again, so that an alarm does not flutter. Series
that are in one and are neighbours are one queue, and a queue has one alarm however it grows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from lepton_edge.neighbours import Neighbours

NO_ALARM: Final = -1


@dataclass(frozen=True)
class QueueSpec:
    """c_miss, c_false: what a queue without an alarm, and an alarm without a queue, cost; enter,
    leave: share of the free value below which a series is in a queue, and from which it is out of
    it; low_s: seconds from the first low value on after which it is taken in without a chance;
    least_s: seconds that a series stays in an alarm at least; lost_s: seconds without any value
    after which it is taken out; from_chance: chance from which it is taken in, None for that at
    which silence costs more. Raises ValueError for anything that does not fit together."""

    c_miss: float = 5.0
    c_false: float = 1.0
    enter: float = 0.6
    leave: float = 0.7
    least_s: float = 600.0
    lost_s: float = 3_600.0
    low_s: float = 0.0
    from_chance: float | None = None

    def __post_init__(self) -> None:
        if not (self.c_miss > 0 and self.c_false > 0):
            raise ValueError("both costs are above 0")
        if not 0 < self.enter <= self.leave:
            raise ValueError("a queue is left at a share no lower than that at which it is entered")
        if not 0 <= self.least_s <= self.lost_s:
            raise ValueError("a series stays in an alarm no longer than it may be silent")
        if self.low_s < 0:
            raise ValueError("a series is not low before it is low")
        if self.from_chance is not None and not self.from_chance > 0:
            raise ValueError("a chance from which an alarm is raised is above 0")

    @property
    def threshold(self) -> float:
        """Chance from which a series is taken in: `from_chance`, or that from which silence is
        expected to cost more than an alarm, c_false / (c_false + c_miss), as in p c_miss > (1 - p)
        c_false (Elkan 2001)."""
        if self.from_chance is not None:
            return self.from_chance
        return self.c_false / (self.c_false + self.c_miss)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Queue:
    """One alarm: its number, the codes of its series, the one furthest down and furthest up the
    road, since when (UTC seconds), the highest chance in it, and whether somebody is to be called:
    only when it is new."""

    alarm: int
    members: tuple[int, ...]
    head: int
    tail: int
    since_s: float
    chance: float
    is_call: bool


def is_low(values: np.ndarray, free: np.ndarray, share: float = 0.6) -> np.ndarray:
    """Whether values (..., n) are below a share of the free ones, (n,); False where unknown."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values < share * free)


def congested(values: np.ndarray, free: np.ndarray, share: float = 0.6) -> np.ndarray:
    """The label rule on values (time, n): intervals that are low together with the one before or
    behind them, so that one low mean makes no congestion."""
    low = is_low(values, free, share)
    pair = low[1:] & low[:-1]
    found = np.zeros(low.shape, dtype=bool)
    found[1:] |= pair
    found[:-1] |= pair
    return found


def components(member: np.ndarray, neighbours: Neighbours) -> np.ndarray:
    """The queue of each series (n,), named by its smallest code, NO_ALARM for those outside;
    series are together where one is the other's neighbour in either direction."""
    label = np.where(member, np.arange(len(member)), NO_ALARM)

    def root(code: int) -> int:
        while label[code] != code:
            code = int(label[code])
        return code

    for own in np.flatnonzero(member).tolist():
        for other in (*neighbours.up[own], *neighbours.down[own]):
            if member[other]:
                one, two = sorted((root(own), root(other)))
                label[two] = one
    return np.array([root(code) if member[code] else NO_ALARM for code in range(len(member))])


class QueueAlarms:
    """The alarms of a network, interval by interval."""

    def __init__(self, spec: QueueSpec, neighbours: Neighbours) -> None:
        n = len(neighbours)
        self.spec, self.neighbours = spec, neighbours
        self._alarm = np.full(n, NO_ALARM, dtype=np.int64)
        self._since = np.full(n, math.nan)
        self._heard = np.full(n, math.nan)
        self._low = np.full(n, math.nan)
        self._raised: dict[int, float] = {}
        self._next = 0
        self._newest_s = -math.inf

    def read(self, at_s: float, ratio: np.ndarray, chance: np.ndarray) -> tuple[Queue, ...]:
        """The queues at an instant (UTC seconds), oldest alarm first.

        ratio: (n,) value by the free one now; chance: (n,) that a queue begins within the horizon;
        NaN where unknown, which neither takes a series in nor lets it out. Raises ValueError for an
        instant that is not later than the one before.
        """
        if not at_s > self._newest_s:
            raise ValueError(f"an instant later than {self._newest_s:g} s is needed, not {at_s:g}")
        self._newest_s = at_s
        inside = self._members(at_s, ratio, chance)
        found = components(inside, self.neighbours)
        calls = self._name(at_s, found)
        return tuple(
            self._queue(alarm, chance, is_call=alarm in calls)
            for alarm in sorted({*self._alarm[inside].tolist()})
        )

    def _members(self, at_s: float, ratio: np.ndarray, chance: np.ndarray) -> np.ndarray:
        spec, was = self.spec, self._alarm != NO_ALARM
        with np.errstate(invalid="ignore"):
            since = np.where(np.isfinite(self._low), self._low, at_s)
            self._low = np.where(ratio < spec.enter, since, np.nan)
            enters = (chance >= spec.threshold) | (at_s - self._low >= spec.low_s)
            well = (ratio >= spec.leave) & ~(chance >= spec.threshold)
        self._heard = np.where(np.isfinite(ratio) | np.isfinite(chance), at_s, self._heard)
        with np.errstate(invalid="ignore"):
            stays = (at_s - self._since < spec.least_s) | ~well
            stays &= at_s - self._heard < spec.lost_s
        inside = np.where(was, stays, enters)
        self._since = np.where(inside & ~was, at_s, np.where(inside, self._since, math.nan))
        return np.asarray(inside, dtype=bool)

    def _name(self, at_s: float, found: np.ndarray) -> set[int]:
        """Give each queue its alarm: the oldest that its series had; of the pieces of a queue that
        has parted the largest keeps it, and the others are new without a call."""
        before, self._alarm = self._alarm, np.full(len(found), NO_ALARM, dtype=np.int64)
        pieces = [np.flatnonzero(found == one) for one in np.unique(found[found != NO_ALARM])]
        taken: set[int] = set()
        calls: set[int] = set()
        for piece in sorted(pieces, key=lambda codes: (-len(codes), int(codes[0]))):
            had = sorted({*before[piece].tolist()} - {NO_ALARM})
            free = [alarm for alarm in had if alarm not in taken]
            if free:
                alarm = free[0]
            else:
                alarm, self._next = self._next, self._next + 1
                self._raised[alarm] = at_s
                if not had:
                    calls.add(alarm)
            taken.add(alarm)
            self._alarm[piece] = alarm
        self._raised = {alarm: at for alarm, at in self._raised.items() if alarm in taken}
        return calls

    def _queue(self, alarm: int, chance: np.ndarray, *, is_call: bool) -> Queue:
        members = np.flatnonzero(self._alarm == alarm)
        own = {*members.tolist()}
        heads = [one for one in members.tolist() if not own & {*self.neighbours.down[one]}]
        tails = [one for one in members.tolist() if not own & {*self.neighbours.up[one]}]
        known = chance[members][np.isfinite(chance[members])]
        return Queue(
            alarm,
            tuple(members.tolist()),
            (heads or members.tolist())[0],
            (tails or members.tolist())[0],
            self._raised[alarm],
            float(known.max()) if len(known) else math.nan,
            is_call,
        )

    def checkpoint(self) -> str:
        """The state as JSON text."""
        return json.dumps(
            {
                "alarm": self._alarm.tolist(),
                "since_s": _told(self._since),
                "heard_s": _told(self._heard),
                "low_s": _told(self._low),
                "raised_s": {str(alarm): at for alarm, at in self._raised.items()},
                "next": self._next,
                "newest_s": self._newest_s if math.isfinite(self._newest_s) else None,
            }
        )

    @classmethod
    def restored(cls, spec: QueueSpec, neighbours: Neighbours, text: str) -> QueueAlarms:
        """The alarms as `checkpoint` left them; ValueError for the state of another network."""
        told: Mapping[str, Any] = json.loads(text)
        made = cls(spec, neighbours)
        if {len(told[name]) for name in ("alarm", "since_s", "heard_s", "low_s")} != {
            len(neighbours)
        }:
            raise ValueError("the state is of another number of series")
        made._alarm = np.array(told["alarm"], dtype=np.int64)
        made._since, made._heard, made._low = (
            np.array([math.nan if one is None else one for one in told[name]], dtype=np.float64)
            for name in ("since_s", "heard_s", "low_s")
        )
        made._raised = {int(alarm): float(at) for alarm, at in told["raised_s"].items()}
        made._next = int(told["next"])
        made._newest_s = -math.inf if told["newest_s"] is None else float(told["newest_s"])
        return made


def _told(values: np.ndarray) -> list[float | None]:
    return [float(one) if math.isfinite(one) else None for one in values.tolist()]


__all__ = [
    "NO_ALARM",
    "Queue",
    "QueueAlarms",
    "QueueSpec",
    "components",
    "congested",
    "is_low",
]
