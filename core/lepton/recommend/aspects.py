"""What a re-ranker looks at: of the pair, the item and the customer, all from what is known."""

from __future__ import annotations

from typing import Final

import numpy as np

from lepton.recommend.families.own_history import order_decay
from lepton.recommend.interactions import DAY_S, InteractionDataset
from lepton.recommend.retrieved import Retrieved

NEVER_DAYS: Final = 999.0
"""Days since what never happened."""
GAP_PRIOR: Final = 2.0
"""Gaps between orders that an item's usual gap counts as, beside a customer's own."""


def aspects(
    known: InteractionDataset, customers: np.ndarray, retrieved: Retrieved
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(candidates, aspects) float32 and their names."""
    columns: dict[str, np.ndarray] = {}
    columns |= of_scores(retrieved)
    columns |= of_pairs(known, customers, retrieved)
    columns |= {n: v[retrieved.item] for n, v in of_items(known).items()}
    columns |= {n: v[customers[retrieved.row]] for n, v in of_customers(known).items()}
    columns["price_ratio"] = columns["item_price"] / np.maximum(columns["customer_price"], 0.01)
    return np.column_stack(list(columns.values())).astype(np.float32), tuple(columns)


def of_scores(retrieved: Retrieved) -> dict[str, np.ndarray]:
    """Score and rank of each retriever, the rank as log2(1 + place)."""
    found = {}
    at = (retrieved.row, retrieved.item)
    for name, scores in retrieved.scores.items():
        found[f"{name}_score"] = scores[at]
        place = np.empty(scores.shape, dtype=np.int32)
        by = np.argsort(-scores, axis=1, kind="stable")
        np.put_along_axis(place, by, np.arange(scores.shape[1], dtype=np.int32)[None, :], axis=1)
        found[f"{name}_rank"] = np.log2(2.0 + place[at])
    return found


def of_pairs(
    known: InteractionDataset, customers: np.ndarray, retrieved: Retrieved
) -> dict[str, np.ndarray]:
    """How often, when last, in which share of orders, how much, and whether it is due again."""
    pairs = known.pairs
    key = customers[retrieved.row] * pairs.shape[1] + retrieved.item
    keys = pairs.customer * pairs.shape[1] + pairs.item
    at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    had = keys[at] == key

    def told(values: np.ndarray, absent: float) -> np.ndarray:
        return np.where(had, values[at], absent)

    since, gap = days_since(known), usual_gap(known)
    n_orders = known.n_orders[pairs.customer]
    decays = {
        f"own_{days}": told(
            np.bincount(pairs.of_row, order_decay(known, days), minlength=len(keys)), 0.0
        )
        for days in (14, 45, 180)
    }
    return {
        "pair_orders": told(pairs.n_orders, 0),
        "pair_share": told(pairs.n_orders / n_orders, 0),
        "pair_rows": told(pairs.n_rows, 0),
        "pair_since": told(since, NEVER_DAYS),
        "pair_first": told((known.as_of_s - pairs.first_s) / DAY_S, NEVER_DAYS),
        "pair_quantity": np.log1p(told(pairs.quantity, 0)),
        "pair_gap": told(gap, NEVER_DAYS),
        "pair_due": told(since / gap, -1.0),
        "pair_orders_since": told(orders_since(known), NEVER_DAYS),
        **decays,
    }


def days_since(known: InteractionDataset) -> np.ndarray:
    """Days since each pair's last interaction, (pairs,)."""
    return np.asarray((known.as_of_s - known.pairs.last_s) / DAY_S)


def usual_gap(known: InteractionDataset) -> np.ndarray:
    """Days between a customer's orders of an item, drawn to the item's, and that to all items';
    (pairs,), at least a day."""
    pairs = known.pairs
    gaps = (pairs.n_orders - 1).astype(np.float64)
    days = np.where(gaps > 0, (pairs.last_s - pairs.first_s) / DAY_S, 0.0)
    n_items = pairs.shape[1]
    by_item, n_by_item = (np.bincount(pairs.item, v, minlength=n_items) for v in (days, gaps))
    typical = days.sum() / max(gaps.sum(), 1.0)
    of_item = (by_item + 10 * typical) / (n_by_item + 10)
    found = (days + GAP_PRIOR * of_item[pairs.item]) / (gaps + GAP_PRIOR)
    return np.asarray(np.maximum(found, 1.0))


def orders_since(known: InteractionDataset) -> np.ndarray:
    """Orders that the customer placed since the pair's last one, (pairs,)."""
    _, first = np.unique(known.order, return_index=True)
    customer, at_s = known.customer[first], known.at_s[first]
    by = np.lexsort((at_s, customer))
    keys = customer[by] * (1 << 36) + at_s[by]
    pairs = known.pairs
    later = np.searchsorted(keys, pairs.customer * (1 << 36) + pairs.last_s, side="right")
    ends = np.searchsorted(keys, (pairs.customer + 1) * (1 << 36))
    return np.asarray(ends - later)


def of_items(known: InteractionDataset) -> dict[str, np.ndarray]:
    """Demand of late, its trend, age, how often it is taken again, and price; (items,) each."""
    pairs, n_items = known.pairs, len(known.items)
    week, month, quarter = (known.popularity(days) for days in (7.0, 28.0, 90.0))
    ever = np.bincount(pairs.item, minlength=n_items)
    again = np.bincount(pairs.item, pairs.n_orders > 1, minlength=n_items)
    first = np.full(n_items, known.as_of_s)
    last = np.zeros(n_items, dtype=np.int64)
    np.minimum.at(first, known.item, known.at_s)
    np.maximum.at(last, known.item, known.at_s)
    quantity = np.bincount(known.item, np.log1p(known.quantity), minlength=n_items)
    rows = np.maximum(np.bincount(known.item, minlength=n_items), 1)
    return {
        "item_7": week,
        "item_28": month,
        "item_90": quarter,
        "item_trend_7": (4 * week + 2) / (month + 2),
        "item_trend_28": (3 * month + 5) / (quarter + 5),
        "item_ever": ever,
        "item_again": again / np.maximum(ever, 1),
        "item_age": (known.as_of_s - first) / DAY_S,
        "item_since": (known.as_of_s - last) / DAY_S,
        "item_price": median_by(known.item, known.price, n_items),
        "item_quantity": quantity / rows,
    }


def of_customers(known: InteractionDataset) -> dict[str, np.ndarray]:
    """How active, since when, how broad, and at what price; (customers,) each."""
    pairs, n = known.pairs, len(known.customers)
    first, last = np.full(n, known.as_of_s), np.zeros(n, dtype=np.int64)
    np.minimum.at(first, known.customer, known.at_s)
    np.maximum.at(last, known.customer, known.at_s)
    orders = np.maximum(known.n_orders, 1)
    rows, items = (np.bincount(one, minlength=n) for one in (known.customer, pairs.customer))
    return {
        "customer_orders": orders,
        "customer_items": items,
        "customer_since": (known.as_of_s - last) / DAY_S,
        "customer_tenure": (known.as_of_s - first) / DAY_S,
        "customer_basket": rows / orders,
        "customer_again": 1 - items / np.maximum(rows, 1),
        "customer_price": median_by(known.customer, known.price, n),
    }


def median_by(group: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Lower median of `values` in each of `n` groups, 0 for an empty one."""
    by = np.lexsort((values, group))
    start = np.searchsorted(group[by], np.arange(n + 1))
    size = np.diff(start)
    middle = np.minimum(start[:-1] + np.maximum(size - 1, 0) // 2, max(len(by) - 1, 0))
    return np.where(size > 0, values[by][middle], 0.0)


__all__ = [
    "aspects",
    "days_since",
    "median_by",
    "of_customers",
    "of_items",
    "of_pairs",
    "of_scores",
    "orders_since",
    "usual_gap",
]
