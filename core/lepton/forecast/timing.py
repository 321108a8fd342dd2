"""What a forecast of a whole network costs: CPU of one call of a graph, one thread."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np

from lepton.forecast.matrix import Matrix

ROUNDS: Final = 15


def network_ms(content: bytes, matrix: Matrix, rounds: int = ROUNDS) -> float:
    """Median CPU milliseconds of the graph for all issues of `matrix` in one call."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session: Any = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    whole = {
        "X": matrix.X.astype(np.float64),
        "shape": matrix.shape.astype(np.float64),
        "scale": matrix.scale,
        "row": matrix.series.astype(np.int64),
        "factor": np.ones(matrix.y.shape),
    }
    feed = {node.name: whole[node.name] for node in session.get_inputs()}
    taken = []
    for _ in range(rounds + 1):
        started = time.process_time_ns()
        session.run(None, feed)
        taken.append((time.process_time_ns() - started) / 1e6)
    # the first round only warms up
    return float(np.median(taken[1:]))


__all__ = ["network_ms"]
