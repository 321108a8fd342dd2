"""What a graph costs: CPU time per row, one thread, candidates interleaved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

ROUNDS: Final = 9
BATCH: Final = 1024


@dataclass(frozen=True)
class Timing:
    """CPU microseconds: of a call with one row, and per row of a call with `BATCH` rows."""

    row_us: float
    batch_us_per_row: float


def time_graphs(
    graphs: Mapping[str, bytes], numeric: np.ndarray, categorical: np.ndarray
) -> dict[str, Timing]:
    """Name -> median cost over `ROUNDS`, the graphs taking turns so that noise falls on all.

    numeric float64 (rows, features), categorical object (rows, features): rows to time with,
    repeated where they are fewer than a batch. Whole-process CPU time: single-threaded sessions.
    """
    sessions = {name: _session(content) for name, content in graphs.items()}
    batch = np.arange(BATCH) % len(numeric)
    feeds = {
        name: _Feeds(session, numeric, categorical, batch) for name, session in sessions.items()
    }
    rows: dict[str, list[float]] = {name: [] for name in graphs}
    batches: dict[str, list[float]] = {name: [] for name in graphs}
    for turn in range(ROUNDS + 1):
        for name, feed in feeds.items():
            row, full = _cpu_us(feed.rows, 60), _cpu_us(feed.batch, 1) / BATCH
            if turn:  # the first round only warms up
                rows[name].append(row)
                batches[name].append(full)
    return {n: Timing(float(np.median(rows[n])), float(np.median(batches[n]))) for n in graphs}


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
            for i in range(60)
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


def _cpu_us(call: Callable[[int], None], repeats: int) -> float:
    started = time.process_time_ns()
    for turn in range(repeats):
        call(turn)
    return (time.process_time_ns() - started) / 1000 / repeats


__all__ = ["BATCH", "Timing", "time_graphs"]
