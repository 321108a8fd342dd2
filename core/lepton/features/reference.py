"""The definition of every node, one row at a time: slow, obvious, what the engine must equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lepton import roles
from lepton.features.spec import (
    Alignment,
    Calendar,
    Category,
    Contrast,
    DelayedRate,
    Difference,
    FeatureSpec,
    Flag,
    KnownRun,
    Last,
    LastKnown,
    LastLabels,
    Node,
    Ratio,
    Raw,
    Recency,
    Speed,
    Window,
    operands,
)


@dataclass
class Row:
    """One row of a table and all that it may know.

    table: every row, in any order; at: its position; columns: role -> column.
    """

    table: pd.DataFrame
    at: int
    columns: Mapping[str, str]
    features: dict[str, Any] = field(default_factory=dict)

    def compute(self, spec: FeatureSpec) -> dict[str, Any]:
        """Name -> value of every node of `spec` for this row."""
        for node in spec.nodes:
            self.features[node.name] = self._value(node)
        return self.features

    def _value(self, node: Node) -> Any:
        match node:
            case Raw():
                return self._number(node.source)
            case Category():
                return self.table[node.source].iloc[self.at]
            case Calendar():
                return _calendar(self._instant(roles.EVENT_AT).tz_convert(node.zone), node.part)
            case Flag():
                return self._flag(node)
            case Window():
                return self._window(node)
            case Last():
                past = self._past(node.by, None)
                event = past[self.columns[roles.EVENT_AT]]
                return float(past.loc[event == event.max(), node.value].mean())
            case Recency():
                past = self._past(node.by, None)
                newest = past[self.columns[roles.EVENT_AT]].max()
                return _seconds(self._instant(roles.EVENT_AT) - newest) if len(past) else np.nan
            case DelayedRate():
                return self._delayed(node)
            case LastLabels():
                newest = self._labels(node.by, None).tail(node.last)
                return float(newest.mean()) if len(newest) else np.nan
            case LastKnown():
                return self._last_known(node)
            case KnownRun():
                return self._known_run(node)
            case Ratio() | Difference() | Contrast() | Alignment() | Speed():
                return _derived(node, [self._number(name) for name in operands(node)])

    def _flag(self, node: Flag) -> float:
        if node.above is not None:
            value = self._number(node.source)
            return np.nan if np.isnan(value) else float(value > node.above)
        text = self.table[node.source].iloc[self.at]
        return np.nan if pd.isna(text) else float(text == node.equals)

    def _last_known(self, node: LastKnown) -> float:
        labels = self._labels(node.by, None)
        chosen = labels if node.of == "all" else labels[labels == float(node.of == "positive")]
        if chosen.empty:
            return np.nan
        row = self.table.loc[chosen.index[-1]]
        if node.value is not None:
            return float(row[node.value])
        return _seconds(self._instant(roles.EVENT_AT) - row[self.columns[roles.EVENT_AT]])

    def _known_run(self, node: KnownRun) -> float:
        newest = self._labels(node.by, None).tail(node.last)
        negative = np.flatnonzero(newest.to_numpy() == 0)
        run = newest.iloc[negative[-1] + 1 :] if len(negative) else newest
        if node.unless is not None:
            run = run[(self.table.loc[run.index, node.unless] != 1).to_numpy()]
        if node.what == "length":
            return float(len(run))
        first = self.table.loc[run.index[:1], self.columns[roles.EVENT_AT]]
        return _seconds(self._instant(roles.EVENT_AT) - first.iloc[0]) if len(run) else np.nan

    def _window(self, node: Window) -> float:
        past = self._past(node.by, node.window_s)
        upto = self._instant(roles.EVENT_AT) - pd.Timedelta(seconds=node.gap_s)
        past = past[past[self.columns[roles.EVENT_AT]] < upto]
        if node.value is None:
            return float(len(past))
        values = past[node.value].dropna()
        if node.op in ("count", "distinct"):
            return float(len(values) if node.op == "count" else values.nunique())
        if node.op == "sum" or values.empty:
            return float(values.sum()) if node.op == "sum" else np.nan
        return float(values.std(ddof=0) if node.op == "std" else values.agg(node.op))

    def _delayed(self, node: DelayedRate) -> float:
        known, positives = self._counts(node.by, node.window_s)
        if node.value is not None:
            labels = self._labels(node.by, node.window_s)
            return float(self.table.loc[labels[labels == 1].index, node.value].sum())
        if node.what != "rate":
            return known if node.what == "known" else positives
        everybody, frauds = self._counts((), None)
        if not everybody:
            return np.nan
        return (positives + node.strength * frauds / everybody) / (known + node.strength)

    def _past(self, by: tuple[str, ...], window_s: float | None) -> pd.DataFrame:
        """Earlier rows of the same entity that had arrived by now, inside the window."""
        event, now = self.table[self.columns[roles.EVENT_AT]], self._instant(roles.EVENT_AT)
        seen = self._same(by) & (event < now)
        if roles.INGESTED_AT in self.columns:
            arrived = self.table[self.columns[roles.INGESTED_AT]].fillna(event)
            seen &= arrived <= arrived.iloc[self.at]
        if window_s is not None:
            seen &= event >= now - pd.Timedelta(seconds=window_s)
        return self.table[seen]

    def _counts(self, by: tuple[str, ...], window_s: float | None) -> tuple[float, float]:
        """Labels that `_labels` finds, and positives among them."""
        labels = self._labels(by, window_s)
        return float(len(labels)), float(labels.sum())

    def _labels(self, by: tuple[str, ...], window_s: float | None) -> pd.Series:
        """Labels of the same entity that became known inside the window, the newest last."""
        now = self._instant(roles.EVENT_AT)
        event = self.table[self.columns[roles.EVENT_AT]]
        label = self.table[self.columns[roles.LABEL_AT]]
        label = label.where(label.isna() | (label > event), event + pd.Timedelta(microseconds=1))
        if roles.INGESTED_AT in self.columns:
            arrived = self.table[self.columns[roles.INGESTED_AT]].fillna(event)
            label = label.where(label.isna() | (label >= arrived), arrived)
        target = self.table[self.columns[roles.TARGET]]
        seen = self._same(by) & (event < now) & (label <= now) & target.notna()
        if window_s is not None:
            seen &= label >= now - pd.Timedelta(seconds=window_s)
        return target[label[seen].sort_values(kind="stable").index]

    def _same(self, by: tuple[str, ...]) -> pd.Series:
        same = pd.Series(True, index=self.table.index)
        for column in by:
            same &= (self.table[column] == self.table[column].iloc[self.at]).fillna(False)
        return same

    def _number(self, name: str) -> float:
        value = self.features.get(name, None)
        value = self.table[name].iloc[self.at] if value is None else value
        return float(value) if pd.notna(value) else np.nan

    def _instant(self, role: str) -> pd.Timestamp:
        instant: pd.Timestamp = self.table[self.columns[role]].iloc[self.at]
        return instant


def _calendar(local: pd.Timestamp, part: str) -> float:
    hour = local.hour + local.minute / 60 + local.second / 3600
    parts = {
        "hour": hour,
        "hour_sin": np.sin(hour * np.pi / 12),
        "hour_cos": np.cos(hour * np.pi / 12),
        "weekday": local.day_of_week,
        "is_weekend": local.day_of_week >= 5,
        "is_night": hour < 6,
    }
    return float(parts[part])


def _derived(node: Node, numbers: list[float]) -> float:
    match node, numbers:
        case Ratio(), (over, below):
            return _divided(over, below)
        case Difference(), (left, right, *scale):
            return _divided(left - right, scale[0]) if scale else left - right
        case Contrast(), (left, right):
            return _divided(left - right, left + right)
        case Alignment(), (x, y, mean_x, mean_y):
            return x * mean_x + y * mean_y
        case Speed(), (*places, seconds):
            return _divided(_apart_km(*np.radians(places)) * 3_600, seconds)
    raise AssertionError(node)


def _apart_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Length of the great circle on a sphere of 6,371.0088 km, by the chord through it."""
    one, other = (
        np.array([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
        for y, x in ((lat, lon), (other_lat, other_lon))
    )
    return float(2 * 6_371.0088 * np.arcsin(np.minimum(1.0, np.linalg.norm(one - other) / 2)))


def _divided(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator != 0 and np.isfinite(denominator) else np.nan


def _seconds(span: pd.Timedelta) -> float:
    return float(span.total_seconds())
