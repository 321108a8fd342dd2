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
    """What an event says to a bank.

    key: of the state, None where the event names neither asset nor life; life: None where it
    names none.
    """

    key: Any
    life: Any
    values: np.ndarray
    settings: np.ndarray


class StreamBank:
    """One node of sensors; raises BundleError LK613 where its plan is not understood.

    Where the node says which column names the asset, an asset has one state, which begins anew
    when its readings name another life; one that names none goes on with the asset's last.
    """

    def __init__(self, node: Mapping[str, Any]) -> None:
        try:
            plan = SensorPlan.from_json(node["plan"])
            self._by = str(node["by"])
            self._asset: str | None = node.get("fallback")
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(error) from error
        self._bank = SensorBank(plan)
        self._columns = plan.sensors, plan.settings
        self.names = plan.names
        self.places: dict[Any, int] = {}
        self.lives: dict[Any, Any] = {}
        self.state: State = self._bank.start(_ROOM)

    def read(self, event: Mapping[str, object]) -> Reading:
        """The event's life, sensors and settings; RowError LK288 where one cannot be read."""
        life = name_of(self._by, event.get(self._by))
        asset = self._asset and name_of(self._asset, event.get(self._asset))
        key = life if asset is None else asset
        values, settings = ([_number(event, name) for name in names] for names in self._columns)
        return Reading(key, life, np.array([values]), np.array([settings]))

    def update(self, reading: Reading, at: int) -> dict[str, float]:
        """Name -> feature after a reading at `at`, microseconds since 1970; NaN without a life."""
        if reading.key is None:
            return dict.fromkeys(self.names, nan)
        which = np.array([self._place(reading.key)])
        if self._asset is not None and reading.life is not None:
            self._live(reading, which)
        seconds = np.array([at / 1e6])
        found = self._bank.step(self.state, which, seconds, reading.values, reading.settings)
        return dict(zip(self.names, found[0].tolist(), strict=True))

    def arrays(self) -> State:
        """The states of all lives, in the order of `places`."""
        return {name: one[: len(self.places)] for name, one in self.state.items()}

    def restore(self, keys: Sequence[Any], arrays: State, lives: Mapping[Any, Any]) -> None:
        """Take up states that `arrays` gave, for `keys`, whose lives are `lives` where one was
        named; ValueError where they do not fit."""
        fresh = self._bank.start(max(_ROOM, len(keys)))
        for name, one in fresh.items():
            if arrays[name].shape != (len(keys), *one.shape[1:]):
                raise ValueError(f"a bank's {name} has the shape {arrays[name].shape}")
            one[: len(keys)] = arrays[name]
        self.state, self.places = fresh, {key: place for place, key in enumerate(keys)}
        self.lives = dict(lives)

    def _live(self, reading: Reading, which: np.ndarray) -> None:
        """Begin anew where the asset's reading names another life than its last."""
        if self.lives.get(reading.key) != reading.life:
            self._bank.reset(self.state, which)
            self.lives[reading.key] = reading.life

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
