"""A feature spec made ready for one event at a time: what is computed together, and where it goes.

Every number of an event has a place in one list: first the columns that are read, then the nodes
in the spec's order. Nodes of one entity share its plan. The ends of its windows are found once an
event, as `bounds`: one place for each span, the last for now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from lepton_edge.history import Kept
from lepton_edge.instants import Clock

COPY: Final = 0
RATIO: Final = 1
DIFFERENCE: Final = 2
SCALED: Final = 3
ABOVE: Final = 4
CONTRAST: Final = 5
ALIGNMENT: Final = 6
SPEED: Final = 7
EVER: Final = -2
"""The low end of a window that has none."""
NOW: Final = -1
"""The high end of a window without a gap."""

Part = Callable[[float, int], float]
"""A number of the hour 0..24 and the weekday, 0 for Monday."""
Asked = tuple[int, int, int]
"""Ends of a window among the entity's bounds, low and high, and the place of the answer."""
Step = tuple[int, int, tuple[int, ...], float]
"""What to do, place of the answer, places of what it is made of, a constant."""


@dataclass(slots=True)
class ValuePlan:
    """What is asked of one numeric column of an entity.

    source: place of the value in an event's numbers. tops, bottoms: shorter windows first;
    ever: (aggregate, high end, place) of the whole past; last: places of the newest value;
    totals: whether sums, means or counts of a window are asked.
    """

    source: int
    sums: list[Asked] = field(default_factory=list)
    means: list[Asked] = field(default_factory=list)
    counts: list[Asked] = field(default_factory=list)
    tops: list[Asked] = field(default_factory=list)
    bottoms: list[Asked] = field(default_factory=list)
    deviations: list[Asked] = field(default_factory=list)
    ever: list[tuple[str, int, int]] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    totals: bool = False

    @property
    def kept(self) -> Kept:
        """What must run along with the column."""
        ops = {op for op, _, _ in self.ever}
        summed = self.sums or self.means or self.deviations or self.last or ops & {"sum", "mean"}
        squared = bool(self.deviations)
        return Kept(bool(summed), squared, "std" in ops, "max" in ops, "min" in ops)


@dataclass(slots=True)
class TextPlan:
    """What is asked of one column whose different values are counted: (low end, place)."""

    column: str
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether somebody asks for the whole past."""
        return any(low == EVER for low, _ in self.asked)


@dataclass(slots=True)
class EntityPlan:
    """What is asked of the past of one kind of entity.

    spans: how far back the ends of its windows lie, in microseconds, ascending; counts: of rows.
    """

    by: tuple[str, ...]
    spans: tuple[int, ...]
    counts: list[Asked] = field(default_factory=list)
    recency: list[int] = field(default_factory=list)
    values: list[ValuePlan] = field(default_factory=list)
    texts: list[TextPlan] = field(default_factory=list)

    @property
    def keeps_newest(self) -> bool:
        """Whether the newest rows matter however long ago they were."""
        return bool(self.recency) or any(one.last for one in self.values)

    @property
    def lasting(self) -> bool:
        """Whether an entity matters after its last row has left every window."""
        whole = any(one.ever for one in self.values) or any(one.whole for one in self.texts)
        return whole or self.keeps_newest or any(low == EVER for low, *_ in self.counts)


@dataclass(slots=True)
class LabelPlan:
    """What is asked of the labels of one kind of entity, all or those of one sort.

    of: "all", "positive" or "negative"; windows by their place among `spans`, -1 for the whole
    past. rates: (window, strength, place); known, positives: (window, place); lasts: (how many of
    the newest, place); weights: place of a value among an event's numbers, and (window, place);
    newest: (place of a value, -1 for the event's instant; place); runs: (how many of the newest,
    place of a flag or -1, place of the length, place of the age; -1 where not asked).
    """

    by: tuple[str, ...]
    of: str
    spans: tuple[int, ...]
    rates: list[tuple[int, float, int]] = field(default_factory=list)
    known: list[tuple[int, int]] = field(default_factory=list)
    positives: list[tuple[int, int]] = field(default_factory=list)
    lasts: list[tuple[int, int]] = field(default_factory=list)
    weights: list[tuple[int, list[tuple[int, int]]]] = field(default_factory=list)
    newest: list[tuple[int, int]] = field(default_factory=list)
    runs: list[tuple[int, int, int, int]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """How many of the newest labels must be kept, however old."""
        asked = [*(one[0] for one in self.lasts), *(one[0] for one in self.runs)]
        return max([*asked, *(1 for _ in self.newest)], default=0)

    @property
    def lasting(self) -> bool:
        """Whether labels matter after they have left every window."""
        asked = [one[0] for one in (*self.rates, *self.known, *self.positives)]
        asked += [window for _, windows in self.weights for window, _ in windows]
        return -1 in asked


@dataclass(slots=True)
class StreamPlan:
    """A whole spec. names: of the nodes; first: place of the first node; columns: name -> place
    of the numeric columns that are read; empty: an event's numbers on an empty past; flags:
    (column, text, place); kept: places of what must be remembered until the label is known.
    """

    names: tuple[str, ...]
    first: int
    columns: dict[str, int]
    entities: list[EntityPlan] = field(default_factory=list)
    labels: list[LabelPlan] = field(default_factory=list)
    calendar: list[tuple[Clock, list[tuple[Part, int]]]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    categories: list[tuple[str, str]] = field(default_factory=list)
    flags: list[tuple[str, str, int]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Every combination of columns that names an entity, once."""
        named = [one.by for one in self.entities] + [one.by for one in self.labels]
        return tuple(dict.fromkeys(named))


__all__ = ["EntityPlan", "LabelPlan", "Part", "StreamPlan", "TextPlan", "ValuePlan"]
