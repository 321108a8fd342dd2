"""How far the engines are from the definition and each other, and how fast they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.model import Contract, Extras
from lepton.dataset import TabularDataset
from lepton.features.batch import compute
from lepton.features.reference import Row
from lepton.features.spec import FeatureSpec, Sensors, Window
from lepton.features.stream_parity import LATENESS_S, StreamParity, stream_parity

T = TypeVar("T")

DAY = 86_400.0
WINDOWS = (1, 7, 30)
"""Days of the windows that both engines are timed on."""
N_DEFINED = 200
"""Rows that are computed by the definition."""
REPEATS = 3
"""Runs of the batch engine beside pandas, of which the median counts: one takes a tenth of the
time of pandas, so that whatever else the machine does weighs ten times as much."""


@dataclass(frozen=True)
class FeatureParity:
    """What `feature_parity` found.

    max_rel_diff: largest |a - b| / max(1, |a|) against the definition over the sampled rows of
    every node, worst: its node; pandas_max_rel_diff, batch_vs_pandas: the same and the ratio of
    CPU seconds on count, sum and mean by two entities; None where the table has not got two.
    stream: the streaming twin against the batch engine.
    """

    rows: int
    nodes: int
    max_rel_diff: float
    worst: str
    batch_cpu_s: float
    batch_vs_pandas: float | None = None
    pandas_max_rel_diff: float | None = None
    pandas_cpu_s: float | None = None
    stream: StreamParity | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def feature_parity(
    table: pd.DataFrame,
    contract: Contract,
    spec: FeatureSpec,
    extras: Extras,
    *,
    seed: int,
    lateness_s: float = LATENESS_S,
) -> FeatureParity:
    """Batch engine against definition on sampled rows of `table`, and against pandas in speed.

    The sample is drawn from the first 20,000 rows, where the definition is affordable.
    lateness_s: how far out of order events may come to the streaming twin.
    """
    dataset, cpu_s = _timed(lambda: compute(table, contract, spec, extras))
    resolved = _defined_by_rows(FeatureSpec.from_json(dataset.spec))
    differences = _against_definition(dataset, resolved, seed)
    worst = max(differences, key=lambda name: differences[name], default="")
    return FeatureParity(
        len(table),
        len(dataset.numeric) + len(dataset.categorical),
        differences.get(worst, 0.0),
        worst,
        cpu_s,
        *_against_pandas(table, contract),
        stream=stream_parity(table, contract, spec, extras, seed=seed, lateness_s=lateness_s),
    )


def _defined_by_rows(spec: FeatureSpec) -> FeatureSpec:
    """The nodes that have a definition row by row; a bank of sensors is its own, and batch and
    stream share its kernel."""
    return FeatureSpec(tuple(node for node in spec.nodes if not isinstance(node, Sensors)))


def _against_definition(dataset: TabularDataset, spec: FeatureSpec, seed: int) -> dict[str, float]:
    """Node -> largest relative difference on sampled rows; missing must be missing on both."""
    head = dataset.rows.head(20_000)
    event = head[dataset.roles[roles.EVENT_AT]]
    # rows of the last instant may have later twins outside the head
    usable = int((event < event.max()).sum()) if len(head) < len(dataset) else len(head)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(usable, size=min(N_DEFINED, usable), replace=False))
    found = dict.fromkeys((node.name for node in spec.nodes), 0.0)
    for at in chosen:
        for name, value in Row(head, int(at), dataset.roles).compute(spec).items():
            found[name] = max(found[name], relative(head[name].iloc[at], value))
    return found


def relative(found: Any, wanted: Any) -> float:
    """|found - wanted| / max(1, |wanted|); infinite where only one is missing or texts differ."""
    if pd.isna(found) or pd.isna(wanted):
        return 0.0 if pd.isna(found) and pd.isna(wanted) else np.inf
    if isinstance(wanted, str):
        return 0.0 if found == wanted else np.inf
    return float(abs(found - wanted) / max(1.0, abs(wanted)))


def _against_pandas(
    table: pd.DataFrame, contract: Contract
) -> tuple[float | None, float | None, float | None]:
    """Ratio of CPU seconds, largest relative difference, pandas' CPU seconds."""
    entities = [column.name for column in contract.with_role(roles.ENTITY)]
    present = [name for name in entities if name in table.columns and table[name].notna().all()]
    if len(present) < 2 or "ingested_at" in table.columns:
        return None, None, None
    event = contract.with_role(roles.EVENT_AT)[0].name
    value = contract.with_role(roles.VALUE)[0].name
    by = present[:2]
    plain = table.sort_values([event, contract.with_role(roles.KEY)[0].name], ignore_index=True)
    spec = FeatureSpec(tuple(_nodes(by, value)))
    runs = [_timed(lambda: compute(plain, contract, spec, Extras())) for _ in range(REPEATS)]
    ours, our_s = runs[0][0], sorted(cpu_s for _, cpu_s in runs)[REPEATS // 2]
    theirs, their_s = _timed(lambda: _rolling(plain, by, event, value))
    worst = max(_difference(ours.rows[name], theirs[name]) for name in theirs)
    return their_s / our_s, worst, their_s


def _nodes(by: list[str], value: str) -> list[Window]:
    return [
        Window(f"{entity}_{op}_{days}", (entity,), op, days * DAY, None if op == "count" else value)
        for entity in by
        for days in WINDOWS
        for op in ("count", "sum", "mean")
    ]


def _rolling(table: pd.DataFrame, by: list[str], event: str, value: str) -> dict[str, pd.Series]:
    """The same columns by pandas: past rows only, one rolling window an aggregate."""
    found = {}
    for entity in by:
        order = table.sort_values([entity, event], kind="stable")
        grouped = order.set_index(event).groupby(entity, sort=True)[value]
        for days in WINDOWS:
            rolling = grouped.rolling(f"{days}D", closed="left")
            for op in ("count", "sum", "mean"):
                values = getattr(rolling, op)().to_numpy()
                series = pd.Series(values, index=order.index).sort_index()
                found[f"{entity}_{op}_{days}"] = series if op == "mean" else series.fillna(0.0)
    return found


def _difference(ours: pd.Series, theirs: pd.Series) -> float:
    both = ours.notna().to_numpy() & theirs.notna().to_numpy()
    if (ours.notna().to_numpy() != theirs.notna().to_numpy()).any():
        return np.inf
    left, right = ours.to_numpy()[both], theirs.to_numpy()[both]
    return float((np.abs(left - right) / np.maximum(1.0, np.abs(right))).max(initial=0.0))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.process_time()
    found = work()
    return found, time.process_time() - started
