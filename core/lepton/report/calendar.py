"""Rows, known outcomes and positives day by day, and the days that stand out."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset

WEEKS_BACK: Final = 8
LEAST: Final = 0.6
MOST: Final = 1.6
"""A day's rows against the median of the same weekday in `WEEKS_BACK` weeks before it: outside,
the export is broken more often than the business (specs: -40 / +60 %)."""
_DAY: Final = pd.Timedelta(days=1)


def daily(dataset: TabularDataset) -> tuple[pd.DataFrame, float | None]:
    """One row a day (UTC, none left out) and the days until 95 % of the labels were known.

    Columns: day, rows, known (outcome known), positives, matured (a label delay lies between the
    day and the newest row), usual (rows of the same weekday before, median), odd.
    """
    event = dataset.role(roles.EVENT_AT).dt.tz_convert("UTC").dt.tz_localize(None)
    y, delay = dataset.y, _delay_days(dataset)
    frame = pd.DataFrame(
        {"day": event.dt.floor("D"), "rows": 1, "known": np.isfinite(y), "positives": y == 1}
    )
    found = frame.groupby("day").sum()
    found = found.reindex(pd.date_range(found.index.min(), found.index.max()), fill_value=0)
    if delay is None:
        found["matured"] = found["known"] > 0
    else:
        found["matured"] = found.index <= event.max() - _DAY - pd.Timedelta(days=delay)
    found["usual"] = _usual(found["rows"])
    ratio = found["rows"] / found["usual"]
    found["odd"] = (ratio < LEAST) | (ratio > MOST)
    return found.rename_axis("day").reset_index(), delay


def _delay_days(dataset: TabularDataset) -> float | None:
    if not dataset.has(roles.LABEL_AT):
        return None
    waited = (dataset.role(roles.LABEL_AT) - dataset.role(roles.EVENT_AT)).dropna()
    return float(np.quantile(waited.dt.total_seconds(), 0.95)) / 86_400 if len(waited) else None


def _usual(rows: pd.Series) -> pd.Series:
    """Median of the same weekday in the weeks before; NaN with fewer than two of them."""
    past = pd.concat([rows.shift(7 * week) for week in range(1, WEEKS_BACK + 1)], axis=1)
    return past.median(axis=1).where(past.notna().sum(axis=1) >= 2)


__all__ = ["LEAST", "MOST", "WEEKS_BACK", "daily"]
