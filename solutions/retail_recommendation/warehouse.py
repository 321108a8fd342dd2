"""The simulated stock: filled up to one level where it falls below another, with a lead time."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.shelf import DAYS, START, Shelf

COUNTED_WEEKS: Final = 26
"""How far back counts go."""
COUNT_HOUR: Final = 5
TARGET_WEEKS, REORDER_WEEKS = 7.0, 3.0


def stock_of(
    rng: np.random.Generator, goods: Shelf, day: np.ndarray, item: np.ndarray, sold: np.ndarray
) -> pd.DataFrame:
    """Counts of the last half year, one a week before the shop opens.

    day, item, sold: of each line. An item is at 0 in the weeks in which it cannot be had, and never
    at 0 in others: what would be sold too much came in the meantime.
    """
    weeks, n = len(goods.out), len(goods)
    left = np.zeros((weeks, n))
    np.add.at(left, (day // 7, item), sold)
    usual = left.mean(axis=0)
    lead_weeks = rng.integers(1, 5, n)
    on_hand, on_order = _weeks(left, usual, lead_weeks, goods.out)
    first = weeks - COUNTED_WEEKS
    start = 7.0 * np.arange(weeks)[:, None]
    ended = np.where(np.isnan(goods.ended), np.inf, goods.ended)
    there = (start >= goods.launched) & (start < ended) & (start < DAYS)
    there[:first] = False
    week, place = np.nonzero(there)
    at = START + pd.to_timedelta(7 * week, unit="D") + pd.Timedelta(hours=COUNT_HOUR)
    return pd.DataFrame(
        {
            "item_id": pd.Series(goods.item_id[place], dtype="str"),
            "counted_at": at.as_unit("us"),
            "on_hand": on_hand[week, place],
            "on_order": on_order[week, place],
            "lead_time_d": 7.0 * lead_weeks[place],
            "safety_stock": np.ceil(usual)[place],
        }
    )


def _weeks(
    sold: np.ndarray, usual: np.ndarray, lead: np.ndarray, out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(weeks, items) pieces there, and under way, at the begin of each week."""
    target, low = np.ceil(TARGET_WEEKS * usual + 5), np.ceil(REORDER_WEEKS * usual + 2)
    there, coming = target.copy(), np.zeros_like(target)
    arrives = np.full(len(target), -1)
    on_hand, on_order = np.zeros_like(sold), np.zeros_like(sold)
    for week in range(len(sold)):
        there = np.where(arrives == week, there + coming, there)
        coming = np.where(arrives == week, 0.0, coming)
        orders = (there < low) & (coming == 0)
        coming = np.where(orders, target - there, coming)
        arrives = np.where(orders, week + lead, arrives)
        on_hand[week] = np.where(out[week], 0.0, np.maximum(there, 1.0))
        on_order[week] = coming
        left = there - sold[week]
        there = np.where(out[week], there, np.where(left < 0, np.ceil(usual), left))
    return on_hand, on_order


__all__ = ["stock_of"]
