"""Features of a whole table at once: every node of a spec, each row seeing only its past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, cached_property
from typing import Any, Final, get_args

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.model import Contract, Extras, extra_name
from lepton.dataset import SwitchedOff, TabularDataset
from lepton.features.delayed import (
    NEVER,
    Known,
    Labels,
    delayed_rate,
    known_labels,
    known_run,
    known_to,
    labels_of,
    last_labels,
    newest,
)
from lepton.features.derived import derived
from lepton.features.fit import plan_of, with_lives
from lepton.features.past import Entities, Past, Ranges, past_of, ranges
from lepton.features.sensors import compute_sensors
from lepton.features.spec import (
    Calendar,
    Category,
    DelayedRate,
    Derived,
    FeatureSpec,
    Flag,
    KnownRun,
    Last,
    LastKnown,
    LastLabels,
    Node,
    Raw,
    Recency,
    Sensors,
    Window,
    operands,
    resolve,
)
from lepton.features.windows import (
    Asked,
    Values,
    aggregate,
    at_last,
    last_before,
    spread,
    totals,
)
from lepton.frames import canonical_order


def compute(
    table: pd.DataFrame,
    contract: Contract,
    spec: FeatureSpec,
    extras: Extras,
    *,
    target: str | None = None,
) -> TabularDataset:
    """`table` with the features of `spec` that its columns can feed, by event time, then key.

    Every role column that is present is carried along; extras follow as features of their own,
    unless the spec has sensors, which they then are. target: the column that has the role in
    place of the contract's. Raises FeatureError LK302 where the spec refers to what does not exist,
    LK303 where a node of it has still to be fitted.
    """
    bare = without_features(table, contract, target)
    rows, found = bare.rows, dict(bare.roles)
    full = FeatureSpec((*spec.nodes, *_extra_nodes(extras, spec, rows)))
    resolved, off = resolve(full, contract, rows.columns)
    features = _Engine(rows, found).run(resolved)
    carried = rows[[name for name in rows.columns if name not in features]]
    categorical = tuple(node.name for node in resolved.nodes if isinstance(node, Category))
    return TabularDataset(
        rows=pd.concat([carried, pd.DataFrame(features, index=rows.index, copy=False)], axis=1),
        numeric=tuple(name for name in features if name not in categorical),
        categorical=categorical,
        roles=found,
        switched_off=(*off, *_silent(resolved)),
        spec=tuple(resolved.to_json()),
    )


def with_sensors(dataset: TabularDataset) -> TabularDataset:
    """`dataset` with what its banks of sensors say of its rows as they stand."""
    engine, found = _Engine(dataset.rows, dataset.roles), dict[str, np.ndarray]()
    for node in FeatureSpec.from_json(dataset.spec).nodes:
        if isinstance(node, Sensors):
            found |= engine.sensors(node)
    kept = dataset.rows.drop(columns=list(found))
    made = pd.DataFrame(found, index=dataset.rows.index, copy=False)
    return replace(dataset, rows=pd.concat([kept, made], axis=1)[list(dataset.rows.columns)])


def without_features(
    table: pd.DataFrame, contract: Contract, target: str | None = None
) -> TabularDataset:
    """`table` by event time, then key, with its roles and no feature yet."""
    found = _roles(contract, table)
    if target is not None and target in table.columns:
        found[roles.TARGET] = target
    order = [found[role] for role in (roles.EVENT_AT, roles.KEY) if role in found]
    return TabularDataset(canonical_order(table, order), (), (), found)


def _roles(contract: Contract, table: pd.DataFrame) -> dict[str, str]:
    """Role -> the first column of the contract that has it and is present."""
    found: dict[str, str] = {}
    for column in contract.columns:
        for role in column.roles if column.name in table.columns else ():
            found.setdefault(role, column.name)
    return found


def _extra_nodes(extras: Extras, spec: FeatureSpec, rows: pd.DataFrame) -> list[Node]:
    known = {node.name for node in spec.nodes}
    if any(isinstance(node, Sensors) and node.by in rows for node in spec.nodes):
        extras = Extras(category=extras.category)
    numeric: list[Node] = [Raw(name, name) for name in extras.numbers]
    texts: list[Node] = [Category(name, name) for name in map(extra_name, extras.category)]
    return [one for one in numeric + texts if one.name not in known and one.name in rows.columns]


def _silent(spec: FeatureSpec) -> list[SwitchedOff]:
    """Sensors from which a bank makes nothing."""
    plans = [plan_of(node) for node in spec.nodes if isinstance(node, Sensors)]
    return [
        SwitchedOff(name, (name,), "It was constant, or hardly ever there, in training.")
        for plan in plans
        for place, name in enumerate(plan.sensors)
        if place not in plan.kept
    ]


class _Engine:
    """Computes nodes over one sorted table; nodes of the same entity share its sorting."""

    def __init__(self, rows: pd.DataFrame, found: Mapping[str, str]) -> None:
        self.rows, self.roles = rows, found
        self.at = _microseconds(rows[found[roles.EVENT_AT]])
        arrived = found.get(roles.INGESTED_AT)
        self.ingested = None if arrived is None else _arrivals(rows[arrived], self.at)
        self.features: dict[str, Any] = {}
        self.totals: list[Window] = []
        self.moving: dict[WindowOf, dict[Asked, np.ndarray]] = {}
        self.past = cache(self._past)
        self.ranges = cache(self._ranges)
        self.values = cache(self._values)
        self.codes = cache(self._codes)
        self.known = cache(self._known)
        self.counts = cache(self._counts)

    def run(self, spec: FeatureSpec) -> dict[str, Any]:
        """Name -> values of every node, in the spec's order."""
        self.totals = [one for one in spec.nodes if isinstance(one, Window) and one.op in TOTALS]
        for node in spec.nodes:
            if isinstance(node, Sensors):
                self.features.update(self.sensors(node))
            else:
                self.features[node.name] = _COMPUTE[type(node)](self, node)
        return self.features

    def sensors(self, node: Sensors) -> dict[str, np.ndarray]:
        """Name -> values of all that the bank of sensors says; a sensor that is not delivered is
        missing throughout."""
        plan = plan_of(node)
        absent = {
            name: np.nan
            for name in (*plan.sensors, *plan.settings)
            if name not in self.rows.columns
        }
        rows = with_lives(node, self.rows.assign(**absent) if absent else self.rows)
        at = self.roles[roles.EVENT_AT]
        frame = compute_sensors(plan, rows, node.by, at)
        return {name: frame[name].to_numpy() for name in plan.names}

    def raw(self, node: Raw) -> np.ndarray:
        return self.rows[node.source].to_numpy(dtype=np.float64, na_value=np.nan)

    def category(self, node: Category) -> pd.Series:
        return self.rows[node.source].astype("str")

    def calendar(self, node: Calendar) -> np.ndarray:
        local = self.rows[self.roles[roles.EVENT_AT]].dt.tz_convert(node.zone).dt
        hour = local.hour + local.minute / 60 + local.second / 3600
        parts: dict[str, Callable[[], pd.Series]] = {
            "hour": lambda: hour,
            "hour_sin": lambda: np.sin(hour * np.pi / 12),
            "hour_cos": lambda: np.cos(hour * np.pi / 12),
            "weekday": lambda: local.day_of_week,
            "is_weekend": lambda: local.day_of_week >= 5,
            "is_night": lambda: hour < 6,
        }
        return parts[node.part]().to_numpy(dtype=np.float64)

    def window(self, node: Window) -> np.ndarray:
        if node.op in TOTALS:
            return self._total(node)
        of = self.codes if node.op == "distinct" else self.values
        values = of(node.by, str(node.value))
        return aggregate(self.ranges(*_of(node)), node.op, values, len(self.rows))

    def recency(self, node: Recency) -> np.ndarray:
        seen = self.ranges(node.by)
        return spread(seen, last_before(seen), np.nan, len(self.rows))

    def last(self, node: Last) -> np.ndarray:
        seen = self.ranges(node.by)
        values = self.values(node.by, node.value)
        return spread(seen, at_last(seen, values), np.nan, len(self.rows))

    def delayed(self, node: DelayedRate) -> np.ndarray:
        if node.value is not None:
            values = np.nan_to_num(self._number(node.value)) * self.target
            known = self.known(node.by, node.window_s)
            return known.spread(known.total(values), len(values), 0.0)
        return delayed_rate(node, self.counts(node.by, node.window_s), self.counts((), None))

    def last_labels(self, node: LastLabels) -> np.ndarray:
        return last_labels(self.known(node.by), node.last, self.target)

    def last_known(self, node: LastKnown) -> np.ndarray:
        known = self.known(node.by, None, node.of)
        if node.value is not None:
            return newest(known, self._number(node.value))
        return np.asarray((self.at - newest(known, self.at.astype(np.float64))) / 1e6)

    def known_run(self, node: KnownRun) -> np.ndarray:
        passed = None if node.unless is None else self._number(node.unless)
        return known_run(self.known(node.by), node, self.at, self.target, passed)

    def flag(self, node: Flag) -> np.ndarray:
        if node.above is not None:
            number = self._number(node.source)
            return np.where(np.isnan(number), np.nan, number > node.above)
        text = self.rows[node.source]
        return np.where(text.isna(), np.nan, text == node.equals)

    def derived(self, node: Derived) -> np.ndarray:
        return derived(node, [self._number(name) for name in operands(node)])

    def _past(self, by: tuple[str, ...]) -> Past:
        return past_of(Entities.of(self.rows[list(by)]), self.at, self.ingested)

    def _ranges(
        self, by: tuple[str, ...], window_s: float | None = None, gap_s: float = 0.0
    ) -> Ranges:
        return ranges(self.past(by), window_s, gap_s)

    def _total(self, node: Window) -> np.ndarray:
        """A count, sum or mean; all of one window whose values are there are found in one pass."""
        of, found = _of(node), self.moving.setdefault(_of(node), {})
        if (node.op, node.value) not in found:
            same = {(one.op, one.value) for one in self.totals if _of(one) == of}
            ready = {one for one in same if self._is_there(one[1])} - found.keys()
            names = {name for _, name in ready if name is not None}
            columns = {name: self.values(node.by, name) for name in names}
            found |= totals(self.ranges(*of), columns, ready, len(self.rows))
        return found[node.op, node.value]

    def _is_there(self, name: str | None) -> bool:
        return name is None or name in self.features or name in self.rows.columns

    def _known(self, by: tuple[str, ...], window_s: float | None = None, of: str = "all") -> Known:
        return known_to(self.labels.of(of), self.past(by), self.at, window_s)

    def _counts(self, by: tuple[str, ...], window_s: float | None) -> tuple[np.ndarray, np.ndarray]:
        return known_labels(self.known(by, window_s), self.target)

    @cached_property
    def target(self) -> np.ndarray:
        """Labels by row, NaN where not known."""
        return self._number(self.roles[roles.TARGET])

    @cached_property
    def labels(self) -> Labels:
        """Labels in the order in which they became known."""
        label_at = _microseconds(self.rows[self.roles[roles.LABEL_AT]])
        return labels_of(self.at, self.ingested, label_at, self.target)

    def _values(self, by: tuple[str, ...], name: str) -> Values:
        return Values(self._number(name)[self.past(by).order])

    def _codes(self, by: tuple[str, ...], name: str) -> Values:
        return Values(pd.factorize(self.rows[name])[0][self.past(by).order])

    def _number(self, name: str) -> np.ndarray:
        if name in self.features:
            return np.asarray(self.features[name], dtype=np.float64)
        return self.rows[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _microseconds(instants: pd.Series) -> np.ndarray:
    """Microseconds since 1970, int64; `NEVER` where missing."""
    naive = instants.dt.tz_convert("UTC").dt.tz_localize(None)
    found: np.ndarray = naive.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return found


def _arrivals(arrived: pd.Series, at: np.ndarray) -> np.ndarray:
    """Arrival in microseconds; the event itself where it is missing."""
    found = _microseconds(arrived)
    return np.where(found == NEVER, at, found)


TOTALS: Final = ("count", "sum", "mean")
"""Aggregates that are differences of what runs along."""
WindowOf = tuple[tuple[str, ...], float | None, float]
"""What the aggregates of one window share: entity, length, gap."""


def _of(node: Window) -> WindowOf:
    return node.by, node.window_s, node.gap_s


_COMPUTE: dict[type, Callable[[_Engine, Any], Any]] = {
    Raw: _Engine.raw,
    Category: _Engine.category,
    Calendar: _Engine.calendar,
    Flag: _Engine.flag,
    Window: _Engine.window,
    Recency: _Engine.recency,
    Last: _Engine.last,
    DelayedRate: _Engine.delayed,
    LastLabels: _Engine.last_labels,
    LastKnown: _Engine.last_known,
    KnownRun: _Engine.known_run,
    **dict.fromkeys(get_args(Derived), _Engine.derived),
}

__all__ = ["compute", "without_features"]
