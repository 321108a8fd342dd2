"""What scored rows say of their entity's past: how long it is known, when its trouble began."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset

KNOWN_DAYS: Final = "entity_known_days"
"""Days since the entity's first row in the data; NaN where rows name no entity."""
TROUBLE_DAYS: Final = "entity_trouble_days"
"""Days since the entity's first positive row, 0 on that row; NaN before it and without one."""


def with_history(scored: pd.DataFrame, dataset: TabularDataset) -> pd.DataFrame:
    """`scored` with `KNOWN_DAYS` and `TROUBLE_DAYS`, from all rows of `dataset`.

    For telling results apart only: a positive counts from the moment it happened, not from when
    it was known.
    """
    if roles.ENTITY not in scored or not dataset.has(roles.ENTITY):
        return scored.assign(**{KNOWN_DAYS: np.nan, TROUBLE_DAYS: np.nan})
    entity, event = dataset.role(roles.ENTITY), dataset.role(roles.EVENT_AT)
    positive = dataset.y == 1
    first = event.groupby(entity.to_numpy()).min()
    trouble = event[positive].groupby(entity[positive].to_numpy()).min()
    return scored.assign(
        **{KNOWN_DAYS: _since(scored, first), TROUBLE_DAYS: _since(scored, trouble)}
    )


def _since(scored: pd.DataFrame, begin: pd.Series) -> np.ndarray:
    """Days from each row's entity's `begin`; NaN where that lies ahead or is not known."""
    if begin.empty:
        return np.full(len(scored), np.nan)
    place = begin.index.get_indexer(pd.Index(scored[roles.ENTITY]))
    started = begin.array.take(place, allow_fill=True)
    days = (scored["event_at"].array - started).total_seconds() / 86_400
    return np.where(days >= 0, days, np.nan)


__all__ = ["KNOWN_DAYS", "TROUBLE_DAYS", "with_history"]
