"""A feature spec made ready for one event at a time: what is computed together, and where it goes.

Every number of an event has a place in one list: first the columns that are read, then the nodes
in the spec's order, last a place for what nobody asked for. Nodes of one entity share its plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lepton_edge.history import Kept
from lepton_edge.instants import Clock

COPY: Final = 0
RATIO: Final = 1
DIFFERENCE: Final = 2
SCALED: Final = 3


@dataclass
class ValuePlan:
    """What is asked of one numeric column of an entity.

    source: place of the value in an event's numbers. Asked of windows by their place among the
    entity's: sums as (window, place of sum, place of mean, place of count), tops, bottoms and
    deviations as (window, place), shorter windows first; ever: (aggregate, place) of the
    whole past.
    """

    source: int
    sums: list[tuple[int, int, int, int]] = field(default_factory=list)
    tops: list[tuple[int, int]] = field(default_factory=list)
    bottoms: list[tuple[int, int]] = field(default_factory=list)
    deviations: list[tuple[int, int]] = field(default_factory=list)
    ever: list[tuple[str, int]] = field(default_factory=list)

    @property
    def kept(self) -> Kept:
        """What must run along with the column."""
        ops = {op for op, _ in self.ever}
        return Kept("std" in ops, "max" in ops, "min" in ops)


@dataclass
class TextPlan:
    """What is asked of one column whose different values are counted: (window or -1, place)."""

    column: str
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether somebody asks for the whole past."""
        return any(window < 0 for window, _ in self.asked)


@dataclass
class EntityPlan:
    """What is asked of the past of one kind of entity.

    spans: lengths of its windows in microseconds, ascending; counts:
    (window, or -1 for the whole past; place).
    """

    by: tuple[str, ...]
    spans: tuple[int, ...]
    counts: list[tuple[int, int]] = field(default_factory=list)
    recency: list[int] = field(default_factory=list)
    values: list[ValuePlan] = field(default_factory=list)
    texts: list[TextPlan] = field(default_factory=list)

    @property
    def lasting(self) -> bool:
        """Whether an entity matters after its last row has left every window."""
        whole = any(one.ever for one in self.values) or any(one.whole for one in self.texts)
        return whole or bool(self.recency) or any(window < 0 for window, _ in self.counts)


@dataclass
class LabelPlan:
    """What is asked of the labels of one kind of entity.

    asked: (window, or -1 for the whole past; "rate", "known", "positives" or "last"; strength,
    or how many of the newest; place).
    """

    by: tuple[str, ...]
    spans: tuple[int, ...]
    asked: list[tuple[int, str, float, int]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """How many of the newest labels must be kept, however old."""
        return max((int(most) for _, what, most, _ in self.asked if what == "last"), default=0)

    @property
    def lasting(self) -> bool:
        """Whether labels matter after they have left every window."""
        return any(window < 0 for window, *_ in self.asked)


@dataclass
class StreamPlan:
    """A whole spec. names: of the nodes; width: length of an event's list of numbers; first:
    place of the first node; columns: name -> place of the numeric columns that are read.
    """

    names: tuple[str, ...]
    width: int
    first: int
    columns: dict[str, int]
    entities: list[EntityPlan] = field(default_factory=list)
    labels: list[LabelPlan] = field(default_factory=list)
    calendar: list[tuple[Clock, list[tuple[str, int]]]] = field(default_factory=list)
    steps: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    categories: list[tuple[str, str]] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Every combination of columns that names an entity, once."""
        named = [one.by for one in self.entities] + [one.by for one in self.labels]
        return tuple(dict.fromkeys(named))


__all__ = ["EntityPlan", "LabelPlan", "StreamPlan", "TextPlan", "ValuePlan"]
