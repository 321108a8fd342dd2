"""Features of one arriving event from its past: the streaming twin of the batch engine.

A row's features see the rows that arrived before it and happened at an earlier instant, in
windows [t - w, t). Events may come out of order by `lateness_s`; one that comes later still is
refused and counted, as the past that it needs may be forgotten. Events that arrive at one
instant are given in event order, which is how the batch engine reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, nan
from pathlib import Path
from typing import Any, Final

from lepton_edge.errors import RowError
from lepton_edge.history import History
from lepton_edge.instants import microseconds
from lepton_edge.known import Labels, Rank
from lepton_edge.stream_banks import split_spec
from lepton_edge.stream_compile import compile_spec
from lepton_edge.stream_event import Key, Reader
from lepton_edge.stream_labels import Waiting, look_at_labels
from lepton_edge.stream_look import derive, look
from lepton_edge.stream_plan import LabelPlan
from lepton_edge.stream_state import read_state, write_state

SWEEP_EVERY: Final = 100_000
"""Events after which entities that no longer come are looked through for what to forget."""
AHEAD_S: Final = 300.0
"""How far an event may say that it happened after it arrived: clocks differ."""
LABELS_WITHIN_S: Final = 90 * 86_400.0
"""How long an event waits for a label that comes by itself."""


class FeatureStream:
    """A bundle's features.json over a stream of events.

    spec: the nodes; columns: role -> column of the event (event_at; where there are any: key,
    ingested_at, label_at, target); lateness_s: how far out of order events may come; ahead_s:
    how far after its arrival, or the time that `clock` says (microseconds since 1970), an event
    may have happened: one that is believed further ahead would make all others late;
    labels_within_s: how long an event without a label waits for `learn`.
    Raises BundleError LK613 where the spec is not understood.
    """

    def __init__(
        self,
        spec: Sequence[Mapping[str, Any]],
        columns: Mapping[str, str],
        lateness_s: float,
        *,
        ahead_s: float = AHEAD_S,
        clock: Callable[[], int] | None = None,
        labels_within_s: float = LABELS_WITHIN_S,
    ) -> None:
        nodes, self.banks = split_spec(spec)
        self.plan = compile_spec(nodes)
        self.columns = dict(columns)
        self.spec = [dict(node) for node in spec]
        self.lateness = round(lateness_s * 1e6)
        self.ahead, self.clock = round(ahead_s * 1e6), clock
        self.labels_within = round(labels_within_s * 1e6)
        self.histories: list[dict[Key, History]] = [{} for _ in self.plan.entities]
        self.labels: list[dict[Key, Labels]] = [{} for _ in self.plan.labels]
        self.overall = Labels()
        self.pending = Waiting()
        self.waiting: dict[Key, tuple[int, Rank, tuple[Key, ...], tuple[float, ...]]] = {}
        self.watermark: int | None = None
        self.events = self.late_events = self.refused_events = self.expected = 0
        self._longest = [max(one.spans, default=0) for one in self.plan.entities]
        self._reader = Reader(self.plan, self.columns)
        self._compiled()

    def _compiled(self) -> None:
        plan, keys = self.plan, self.plan.keys
        self._entities = [
            (
                keys.index(one.by),
                one,
                self.histories[at],
                [value.source for value in one.values],
                self._longest[at],
            )
            for at, one in enumerate(plan.entities)
        ]
        self._labelled = [
            (keys.index(one.by), one, self.labels[at]) for at, one in enumerate(plan.labels)
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all features that `update` gives."""
        return (*self.plan.names, *(name for bank in self.banks for name in bank.names))

    def update(self, event: Mapping[str, object]) -> dict[str, float | str]:
        """Features of `event`, by node, from its past; then the event is remembered.

        event: the columns that the spec and the roles name; None or NaN is missing; instants as
        aware datetimes, ISO 8601 with an offset, or whole microseconds since 1970. A missing
        number is NaN, a missing text "". Raises RowError LK287 where it comes later than the
        lateness allows, LK293 where it lies in the future, LK288 where a field cannot be read;
        the stream is then as it was but for its count of refused events.
        """
        reader = self._reader
        try:
            at, arrived = self._when(event)
            numbers, keys = reader.numbers(event), reader.keys(event)
            named, texts = reader.named(event), reader.texts(event)
            label = reader.label(event, at, arrived) if self._labelled else None
            name = reader.key(event)
            readings = [bank.read(event) for bank in self.banks] if self.banks else None
        except RowError:
            self.refused_events += 1
            raise
        if self.watermark is None or at > self.watermark:
            self.watermark = at
        for due in self.pending.due(self.watermark):
            self._learnt(due[0], *due[2:])
        histories = self._look(at, keys, numbers)
        self._remember(at, keys, numbers, named, histories)
        if self._labelled:
            self._await(name, at, arrived, label, keys, numbers)
        self.events += 1
        if self.events % SWEEP_EVERY == 0:
            self.sweep()
        first = self.plan.first
        found: dict[str, float | str] = dict(zip(self.plan.names, numbers[first:], strict=True))
        if texts:
            found.update(texts)
        if readings is not None:
            for bank, reading in zip(self.banks, readings, strict=True):
                found.update(bank.update(reading, at))
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
            horizon, entities = oldest - self._longest[at], self.histories[at]
            for key in list(entities):
                entities[key].drop_before(horizon, keep_newest=plan.keeps_newest)
                if not plan.lasting and entities[key].is_empty():
                    del entities[key]
        for at, asked in enumerate(self.plan.labels):
            horizon, known = oldest - max(asked.spans, default=0), self.labels[at]
            for key in list(known):
                known[key].drop_before(horizon)
                if not asked.lasting and known[key].is_empty():
                    del known[key]
        self.overall.drop_before(oldest)
        last = self.watermark - self.labels_within
        for key in [key for key, (arrived, *_) in self.waiting.items() if arrived < last]:
            del self.waiting[key]

    def _when(self, event: Mapping[str, object]) -> tuple[int, int]:
        """Instant of the event and of its arrival; RowError LK287 or LK293 where they disagree."""
        at = self._reader.instant(event)
        newest = at if self.watermark is None else max(at, self.watermark)
        if at < newest - self.lateness:
            raise RowError(
                "LK287",
                where=f"field '{self._reader.event_at}'",
                found=f"{(newest - at) / 1e6:,.0f} s behind the newest event",
                remedy=f"send events within {self.lateness / 1e6:,.0f} s, the stated lateness",
            )
        arrived = self._reader.arrived(event, at, newest)
        now = arrived if self.clock is None else min(arrived, self.clock())
        if at > now + self.ahead:
            raise RowError(
                "LK293",
                where=f"field '{self._reader.event_at}'",
                found=f"{(at - now) / 1e6:,.0f} s in the future",
                remedy="set the clock of the sender, or of this device; "
                f"{self.ahead / 1e6:,.0f} s are put up with",
            )
        return at, arrived

    def _await(
        self,
        name: Key,
        at: int,
        arrived: int,
        label: tuple[int, float] | None,
        keys: list[Key],
        numbers: list[float],
    ) -> None:
        """Remember what the event's label, when it is known, will be counted with."""
        if label is None and name is None:
            return
        rank, kept = self._reader.rank(name, at), tuple([numbers[p] for p in self.plan.kept])
        if label is not None:
            self._expect(*label, rank, tuple(keys), kept)
        else:
            self.waiting[name] = max(at + 1, arrived), rank, tuple(keys), kept

    def _expect(
        self,
        learnt: int,
        target: float,
        rank: Rank,
        keys: tuple[Key, ...],
        kept: tuple[float, ...],
    ) -> None:
        """Remember a label until it is known."""
        if self.watermark is not None and learnt <= self.watermark:
            self._learnt(learnt, target, rank, keys, kept)
        else:
            self.expected += 1
            self.pending.add((learnt, self.expected, target, rank, keys, kept))

    def _learnt(
        self,
        learnt: int,
        target: float,
        rank: Rank,
        keys: tuple[Key, ...],
        kept: tuple[float, ...],
    ) -> None:
        oldest = (self.watermark or 0) - self.lateness
        self.overall.add(learnt, target, rank)
        if len(self.overall.learnt) > self.overall.room:
            self.overall.drop_before(oldest)
        for place, plan, labels in self._labelled:
            key = keys[place]
            if key is None or (plan.of != "all" and (plan.of == "positive") != (target == 1.0)):
                continue
            known = labels.get(key)
            if known is None:
                known = labels[key] = Labels(plan.last, len(plan.weights))
            row = (rank[0], target, *kept) if known.last else ()
            known.add(learnt, target, rank, row, _weights(plan, target, kept))
            if len(known.learnt) > known.room:
                known.drop_before(oldest - max(plan.spans, default=0))

    def _look(self, at: int, keys: list[Key], numbers: list[float]) -> list[History | None]:
        """Fill in every node from the past and the event itself; the entities' histories."""
        found = []
        for place, plan, histories, _, _ in self._entities:
            history = histories.get(keys[place])
            if history is not None:
                look(plan, history, at, numbers)
            found.append(history)
        if self._labelled:
            prior = _prior(self.overall, at)
            for place, asked, labels in self._labelled:
                look_at_labels(asked, labels.get(keys[place]), at, prior, numbers)
        derive(self.plan, at, numbers)
        return found

    def _remember(
        self,
        at: int,
        keys: list[Key],
        numbers: list[float],
        named: list[list[Any]],
        found: list[History | None],
    ) -> None:
        oldest = (self.watermark or 0) - self.lateness
        if at < oldest + self.lateness:
            self.late_events += 1
        for (place, plan, histories, sources, longest), texts, history in zip(
            self._entities, named, found, strict=True
        ):
            key = keys[place]
            if key is None:
                continue
            if history is None:
                kept = [one.kept for one in plan.values]
                history = histories[key] = History(kept, [one.whole for one in plan.texts])
            history.add(at, [numbers[source] for source in sources], texts)
            if len(history.at) > history.room:
                history.drop_before(oldest - longest, keep_newest=plan.keeps_newest)


def _weights(plan: LabelPlan, target: float, kept: tuple[float, ...]) -> list[float]:
    """What a label adds to each weighted sum: the value of a positive one, where there is one."""
    if not plan.weights:
        return []
    values = [kept[source] for source, _ in plan.weights]
    return [value if target == 1.0 and value == value else 0.0 for value in values]


def _prior(overall: Labels, at: int) -> float:
    """Share of positives among all labels known at the instant `at`; NaN without any."""
    upto = overall.upto(at)
    known = overall.dropped + upto
    return overall.positive[upto] / known if known else nan


__all__ = ["FeatureStream"]
