"""How far the streaming twin is from the batch engine, and how many events it takes a second."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.model import Contract, Extras
from lepton.dataset import TabularDataset
from lepton.features.batch import compute
from lepton.features.spec import FeatureSpec, Sensors
from lepton_edge.stream import FeatureStream

LATENESS_S: Final = 3_600.0
"""How late rows may come where nobody says."""
LATE_SHARE: Final = 0.01
CHUNK: Final = 2_000
"""Rows whose features are held at once beside the batch engine's."""


@dataclass
class Mode:
    """What one way through the stream differed by: node -> largest relative difference."""

    differences: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0

    @property
    def worst(self) -> str:
        """The node that differs most."""
        return max(self.differences, key=lambda name: self.differences[name])

    @property
    def max_rel_diff(self) -> float:
        """Its largest |a - b| / max(1, |a|)."""
        return max(self.differences.values(), default=0.0)


@dataclass(frozen=True)
class StreamParity:
    """Stream against batch on every feature of every row, by mode.

    modes: plain; late: 1 % of the rows arrive up to the lateness late; restored: a checkpoint in
    the middle, from which a fresh stream goes on. late_rows: those that came out of order;
    events_per_cpu_s: of the plain mode, one thread, the whole spec.
    """

    modes: Mapping[str, Mode]
    lateness_s: float
    late_rows: int
    events_per_cpu_s: float


def stream_parity(
    table: pd.DataFrame,
    contract: Contract,
    spec: FeatureSpec,
    extras: Extras,
    *,
    seed: int,
    lateness_s: float = LATENESS_S,
) -> StreamParity:
    """Every feature of every row of `table`, by both engines, in the three modes.

    lateness_s: how far out of order events may come; that of the data where it is larger.

    The late mode needs a column for the arrival in the contract and is left out without one, and
    where there are sensors, which the batch engine reads in order of event time.
    """
    lateness_s = max(lateness_s, _latest(table, contract))
    dataset = compute(table, contract, spec, extras)
    plain = _mode(dataset, table, lateness_s)
    modes = {"plain": plain}
    late_rows = 0
    arrival = [column.name for column in contract.with_role(roles.INGESTED_AT)]
    if arrival and not any(isinstance(node, Sensors) for node in spec.nodes):
        late = _some_late(table, contract, arrival[0], lateness_s, np.random.default_rng(seed))
        modes["late"] = _mode(compute(late, contract, spec, extras), late, lateness_s)
        late_rows = round(LATE_SHARE * len(table))
    modes["restored"] = _mode(dataset, table, lateness_s, stop_at=len(table) // 2)
    return StreamParity(modes, lateness_s, late_rows, len(table) / max(plain.cpu_s, 1e-9))


def replay(
    dataset: TabularDataset, columns: list[str], lateness_s: float, stop_at: int | None = None
) -> Iterator[tuple[pd.DataFrame, list[dict[str, float | str]], float]]:
    """`dataset`'s rows in order of arrival through a stream, chunk by chunk.

    columns: what the events carry; stop_at: number of rows after which the stream is written to
    a checkpoint and a fresh one goes on from it. Yields rows, features of the stream, CPU
    seconds that it took.
    """
    rows, stream = _by_arrival(dataset), _fresh(dataset, lateness_s)
    cuts = sorted({*range(0, len(rows), CHUNK), len(rows), stop_at or 0})
    for low, high in pairwise(cuts):
        if low == stop_at:
            stream = _restored(stream, _fresh(dataset, lateness_s))
        chunk = rows.iloc[low:high]
        events = list(events_of(chunk[columns]))
        started = time.process_time()
        found = [stream.update(event) for event in events]
        yield chunk, found, time.process_time() - started


def _fresh(dataset: TabularDataset, lateness_s: float) -> FeatureStream:
    return FeatureStream(dataset.spec, dataset.roles, lateness_s)


def _restored(stream: FeatureStream, fresh: FeatureStream) -> FeatureStream:
    """`fresh` with the state of `stream`, by way of the disk."""
    with tempfile.TemporaryDirectory(prefix="lepton-stream-") as folder:
        stream.checkpoint(Path(folder) / "state")
        fresh.restore(Path(folder) / "state")
    return fresh


def events_of(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Each row as an event: plain values, None where missing."""
    columns = [_plain(rows[name]) for name in rows]
    for values in zip(*columns, strict=True):
        yield dict(zip(rows.columns, values, strict=True))


def difference(chunk: pd.DataFrame, found: list[dict[str, float | str]], name: str) -> float:
    """Largest |a - b| / max(1, |a|) of one node; infinite where one is missing or texts differ."""
    if isinstance(found[0][name], str):
        texts = chunk[name].astype(object).where(chunk[name].notna(), "").tolist()
        return 0.0 if texts == [one[name] for one in found] else np.inf
    batch = chunk[name].to_numpy(dtype=np.float64)
    stream = np.array([one[name] for one in found], dtype=np.float64)
    known = ~np.isnan(batch)
    if (known == np.isnan(stream)).any():
        return float(np.inf)
    apart = np.abs(batch[known] - stream[known]) / np.maximum(1.0, np.abs(batch[known]))
    return float(apart.max(initial=0.0))


def _mode(
    dataset: TabularDataset, table: pd.DataFrame, lateness_s: float, stop_at: int | None = None
) -> Mode:
    mode = Mode()
    for chunk, found, cpu_s in replay(dataset, list(table.columns), lateness_s, stop_at):
        mode.cpu_s += cpu_s
        for name in found[0]:
            known = mode.differences.get(name, 0.0)
            mode.differences[name] = max(known, difference(chunk, found, name))
    return mode


def _by_arrival(dataset: TabularDataset) -> pd.DataFrame:
    """Rows in the order in which a stream meets them."""
    event = dataset.role(roles.EVENT_AT)
    if not dataset.has(roles.INGESTED_AT):
        return dataset.rows
    arrived = dataset.role(roles.INGESTED_AT).fillna(event)
    order = np.lexsort((np.arange(len(event)), event, arrived))
    return dataset.rows.iloc[order]


def _latest(table: pd.DataFrame, contract: Contract) -> float:
    """Seconds by which the latest row of the data arrives after its event."""
    arrival = [c.name for c in contract.with_role(roles.INGESTED_AT) if c.name in table.columns]
    if not arrival:
        return 0.0
    event = table[contract.with_role(roles.EVENT_AT)[0].name]
    found = (table[arrival[0]] - event).max()
    return 0.0 if pd.isna(found) else float(found.total_seconds())


def _some_late(
    table: pd.DataFrame,
    contract: Contract,
    arrival: str,
    lateness_s: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """`table` with 1 % of its rows arriving up to `lateness_s` after their event."""
    event = table[contract.with_role(roles.EVENT_AT)[0].name]
    arrived = table[arrival].fillna(event) if arrival in table.columns else event.copy()
    chosen = rng.choice(len(table), size=round(LATE_SHARE * len(table)), replace=False)
    delay = pd.to_timedelta(np.ceil(rng.random(len(chosen)) * lateness_s * 1e6), unit="us")
    arrived.iloc[chosen] = event.iloc[chosen] + delay
    return table.assign(**{arrival: arrived})


def _plain(column: pd.Series) -> list[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        values = column.dt.to_pydatetime()
        return [None if value is pd.NaT else value for value in values]
    found: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    return found


__all__ = ["Mode", "StreamParity", "events_of", "replay", "stream_parity"]
