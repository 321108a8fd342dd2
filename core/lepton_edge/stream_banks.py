"""Banks of sensors inside a stream of events: one state a life, grown as lives appear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any, Final

import numpy as np

from lepton_edge.sensor_plan import SensorPlan
from lepton_edge.sensors import SensorBank, State
from lepton_edge.stream_compile import not_understood
from lepton_edge.stream_event import name_of, number_of, unread

KIND: Final = "sensors"
_ROOM: Final = 16


@dataclass(frozen=True, slots=True)
class Reading:
    """What an event says to a bank; key: None where it names no life."""

    key: Any
    values: np.ndarray
    settings: np.ndarray


class StreamBank:
    """One node of sensors; raises BundleError LK613 where its plan is not understood."""

    def __init__(self, node: Mapping[str, Any]) -> None:
        try:
            plan = SensorPlan.from_json(node["plan"])
            self._by = str(node["by"])
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(error) from error
        self._bank = SensorBank(plan)
        self._columns = plan.sensors, plan.settings
        self._names = plan.names
        self.places: dict[Any, int] = {}
        self.state: State = self._bank.start(_ROOM)

    def read(self, event: Mapping[str, object]) -> Reading:
        """The event's life, sensors and settings; RowError LK288 where one cannot be read."""
        key = name_of(self._by, event.get(self._by))
        values, settings = ([_number(event, name) for name in names] for names in self._columns)
        return Reading(key, np.array([values]), np.array([settings]))

    def update(self, reading: Reading, at: int) -> dict[str, float]:
        """Name -> feature after a reading at `at`, microseconds since 1970; NaN without a life."""
        if reading.key is None:
            return dict.fromkeys(self._names, nan)
        which = np.array([self._place(reading.key)])
        seconds = np.array([at / 1e6])
        found = self._bank.step(self.state, which, seconds, reading.values, reading.settings)
        return dict(zip(self._names, found[0].tolist(), strict=True))

    def arrays(self) -> State:
        """The states of all lives, in the order of `places`."""
        return {name: one[: len(self.places)] for name, one in self.state.items()}

    def restore(self, keys: Sequence[Any], arrays: State) -> None:
        """Take up states that `arrays` gave, for lives `keys`; ValueError where they do not fit."""
        fresh = self._bank.start(max(_ROOM, len(keys)))
        for name, one in fresh.items():
            if arrays[name].shape != (len(keys), *one.shape[1:]):
                raise ValueError(f"a bank's {name} has the shape {arrays[name].shape}")
            one[: len(keys)] = arrays[name]
        self.state, self.places = fresh, {key: place for place, key in enumerate(keys)}

    def _place(self, key: Any) -> int:
        place = self.places.setdefault(key, len(self.places))
        if place >= len(self.state["asset"]):
            more = self._bank.start(place)
            self.state = {
                name: np.concatenate((one, more[name])) for name, one in self.state.items()
            }
        return place


def split_spec(
    spec: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[StreamBank]]:
    """The nodes that are no banks, and the banks."""
    banks = [StreamBank(node) for node in spec if node.get("kind") == KIND]
    return [node for node in spec if node.get("kind") != KIND], banks


def _number(event: Mapping[str, object], name: str) -> float:
    value = event.get(name)
    if value is None:
        return nan
    found = number_of(name, value)
    if found in (inf, -inf):
        raise unread(name, "an infinite number")
    return found


__all__ = ["KIND", "Reading", "StreamBank", "split_spec"]
