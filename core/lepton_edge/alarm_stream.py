"""The alarms of a bundle over a stream of readings: one state an asset, told beside each score.

Where past lives tell of failure modes, an asset has one more alarm a mode: its score is the asset's
for the likeliest mode, and for another as much less as that is less likely. A reading in which
every sensor is missing, and an asset that has fallen silent, make the condition unknown, whatever
the model says of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import nan
from typing import Any, Final

import numpy as np

from lepton_edge.alarm import (
    LEVELS,
    UNKNOWN,
    AlarmEvent,
    Alarms,
    AlarmSpec,
    state_from_json,
    state_to_json,
)
from lepton_edge.alarm_modes import ModeAlarms, likeness
from lepton_edge.bundle import Opened
from lepton_edge.errors import BundleError
from lepton_edge.hazard import HazardPlan
from lepton_edge.instants import EPOCH
from lepton_edge.reasons import Reasons, Scorer, read_reasons
from lepton_edge.remaining import RemainingPlan
from lepton_edge.similar import SimilarLives, SimilarPlan
from lepton_edge.stream_event import name_of
from lepton_edge.strict_json import parse

ALARM: Final = "alarm.json"
TOLD: Final = (
    "condition",
    "level",
    "events",
    "sensors",
    "fails_within_h",
    "remaining_h",
    "similar",
    "mode",
    "modes",
)
"""Fields that alarms add to the answer to a reading."""
Change = tuple[Any, str | None, AlarmEvent]
"""Asset, failure mode (None: of the asset as a whole) and what has changed."""
_EXPLAINED: Final = ("raised", "reopened", "escalated")


@dataclass(frozen=True)
class AlarmPlan:
    """What a bundle says of alarms.

    asset, life: columns of a reading, life None where there is none; sensors: columns of which
    at least one must have a value for the condition to be known;
    hazard: how a score becomes chances over several spans; age: place of the life's age among the
    model's numbers; remaining: how a score that is a share becomes hours left; similar: past lives
    that an alarm names.
    """

    spec: AlarmSpec
    asset: str
    life: str | None
    sensors: tuple[str, ...]
    reasons: Reasons
    hazard: HazardPlan | None = None
    age: int | None = None
    remaining: RemainingPlan | None = None
    similar: SimilarLives | None = None


@dataclass(frozen=True)
class Scored:
    """A reading as the model saw it: instant in us since 1970, score, inputs of one row, and every
    feature by name."""

    at: int
    score: float
    numeric: np.ndarray
    categorical: np.ndarray
    features: Mapping[str, Any] = field(default_factory=dict)


class StreamAlarms:
    """The alarms of all assets that have been heard of; score: the bundle's own model."""

    def __init__(self, plan: AlarmPlan, score: Scorer) -> None:
        self.plan, self._score = plan, score
        self._alarms = Alarms(plan.spec)
        self._modes = None if plan.similar is None else ModeAlarms(plan.spec, plan.similar)
        self._lives: dict[Any, Any] = {}
        self._why: dict[Any, tuple[str, ...]] = {}
        self._like: dict[Any, dict[str, Any]] = {}
        self._heard: dict[Any, None] = {}
        self._newest_s = 0.0

    def told(self, event: Mapping[str, Any], scored: Scored) -> tuple[Any, ...]:
        """Values of `TOLD` after the reading `event`.

        condition: ok, raised or unknown; level: name of the level of an alarm that stands, else
        None; events: what has changed, of other assets that have fallen silent, too; sensors:
        why the alarm that stands was raised, the strongest first; fails_within_h: hours -> chance
        to fail until then; remaining_h: hours left with their interval; both None where none are
        told; similar: past lives that looked as the asset did when the alarm was raised; mode: the
        failure mode that is likeliest by them, with its share; modes: level of each mode's alarm
        that stands. A reading without an asset is unknown.
        Raises RowError LK288 where asset or life cannot be read.
        """
        asset, life = self.read(event)
        at_s = scored.at / 1e6
        self._newest_s = max(self._newest_s, at_s)
        found = [] if asset is None else self._of_asset(asset, life, at_s, event, scored)
        found += self._silent()
        events = [self._event(*one) for one in found]
        if asset is None:
            return UNKNOWN, None, events, (), None, None, (), None, {}
        state = self._alarms.of(asset)
        level = LEVELS[state.level - 1] if state.is_open else None
        why = self._why.get(asset, ()) if state.is_open else ()
        left = None
        if self.plan.remaining is not None and state.condition != UNKNOWN:
            left = self.plan.remaining.told(scored.score)
        chances = self._chances(state.condition, scored)
        like = self._like.get(asset, {}) if state.is_open else {}
        modes = {} if self._modes is None else self._modes.standing(asset)
        similar = like.get("similar", ())
        return state.condition, level, events, why, chances, left, similar, like.get("mode"), modes

    def _risk(self, score: float) -> float:
        remaining = self.plan.remaining
        return score if remaining is None else remaining.risk(score)

    def _risks(self, numeric: np.ndarray, categorical: np.ndarray) -> np.ndarray:
        score = self._score(numeric, categorical)
        return score if self.plan.remaining is None else 1.0 - score

    def _chances(self, condition: str, scored: Scored) -> dict[str, float] | None:
        """Chances to fail; none where nothing is known of the asset."""
        plan = self.plan
        if plan.hazard is None or condition == UNKNOWN:
            return None
        age = nan if plan.age is None else float(scored.numeric[0, plan.age])
        return plan.hazard.fails_within(scored.score, age)

    def read(self, event: Mapping[str, Any]) -> tuple[Any, Any]:
        """The asset and the life that a reading names, None where it does not; RowError LK288."""
        plan = self.plan
        life = None if plan.life is None else name_of(plan.life, event.get(plan.life))
        return name_of(plan.asset, event.get(plan.asset)), life

    def acknowledge(self, asset: Any) -> str | None:
        """A person has seen the alarm of `asset`; the level that it has, None where none stands."""
        state = self._alarms.of(asset)
        if not state.is_open:
            return None
        self._alarms.acknowledge(asset)
        if self._modes is not None:
            self._modes.acknowledge(asset)
        return LEVELS[state.level - 1]

    def state(self) -> dict[str, Any]:
        """Everything remembered, as plain data."""
        states = self._alarms.states.items()
        return {
            "states": [[asset, state_to_json(state)] for asset, state in states],
            "lives": list(self._lives.items()),
            "why": [[asset, list(phrases)] for asset, phrases in self._why.items()],
            "like": list(self._like.items()),
            "modes": [] if self._modes is None else self._modes.state(),
            "heard": list(self._heard),
            "newest_s": self._newest_s,
        }

    def restore(self, told: Mapping[str, Any]) -> None:
        """Take up what `state` gave; KeyError, TypeError or ValueError on other data."""
        self._alarms.states = {asset: state_from_json(state) for asset, state in told["states"]}
        self._lives = dict(told["lives"])
        self._why = {asset: tuple(phrases) for asset, phrases in told["why"]}
        self._like = dict(told.get("like", ()))
        if self._modes is not None:
            self._modes.restore(told.get("modes", ()))
        self._heard = dict.fromkeys(told["heard"])
        self._newest_s = float(told["newest_s"])

    def _of_asset(
        self, asset: Any, life: Any, at_s: float, event: Mapping[str, Any], scored: Scored
    ) -> list[Change]:
        """What the reading changes of its own asset."""
        alarms = self._alarms
        found: list[AlarmEvent] = []
        of_modes: list[tuple[str, AlarmEvent]] = []
        if life is not None and life != self._lives.get(asset):
            if asset in alarms.states:
                found += alarms.reset(asset, at_s)
                of_modes += [] if self._modes is None else self._modes.reset(asset, at_s)
            self._lives[asset] = life
        is_blind = all(event.get(name) is None for name in self.plan.sensors)
        risk = nan if is_blind else self._risk(scored.score)
        found += alarms.read(asset, at_s, risk)
        if self._modes is not None:
            of_modes += self._modes.read(asset, at_s, risk, scored.features)
        changes = [(None, one) for one in found] + of_modes
        if any(one.kind in _EXPLAINED for _, one in changes) and alarms.of(asset).is_open:
            self._explain(asset, scored)
        elif not alarms.of(asset).is_open:
            self._why.pop(asset, None)
            self._like.pop(asset, None)
        self._heard.pop(asset, None)
        if alarms.of(asset).condition != UNKNOWN:
            self._heard[asset] = None
        return [(asset, mode, one) for mode, one in changes]

    def _explain(self, asset: Any, scored: Scored) -> None:
        """Remember why the alarm of `asset` stands: sensors, and past lives that looked alike."""
        phrases = self.plan.reasons.phrases(self._risks, scored.numeric, scored.categorical)
        self._why[asset] = phrases[0]
        if self.plan.similar is not None:
            self._like[asset] = likeness(self.plan.similar, scored.features)

    def _silent(self) -> list[Change]:
        """Assets of which nothing is known any more, those longest silent first."""
        found: list[Change] = []
        while self._heard:
            asset = next(iter(self._heard))
            events = self._alarms.check_one(asset, self._newest_s)
            if not events:
                break
            del self._heard[asset]
            found += [(asset, None, one) for one in events]
        return found

    def _event(self, asset: Any, mode: str | None, one: AlarmEvent) -> dict[str, Any]:
        told: dict[str, Any] = {
            "asset": asset,
            "kind": one.kind,
            "at": (EPOCH + timedelta(seconds=one.at_s)).isoformat(),
            "level": LEVELS[one.level - 1] if one.level else None,
            "is_call": one.is_call,
        }
        return told if mode is None else {**told, "mode": mode}


def has_alarms(opened: Opened) -> bool:
    """Whether the bundle says when an alarm is raised."""
    return ALARM in opened.manifest.files


def read_alarms(opened: Opened, score: Scorer) -> StreamAlarms:
    """The alarms of a bundle; raises BundleError LK619 where its file is not understood."""
    return StreamAlarms(_read(opened), score)


def read_plan(opened: Opened) -> AlarmPlan | None:
    """What a bundle says of alarms, None where it does not; raises BundleError LK619 where its
    file is not understood."""
    return _read(opened) if has_alarms(opened) else None


def _read(opened: Opened) -> AlarmPlan:
    try:
        return _plan(parse(opened.read(ALARM).decode("utf-8")), opened)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            "LK619",
            where=str(opened.path),
            found=f"what it says of alarms is not understood: {error}",
            remedy="export the model again with `lepton run`",
        ) from error


def _plan(told: Mapping[str, Any], opened: Opened) -> AlarmPlan:
    columns, hazard, remaining = told["columns"], told.get("hazard"), told.get("remaining")
    similar = told.get("similar")
    numeric = opened.manifest.numeric
    return AlarmPlan(
        spec=AlarmSpec.from_json(told["spec"]),
        asset=str(columns["asset"]),
        life=columns["life"],
        sensors=tuple(map(str, told["sensors"])),
        reasons=read_reasons(told["reasons"], numeric, opened.manifest.categorical),
        hazard=None if hazard is None else HazardPlan.from_json(hazard["plan"]),
        age=numeric.index(hazard["age"]) if hazard and hazard["age"] in numeric else None,
        remaining=None if remaining is None else RemainingPlan.from_json(remaining),
        similar=None if similar is None else SimilarLives(SimilarPlan.from_json(similar)),
    )


__all__ = [
    "ALARM",
    "TOLD",
    "AlarmPlan",
    "Scored",
    "StreamAlarms",
    "has_alarms",
    "read_alarms",
    "read_plan",
]
