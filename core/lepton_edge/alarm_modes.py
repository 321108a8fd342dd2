"""One alarm a failure mode: which of them an asset's risk is about, by past lives that were alike.

A mode's score is the asset's own for the likeliest mode, and for another as much less as its share
is less. So the first alarm of a mode comes with the asset's, and a second one says that another way
of failing has become as likely.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import nan
from typing import Any, Final

from lepton_edge.alarm import (
    LEVELS,
    AlarmEvent,
    Alarms,
    AlarmSpec,
    state_from_json,
    state_to_json,
)
from lepton_edge.similar import SimilarLives

_TOLD: Final = ("raised", "reopened", "escalated", "cleared", "closed")
"""Changes that are told of a mode: what is unknown is so of the whole asset."""
_NEW: Final = ("raised", "reopened")


def likeness(similar: SimilarLives, features: Mapping[str, Any]) -> dict[str, Any]:
    """similar: past lives that looked like these features; mode: name and share of the likeliest,
    None where none is told."""
    picture = similar.picture(features)
    mode, share = similar.likeliest(picture)
    return {
        "similar": [one.to_json() for one in similar.matches(picture)],
        "mode": None if mode is None else {"name": mode, "share": share},
    }


class ModeAlarms:
    """The alarms of all assets, one a mode that the past lives tell."""

    def __init__(self, spec: AlarmSpec, similar: SimilarLives) -> None:
        self.modes = similar.plan.modes
        self._similar, self._alarms = similar, Alarms(spec)

    def read(
        self, asset: Any, at_s: float, risk: float, features: Mapping[str, Any]
    ) -> list[tuple[str, AlarmEvent]]:
        """What a reading of `asset` changes, by mode.

        risk: NaN where nothing is known. A person is called where an alarm joins one of another
        mode: the first one comes with the asset's own.
        """
        if not self.modes:
            return []
        before = {*self.standing(asset)}
        found = [
            (mode, event)
            for mode, score in zip(self.modes, self._scores(risk, features), strict=True)
            for event in self._alarms.read((asset, mode), at_s, score)
            if event.kind in _TOLD
        ]
        return [
            (mode, replace(one, is_call=one.is_call and one.kind in _NEW and bool(before - {mode})))
            for mode, one in found
        ]

    def standing(self, asset: Any) -> dict[str, str]:
        """Mode -> level of each alarm of `asset` that stands."""
        states = {mode: self._alarms.of((asset, mode)) for mode in self.modes}
        return {mode: LEVELS[state.level - 1] for mode, state in states.items() if state.is_open}

    def reset(self, asset: Any, at_s: float) -> list[tuple[str, AlarmEvent]]:
        """What a replacement of `asset` changes."""
        return [
            (mode, event)
            for mode in self.modes
            for event in self._alarms.reset((asset, mode), at_s)
        ]

    def acknowledge(self, asset: Any) -> None:
        """A person has seen the alarms of `asset` that stand."""
        for mode in self.standing(asset):
            self._alarms.acknowledge((asset, mode))

    def state(self) -> list[Any]:
        """Everything remembered, as plain data."""
        return [[*key, state_to_json(one)] for key, one in self._alarms.states.items()]  # type: ignore[misc]

    def restore(self, told: Iterable[Any]) -> None:
        """Take up what `state` gave; KeyError, TypeError or ValueError on other data."""
        self._alarms.states = {(asset, mode): state_from_json(state) for asset, mode, state in told}

    def _scores(self, risk: float, features: Mapping[str, Any]) -> list[float]:
        """A score a mode; below what clears an alarm they need not be told apart."""
        if not risk >= self._alarms.spec.lo:
            return [risk] * len(self.modes)
        shares = self._similar.shares(self._similar.picture(features))
        if shares is None or not shares.max() > 0:
            return [nan] * len(self.modes)
        scores: list[float] = (risk * (shares / shares.max())).tolist()
        return scores


__all__ = ["ModeAlarms", "likeness"]
