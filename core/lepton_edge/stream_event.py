"""An arriving event read field by field: what cannot be read is refused before anything changes."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from lepton_edge.errors import RowError
from lepton_edge.instants import microseconds
from lepton_edge.known import Rank
from lepton_edge.stream_plan import StreamPlan

Key = Any
"""What names an entity: the value of its column, a tuple of several, () for everybody."""


class Reader:
    """Reads events for a plan; columns: role -> column.

    Every method raises RowError LK288 with the field that it cannot read.
    """

    def __init__(self, plan: StreamPlan, columns: Mapping[str, str]) -> None:
        self.event_at = columns["event_at"]
        self._ingested_at = columns.get("ingested_at")
        self._label_columns = columns.get("target"), columns.get("label_at")
        self._key = columns.get("key", "")
        self._numbers = list(plan.columns.items())
        self._flags = plan.flags
        self._keys = [(by[0] if len(by) == 1 else None, by) for by in plan.keys]
        self._named: list[list[Any]] = [
            [one.column for one in entity.texts] for entity in plan.entities
        ]
        self._has_named = any(self._named)
        self._categories = list(plan.categories)
        self._empty = plan.empty

    def instant(self, event: Mapping[str, object]) -> int:
        """When the event happened."""
        return _instant(event, self.event_at)

    def arrived(self, event: Mapping[str, object], at: int, newest: int) -> int:
        """When the event arrived: what it says itself, else when the newest one happened."""
        if self._ingested_at is None:
            return newest
        given = event.get(self._ingested_at)
        return at if given is None or given != given else _instant(event, self._ingested_at)

    def numbers(self, event: Mapping[str, object]) -> list[float]:
        """An event's list of numbers: its columns, what nodes are on an empty past."""
        numbers = self._empty.copy()
        for name, place in self._numbers:
            value = event.get(name)
            if value is None:
                continue
            number = value if value.__class__ is float else number_of(name, value)
            if number - number == 0.0:
                numbers[place] = number
            elif number == number:
                raise unread(name, "an infinite number")
        for name, text, place in self._flags:
            found = name_of(name, event.get(name))
            if found is not None:
                numbers[place] = 1.0 if found == text else 0.0
        return numbers

    def keys(self, event: Mapping[str, object]) -> list[Key]:
        """What names each kind of entity in this event; None where something is missing."""
        found: list[Key] = []
        for only, by in self._keys:
            if only is not None:
                value = event.get(only)
                found.append(value if value.__class__ is str else name_of(only, value))
                continue
            values = tuple([name_of(column, event.get(column)) for column in by])
            found.append(None if None in values else values)
        return found

    def named(self, event: Mapping[str, object]) -> list[list[str | int | float | None]]:
        """By kind of entity, the values whose different ones are counted."""
        if not self._has_named:
            return self._named
        return [
            [name_of(name, event.get(name)) for name in names] if names else []
            for names in self._named
        ]

    def texts(self, event: Mapping[str, object]) -> list[tuple[str, str]]:
        """Node and text of every category; "" where missing."""
        return [(node, _text(event, source)) for node, source in self._categories]

    def label(self, event: Mapping[str, object], at: int, arrived: int) -> tuple[int, float] | None:
        """When the label that comes with the event is known, and the label; None without one."""
        target, label_at = self._label_columns
        if target is None or label_at is None:
            return None
        value, known = event.get(target), event.get(label_at)
        if value is None or known is None or value != value or known != known:
            return None
        found = number_of(target, value)
        if found in (inf, -inf):
            raise unread(target, "an infinite number")
        return max(_instant(event, label_at), at + 1, arrived), found

    def key(self, event: Mapping[str, object]) -> str | int | float | None:
        """What names the event; None where nothing does."""
        return name_of(self._key, event.get(self._key))

    def rank(self, key: object, at: int) -> Rank:
        """Where the event stands among others: by instant, then key."""
        if isinstance(key, str):
            return at, 1, key
        return at, 0, key if isinstance(key, int) else 0


def _instant(event: Mapping[str, object], name: str) -> int:
    try:
        return microseconds(event.get(name))
    except ValueError as error:
        raise unread(name, str(error)) from None


def number_of(name: str, value: Any) -> float:
    """The number that field `name` holds; raises RowError LK288 where it holds none."""
    try:
        if isinstance(value, (int, float)):
            return float(value)
    except OverflowError:
        raise unread(name, "beyond the largest number") from None
    raise unread(name, f"{value!r:.40} is not a number")


def name_of(name: str, value: object) -> str | int | float | None:
    """A value that names something: text or number as it stands; None where it is missing."""
    if value is None or value != value:
        return None
    if isinstance(value, (str, int, float)):
        return value
    raise unread(name, f"{value!r:.40} is neither text nor number")


def _text(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    if value.__class__ is str:
        return value
    found = name_of(name, value)
    return "" if found is None else str(found)


def unread(name: str, found: str) -> RowError:
    """LK288 for a field that cannot be read; to be raised."""
    remedy = "mend the field; null stands for a missing value"
    return RowError("LK288", where=f"field '{name}'", found=found, remedy=remedy)


__all__ = ["Key", "Reader", "name_of", "number_of", "unread"]
