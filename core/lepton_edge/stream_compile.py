"""From the nodes of a bundle's features.json to a plan: what is computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, nan, pi, sin
from typing import Any, Final

from lepton_edge.errors import BundleError
from lepton_edge.instants import Clock
from lepton_edge.stream_plan import (
    ABOVE,
    ALIGNMENT,
    CONTRAST,
    COPY,
    DIFFERENCE,
    EVER,
    NOW,
    RATIO,
    SCALED,
    SPEED,
    Asked,
    EntityPlan,
    LabelPlan,
    Part,
    StreamPlan,
    TextPlan,
    ValuePlan,
)

Node = Mapping[str, Any]

_NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "raw": ("source",),
    "ratio": ("numerator", "denominator"),
    "difference": ("left", "right", "scale"),
    "contrast": ("left", "right"),
    "alignment": ("x", "y", "mean_x", "mean_y"),
    "speed": ("lat", "lon", "from_lat", "from_lon", "seconds"),
    "last": ("value",),
    "delayed_rate": ("value",),
    "last_known": ("value",),
    "known_run": ("unless",),
}
"""Fields of each kind that name a number, beside those of windows and flags."""
_STEPS: Final = {
    "raw": COPY,
    "ratio": RATIO,
    "difference": DIFFERENCE,
    "contrast": CONTRAST,
    "alignment": ALIGNMENT,
    "speed": SPEED,
}
_PARTS: Final[Mapping[str, Part]] = {
    "hour": lambda hour, weekday: hour,
    "hour_sin": lambda hour, weekday: sin(hour * pi / 12),
    "hour_cos": lambda hour, weekday: cos(hour * pi / 12),
    "weekday": lambda hour, weekday: float(weekday),
    "is_weekend": lambda hour, weekday: float(weekday >= 5),
    "is_night": lambda hour, weekday: float(hour < 6),
}


def compile_spec(spec: Sequence[Mapping[str, Any]]) -> StreamPlan:
    """The plan of a bundle's features.json; raises BundleError LK613 where it is not understood."""
    try:
        return _Compiler(spec).run()
    except (KeyError, TypeError, ValueError) as error:
        raise not_understood(error) from error


def not_understood(error: Exception) -> BundleError:
    """LK613 for a node that nothing can be made of; to be raised."""
    return BundleError(
        "LK613",
        where="features.json",
        found=f"a node is not understood: {type(error).__name__} {error}",
        remedy="use the runtime that comes with the bundle, or one at least as new",
    )


class _Compiler:
    """Reads nodes in their order; a name means the last node of that name, else a column."""

    def __init__(self, spec: Sequence[Node]) -> None:
        self.spec = spec
        columns = _columns(spec)
        names = tuple(str(node["name"]) for node in spec)
        self.plan = StreamPlan(names, len(columns), columns)
        self.plan.empty = [nan] * (len(columns) + len(names))
        self.places = dict(columns)
        self.entities: dict[tuple[str, ...], EntityPlan] = {}
        self.labels: dict[tuple[tuple[str, ...], str], LabelPlan] = {}
        self.clocks: dict[str, list[tuple[Part, int]]] = {}

    def run(self) -> StreamPlan:
        """The plan of all nodes."""
        for place, node in enumerate(self.spec, start=self.plan.first):
            self._add(node, place)
            self.places[str(node["name"])] = place
        self.plan.entities = list(self.entities.values())
        self.plan.labels = list(self.labels.values())
        self.plan.calendar = [(Clock(zone), parts) for zone, parts in self.clocks.items()]
        return self.plan

    def _add(self, node: Node, place: int) -> None:
        kind = node["kind"]
        if kind in _STEPS:
            self._step(node, place)
            return
        match kind:
            case "category":
                self.plan.categories.append((str(node["name"]), str(node["source"])))
            case "calendar":
                zone = str(node.get("zone", "UTC"))
                self.clocks.setdefault(zone, []).append((_part(node["part"]), place))
            case "flag":
                self._flag(node, place)
            case "window":
                self._window(node, place)
            case "recency":
                self._entity(_by(node)).recency.append(place)
            case "last":
                self._value(self._entity(_by(node)), str(node["value"])).last.append(place)
            case "delayed_rate":
                self._delayed(node, place)
            case "last_labels":
                self._labels(_by(node)).lasts.append((int(node["last"]), place))
            case "last_known":
                of = _one_of(node["of"], ("positive", "negative", "all"))
                self._labels(_by(node), of).newest.append((self._remembered(node["value"]), place))
            case "known_run":
                self._run(node, place)
            case _:
                raise ValueError(f"of the kind {kind!r:.40}")

    def _step(self, node: Node, place: int) -> None:
        named = [node[at] for at in _NUMBERS[node["kind"]] if at != "scale"]
        named += [node["scale"]] if node.get("scale") is not None else []
        sides = tuple(self.places[str(name)] for name in named)
        code = _STEPS[node["kind"]]
        if code == DIFFERENCE and node.get("scale") is not None:
            code = SCALED
        self.plan.steps.append((code, place, sides, 0.0))

    def _flag(self, node: Node, place: int) -> None:
        if node.get("above") is not None:
            source = (self.places[str(node["source"])],)
            self.plan.steps.append((ABOVE, place, source, float(node["above"])))
        else:
            self.plan.flags.append((str(node["source"]), str(node["equals"]), place))

    def _window(self, node: Node, place: int) -> None:
        op, name, entity = node["op"], node.get("value"), self._entity(_by(node))
        self.plan.empty[place] = 0.0 if op in ("count", "sum", "distinct") else nan
        low, high = _ends(entity.spans, node)
        if op == "distinct":
            _distinct(entity, str(name)).asked.append((low, place))
        elif name is None and op == "count":
            entity.counts.append((low, high, place))
        else:
            _asked(self._value(entity, str(name)), op, (low, high, place))

    def _delayed(self, node: Node, place: int) -> None:
        plan, what = self._labels(_by(node)), node.get("what", "rate")
        is_rate = what == "rate" and node.get("value") is None
        self.plan.empty[place] = nan if is_rate else 0.0
        window = _window_of(plan.spans, node)
        if node.get("value") is not None:
            source = self._remembered(node["value"])
            known = [asked for weight, asked in plan.weights if weight == source]
            if not known:
                plan.weights.append((source, []))
            (known or [plan.weights[-1][1]])[0].append((window, place))
        elif what == "rate":
            plan.rates.append((window, float(node.get("strength", 20.0)), place))
        else:
            _one_of(what, ("known", "positives"))
            (plan.known if what == "known" else plan.positives).append((window, place))

    def _run(self, node: Node, place: int) -> None:
        what = _one_of(node.get("what", "length"), ("length", "seconds"))
        ends = (place, -1) if what == "length" else (-1, place)
        self.plan.empty[place] = 0.0 if what == "length" else nan
        skipped = self._remembered(node["unless"])
        self._labels(_by(node)).runs.append((int(node["last"]), skipped, *ends))

    def _remembered(self, name: object) -> int:
        """Where among the numbers that wait for an event's label that of `name` stands."""
        if name is None:
            return -1
        place, kept = self.places[str(name)], self.plan.kept
        if place not in kept:
            kept.append(place)
        return kept.index(place)

    def _labels(self, by: tuple[str, ...], of: str = "all") -> LabelPlan:
        if (by, of) not in self.labels:
            self.labels[by, of] = LabelPlan(by, of, _spans(self.spec, by, "delayed_rate"))
        return self.labels[by, of]

    def _entity(self, by: tuple[str, ...]) -> EntityPlan:
        if by not in self.entities:
            self.entities[by] = EntityPlan(by, _spans(self.spec, by, "window"))
        return self.entities[by]

    def _value(self, entity: EntityPlan, name: str) -> ValuePlan:
        source = self.places[name]
        for values in entity.values:
            if values.source == source:
                return values
        entity.values.append(ValuePlan(source))
        return entity.values[-1]


def _asked(values: ValuePlan, op: str, asked: Asked) -> None:
    """Note what a window asks of a column."""
    low, high, place = asked
    if low == EVER and op in ("max", "min", "std"):
        values.ever.append((op, high, place))
        return
    of = {
        "sum": values.sums,
        "mean": values.means,
        "count": values.counts,
        "max": values.tops,
        "min": values.bottoms,
        "std": values.deviations,
    }
    if low == EVER:
        values.ever.append((_one_of(op, tuple(of)), high, place))
        return
    of[_one_of(op, tuple(of))].append(asked)
    values.totals = bool(values.sums or values.means or values.counts)
    values.tops.sort()
    values.bottoms.sort()


def _distinct(entity: EntityPlan, column: str) -> TextPlan:
    found = next((one for one in entity.texts if one.column == column), None)
    if found is None:
        found = TextPlan(column)
        entity.texts.append(found)
    return found


def _columns(spec: Sequence[Node]) -> dict[str, int]:
    """Place of every numeric column that some node reads before a node takes its name."""
    found: dict[str, int] = {}
    defined: set[str] = set()
    for node in spec:
        for name in _numbers_of(node):
            if name not in defined:
                found.setdefault(name, len(found))
        defined.add(str(node["name"]))
    return found


def _numbers_of(node: Node) -> list[str]:
    """Names of the numbers that `node` reads."""
    fields = _NUMBERS.get(node["kind"], ())
    if node["kind"] == "window" and node.get("op") != "distinct":
        fields = ("value",)
    if node["kind"] == "flag" and node.get("above") is not None:
        fields = ("source",)
    return [str(node[at]) for at in fields if node.get(at) is not None]


def _spans(spec: Sequence[Node], by: tuple[str, ...], kind: str) -> tuple[int, ...]:
    """How far back the ends of windows over `by` lie, in microseconds, ascending."""
    same = [node for node in spec if node["kind"] == kind and _by(node) == by]
    ends = [node[at] for node in same for at in ("window_s", "gap_s") if node.get(at)]
    return tuple(sorted({_span(end) for end in ends}))


def _ends(spans: Sequence[int], node: Node) -> tuple[int, int]:
    """Both ends of a node's window among the bounds of its entity."""
    low = EVER if node.get("window_s") is None else spans.index(_span(node["window_s"]))
    return low, spans.index(_span(node["gap_s"])) if node.get("gap_s") else NOW


def _window_of(spans: Sequence[int], node: Node) -> int:
    """Place of the node's window among `spans`, -1 for the whole past."""
    return -1 if node.get("window_s") is None else spans.index(_span(node["window_s"]))


def _span(window_s: float) -> int:
    return round(float(window_s) * 1e6)


def _by(node: Node) -> tuple[str, ...]:
    return tuple(str(name) for name in node["by"])


def _part(name: object) -> Part:
    return _PARTS[_one_of(name, tuple(_PARTS))]


def _one_of(name: object, known: tuple[str, ...]) -> str:
    if name not in known:
        raise ValueError(f"{name!r:.40} is none of {', '.join(known)}")
    return str(name)


__all__ = ["compile_spec", "not_understood"]
