"""Customers by recency, frequency and money (Hughes 1994), and how they move between segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.customer_features import DAY, money
from solutions.retail_recommendation.returned import as_known

FIFTHS: Final = 5
SEGMENTS: Final = ("best", "loyal", "new", "promising", "at risk", "fading", "lost")
"""From those who come often and came lately to those who came once, long ago."""
GONE: Final = "not yet there"


def rfm(rows: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """One row a customer who bought before `cutoff`: recency_d, orders, spent, their fifths r, f, m
    (1 worst, 5 best; equal values in one fifth) and segment.

    rows: cleaned purchases, of which those from `cutoff` on are not looked at.
    """
    known = as_known(rows, cutoff)
    groups = known.assign(money=money(known)).groupby("customer_id")
    found = pd.DataFrame(
        {
            "recency_d": (cutoff - groups["event_at"].max()).dt.total_seconds() / 86_400,
            "orders": groups["order_id"].nunique(),
            "spent": groups["money"].sum(),
        }
    )
    found["r"] = _fifth(-found["recency_d"])
    found["f"] = _fifth(found["orders"])
    found["m"] = _fifth(found["spent"])
    found["segment"] = _segment(found)
    return found


def _fifth(values: pd.Series) -> pd.Series:
    """1 to 5 by rank; equal values share the mean of their ranks, and so one fifth."""
    share = values.rank(method="average", pct=True)
    return pd.Series(np.ceil(share * FIFTHS).clip(1, FIFTHS).astype(int))


def _segment(found: pd.DataFrame) -> pd.Series:
    r, f, once = found["r"], found["f"], found["orders"] == 1
    chosen = np.select(
        [
            (r >= 4) & (f >= 5),
            (r >= 3) & (f >= 4),
            (r >= 4) & once,
            r >= 3,
            (r <= 2) & (f >= 4),
            (r == 2) | ~once,
        ],
        ["best", "loyal", "new", "promising", "at risk", "fading"],
        "lost",
    )
    return pd.Series(chosen, index=found.index, dtype="str")


def grid(found: pd.DataFrame) -> pd.DataFrame:
    """Customers by fifth of recency (rows, best first) and of frequency (columns)."""
    counts = found.groupby(["r", "f"]).size().unstack(fill_value=0)
    fifths = range(1, FIFTHS + 1)
    return counts.reindex(index=fifths[::-1], columns=fifths, fill_value=0)


def movement(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Customers by segment before (rows, those who are new under GONE) and after (columns)."""
    was = before["segment"].reindex(after.index).fillna(GONE)
    counts = pd.crosstab(was.to_numpy(), after["segment"].to_numpy())
    rows, columns = (*SEGMENTS, GONE), SEGMENTS
    return counts.reindex(index=list(rows), columns=list(columns), fill_value=0)


@dataclass(frozen=True)
class MovementJudged:
    """Share of customers whose segment at the next cutoff is told right: by where most of their
    segment moved the time before (moves), and by staying where they are (naive)."""

    moves: float
    naive: float
    customers: int


def judge_movement(rows: pd.DataFrame, cutoff: pd.Timestamp, days: float = 90.0) -> MovementJudged:
    """What the movement up to `cutoff` tells of that in the `days` after it."""
    earlier, now, later = (rfm(rows, cutoff + step * days * DAY) for step in (-1, 0, 1))
    usual = movement(earlier, now).drop(index=GONE)
    moved = usual.idxmax(axis=1).where(usual.sum(axis=1) > 0, usual.index.to_series())
    segment, truth = now["segment"], later["segment"].reindex(now.index)
    return MovementJudged(
        float((segment.map(moved) == truth).mean()), float((segment == truth).mean()), len(now)
    )


__all__ = ["GONE", "SEGMENTS", "MovementJudged", "grid", "judge_movement", "movement", "rfm"]
