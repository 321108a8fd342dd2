"""What a graph costs: CPU time per row, one thread, candidates interleaved."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

ROUNDS: Final = 9
BATCH: Final = 1024
ROWS: Final = 60
"""Single rows of a round, one call each."""
NATIVE_ROWS: Final = 4
"""The same of the native side, whose calls take a thousand times as long."""


@dataclass(frozen=True)
class Timing:
    """CPU microseconds: of a call with one row, and per row of a call with `BATCH` rows.

    native_row_us: of the trained model's own libraries on a frame of one row, None where it was
    not asked for.
    """

    row_us: float
    batch_us_per_row: float
    native_row_us: float | None = None


def time_graphs(
    graphs: Mapping[str, bytes],
    numeric: np.ndarray,
    categorical: np.ndarray,
    native: Mapping[str, Callable[[int], object]] | None = None,
) -> dict[str, Timing]:
    """Name -> median cost over `ROUNDS`, the graphs taking turns so that noise falls on all.

    numeric float64 (rows, features), categorical object (rows, features): rows to time with,
    repeated where they are fewer than a batch; native: name -> a call that scores the row of
    that number in the trained model's own libraries. Whole-process CPU time, which is this
    call's as long as sessions have one thread and no other thread of the process works.
    """
    natives = native or {}
    sessions = {name: _session(content) for name, content in graphs.items()}
    batch = np.arange(BATCH) % len(numeric)
    feeds = {
        name: _Feeds(session, numeric, categorical, batch) for name, session in sessions.items()
    }
    rows: dict[str, list[float]] = {name: [] for name in graphs}
    batches: dict[str, list[float]] = {name: [] for name in graphs}
    slow: dict[str, list[float]] = {name: [] for name in natives}
    for turn in range(ROUNDS + 1):
        for name, feed in feeds.items():
            row, full = _cpu_us(feed.rows, ROWS), _cpu_us(feed.batch, 1) / BATCH
            own = _cpu_us(natives[name], NATIVE_ROWS) if name in natives else math.nan
            if turn:  # the first round only warms up
                rows[name].append(row)
                batches[name].append(full)
                slow.get(name, []).append(own)
    return {
        name: Timing(
            float(np.median(rows[name])),
            float(np.median(batches[name])),
            float(np.median(slow[name])) if name in natives else None,
        )
        for name in graphs
    }


def score_of(graph: bytes, numeric: np.ndarray, categorical: np.ndarray) -> np.ndarray:
    """Scores of rows by the ONNX file, float64 (rows,)."""
    session = _session(graph)
    whole = {"numeric": numeric, "categorical": categorical}
    feed = {node.name: whole[node.name] for node in session.get_inputs()}
    score: np.ndarray = session.run(["score"], feed)[0]
    return score


class _Feeds:
    """One session with its inputs made beforehand."""

    def __init__(
        self, session: Any, numeric: np.ndarray, categorical: np.ndarray, batch: np.ndarray
    ) -> None:
        names = [node.name for node in session.get_inputs()]
        whole = {"numeric": numeric[batch], "categorical": categorical[batch]}
        self._session = session
        self._whole = {name: whole[name] for name in names}
        self._rows = [
            {name: np.ascontiguousarray(whole[name][i : i + 1]) for name in names}
            for i in range(ROWS)
        ]

    def rows(self, turn: int) -> None:
        """Score the row of this turn alone."""
        self._session.run(None, self._rows[turn])

    def batch(self, turn: int) -> None:
        """Score the whole batch."""
        self._session.run(None, self._whole)


def _session(content: bytes) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _cpu_us(call: Callable[[int], object], repeats: int) -> float:
    started = time.process_time_ns()
    for turn in range(repeats):
        call(turn)
    return (time.process_time_ns() - started) / 1000 / repeats


__all__ = ["BATCH", "Timing", "score_of", "time_graphs"]
