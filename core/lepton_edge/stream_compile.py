"""From the nodes of a bundle's features.json to a plan: what is computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from lepton_edge.errors import BundleError
from lepton_edge.instants import Clock
from lepton_edge.stream_plan import (
    COPY,
    DIFFERENCE,
    RATIO,
    SCALED,
    EntityPlan,
    LabelPlan,
    StreamPlan,
    TextPlan,
    ValuePlan,
)


def compile_spec(spec: Sequence[Mapping[str, Any]]) -> StreamPlan:
    """The plan of a bundle's features.json; raises BundleError LK613 where it is not understood."""
    try:
        return _Compiler(spec).run()
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            "LK613",
            where="features.json",
            found=f"a node is not understood: {type(error).__name__} {error}",
            remedy="use the runtime that comes with the bundle, or one at least as new",
        ) from error


class _Compiler:
    """Reads nodes in their order; a name means the last node of that name, else a column."""

    def __init__(self, spec: Sequence[Mapping[str, Any]]) -> None:
        self.spec = spec
        columns = _columns(spec)
        names = tuple(str(node["name"]) for node in spec)
        self.unused = len(columns) + len(names)
        self.plan = StreamPlan(names, self.unused + 1, len(columns), columns)
        self.plan.empty = [nan] * (self.unused + 1)
        self.places = dict(columns)
        self.entities: dict[tuple[str, ...], EntityPlan] = {}
        self.labels: dict[tuple[str, ...], LabelPlan] = {}
        self.clocks: dict[str, list[tuple[str, int]]] = {}

    def run(self) -> StreamPlan:
        """The plan of all nodes."""
        for place, node in enumerate(self.spec, start=self.plan.first):
            self._add(node, place)
            self.places[str(node["name"])] = place
        self.plan.entities = list(self.entities.values())
        self.plan.labels = list(self.labels.values())
        self.plan.calendar = [(Clock(zone), parts) for zone, parts in self.clocks.items()]
        return self.plan

    def _add(self, node: Mapping[str, Any], place: int) -> None:
        match node["kind"]:
            case "raw":
                self.plan.steps.append((COPY, place, self._place(node["source"]), 0, 0))
            case "category":
                self.plan.categories.append((str(node["name"]), str(node["source"])))
            case "calendar":
                zone = str(node.get("zone", "UTC"))
                self.clocks.setdefault(zone, []).append((_part(node["part"]), place))
            case "window":
                self._window(node, place)
            case "recency":
                self._entity(_by(node)).recency.append(place)
            case "delayed_rate":
                self._delayed(node, place)
            case "last_labels":
                self._labels(_by(node)).asked.append((-1, "last", float(int(node["last"])), place))
            case "ratio" | "difference":
                self._derived(node, place)
            case kind:
                raise ValueError(f"of the kind {kind!r:.40}")

    def _derived(self, node: Mapping[str, Any], place: int) -> None:
        if node["kind"] == "ratio":
            sides = self._place(node["numerator"]), self._place(node["denominator"])
            self.plan.steps.append((RATIO, place, *sides, 0))
            return
        sides = self._place(node["left"]), self._place(node["right"])
        scale = node.get("scale")
        code = DIFFERENCE if scale is None else SCALED
        last = 0 if scale is None else self._place(scale)
        self.plan.steps.append((code, place, *sides, last))

    def _window(self, node: Mapping[str, Any], place: int) -> None:
        op, name, entity = node["op"], node.get("value"), self._entity(_by(node))
        window = _window_of(entity.spans, node)
        self.plan.empty[place] = 0.0 if op in ("count", "sum", "distinct") else nan
        if op == "distinct":
            _distinct(entity, str(name), window, place)
        elif name is None and op == "count":
            entity.counts.append((window, place))
        else:
            self._asked(self._value(entity, str(name)), op, window, place)

    def _asked(self, values: ValuePlan, op: str, window: int, place: int) -> None:
        if op not in ("count", "sum", "mean", "max", "min", "std"):
            raise ValueError(f"of the aggregate {op!r:.40}")
        if window < 0:
            values.ever.append((op, place))
        elif op in ("max", "min", "std"):
            asked = {"max": values.tops, "min": values.bottoms, "std": values.deviations}[op]
            asked.append((window, place))
            asked.sort()
        else:
            self._summed(values, op, window, place)

    def _summed(self, values: ValuePlan, op: str, window: int, place: int) -> None:
        """One look at a window's sum serves its sum, mean and count."""
        at = {"sum": 1, "mean": 2, "count": 3}[op]
        for number, asked in enumerate(values.sums):
            if asked[0] == window and asked[at] == self.unused:
                values.sums[number] = (*asked[:at], place, *asked[at + 1 :])  # type: ignore[assignment]
                return
        fresh = [window, self.unused, self.unused, self.unused]
        fresh[at] = place
        values.sums.append((fresh[0], fresh[1], fresh[2], fresh[3]))

    def _delayed(self, node: Mapping[str, Any], place: int) -> None:
        plan, what = self._labels(_by(node)), str(node.get("what", "rate"))
        window = _window_of(plan.spans, node)
        if what not in ("rate", "known", "positives"):
            raise ValueError(f"asks for {what!r:.40}")
        plan.asked.append((window, what, float(node.get("strength", 20.0)), place))

    def _labels(self, by: tuple[str, ...]) -> LabelPlan:
        if by not in self.labels:
            self.labels[by] = LabelPlan(by, _spans(self.spec, by, "delayed_rate"))
        return self.labels[by]

    def _entity(self, by: tuple[str, ...]) -> EntityPlan:
        if by not in self.entities:
            self.entities[by] = EntityPlan(by, _spans(self.spec, by, "window"))
        return self.entities[by]

    def _value(self, entity: EntityPlan, name: str) -> ValuePlan:
        source = self._place(name)
        for values in entity.values:
            if values.source == source:
                return values
        entity.values.append(ValuePlan(source))
        return entity.values[-1]

    def _place(self, name: object) -> int:
        return self.places[str(name)]


def _distinct(entity: EntityPlan, column: str, window: int, place: int) -> None:
    found = next((one for one in entity.texts if one.column == column), None)
    if found is None:
        found = TextPlan(column)
        entity.texts.append(found)
    found.asked.append((window, place))


def _columns(spec: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Place of every numeric column that some node reads before a node takes its name."""
    found: dict[str, int] = {}
    defined: set[str] = set()
    for node in spec:
        for name in _numbers_of(node):
            if name not in defined:
                found.setdefault(name, len(found))
        defined.add(str(node["name"]))
    return found


def _numbers_of(node: Mapping[str, Any]) -> list[str]:
    """Names of the numbers that `node` reads."""
    fields = {
        "raw": ("source",),
        "ratio": ("numerator", "denominator"),
        "difference": ("left", "right", "scale"),
        "window": () if node.get("op") == "distinct" else ("value",),
    }
    return [str(node[at]) for at in fields.get(node["kind"], ()) if node.get(at) is not None]


def _spans(spec: Sequence[Mapping[str, Any]], by: tuple[str, ...], kind: str) -> tuple[int, ...]:
    """Lengths in microseconds of the bounded windows over `by`, ascending."""
    same = [node for node in spec if node["kind"] == kind and _by(node) == by]
    return tuple(
        sorted({_span(node["window_s"]) for node in same if node.get("window_s") is not None})
    )


def _window_of(spans: Sequence[int], node: Mapping[str, Any]) -> int:
    """Place of the node's window among `spans`, -1 for the whole past."""
    return -1 if node.get("window_s") is None else spans.index(_span(node["window_s"]))


def _span(window_s: float) -> int:
    return round(float(window_s) * 1e6)


def _by(node: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(name) for name in node["by"])


def _part(name: object) -> str:
    if name not in ("hour", "weekday", "is_weekend", "is_night"):
        raise ValueError(f"asks for the part {name!r:.40} of a day")
    return str(name)


__all__ = ["compile_spec"]
