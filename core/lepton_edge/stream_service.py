"""JSON lines in, decisions out: a bundle's features and model over a stream, its state on disk.

One line in, one line out. An event is answered with its key, score and decision, and where the
bundle has a policy with its action, reasons, rules and whether it was drawn to be looked at; where
it has alarms, with the condition of the asset, the level and reasons of an alarm that stands and
what has changed. A line with key, label and instant but no event time is a label; one with an asset
and `acknowledged` says that a person has seen its alarm; what cannot be read is answered with an
error that names row and field. The state is written every so many events and at the end. After a
kill the events since the last checkpoint are sent again: those that the state knows already are
answered as before and counted once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from lepton_edge.alarm_stream import TOLD, Scored, StreamAlarms, has_alarms, read_alarms
from lepton_edge.bundle import Opened
from lepton_edge.decider import Decider, has_decisions
from lepton_edge.errors import BundleError, RowError
from lepton_edge.instants import microseconds
from lepton_edge.lines import Storage, object_of, refused, serve, told
from lepton_edge.runtime import Runtime
from lepton_edge.stream import AHEAD_S, FeatureStream
from lepton_edge.stream_event import unread
from lepton_edge.strict_json import parse
from lepton_edge.waveform import WavePlan, with_waves

FEATURES: Final = "features.json"
STATE: Final = "stream.state"
ACKNOWLEDGED: Final = "acknowledged"
_SCORED: Final = ("score", "decision")
_DECIDED: Final = ("action", "reasons", "rules", "review_sample")
LEAST_REMEMBERED: Final = 10_000
"""Newest keys whose answers are kept, at least; twice the events between two checkpoints."""


class StreamService:
    """A bundle that answers events line by line.

    Raises BundleError LK616 where the bundle does not say what a stream needs, LK614 or LK615
    where the state in `storage` is damaged or another bundle's.
    """

    def __init__(self, opened: Opened, runtime: Runtime, storage: Storage) -> None:
        self.runtime, self.storage = runtime, storage
        self.stream, self.roles = _stream_of(opened)
        self.waves = _waves_of(opened)
        self.decider = _decider_of(opened, runtime, self.stream)
        self.alarms = _alarms_of(opened, runtime)
        self._names = (
            *_SCORED,
            *(() if self.decider is None else _DECIDED),
            *(() if self.alarms is None else TOLD),
        )
        self.answers: dict[Any, tuple[Any, ...]] = {}
        self.learnt: dict[Any, bool] = {}
        self.rows = self.unsaved = 0
        self._needed = self._fields_needed()
        if self.path.is_file():
            notes = self.stream.restore(self.path)
            self.answers = {key: tuple(values) for key, values in notes["answers"]}
            if self.decider is not None:
                self.decider.policy.restore(notes.get("policy", {}))
            if self.alarms is not None and "alarms" in notes:
                self.alarms.restore(notes["alarms"])
            self.learnt = dict.fromkeys(notes["learnt"], True)

    @property
    def path(self) -> Path:
        """The file of the state."""
        return self.storage.folder / STATE

    def answer(self, line: bytes) -> str:
        """The answer to one line as JSON; an error is an answer too."""
        self.rows += 1
        try:
            found = self._answered(object_of(line))
        except RowError as error:
            found = told(error, self.rows)
        return json.dumps(found, allow_nan=False)

    def save(self) -> None:
        """Write the state, with the answers to the newest events."""
        policy = {} if self.decider is None else self.decider.policy.state()
        notes = {
            "answers": list(self.answers.items()),
            "learnt": list(self.learnt),
            "policy": policy,
            **({} if self.alarms is None else {"alarms": self.alarms.state()}),
        }
        self.stream.checkpoint(self.path, notes)
        self.unsaved = 0

    def _answered(self, event: Mapping[str, Any]) -> dict[str, Any]:
        if self.alarms is not None and event.get(ACKNOWLEDGED) is True:
            return self._acknowledged(self.alarms, event)
        key = self._key(event)
        if self.roles["event_at"] not in event and self._is_label(event):
            return self._label(key, event)
        if key in self.answers:
            return {"key": key, **self._named(self.answers[key]), "repeated": True}
        event = with_waves(self.waves, event)
        missing = [name for name in self._needed if name not in event]
        if missing:
            raise refused("LK290", missing[0], "is missing", "send null where it is not known")
        value = self._value(event)
        features = self.stream.update(event)
        self._count()
        # known from here on, even where the model refuses what came of it
        self.answers[key] = None, None
        self.answers[key] = self._decided(key, event, value, features)
        return {"key": key, **self._named(self.answers[key])}

    def _decided(
        self, key: Any, event: Mapping[str, Any], value: float, features: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """What is answered, in the order of `_names`."""
        manifest = self.runtime.manifest
        numeric = np.array([[features[name] for name in manifest.numeric]], dtype=np.float64)
        texts = np.array([[features[name] for name in manifest.categorical]], dtype=object)
        scores = self.runtime.score(numeric, texts)
        score = float(scores.score[0]), int(scores.decision[0])
        if self.decider is None and self.alarms is None:
            return score
        at = microseconds(event[self.roles["event_at"]])
        decided: tuple[Any, ...] = ()
        if self.decider is not None:
            found = self.decider.decide_one(key, at, value, features, (numeric, texts), score)
            decided = tuple(values[0] for values in found.columns().values())
        if self.alarms is None:
            return *score, *decided
        told = self.alarms.told(event, Scored(at, score[0], numeric, texts, features))
        return *score, *decided, *told

    def _named(self, answer: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self._names, answer, strict=False))

    def _key(self, event: Mapping[str, Any]) -> str | int:
        """What names the event: a reading that has no name is its asset's at its instant."""
        name = self.roles["key"]
        if self.alarms is None or event.get(name) is not None:
            return _key(event, name)
        asset, _ = self.alarms.read(event)
        if asset is None:
            raise refused("LK290", self.alarms.plan.asset, "is missing", "send the asset's name")
        column = self.roles["event_at"]
        try:
            return f"{asset}@{microseconds(event.get(column))}"
        except ValueError as error:
            raise unread(column, str(error)) from None

    def _acknowledged(self, alarms: StreamAlarms, event: Mapping[str, Any]) -> dict[str, Any]:
        asset, _ = alarms.read(event)
        if asset is None:
            raise refused("LK290", alarms.plan.asset, "is missing", "send the asset's name")
        self._count()
        return {alarms.plan.asset: asset, ACKNOWLEDGED: True, "level": alarms.acknowledge(asset)}

    def _value(self, event: Mapping[str, Any]) -> float:
        """What the event is worth in money; NaN where it does not say."""
        name = self.decider.columns.get("value") if self.decider is not None else None
        value = None if name is None else event.get(name)
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise refused("LK290", str(name), f"{value!r:.40} is not a number", "send a number")
        return float(value)

    def _is_label(self, event: Mapping[str, Any]) -> bool:
        return all(self.roles.get(role) in event for role in ("target", "label_at"))

    def _label(self, key: str | int, event: Mapping[str, Any]) -> dict[str, Any]:
        if key in self.learnt:
            return {"key": key, "learnt": True, "repeated": True}
        self.stream.learn(key, event[self.roles["target"]], event[self.roles["label_at"]])
        self.learnt[key] = True
        self._count()
        return {"key": key, "learnt": True}

    def _count(self) -> None:
        self.unsaved += 1
        most = max(LEAST_REMEMBERED, 2 * self.storage.every)
        for known in (self.answers, self.learnt):
            while len(known) >= most:
                del known[next(iter(known))]

    def _fields_needed(self) -> tuple[str, ...]:
        """Fields that an event must have; what a reading does not say is missing."""
        if self.alarms is not None:
            return self.roles["event_at"], self.alarms.plan.asset
        read = [*self.stream.plan.columns, *(one for by in self.stream.plan.keys for one in by)]
        read += [source for _, source in self.stream.plan.categories]
        return tuple(dict.fromkeys([self.roles["event_at"], *read]))


def _key(event: Mapping[str, Any], name: str) -> str | int:
    key = event.get(name)
    if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool)):
        return key
    found = "is missing" if key is None else f"{key!r:.40} is neither text nor a whole number"
    raise refused("LK290", name, found, "send the key of the event")


def _stream_of(opened: Opened) -> tuple[FeatureStream, dict[str, str]]:
    """The stream of a bundle's features, and role -> column."""
    told = opened.manifest.content.get("stream", {})
    roles, lateness_s = told.get("columns"), told.get("lateness_s")
    wrong = FEATURES not in opened.manifest.files or not isinstance(roles, dict)
    if wrong or not {"key", "event_at"} <= set(roles) or not isinstance(lateness_s, (int, float)):
        raise _not_streamable(opened, "it does not say which column is key and event time")
    spec = parse(opened.read(FEATURES).decode("utf-8"))
    inputs = {*opened.manifest.numeric, *opened.manifest.categorical}
    ahead_s = float(told.get("ahead_s", AHEAD_S))
    stream = FeatureStream(spec, roles, lateness_s, ahead_s=ahead_s, clock=_now)
    absent = sorted(inputs - set(stream.names))
    if absent:
        raise _not_streamable(opened, f"no node makes the model's input {absent[0]!r}")
    return stream, dict(roles)


def _waves_of(opened: Opened) -> tuple[WavePlan, ...]:
    """How the bundle reduces blocks of samples; BundleError LK616 where it is not understood."""
    told = opened.manifest.content.get("stream", {}).get("waves", [])
    try:
        return tuple(WavePlan.from_json(one) for one in told)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _not_streamable(opened, f"its waveforms are not understood: {error}") from error


def _now() -> int:
    return time.time_ns() // 1_000


def _alarms_of(opened: Opened, runtime: Runtime) -> StreamAlarms | None:
    """The bundle's alarms; None where it has none."""
    if not has_alarms(opened):
        return None
    return read_alarms(opened, lambda *inputs: runtime.score(*inputs).score)


def _decider_of(opened: Opened, runtime: Runtime, stream: FeatureStream) -> Decider | None:
    """The bundle's decider over the stream's features; None where it has scores alone."""
    if not has_decisions(opened):
        return None
    return Decider(opened, runtime, [str(node["name"]) for node in stream.spec])


def _not_streamable(opened: Opened, found: str) -> BundleError:
    remedy = "export the model again with `lepton run`; `score` takes rows of ready features"
    return BundleError("LK616", where=str(opened.path), found=found, remedy=remedy)


__all__ = ["Storage", "StreamService", "serve"]
