"""Features of a whole table at once: every node of a spec, each row seeing only its past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.model import Contract, Extras, extra_name
from lepton.dataset import TabularDataset
from lepton.features.delayed import (
    NEVER,
    Labels,
    delayed_rate,
    known_labels,
    known_to,
    labels_of,
    last_labels,
)
from lepton.features.spec import (
    Calendar,
    Category,
    DelayedRate,
    Difference,
    FeatureSpec,
    LastLabels,
    Node,
    Ratio,
    Raw,
    Recency,
    Window,
    resolve,
)
from lepton.features.windows import (
    Entities,
    Instants,
    Op,
    Past,
    Ranges,
    Values,
    aggregate,
    divided,
    last_before,
    past_of,
    ranges,
)
from lepton.frames import canonical_order


def compute(
    table: pd.DataFrame, contract: Contract, spec: FeatureSpec, extras: Extras
) -> TabularDataset:
    """`table` with the features of `spec` that its columns can feed, by event time, then key.

    Every role column that is present is carried along; extras follow as features of their own.
    Raises FeatureError LK302 where the spec refers to what does not exist.
    """
    found = _roles(contract, table)
    order = [found[role] for role in (roles.EVENT_AT, roles.KEY) if role in found]
    rows = canonical_order(table, order)
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
        switched_off=off,
        spec=tuple(resolved.to_json()),
    )


def _roles(contract: Contract, table: pd.DataFrame) -> dict[str, str]:
    """Role -> the first column of the contract that has it and is present."""
    found: dict[str, str] = {}
    for column in contract.columns:
        for role in column.roles if column.name in table.columns else ():
            found.setdefault(role, column.name)
    return found


def _extra_nodes(extras: Extras, spec: FeatureSpec, rows: pd.DataFrame) -> list[Node]:
    known = {node.name for node in spec.nodes}
    numeric: list[Node] = [Raw(name, name) for name in map(extra_name, extras.numeric)]
    texts: list[Node] = [Category(name, name) for name in map(extra_name, extras.category)]
    return [one for one in numeric + texts if one.name not in known and one.name in rows.columns]


class _Engine:
    """Computes nodes over one sorted table; nodes of the same entity share its sorting."""

    def __init__(self, rows: pd.DataFrame, found: Mapping[str, str]) -> None:
        self.rows, self.roles = rows, found
        self.at = _microseconds(rows[found[roles.EVENT_AT]])
        self.instants = Instants.of(self.at)
        arrived = found.get(roles.INGESTED_AT)
        self.ingested = None if arrived is None else _arrivals(rows[arrived], self.at)
        self.features: dict[str, Any] = {}
        self.past = cache(self._past)
        self.ranges = cache(self._ranges)
        self.values = cache(self._values)
        self.opens = cache(self.instants.opens)
        self.windowed = cache(self._windowed)
        self.known = cache(self._known)

    def run(self, spec: FeatureSpec) -> dict[str, Any]:
        """Name -> values of every node, in the spec's order."""
        for node in spec.nodes:
            self.features[node.name] = _COMPUTE[type(node)](self, node)
        return self.features

    def raw(self, node: Raw) -> np.ndarray:
        return self.rows[node.source].to_numpy(dtype=np.float64, na_value=np.nan)

    def category(self, node: Category) -> pd.Series:
        return self.rows[node.source].astype("str")

    def calendar(self, node: Calendar) -> np.ndarray:
        local = self.rows[self.roles[roles.EVENT_AT]].dt.tz_convert(node.zone).dt
        hour = local.hour + local.minute / 60 + local.second / 3600
        parts: dict[str, Callable[[], pd.Series]] = {
            "hour": lambda: hour,
            "weekday": lambda: local.day_of_week,
            "is_weekend": lambda: local.day_of_week >= 5,
            "is_night": lambda: hour < 6,
        }
        return parts[node.part]().to_numpy(dtype=np.float64)

    def window(self, node: Window) -> np.ndarray:
        if node.op == "mean":
            wanted = (node.by, node.window_s, node.value)
            return divided(self.windowed(*wanted, "sum"), self.windowed(*wanted, "count"))
        return self.windowed(node.by, node.window_s, node.value, node.op)

    def recency(self, node: Recency) -> np.ndarray:
        seen = self.ranges(node.by, None)
        return self._spread(seen, last_before(seen), np.nan)

    def delayed(self, node: DelayedRate) -> np.ndarray:
        return delayed_rate(node, self.known(node.by, node.window_s), self.known((), None))

    def last(self, node: LastLabels) -> np.ndarray:
        known = known_to(self.labels, self.past(node.by), len(self.rows), None)
        return last_labels(known, node.last, len(self.rows))

    def ratio(self, node: Ratio) -> np.ndarray:
        return divided(self._number(node.numerator), self._number(node.denominator))

    def difference(self, node: Difference) -> np.ndarray:
        found = self._number(node.left) - self._number(node.right)
        return found if node.scale is None else divided(found, self._number(node.scale))

    def _past(self, by: tuple[str, ...]) -> Past:
        return past_of(Entities.of(self.rows[list(by)]), self.instants, self.ingested)

    def _ranges(self, by: tuple[str, ...], window_s: float | None) -> Ranges:
        return ranges(self.past(by), self.opens(window_s))

    def _windowed(
        self, by: tuple[str, ...], window_s: float | None, value: str | None, op: Op
    ) -> np.ndarray:
        seen = self.ranges(by, window_s)
        values = None if value is None else self.values(by, value, op == "distinct")
        empty = 0.0 if op in ("count", "sum", "distinct") else np.nan
        return self._spread(seen, aggregate(seen, op, values), empty)

    def _known(self, by: tuple[str, ...], window_s: float | None) -> tuple[np.ndarray, np.ndarray]:
        known = known_to(self.labels, self.past(by), len(self.rows), window_s)
        return known_labels(known, len(self.rows))

    @cached_property
    def labels(self) -> Labels:
        """Labels in the order in which they became known."""
        label_at = _microseconds(self.rows[self.roles[roles.LABEL_AT]])
        target = self.rows[self.roles[roles.TARGET]].to_numpy(dtype=np.float64, na_value=np.nan)
        return labels_of(self.at, self.ingested, label_at, target)

    def _values(self, by: tuple[str, ...], name: str, coded: bool) -> Values:
        values = pd.factorize(self.rows[name])[0] if coded else self._number(name)
        return Values(values[self.past(by).order])

    def _number(self, name: str) -> np.ndarray:
        if name in self.features:
            return np.asarray(self.features[name], dtype=np.float64)
        return self.rows[name].to_numpy(dtype=np.float64, na_value=np.nan)

    def _spread(self, seen: Ranges, found: np.ndarray, otherwise: float) -> np.ndarray:
        """Values of sorted rows in the table's order, `otherwise` for rows without the entity."""
        out = np.full(len(self.rows), otherwise)
        out[seen.past.order] = found
        return out


def _microseconds(instants: pd.Series) -> np.ndarray:
    """Microseconds since 1970, int64; `NEVER` where missing."""
    naive = instants.dt.tz_convert("UTC").dt.tz_localize(None)
    found: np.ndarray = naive.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return found


def _arrivals(arrived: pd.Series, at: np.ndarray) -> np.ndarray:
    """Arrival in microseconds; the event itself where it is missing."""
    found = _microseconds(arrived)
    return np.where(found == NEVER, at, found)


_COMPUTE: dict[type, Callable[[_Engine, Any], Any]] = {
    Raw: _Engine.raw,
    Category: _Engine.category,
    Calendar: _Engine.calendar,
    Window: _Engine.window,
    Recency: _Engine.recency,
    DelayedRate: _Engine.delayed,
    LastLabels: _Engine.last,
    Ratio: _Engine.ratio,
    Difference: _Engine.difference,
}

__all__ = ["compute"]
