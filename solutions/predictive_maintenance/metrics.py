"""What a maintenance team counts, of warnings and of remaining lives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Metric

LATE, EARLY = 10.0, 13.0
"""Cycles by which the cost of a prediction that is too late (too early) grows e-fold."""


def phm08(full: float) -> Metric:
    """Sum of exp(-d / 13) - 1 for predictions too early and exp(d / 10) - 1 too late, d in the unit
    of `full`, which a share of 1 stands for (Saxena et al. 2008)."""

    def prepare(scored: pd.DataFrame) -> Callable[[np.ndarray], float]:
        late = full * (scored["score"] - scored["target"]).to_numpy(dtype=np.float64)
        cost = np.expm1(np.where(late < 0, -late / EARLY, late / LATE))
        return lambda weights: float(np.dot(weights, cost))

    return Metric("phm08", prepare, "sum of what late and early predictions cost", False)


OF_FAILURES: Final = (
    "ap",
    "auc",
    "recall_at_fpr_1",
    "recall_at_fpr_5",
    "brier",
    "ece",
    "log_loss",
    "precision",
    "recall",
    "alert_rate",
    "net_savings",
)
OF_LIVES: Final = ("rmse", "mae")
METRICS_OF_MAINTENANCE: Final = tuple(METRICS[name] for name in (*OF_FAILURES, *OF_LIVES))

__all__ = ["METRICS_OF_MAINTENANCE", "OF_FAILURES", "OF_LIVES", "phm08"]
