"""What to do with a row: the action of least expected cost, under a capacity of each day.

The formula is data: what each action costs where the row is positive and where it is not, linear
in the row's value. The state is one count a day of the actions that a team must carry out by hand.
Batch and stream ask the same object row by row, so that they act alike on the same rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np

from lepton_edge.instants import EPOCH, MINUTE_US, SECOND_US, zone_of

DAY_US: Final = 86_400 * SECOND_US
DAYS_KEPT: Final = 8
"""Newest days whose counts are remembered: events come at most hours late."""
_HASHED: Final = 8
_MOST_KEPT: Final = 4_096


@dataclass(frozen=True)
class Action:
    """One thing that can be done with a row, and its cost in money: fixed + per_value * value.

    positive, negative: (fixed, per_value) where the row is positive, and where it is not;
    limited: whether it takes one of the day's places.
    """

    name: str
    positive: tuple[float, float]
    negative: tuple[float, float]
    limited: bool = False

    def cost(self, p: Any, value: Any) -> Any:
        """Expected cost of a row with probability `p` and worth `value`: numbers or arrays."""
        positive = self.positive[0] + self.positive[1] * value
        negative = self.negative[0] + self.negative[1] * value
        return p * positive + (1.0 - p) * negative


@dataclass(frozen=True)
class Sample:
    """Rows drawn at random among those let pass: a share of them, by a keyed hash of their key."""

    rate: float = 0.0
    salt: str = ""

    def draws(self, key: object) -> bool:
        """Whether the row named `key` is drawn: the same wherever and whenever it is asked."""
        if self.rate <= 0.0:
            return False
        salt = self.salt.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
        digest = hashlib.blake2b(
            str(key).encode("utf-8", "surrogatepass"), key=salt, digest_size=_HASHED
        )
        return int.from_bytes(digest.digest(), "big") < self.rate * 2.0 ** (8 * _HASHED)


@dataclass(frozen=True)
class Choice:
    """The action of one row, as its place among the actions; sample: drawn at random to look at."""

    action: int
    sample: bool = False


class Policy:
    """Actions from the mildest to the strictest, at most one of them limited to `capacity` a day.

    price: what a limited action must save in expectation against the best other one, in money,
    so that the day's places last for the rows that are worth most; zone: whose days are counted.
    Raises ValueError where there is no action that is not limited, more than one that is, or
    where the zone is not known on this machine.
    """

    def __init__(
        self,
        actions: Sequence[Action],
        *,
        capacity: float | None = None,
        price: float = 0.0,
        zone: str = "UTC",
        sample: Sample = Sample(),
    ) -> None:
        self.actions = tuple(actions)
        limited = [at for at, one in enumerate(self.actions) if one.limited]
        if len(limited) > 1 or len(limited) == len(self.actions) or 0 in limited:
            raise ValueError("the first action is free of limits, and at most one other has one")
        self.limited = limited[0] if limited else None
        self.capacity, self.price, self.zone, self.sample = capacity, price, zone, sample
        self.used: dict[int, int] = {}
        self._free = [at for at in range(len(self.actions)) if at != self.limited]
        self._days = _Days(zone)

    def costs(self, p: Any, value: Any) -> list[Any]:
        """Expected cost of each action: numbers of one row, or arrays of many."""
        return [action.cost(p, value) for action in self.actions]

    def choose(self, costs: Sequence[float], at: int, key: object, floor: int = 0) -> Choice:
        """The action of a row whose actions cost `costs`, at the instant `at` (us since 1970).

        floor: the mildest action that rules allow. The row then counts for its day.
        """
        day = self._days.of(at)
        action = max(self._best(costs, day), floor)
        sample = action == 0 and self.sample.draws(key)
        if sample or action == self.limited:
            self._count(day)
        return Choice(action, sample)

    def worth(self, costs: Sequence[Any]) -> Any:
        """What the limited action saves in expectation against the best other one, in money."""
        if self.limited is None:
            return np.zeros_like(costs[0])
        return np.min([costs[at] for at in self._free], axis=0) - costs[self.limited]

    def state(self) -> dict[str, Any]:
        """What is remembered, as plain data."""
        return {"used": sorted(self.used.items())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.used = {int(day): int(count) for day, count in state.get("used", ())}

    def _best(self, costs: Sequence[float], day: int) -> int:
        best = min(self._free, key=costs.__getitem__)
        if self.limited is None:
            return best
        worth = costs[best] - costs[self.limited]
        is_left = self.capacity is None or self.used.get(day, 0) < self.capacity
        return self.limited if worth > 0 and worth >= self.price and is_left else best

    def _count(self, day: int) -> None:
        self.used[day] = self.used.get(day, 0) + 1
        while len(self.used) > DAYS_KEPT:
            del self.used[min(self.used)]


class _Days:
    """Number of the day in a zone; offsets are asked for once a minute."""

    def __init__(self, zone: str) -> None:
        self._zone = None if zone == "UTC" else zone_of(zone)
        self._offsets: dict[int, int] = {}

    def of(self, at: int) -> int:
        """Days since 1970 of the instant `at`, by the zone's own midnight."""
        if self._zone is None:
            return at // DAY_US
        minute = at // MINUTE_US
        offset = self._offsets.get(minute)
        if offset is None:
            if len(self._offsets) >= _MOST_KEPT:
                self._offsets.clear()
            told = (EPOCH + timedelta(minutes=minute)).astimezone(self._zone).utcoffset()
            offset = self._offsets[minute] = (told or timedelta()) // timedelta(microseconds=1)
        return (at + offset) // DAY_US


def day_numbers(at: Sequence[int], zone: str) -> list[int]:
    """Days since 1970, by the midnight of `zone`, of instants in microseconds since 1970."""
    days = _Days(zone)
    return [days.of(one) for one in at]


def policy_from_json(told: Mapping[str, Any]) -> Policy:
    """The policy that `policy_to_json` wrote; KeyError, TypeError or ValueError on other data."""
    actions = [
        Action(
            str(one["name"]),
            (float(one["positive"][0]), float(one["positive"][1])),
            (float(one["negative"][0]), float(one["negative"][1])),
            one["limited"] is True,
        )
        for one in told["actions"]
    ]
    capacity = told["capacity"]
    return Policy(
        actions,
        capacity=None if capacity is None else float(capacity),
        price=float(told["price"]),
        zone=str(told["zone"]),
        sample=Sample(float(told["sample"]["rate"]), str(told["sample"]["salt"])),
    )


def policy_to_json(policy: Policy) -> dict[str, Any]:
    """The formula of `policy` as plain data, without its counts."""
    return {
        "actions": [
            {
                "name": one.name,
                "positive": list(one.positive),
                "negative": list(one.negative),
                "limited": one.limited,
            }
            for one in policy.actions
        ],
        "capacity": policy.capacity,
        "price": policy.price,
        "zone": policy.zone,
        "sample": {"rate": policy.sample.rate, "salt": policy.sample.salt},
    }


__all__ = [
    "Action",
    "Choice",
    "Policy",
    "Sample",
    "day_numbers",
    "policy_from_json",
    "policy_to_json",
]
