"""What is known of each customer at an instant: recency, frequency, money, and how they change.

All of it is computed from rows before the cutoff alone, by one function for training and serving.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.returned import as_known

DAY: Final = pd.Timedelta(days=1)
SPANS_D: Final = (30, 60, 90, 180)
FEATURES: Final = (
    "recency_d", "tenure_d", "n_orders", "n_days", "gap_mean_d", "gap_sd_d", "gap_last_d",
    "late", "spent", "spent_mean", "spent_last", "spent_90d", "spent_180d", "orders_30d",
    "orders_60d", "orders_90d", "orders_180d", "orders_trend", "spent_trend", "n_items",
    "lines_mean", "repeat_share", "pieces_mean", "price_mean", "returned_share", "rank_spent",
)  # fmt: skip
"""Names of the features, in order."""


def customer_features(rows: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """One row a customer who bought before `cutoff`, indexed by customer_id, columns FEATURES.

    rows: cleaned purchases (customer_id, item_id, event_at, order_id, quantity, price, returned).
    Days are days, money is what was kept and paid; missing gaps of a single order are NaN.
    """
    known = as_known(rows, cutoff)
    # sums of the same numbers in another order differ in the last digit, and ranks with them
    known = known.sort_values(["customer_id", "event_at", "order_id", "item_id", "quantity"])
    lines = known.assign(money=money(known))
    orders = _orders(lines)
    groups = orders.groupby("customer_id")
    made = pd.DataFrame(
        {
            "recency_d": _days(cutoff - groups["at"].max()),
            "tenure_d": _days(cutoff - groups["at"].min()),
            "n_orders": groups.size().astype(float),
            "n_days": groups["day"].nunique().astype(float),
            "spent": groups["money"].sum(),
            "spent_mean": groups["money"].mean(),
            "spent_last": groups["money"].last(),
            "lines_mean": groups["n_lines"].mean(),
        }
    )
    made = made.join(_gaps(orders)).join(_of_lines(lines)).join(_recent(orders, cutoff))
    made = made.fillna({name: 0.0 for name in made if str(name).endswith("0d")})
    made["late"] = made["recency_d"] / made["gap_mean_d"]
    past = np.maximum(made["tenure_d"], 30.0)
    made["orders_trend"] = made["orders_90d"] / np.minimum(past, 90.0) - made["n_orders"] / past
    made["spent_trend"] = made["spent_90d"] / np.minimum(past, 90.0) - made["spent"] / past
    made["rank_spent"] = made["spent"].rank(pct=True)
    return made[list(FEATURES)].sort_index()


def money(rows: pd.DataFrame) -> pd.Series:
    """What each line brought in, without what came back; pieces where there is no price."""
    kept = rows["quantity"] - rows.get("returned", 0.0)
    return pd.Series(kept * rows["price"] if "price" in rows else kept)


def _days(lasting: pd.Series) -> pd.Series:
    return pd.Series(lasting.dt.total_seconds() / 86_400)


def _orders(lines: pd.DataFrame) -> pd.DataFrame:
    """One row an order, by customer and time: at, day, money, n_lines."""
    found = lines.groupby(["customer_id", "order_id"], sort=False).agg(
        at=("event_at", "min"), money=("money", "sum"), n_lines=("item_id", "size")
    )
    found = found.reset_index().sort_values(["customer_id", "at"], kind="stable")
    return found.assign(day=found["at"].dt.floor("D"))


def _gaps(orders: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and last of the days between a customer's days with an order."""
    days = orders.drop_duplicates(["customer_id", "day"])
    gap = days["day"].groupby(days["customer_id"]).diff().dt.days
    found = gap.groupby(days["customer_id"]).agg(["mean", "std", "last"])
    return pd.DataFrame(found.set_axis(["gap_mean_d", "gap_sd_d", "gap_last_d"], axis=1))


def _of_lines(lines: pd.DataFrame) -> pd.DataFrame:
    groups = lines.groupby("customer_id")
    first = lines.groupby(["customer_id", "item_id"])["event_at"].transform("min")
    again = (lines["event_at"] > first).groupby(lines["customer_id"]).mean()
    back = lines.get("returned", pd.Series(0.0, index=lines.index))
    pieces = groups["quantity"].sum()
    return pd.DataFrame(
        {
            "n_items": groups["item_id"].nunique().astype(float),
            "repeat_share": again,
            "pieces_mean": groups["quantity"].mean(),
            "price_mean": groups["money"].sum() / pieces,
            "returned_share": back.groupby(lines["customer_id"]).sum() / pieces,
        }
    )


def _recent(orders: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    found = {}
    for span in SPANS_D:
        near = orders[orders["at"] >= cutoff - span * DAY].groupby("customer_id")
        found[f"orders_{span}d"] = near.size().astype(float)
        found[f"spent_{span}d"] = near["money"].sum()
    return pd.DataFrame(found)


def outcomes(
    rows: pd.DataFrame, customers: pd.Index, cutoff: pd.Timestamp, days: float
) -> pd.DataFrame:
    """What the customers did in the `days` from `cutoff` on: stays (0/1: ordered), spent, one row
    each, in their order."""
    after = rows[(rows["event_at"] >= cutoff) & (rows["event_at"] < cutoff + days * DAY)]
    spent = money(after).groupby(after["customer_id"]).sum().reindex(customers)
    return pd.DataFrame({"stays": spent.notna().astype(float), "spent": spent.fillna(0.0)})


__all__ = ["FEATURES", "customer_features", "money", "outcomes"]
