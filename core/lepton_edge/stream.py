"""Features of one arriving event from its past: the streaming twin of the batch engine.

A row's features see the rows that arrived before it and happened at an earlier instant, in
windows [t - w, t). Events may come out of order by `lateness_s`; one that comes later still is
refused and counted, as the past that it needs may be forgotten. Events that arrive at one
instant are given in event order, which is how the batch engine reads them.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from math import inf, nan
from pathlib import Path
from typing import Any, Final

from lepton_edge.errors import RowError
from lepton_edge.history import History, Labels, Rank
from lepton_edge.instants import microseconds
from lepton_edge.stream_look import derive, look, look_at_labels
from lepton_edge.stream_plan import compile_spec
from lepton_edge.stream_state import read_state, write_state

Key = Any
"""What names an entity: the value of its column, a tuple of several, () for everybody."""

SWEEP_EVERY: Final = 100_000
"""Events after which entities that no longer come are looked through for what to forget."""
LABELS_WITHIN_S: Final = 90 * 86_400.0
"""How long an event waits for a label that comes by itself."""


class FeatureStream:
    """A bundle's features.json over a stream of events.

    spec: the nodes; columns: role -> column of the event (event_at; where there are any: key,
    ingested_at, label_at, target); lateness_s: how far out of order events may come;
    labels_within_s: how long an event without a label waits for `learn`.
    Raises BundleError LK613 where the spec is not understood.
    """

    def __init__(
        self,
        spec: Sequence[Mapping[str, Any]],
        columns: Mapping[str, str],
        lateness_s: float,
        *,
        labels_within_s: float = LABELS_WITHIN_S,
    ) -> None:
        self.plan = compile_spec(spec)
        self.columns = dict(columns)
        self.spec = [dict(node) for node in spec]
        self.lateness = round(lateness_s * 1e6)
        self.labels_within = round(labels_within_s * 1e6)
        self.histories: list[dict[Key, History]] = [{} for _ in self.plan.entities]
        self.labels: list[dict[Key, Labels]] = [{} for _ in self.plan.labels]
        self.overall = Labels()
        self.pending: list[tuple[int, int, float, Rank, tuple[Key, ...]]] = []
        self.waiting: dict[Key, tuple[int, Rank, tuple[Key, ...]]] = {}
        self.watermark: int | None = None
        self.events = self.late_events = self.refused_events = self.expected = 0
        self._compiled()

    def _compiled(self) -> None:
        plan, keys = self.plan, self.plan.keys
        self._key = self.columns.get("key", "")
        self._event_at = self.columns["event_at"]
        self._ingested_at = self.columns.get("ingested_at")
        self._numbers = list(plan.columns.items())
        self._simple = [by[0] if len(by) == 1 else None for by in keys]
        self._keys = keys
        self._entities = [
            (keys.index(one.by), one, self.histories[at]) for at, one in enumerate(plan.entities)
        ]
        self._labelled = [
            (keys.index(one.by), one, self.labels[at]) for at, one in enumerate(plan.labels)
        ]
        self._longest = [max(one.spans, default=0) for one in plan.entities]
        self._categories = dict(plan.categories)
        self._label_columns = self.columns.get("target"), self.columns.get("label_at")

    def update(self, event: Mapping[str, object]) -> dict[str, float | str]:
        """Features of `event`, by node, from its past; then the event is remembered.

        event: the columns that the spec and the roles name; None or NaN is missing; instants as
        aware datetimes, ISO 8601 with an offset, or whole microseconds since 1970. A missing
        number is NaN, a missing text "". Raises RowError LK287 where it comes later than the
        lateness allows, LK288 where a field cannot be read; the stream is then as it was but
        for its count of refused events.
        """
        try:
            at, arrived = self._when(event)
            numbers = self._read(event)
            keys = self._named(event)
            label = self._label(event, at, arrived)
            texts = [_text(event, name) for name in self._categories.values()]
        except RowError:
            self.refused_events += 1
            raise
        self._advance(at)
        self._look(at, keys, numbers)
        self._remember(event, at, keys, numbers)
        if label is not None:
            self._expect(*label, self._rank(event, at), keys)
        elif self._labelled:
            self._wait(event, at, arrived, keys)
        self.events += 1
        if self.events % SWEEP_EVERY == 0:
            self.sweep()
        found: dict[str, float | str] = dict(
            zip(self.plan.names, numbers[self.plan.first : -1], strict=True)
        )
        for name, text in zip(self._categories, texts, strict=True):
            found[name] = text
        return found

    def learn(self, key: object, target: float, label_at: object) -> None:
        """The label of the event that `key` names, which became known at `label_at`.

        It counts for every event that comes from now on. Raises RowError LK289 where no event
        of that key waits for a label, or where target or instant cannot be read.
        """
        waiting = self.waiting.get(key)
        try:
            if waiting is None:
                raise ValueError("no event of this key waits for a label")
            if not isinstance(target, (int, float)) or not -inf < float(target) < inf:
                raise ValueError(f"the label {target!r:.40} is no finite number")
            learnt = max(microseconds(label_at), waiting[0])
        except (OverflowError, ValueError) as error:
            raise RowError(
                "LK289",
                where=f"label of {key!r:.60}",
                found=str(error),
                remedy="send the label once, after its event, with the instant it became known",
            ) from error
        del self.waiting[key]
        self._expect(learnt, float(target), *waiting[1:])

    def checkpoint(self, path: Path, notes: Mapping[str, Any] | None = None) -> None:
        """Write the whole state to `path`, atomically, and `notes` (plain data) with it."""
        write_state(self, path, notes or {})

    def restore(self, path: Path) -> dict[str, Any]:
        """Take up the state of `path`, and return its notes; what follows is as if never stopped.

        Raises BundleError LK614 where the file is damaged, LK615 where it belongs to another
        spec, columns or lateness.
        """
        notes = read_state(self, path)
        self._compiled()
        return notes

    def sweep(self) -> None:
        """Forget what no later event can see: of entities that no longer come, too."""
        if self.watermark is None:
            return
        oldest = self.watermark - self.lateness
        for at, plan in enumerate(self.plan.entities):
            _sweep(self.histories[at], oldest - self._longest[at], lasting=plan.lasting)
        for at, asked in enumerate(self.plan.labels):
            _sweep(self.labels[at], oldest - max(asked.spans, default=0), lasting=asked.lasting)
        self.overall.drop_before(oldest)
        last = self.watermark - self.labels_within
        for key in [key for key, (arrived, *_) in self.waiting.items() if arrived < last]:
            del self.waiting[key]

    def _when(self, event: Mapping[str, object]) -> tuple[int, int]:
        """Instant of the event and of its arrival, no earlier than what has been seen already."""
        at = _instant(event, self._event_at)
        newest = at if self.watermark is None else max(at, self.watermark)
        if at < newest - self.lateness:
            raise RowError(
                "LK287",
                where=f"field '{self._event_at}'",
                found=f"{(newest - at) / 1e6:,.0f} s behind the newest event",
                remedy=f"send events within {self.lateness / 1e6:,.0f} s, the stated lateness",
            )
        if self._ingested_at is None:
            return at, newest
        given = event.get(self._ingested_at)
        missing = given is None or given != given
        return at, at if missing else _instant(event, self._ingested_at)

    def _read(self, event: Mapping[str, object]) -> list[float]:
        """An event's list of numbers: its columns, what nodes are on an empty past."""
        numbers = self.plan.empty.copy()
        for name, place in self._numbers:
            value = event.get(name)
            if value.__class__ is float:
                numbers[place] = value
            elif value is not None:
                numbers[place] = _number(name, value)
            if numbers[place] in (inf, -inf):
                raise _unread(name, "an infinite number")
        return numbers

    def _named(self, event: Mapping[str, object]) -> tuple[Key, ...]:
        """What names each kind of entity in this event; None where something is missing."""
        found: list[Key] = []
        for by, only in zip(self._keys, self._simple, strict=True):
            if only is not None:
                value = event.get(only)
                found.append(value if value.__class__ is str else _name(only, value))
                continue
            values = tuple([_name(column, event.get(column)) for column in by])
            found.append(None if None in values else values)
        return tuple(found)

    def _label(
        self, event: Mapping[str, object], at: int, arrived: int
    ) -> tuple[int, float] | None:
        """When the label that comes with the event is known, and the label; None without one."""
        target, label_at = self._label_columns
        if not self._labelled or target is None or label_at is None:
            return None
        value, known = event.get(target), event.get(label_at)
        if value is None or known is None or value != value or known != known:
            return None
        found = _number(target, value)
        if found in (inf, -inf):
            raise _unread(target, "an infinite number")
        return max(_instant(event, label_at), at + 1, arrived), found

    def _advance(self, at: int) -> None:
        """Let time pass to the instant `at`: labels that are due by then become known."""
        if self.watermark is None or at > self.watermark:
            self.watermark = at
        pending = self.pending
        while pending and pending[0][0] <= self.watermark:
            learnt, _, target, rank, keys = heapq.heappop(pending)
            self._learnt(learnt, target, rank, keys)

    def _expect(self, learnt: int, target: float, rank: Rank, keys: tuple[Key, ...]) -> None:
        """Remember a label until it is known."""
        if self.watermark is not None and learnt <= self.watermark:
            self._learnt(learnt, target, rank, keys)
        else:
            self.expected += 1
            heapq.heappush(self.pending, (learnt, self.expected, target, rank, keys))

    def _learnt(self, learnt: int, target: float, rank: Rank, keys: tuple[Key, ...]) -> None:
        oldest = (self.watermark or 0) - self.lateness
        self.overall.add(learnt, target, rank)
        if len(self.overall.learnt) > self.overall.room:
            self.overall.drop_before(oldest)
        for at, plan, labels in self._labelled:
            key = keys[at]
            if key is not None:
                known = labels.get(key)
                if known is None:
                    known = labels[key] = Labels(plan.last)
                known.add(learnt, target, rank)
                if len(known.learnt) > known.room:
                    known.drop_before(oldest - max(plan.spans, default=0))

    def _rank(self, event: Mapping[str, object], at: int) -> Rank:
        """Where the event stands among others: by instant, then key."""
        key = event.get(self._key)
        if isinstance(key, str):
            return at, 1, key
        return at, 0, key if isinstance(key, int) else 0

    def _wait(
        self, event: Mapping[str, object], at: int, arrived: int, keys: tuple[Key, ...]
    ) -> None:
        name = event.get(self._key)
        if name is not None:
            self.waiting[name] = max(at + 1, arrived), self._rank(event, at), keys

    def _look(self, at: int, keys: tuple[Key, ...], numbers: list[float]) -> None:
        """Fill in every node from the past and the event itself."""
        for place, plan, histories in self._entities:
            history = histories.get(keys[place])
            if history is not None:
                look(plan, history, at, numbers)
        if self._labelled:
            prior = _prior(self.overall, at)
            for place, asked, labels in self._labelled:
                look_at_labels(asked, labels.get(keys[place]), at, prior, numbers)
        derive(self.plan, at, numbers)

    def _remember(
        self,
        event: Mapping[str, object],
        at: int,
        keys: tuple[Key, ...],
        numbers: list[float],
    ) -> None:
        if at < self.watermark:  # type: ignore[operator]
            self.late_events += 1
        for number, (place, plan, histories) in enumerate(self._entities):
            key = keys[place]
            if key is None:
                continue
            history = histories.get(key)
            if history is None:
                kept = [one.kept for one in plan.values]
                history = histories[key] = History(kept, [one.whole for one in plan.texts])
            texts = [_name(one.column, event.get(one.column)) for one in plan.texts]
            history.add(at, [numbers[one.source] for one in plan.values], texts)
            if len(history.at) > history.room:
                oldest = self.watermark - self.lateness  # type: ignore[operator]
                history.drop_before(oldest - self._longest[number])


def _prior(overall: Labels, at: int) -> float:
    """Share of positives among all labels known at the instant `at`; NaN without any."""
    upto = overall.upto(at)
    known = overall.dropped + upto
    return overall.positive[upto] / known if known else nan


def _sweep(entities: dict[Key, Any], horizon: int, *, lasting: bool) -> None:
    for key in list(entities):
        entities[key].drop_before(horizon)
        if not lasting and entities[key].is_empty():
            del entities[key]


def _instant(event: Mapping[str, object], name: str) -> int:
    try:
        return microseconds(event.get(name))
    except ValueError as error:
        raise _unread(name, str(error)) from None


def _number(name: str, value: object) -> float:
    try:
        if isinstance(value, (int, float)):
            return float(value)
    except OverflowError:
        raise _unread(name, "beyond the largest number") from None
    raise _unread(name, f"{value!r:.40} is not a number")


def _name(name: str, value: object) -> str | int | float | None:
    """A value that names something: text or number as it stands; None where it is missing."""
    if value is None or value != value:
        return None
    if isinstance(value, (str, int, float)):
        return value
    raise _unread(name, f"{value!r:.40} is neither text nor number")


def _text(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    if value.__class__ is str:
        return value
    found = _name(name, value)
    return "" if found is None else str(found)


def _unread(name: str, found: str) -> RowError:
    remedy = "mend the field; null stands for a missing value"
    return RowError("LK288", where=f"field '{name}'", found=found, remedy=remedy)


__all__ = ["FeatureStream"]
