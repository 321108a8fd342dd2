"""Whether false alerts fall evenly on groups of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import Metric

FEWEST_NEGATIVES: Final = 100
"""Groups with fewer negative rows are left out: their rate would be chance."""
EVEN: Final = 0.8
"""Least ratio of the rates that counts as even: the four-fifths rule of the EEOC (1978)."""


def false_alert_ratio(column: str) -> Metric:
    """The lowest rate of false alerts among the groups in `column` over the highest, 0..1.

    NaN where fewer than two groups are large enough, or no negative row is alerted at all.
    """
    return Metric(
        f"false_alert_ratio_{column}",
        lambda scored: _ratio(scored, column),
        f"lowest over highest rate of false alerts among the groups of {column}",
    )


def _ratio(scored: pd.DataFrame, column: str) -> Callable[[np.ndarray], float]:
    negative = scored["target"].to_numpy() == 0
    alerted = negative & (scored["decision"].to_numpy() == 1)
    sizes = scored.loc[negative, column].value_counts()
    groups = [
        (scored[column] == name).to_numpy() for name in sizes[sizes >= FEWEST_NEGATIVES].index
    ]

    def value(weights: np.ndarray) -> float:
        sums = [
            (weights[group & alerted].sum(), weights[group & negative].sum()) for group in groups
        ]
        rates = [above / below for above, below in sums if below > 0]
        return float(min(rates) / max(rates)) if len(rates) > 1 and max(rates) > 0 else np.nan

    return value


__all__ = ["EVEN", "FEWEST_NEGATIVES", "false_alert_ratio"]
