"""Which items run out before they can be ordered again, and what that would cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.cleaning import folded
from solutions.retail_recommendation.customer_features import DAY
from solutions.retail_recommendation.returned import as_known

HALF_LIFE_D: Final = 28.0
LOOK_D: Final = 182.0
LEAD_TIME_D: Final = 14.0
"""Taken where stock does not say."""
WEEK_D: Final = 7.0


def stock_at_risk(
    rows: pd.DataFrame, stock: pd.DataFrame, cutoff: pd.Timestamp, lead_time_d: float = LEAD_TIME_D
) -> pd.DataFrame:
    """One row an item of the newest count before `cutoff`, the likeliest to run out first.

    rows: cleaned purchases; stock: canonical table, stores summed up. Returns on_hand, on_order,
    lead_time_d, rate_d (pieces a day), cover_d (days that on_hand lasts), chance_out (of running
    out within the lead time, which cannot be helped by a new order) and lost (pieces that would be
    asked for in vain until then, in the mean).
    """
    counts = newest_counts(stock, cutoff, lead_time_d)
    known = demand_rates(rows, stock, cutoff)
    counts["rate_d"] = known["rate_d"].reindex(counts.index).fillna(0.0)
    spread = known["spread"].reindex(counts.index).fillna(1.0)
    counts["cover_d"] = counts["on_hand"] / counts["rate_d"].where(counts["rate_d"] > 0)
    mean = (counts["rate_d"] * counts["lead_time_d"]).to_numpy()
    there = counts["on_hand"].clip(lower=0.0).to_numpy()
    counts["chance_out"], counts["lost"] = _shortage(mean, spread.to_numpy(), there)
    return counts.sort_values(["chance_out", "lost"], ascending=False, kind="stable")


def newest_counts(stock: pd.DataFrame, cutoff: pd.Timestamp, lead_time_d: float) -> pd.DataFrame:
    """The last count of each item and store before `cutoff`, summed over stores, by item_id."""
    key = ["item_id", *(["store_id"] if "store_id" in stock else [])]
    before = stock[stock["counted_at"] < cutoff].sort_values("counted_at", kind="stable")
    last = before.assign(item_id=folded(before["item_id"])).groupby(key, dropna=False).last()
    groups = last.reset_index().groupby("item_id")
    found = pd.DataFrame({"on_hand": groups["on_hand"].sum()})
    found["on_order"] = groups["on_order"].sum() if "on_order" in last else 0.0
    found["lead_time_d"] = groups["lead_time_d"].max() if "lead_time_d" in last else np.nan
    found["lead_time_d"] = found["lead_time_d"].fillna(lead_time_d)
    return found


def demand_rates(
    rows: pd.DataFrame, stock: pd.DataFrame | None, cutoff: pd.Timestamp
) -> pd.DataFrame:
    """Pieces a day of each item in the weeks before `cutoff`, the newer the more they count, and
    spread: variance by mean of its weeks (1 or more). By item_id in small letters.

    Weeks at whose begin an item was counted at 0 say nothing of what was wanted: they are left out.
    """
    weekly = _weekly(as_known(rows, cutoff), cutoff)
    there = ~_empty_weeks(stock, cutoff, weekly)
    weights = 0.5 ** (WEEK_D * (np.arange(weekly.shape[1]) + 0.5) / HALF_LIFE_D)
    counted = weights * there
    mean = (weekly.to_numpy() * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1e-9)
    apart = (weekly.to_numpy() - mean[:, None]) ** 2
    variance = (apart * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1e-9)
    spread = np.where(mean > 0, variance / np.maximum(mean, 1e-9), 1.0)
    return pd.DataFrame(
        {"rate_d": mean / WEEK_D, "spread": np.maximum(spread, 1.0)}, index=weekly.index
    )


def _weekly(rows: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Pieces of each item (rows) in each week back from `cutoff` (columns, 0 the newest)."""
    age = (cutoff - rows["event_at"]).dt.total_seconds() / 86_400
    near = (age > 0) & (age <= LOOK_D)
    kept = rows.loc[near, "quantity"] - rows.loc[near].get("returned", 0.0)
    week = np.floor(age[near] / WEEK_D).astype(int)
    sums = kept.groupby([folded(rows.loc[near, "item_id"]), week]).sum().unstack(fill_value=0.0)
    return pd.DataFrame(sums.reindex(columns=range(int(LOOK_D / WEEK_D)), fill_value=0.0))


def _empty_weeks(
    stock: pd.DataFrame | None, cutoff: pd.Timestamp, weekly: pd.DataFrame
) -> np.ndarray:
    """(items, weeks) whether an item was counted at 0 at some time in that week."""
    empty = np.zeros(weekly.shape, dtype=bool)
    if stock is None:
        return empty
    out = stock[(stock["on_hand"] <= 0) & (stock["counted_at"] < cutoff)]
    week = np.floor((cutoff - out["counted_at"]).dt.total_seconds() / 86_400 / WEEK_D).astype(int)
    place = weekly.index.get_indexer(pd.Index(folded(out["item_id"])))
    fits = ((place >= 0) & (week < weekly.shape[1])).to_numpy()
    empty[place[fits], week[fits]] = True
    return empty


def _shortage(
    mean: np.ndarray, spread: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Chance that more is wanted than is there, and how much more in the mean, of a demand with
    that mean and variance `spread` times it: negative binomial, Poisson at a spread of 1."""
    from scipy.stats import nbinom

    wide = np.maximum(spread, 1.0 + 1e-6)
    size = np.maximum(mean, 1e-12) / (wide - 1.0)
    chance = nbinom.sf(np.floor(there), size, 1 / wide)
    # E(D - s)+ = mean * P(D' >= s) - s * P(D > s), D' being one larger in size (Porteus 2002)
    beyond = mean * nbinom.sf(np.floor(there) - 1, size + 1, 1 / wide) - there * chance
    return np.where(mean > 0, chance, 0.0), np.maximum(np.where(mean > 0, beyond, 0.0), 0.0)


@dataclass(frozen=True)
class DemandJudged:
    """Mean absolute error of pieces in the days after a cutoff, over items that sold before it:
    of the rate, and naively of as many as in as many days before it."""

    rate: float
    naive: float
    items: int


def judge_demand(
    rows: pd.DataFrame, stock: pd.DataFrame | None, cutoff: pd.Timestamp, days: float = 14.0
) -> DemandJudged:
    """How far what is told at `cutoff` is from what was wanted in the `days` after it."""
    told = demand_rates(rows, stock, cutoff)["rate_d"] * days
    pieces = rows["quantity"] - rows.get("returned", 0.0)
    key = folded(rows["item_id"])
    before = (rows["event_at"] >= cutoff - days * DAY) & (rows["event_at"] < cutoff)
    after = (rows["event_at"] >= cutoff) & (rows["event_at"] < cutoff + days * DAY)
    truth = pieces[after].groupby(key[after]).sum().reindex(told.index).fillna(0.0)
    naive = pieces[before].groupby(key[before]).sum().reindex(told.index).fillna(0.0)
    return DemandJudged(
        float((told - truth).abs().mean()), float((naive - truth).abs().mean()), len(told)
    )


__all__ = ["DemandJudged", "demand_rates", "judge_demand", "newest_counts", "stock_at_risk"]
