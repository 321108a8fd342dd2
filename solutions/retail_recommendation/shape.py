"""Numbers that tell one shop's data from another's: how customers, baskets and items are spread."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

DAY: Final = pd.Timedelta(days=1)
NEWEST_D: Final = 28


def statistics(rows: pd.DataFrame) -> dict[str, float]:
    """Numbers of cleaned rows (customer_id, item_id, event_at, order_id, quantity, price), of what
    holds for a shop of any size: shares are in 0..1, gaps in days."""
    return {**_customers(rows), **_baskets(rows), **_items(rows), **_along_time(rows)}


def _customers(rows: pd.DataFrame) -> dict[str, float]:
    orders = rows.groupby("customer_id")["order_id"].nunique()
    spent = (rows["quantity"] * rows["price"]).groupby(rows["customer_id"]).sum()
    best = spent.nlargest(max(len(spent) // 5, 1)).sum() / spent.sum()
    days = rows[["customer_id"]].assign(day=rows["event_at"].dt.floor("D")).drop_duplicates()
    days = days.sort_values(["customer_id", "day"])
    gap = days.groupby("customer_id")["day"].diff().dt.days.dropna()
    return {
        "one_order": float((orders == 1).mean()),
        "orders_p50": float(orders.quantile(0.5)),
        "orders_p90": float(orders.quantile(0.9)),
        "best_fifth_revenue": float(best),
        **{f"gap_p{p}": float(gap.quantile(p / 100)) for p in (10, 50, 90)},
    }


def _baskets(rows: pd.DataFrame) -> dict[str, float]:
    lines = rows.groupby("order_id")["item_id"].nunique()
    value = (rows["quantity"] * rows["price"]).groupby(rows["order_id"]).sum()
    return {
        **{f"lines_p{p}": float(lines.quantile(p / 100)) for p in (10, 50, 90, 99)},
        "value_p50": float(value.median()),
        "value_p90_to_p50": float(value.quantile(0.9) / value.median()),
    }


def _items(rows: pd.DataFrame) -> dict[str, float]:
    """How unevenly items are taken, by customers who had them; log-log slope over ranks."""
    pairs = rows[["customer_id", "item_id"]].drop_duplicates()
    counts = np.sort(pairs["item_id"].value_counts().to_numpy())
    n = len(counts)
    gini = float((2 * np.arange(1, n + 1) - n - 1) @ counts / (n * counts.sum()))
    falling = counts[::-1]
    near = slice(min(10, n // 4), max(n // 3, n // 4 + 2))
    slope = np.polyfit(np.log(np.arange(1, n + 1)[near]), np.log(falling[near]), 1)[0]
    last = rows.groupby("item_id")["event_at"].max()
    first = rows.groupby("item_id")["event_at"].min()
    end = rows["event_at"].max()
    late = first > rows["event_at"].min() + 0.5 * (end - rows["event_at"].min())
    months = 0.5 * (end - rows["event_at"].min()) / (30 * DAY)
    return {
        "gini": gini,
        "top_fifth_pairs": float(falling[: n // 5].sum() / counts.sum()),
        "slope": float(slope),
        "dead": float((last < end - NEWEST_D * DAY).mean()),
        "new_a_month": float(late.mean() / months),
    }


def _along_time(rows: pd.DataFrame) -> dict[str, float]:
    again = repeats(rows)
    newest = rows["event_at"] > rows["event_at"].max() - NEWEST_D * DAY
    known = set(rows.loc[~newest, "customer_id"])
    tested = newest & rows["customer_id"].isin(known)
    month = rows["event_at"].dt.strftime("%Y-%m").value_counts().sort_index()
    whole = month.iloc[1:] if month.iloc[-1] > month.iloc[-2] * 0.7 else month.iloc[1:-1]
    weekday = rows["event_at"].dt.day_of_week.value_counts()
    return {
        "repeats": float(again.mean()),
        "repeats_newest": float(again[tested].mean()),
        "peak_month": float(whole.max() / whole.mean()),
        "closed_weekdays": float(7 - (weekday > 0.01 * weekday.max()).sum()),
    }


def repeats(rows: pd.DataFrame) -> pd.Series:
    """Whether the customer had taken the item in an earlier order; in the order of `rows`."""
    first = rows.groupby(["customer_id", "item_id"])["event_at"].transform("min")
    return pd.Series(rows["event_at"] > first)


__all__ = ["NEWEST_D", "repeats", "statistics"]
