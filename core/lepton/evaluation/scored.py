"""Rows with their predictions, named by role: what every metric reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset

_CARRIED = (roles.KEY, roles.EVENT_AT, roles.ENTITY, roles.GROUP, roles.VALUE)


def scored_frame(
    dataset: TabularDataset,
    score: np.ndarray,
    *,
    threshold: float = 0.5,
    miss_cost: np.ndarray | None = None,
    alert_cost: np.ndarray | None = None,
    slices: Sequence[str] = (),
) -> pd.DataFrame:
    """One row a dataset row with the columns of `results.SCORED` that the data can fill.

    score: probability in 0..1, shape (rows,); costs in money a row, 0 where not given; slices:
    columns by which results are told apart, carried along where the data have them.
    """
    columns: dict[str, Any] = {
        # arrays, not numpy: aware instants would become objects, one by one
        role: dataset.role(role).array
        for role in _CARRIED
        if dataset.has(role)
    }
    if dataset.has(roles.TARGET):
        columns[roles.TARGET] = dataset.y
    zeros = np.zeros(len(dataset))
    return pd.DataFrame(
        {
            **columns,
            roles.SCORE: score,
            roles.DECISION: (score >= threshold).astype(np.int64),
            "miss_cost": zeros if miss_cost is None else miss_cost,
            "alert_cost": zeros if alert_cost is None else alert_cost,
            **{name: dataset.rows[name].array for name in slices if name in dataset.rows},
        }
    )


def day_numbers(event_at: pd.Series) -> np.ndarray:
    """Days since 1970 (UTC) of aware instants, int64: the blocks of every bootstrap."""
    naive = event_at.dt.tz_convert("UTC").dt.tz_localize(None)
    days: np.ndarray = naive.to_numpy(dtype="datetime64[D]").astype(np.int64)
    return days


def microseconds(event_at: pd.Series) -> np.ndarray:
    """Microseconds since 1970 of aware instants, int64."""
    naive = event_at.dt.tz_convert("UTC").dt.tz_localize(None)
    found: np.ndarray = naive.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return found
