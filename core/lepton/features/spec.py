"""A feature spec: what a row's features are, as data; no code.

Every node names one feature. Causal nodes see only rows of an earlier `event_at` that were
ingested no later than the row itself; windows are [t - window, t), in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal


@dataclass(frozen=True)
class Raw:
    """The number of the row's own column `source`."""

    kind: ClassVar[str] = "raw"
    name: str
    source: str


@dataclass(frozen=True)
class Category:
    """The text of the row's own column `source`; the only node that is categorical."""

    kind: ClassVar[str] = "category"
    name: str
    source: str


@dataclass(frozen=True)
class Calendar:
    """A part of the row's event time in `zone`.

    hour: 0..24 with fraction; weekday: 0 is Monday; is_weekend: Saturday or Sunday;
    is_night: before 06:00.
    """

    kind: ClassVar[str] = "calendar"
    name: str
    part: Literal["hour", "weekday", "is_weekend", "is_night"]
    zone: str = "UTC"


@dataclass(frozen=True)
class Window:
    """An aggregate of `value` over the past rows of the same `by`, in [t - window_s, t).

    by: columns that name the entity; () is everybody. count needs no value and is 0 on an
    empty window, as is sum; the others are missing there. window_s None: the whole past.
    std is the population's; distinct counts different texts of `value`.
    """

    kind: ClassVar[str] = "window"
    name: str
    by: tuple[str, ...]
    op: Literal["count", "sum", "mean", "max", "min", "std", "distinct"]
    window_s: float | None
    value: str | None = None


@dataclass(frozen=True)
class Recency:
    """Seconds since the last earlier row of the same `by`; missing at the first."""

    kind: ClassVar[str] = "recency"
    name: str
    by: tuple[str, ...]


@dataclass(frozen=True)
class DelayedRate:
    """Share of positives among past rows of the same `by` whose label became known in
    [t - window_s, t], shrunk towards the rate over all rows known by then.

    (positives + strength * overall) / (known + strength); Laplace's rule with a prior, as in
    Micci-Barreca 2001. what "known": the number of such rows instead.
    """

    kind: ClassVar[str] = "delayed_rate"
    name: str
    by: tuple[str, ...]
    window_s: float | None
    strength: float = 20.0
    what: Literal["rate", "known", "positives"] = "rate"


@dataclass(frozen=True)
class Ratio:
    """numerator / denominator of two columns or earlier nodes; missing where the lower is 0."""

    kind: ClassVar[str] = "ratio"
    name: str
    numerator: str
    denominator: str


@dataclass(frozen=True)
class Difference:
    """left - right of two columns or earlier nodes, divided by `scale` (another) where given."""

    kind: ClassVar[str] = "difference"
    name: str
    left: str
    right: str
    scale: str | None = None


Node = Raw | Category | Calendar | Window | Recency | DelayedRate | Ratio | Difference


@dataclass(frozen=True)
class FeatureSpec:
    """Nodes in order; a node may use columns and the nodes before it."""

    nodes: tuple[Node, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """The spec as plain data, kind first."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, content: list[Mapping[str, Any]]) -> FeatureSpec:
        """The spec that `to_json` wrote; raises FeatureError LK301 on an unknown kind or field."""
        raise NotImplementedError
