"""A feature spec: what a row's features are, as data; no code.

Every node names one feature. Causal nodes see only rows of an earlier `event_at` that were
ingested no later than the row itself; windows are [t - window, t), in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, get_args

from lepton import roles
from lepton.contracts.model import Contract
from lepton.dataset import SwitchedOff
from lepton.errors import FeatureError, nearest


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

    hour: 0..24 with fraction; hour_sin, hour_cos: the hour as a point on a clock's face;
    weekday: 0 is Monday; is_weekend: Saturday or Sunday; is_night: before 06:00.
    """

    kind: ClassVar[str] = "calendar"
    name: str
    part: Literal["hour", "hour_sin", "hour_cos", "weekday", "is_weekend", "is_night"]
    zone: str = "UTC"


@dataclass(frozen=True)
class Flag:
    """1 where `source` is above a number or equals a text, else 0; missing where it is missing.

    Sums over flags are counts of the rows that keep a condition.
    """

    kind: ClassVar[str] = "flag"
    name: str
    source: str
    above: float | None = None
    equals: str | None = None


@dataclass(frozen=True)
class Window:
    """An aggregate of `value` over the past rows of the same `by`, in [t - window_s, t - gap_s).

    by: columns that name the entity; () is everybody. count needs no value and is 0 on an
    empty window, as are sum and distinct; the others are missing there. A row without its entity
    sees an empty window. window_s None: the whole past.
    std is the population's; distinct counts different texts of `value`. A gap, for count, sum
    and mean alone, leaves out what may be part of what is being judged.
    """

    kind: ClassVar[str] = "window"
    name: str
    by: tuple[str, ...]
    op: Literal["count", "sum", "mean", "max", "min", "std", "distinct"]
    window_s: float | None
    value: str | None = None
    gap_s: float = 0.0


@dataclass(frozen=True)
class Recency:
    """Seconds since the last earlier row of the same `by`; missing at the first."""

    kind: ClassVar[str] = "recency"
    name: str
    by: tuple[str, ...]


@dataclass(frozen=True)
class Last:
    """`value` at the last earlier instant of the same `by`: the mean of its rows; missing without.

    Rows of one instant have no order, so none of them is the last.
    """

    kind: ClassVar[str] = "last"
    name: str
    by: tuple[str, ...]
    value: str


@dataclass(frozen=True)
class DelayedRate:
    """Share of positives among past rows of the same `by` whose label became known in
    [t - window_s, t], shrunk towards the rate over all rows known by then.

    (positives + strength * overall) / (known + strength); Laplace's rule with a prior, as in
    Micci-Barreca 2001. what "known": the number of such rows instead; "positives": of the
    positive ones, or the sum of a column `value` over them.
    """

    kind: ClassVar[str] = "delayed_rate"
    name: str
    by: tuple[str, ...]
    window_s: float | None
    strength: float = 20.0
    what: Literal["rate", "known", "positives"] = "rate"
    value: str | None = None


@dataclass(frozen=True)
class LastLabels:
    """Share of positives among the newest `last` labels of the same `by` that are known by now.

    Missing while none is known; labels that became known at one instant count in the order of
    their rows. Where an entity has few rows, this says sooner than any window that it has turned.
    """

    kind: ClassVar[str] = "last_labels"
    name: str
    by: tuple[str, ...]
    last: int


@dataclass(frozen=True)
class LastKnown:
    """Seconds since the row whose label, of the sort `of`, is the newest known at the same `by`.

    of "all": how long nothing has been known of it, whatever the label. value: that row's number
    instead. Missing while no such label is known.
    """

    kind: ClassVar[str] = "last_known"
    name: str
    by: tuple[str, ...]
    of: Literal["positive", "negative", "all"]
    value: str | None = None


@dataclass(frozen=True)
class KnownRun:
    """How many positive labels in a row the same `by` has, back from the newest known one.

    Of the newest `last` labels, those whose `unless` (a column or node) is 1 are passed over:
    they have another cause. what "seconds": since the row of the run's first; missing without.
    A run says since when something has been going on, which no window does.
    """

    kind: ClassVar[str] = "known_run"
    name: str
    by: tuple[str, ...]
    last: int
    what: Literal["length", "seconds"] = "length"
    unless: str | None = None


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


@dataclass(frozen=True)
class Contrast:
    """(left - right) / (left + right) of two columns or earlier nodes; missing where that is 0.

    Of spread and mean of the times between events it is their burstiness: 1 for bursts, 0 for
    chance, -1 for a clock (Goh & Barabasi 2008).
    """

    kind: ClassVar[str] = "contrast"
    name: str
    left: str
    right: str


@dataclass(frozen=True)
class Alignment:
    """x * mean_x + y * mean_y: how well a point on a circle agrees with a mean of such points.

    For hours: the mean cosine of the angle to every hour in that mean, 1 where all are the same,
    0 where they point everywhere (Fisher 1993, Statistical Analysis of Circular Data).
    """

    kind: ClassVar[str] = "alignment"
    name: str
    x: str
    y: str
    mean_x: str
    mean_y: str


@dataclass(frozen=True)
class Speed:
    """km/h along the great circle from one place to another in `seconds`; degrees of WGS84."""

    kind: ClassVar[str] = "speed"
    name: str
    lat: str
    lon: str
    from_lat: str
    from_lon: str
    seconds: str


@dataclass(frozen=True)
class Sensors:
    """All that the sensors of an asset say of it, from its readings up to this one: distance from
    healthy behaviour, level at several speeds, drift, dispersion, gaps.

    by: the column that names an asset's life; its state begins anew with each. settings: columns
    of what the asset is asked to do, by which regimes are told apart. plan: what has been learnt of
    healthy behaviour, as `SensorPlan.to_json` writes it, None before it is fitted. fallback: the
    column that names the asset: a reading that names no life belongs to the one that its asset's
    last reading had. The features bear the plan's names.
    """

    kind: ClassVar[str] = "sensors"
    name: str
    by: str
    settings: tuple[str, ...] = ()
    plan: Mapping[str, Any] | None = None
    fallback: str | None = None


Derived = Ratio | Difference | Contrast | Alignment | Speed
"""What is made of a row's own columns and earlier nodes alone."""
Labelled = DelayedRate | LastLabels | LastKnown | KnownRun
"""What needs labels and the instants at which they became known."""
Node = Raw | Category | Calendar | Flag | Window | Recency | Last | Labelled | Derived | Sensors


@dataclass(frozen=True)
class FeatureSpec:
    """Nodes in order; a node may use columns and the nodes before it."""

    nodes: tuple[Node, ...]

    @property
    def unfitted(self) -> bool:
        """Whether a node has still to be fitted on rows that may be learnt from."""
        return any(isinstance(node, Sensors) and node.plan is None for node in self.nodes)

    def to_json(self) -> list[dict[str, Any]]:
        """The spec as plain data, one dict a node, its kind first."""
        return [{"kind": node.kind, **_plain(node)} for node in self.nodes]

    @classmethod
    def from_json(cls, content: Sequence[Mapping[str, Any]]) -> FeatureSpec:
        """The spec that `to_json` wrote; raises FeatureError LK301 on an unknown kind or field."""
        return cls(tuple(_node(facts) for facts in content))


def needs(node: Node) -> tuple[str, ...]:
    """Columns or earlier nodes that `node` reads beside the event time."""
    match node:
        case Raw() | Category() | Flag():
            return (node.source,)
        case Calendar():
            return ()
        case Sensors():
            return (node.by,)
        case Recency() | LastLabels():
            return node.by
        case KnownRun():
            return node.by if node.unless is None else (*node.by, node.unless)
        case Window() | Last() | DelayedRate() | LastKnown():
            return node.by if node.value is None else (*node.by, node.value)
        case _:
            return operands(node)


def operands(node: Derived) -> tuple[str, ...]:
    """The numbers that `node` is made of, in the order of its fields."""
    named = (getattr(node, one.name) for one in fields(node) if one.name != "name")
    return tuple(name for name in named if name is not None)


def resolve(
    spec: FeatureSpec, contract: Contract, present: Iterable[str]
) -> tuple[FeatureSpec, tuple[SwitchedOff, ...]]:
    """The nodes of `spec` that the columns `present` can feed, and the others with what they miss.

    A node goes with the nodes that it reads. Raises FeatureError LK302 where a node reads what
    is neither a column of the contract nor an earlier node, or where a name stands twice.
    """
    _check_names(spec, contract, present)
    columns, kept, off = set(present), list[Node](), list[SwitchedOff]()
    lost: dict[str, tuple[str, ...]] = {}
    for node in spec.nodes:
        wanted = [*needs(node), *_label_columns(node, contract)]
        missing = [lost.get(name, (name,)) for name in wanted if name not in columns]
        if missing:
            lost[node.name] = tuple(dict.fromkeys(name for names in missing for name in names))
            off.append(SwitchedOff(node.name, lost[node.name], _cost(lost[node.name], contract)))
        else:
            kept.append(node)
            columns.add(node.name)
    return FeatureSpec(tuple(kept)), tuple(off)


def _label_columns(node: Node, contract: Contract) -> list[str]:
    """What rates of labels read beside its entity: when labels became known, and the labels."""
    if not isinstance(node, Labelled):
        return []
    found = (*contract.with_role(roles.LABEL_AT)[:1], *contract.with_role(roles.TARGET)[:1])
    return [column.name for column in found]


def _cost(missing: tuple[str, ...], contract: Contract) -> str:
    known = {column.name: column.lost_without for column in contract.columns}
    return " ".join(dict.fromkeys(known[name] for name in missing if known.get(name)))


def _check_names(spec: FeatureSpec, contract: Contract, present: Iterable[str]) -> None:
    known = {column.name for column in contract.columns} | set(present)
    faults = []
    for node in spec.nodes:
        faults += [
            f"'{node.name}' reads '{name}'{nearest(name, known)}"
            for name in needs(node)
            if name not in known
        ]
        if node.name in known and needs(node) != (node.name,):
            faults.append(f"'{node.name}' is already the name of a column or node")
        faults += _misused(node)
        known.add(node.name)
    if faults:
        raise FeatureError(
            "LK302",
            where="feature spec",
            found=f"{len(faults)} node(s) cannot be computed",
            remedy="refer to contract columns or to nodes further up, and name each node once",
            details=faults,
        )


def _misused(node: Node) -> list[str]:
    """What the fields of `node` ask for together that has no meaning."""
    if isinstance(node, Flag) and (node.above is None) == (node.equals is None):
        return [f"'{node.name}' must say either `above` or `equals`"]
    if isinstance(node, DelayedRate) and node.value is not None and node.what != "positives":
        return [f"'{node.name}' names a value, which only the sum of positives may have"]
    if isinstance(node, Window) and node.gap_s:
        if node.op not in ("count", "sum", "mean"):
            return [f"'{node.name}' has a gap, which only count, sum and mean may have"]
        if node.gap_s < 0 or (node.window_s is not None and node.gap_s >= node.window_s):
            return [f"'{node.name}' has a gap that is not shorter than its window"]
    return []


def _plain(node: Node) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(node).items()
    }


def _node(facts: Mapping[str, Any]) -> Node:
    kinds: dict[str, Any] = {kind.kind: kind for kind in get_args(Node)}
    given = dict(facts)
    kind = str(given.pop("kind", ""))
    if kind not in kinds:
        raise _unknown(f"kind '{kind}'{nearest(kind, kinds)}")
    names = [one.name for one in fields(kinds[kind])]
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise _unknown(f"field '{unknown[0]}' of kind '{kind}'{nearest(unknown[0], names)}")
    try:
        node: Node = kinds[kind](
            **{name: tuple(one) if isinstance(one, list) else one for name, one in given.items()}
        )
        return node
    except TypeError as error:
        raise _unknown(f"kind '{kind}' as given: {error}") from error


def _unknown(what: str) -> FeatureError:
    return FeatureError(
        "LK301",
        where="feature spec",
        found=f"unknown {what}",
        remedy="take the spec as the kit wrote it, or upgrade the kit",
    )
