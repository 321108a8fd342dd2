"""Nodes that learn from rows before they are computed: what is learnt becomes part of the spec."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.errors import FeatureError
from lepton.features.sensors import fit_sensors
from lepton.features.spec import FeatureSpec, Node, Sensors
from lepton_edge.sensors import SensorPlan

SENSOR = "x_"
"""Begin of the columns that a customer brings beyond the contract, see `contracts.extra_name`."""


def fit_spec(spec: FeatureSpec, train: TabularDataset) -> FeatureSpec:
    """`spec` with every node fitted on the rows of `train`, which nothing is judged by later.

    A node whose rows name no life stays as it is: it is off where it is computed.
    """
    return FeatureSpec(tuple(_fitted(node, train) for node in spec.nodes))


def plan_of(node: Sensors) -> SensorPlan:
    """What the node has learnt; raises FeatureError LK303 where it has not been fitted."""
    if node.plan is None:
        raise FeatureError(
            "LK303",
            where=f"node '{node.name}'",
            found="it has not been fitted",
            remedy="fit the spec on training rows with `fit_spec` before it is computed",
        )
    return SensorPlan.from_json(node.plan)


def with_lives(node: Sensors, rows: pd.DataFrame) -> pd.DataFrame:
    """`rows`, which are in order of time, with a life in each: where none is named, that of the
    asset's row before, and before its first the asset itself, as in a stream."""
    if node.fallback not in rows.columns or not rows[node.by].isna().any():
        return rows
    asset = rows[node.fallback]
    named = rows[node.by].groupby(asset, sort=False).ffill()
    return rows.assign(**{node.by: named.fillna(asset)})


def sensor_columns(rows: pd.DataFrame) -> tuple[str, ...]:
    """The customer's own numbers among the columns of `rows`, in their order."""
    return tuple(
        str(name)
        for name in rows.columns
        if str(name).startswith(SENSOR) and pd.api.types.is_numeric_dtype(rows[name])
    )


def _fitted(node: Node, train: TabularDataset) -> Node:
    if not isinstance(node, Sensors) or node.plan is not None or node.by not in train.rows:
        return node
    rows = with_lives(node, train.rows)
    plan = fit_sensors(
        rows,
        node.by,
        train.roles[roles.EVENT_AT],
        sensor_columns(rows),
        tuple(name for name in node.settings if name in rows.columns),
    )
    return replace(node, plan=plan.to_json())


__all__ = ["fit_spec", "plan_of", "sensor_columns", "with_lives"]
