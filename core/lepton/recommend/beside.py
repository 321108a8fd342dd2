"""Lists beside recommendations: similar items, items bought together, and what is due again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy import sparse

from lepton.recommend.aspects import days_since, usual_gap
from lepton.recommend.families.ease_own import EdgeModel
from lepton.recommend.interactions import DAY_S, InteractionDataset
from lepton.recommend.ranking import top

FDR: Final = 0.05
FEWEST_TOGETHER: Final = 5


def similar_items(
    model: EdgeModel, item: int, k: int = 10, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and scores of the items that the model finds nearest to `item`, both ways added;
    allowed: (items,) such as those of its category that are on hand, to stand in for it."""
    told = (model.similar[item] + model.similar[:, item]).astype(np.float32)
    told[item] = -np.inf
    if allowed is not None:
        told = np.where(allowed, told, -np.inf)
    found = top(told[None, :], k)[0]
    found = found[found >= 0]
    return found, told[found]


def bought_together(known: InteractionDataset, *, fewest: int = FEWEST_TOGETHER) -> pd.DataFrame:
    """One row a pair of items that share more orders than by chance: item_id, with_item_id,
    orders (that hold both), support (share of all orders), lift, p (chi-square with one degree of
    freedom, as Fisher's test is for so many orders), kept by Benjamini & Hochberg 1995 at `FDR`
    over all pairs that could have met; highest lift first."""
    from scipy.stats import chi2

    n_orders = int(known.order.max(initial=-1)) + 1
    n_items = len(known.items)
    baskets = sparse.coo_matrix(
        (np.ones(len(known)), (known.order, known.item)), shape=(n_orders, n_items)
    ).tocsr()
    baskets.data[:] = 1.0
    both = sparse.triu(baskets.T @ baskets, k=1).tocoo()
    kept = both.data >= fewest
    left, right, orders = both.row[kept], both.col[kept], both.data[kept]
    n = np.asarray(baskets.sum(axis=0)).ravel()
    expected = n[left] * n[right] / max(n_orders, 1)
    statistic = _chi_square(orders, n[left], n[right], n_orders)
    p = np.where(orders > expected, chi2.sf(statistic, 1), 1.0)
    chosen = discoveries(p, n_items * (n_items - 1) // 2)
    frame = pd.DataFrame(
        {
            "item_id": known.items[left],
            "with_item_id": known.items[right],
            "orders": orders.astype(np.int64),
            "support": orders / max(n_orders, 1),
            "lift": orders / np.maximum(expected, 1e-12),
            "p": p,
        }
    )[chosen]
    by = ["lift", "item_id", "with_item_id"]
    return frame.sort_values(by, ascending=[False, True, True], ignore_index=True)


def discoveries(p: np.ndarray, n_tests: int, rate: float = FDR) -> np.ndarray:
    """Which of `p` are found at a false discovery rate of `rate` among `n_tests` tests, those that
    are not in `p` having p = 1."""
    by = np.argsort(p, kind="stable")
    limit = rate * np.arange(1, len(p) + 1) / max(n_tests, 1)
    below = np.flatnonzero(p[by] <= limit)
    found = np.zeros(len(p), dtype=bool)
    if len(below):
        found[by[: below[-1] + 1]] = True
    return found


def _chi_square(both: np.ndarray, left: np.ndarray, right: np.ndarray, n: int) -> np.ndarray:
    """Pearson's statistic of a table of two by two."""
    a, b, c = both, left - both, right - both
    d = n - a - b - c
    under = np.maximum((a + b) * (c + d) * (a + c) * (b + d), 1e-12)
    return np.asarray(n * (a * d - b * c) ** 2 / under)


def due_items(
    known: InteractionDataset,
    days: float,
    customers: Sequence[str] | None = None,
    *,
    fewest_orders: int = 2,
) -> pd.DataFrame:
    """One row a customer and an item that they took in several orders: customer_id, item_id,
    due_at, probability (that it is taken within `days`), orders; the likeliest first.

    The gap is the customer's own, drawn to the item's and to that of all items. Whoever is late by
    more than that is likelier gone: chances are those of taking it within `days`, counted on all
    pairs of the past that were as late, see `due_probability`.
    """
    pairs = known.pairs
    kept = pairs.n_orders >= fewest_orders
    if customers is not None:
        kept &= np.isin(pairs.customer, known.positions(np.asarray(customers)))
    gap, since = usual_gap(known), days_since(known)
    chance = due_probability(known, days)
    due_s = pairs.last_s + (gap * DAY_S).astype(np.int64)
    frame = pd.DataFrame(
        {
            "customer_id": known.customers[pairs.customer],
            "item_id": known.items[pairs.item],
            "due_at": pd.to_datetime(due_s, unit="s", utc=True),
            "days_since": since,
            "probability": chance,
            "orders": pairs.n_orders,
        }
    )[kept]
    by = ["probability", "customer_id", "item_id"]
    return frame.sort_values(by, ascending=[False, True, True], ignore_index=True)


def due_probability(known: InteractionDataset, days: float) -> np.ndarray:
    """Chance of each pair to be taken within `days`, (pairs,): a logistic regression on how late it
    is, how often and in which share of orders it was taken and how active the customer is, learnt
    from what the last windows of `days` did; the share of pairs taken where there is no past."""
    from sklearn.linear_model import LogisticRegression

    lessons = []
    for number in (1, 2, 3):
        cutoff_s = known.as_of_s - round(number * days * DAY_S)
        past = known.before(cutoff_s)
        if len(past) and (cutoff_s - int(past.at_s.min())) / DAY_S >= days:
            lessons.append((_due_aspects(past), _taken_after(known, past, cutoff_s, days)))
    asked = _due_aspects(known)
    if not lessons:
        return np.full(len(asked), 0.5)
    X = np.vstack([one for one, _ in lessons])
    y = np.concatenate([one for _, one in lessons])
    if not 0 < y.sum() < len(y):
        return np.full(len(asked), float(y.mean()))
    mean, spread = X.mean(axis=0), np.maximum(X.std(axis=0), 1e-9)
    model = LogisticRegression(max_iter=500).fit((X - mean) / spread, y)
    return np.asarray(model.predict_proba((asked - mean) / spread)[:, 1])


def _due_aspects(known: InteractionDataset) -> np.ndarray:
    pairs = known.pairs
    gap, since = usual_gap(known), days_since(known)
    n_orders = known.n_orders[pairs.customer]
    last = np.zeros(len(known.customers), dtype=np.int64)
    np.maximum.at(last, known.customer, known.at_s)
    quiet = (known.as_of_s - last[pairs.customer]) / DAY_S
    late = np.log((since + 1) / gap)
    return np.column_stack(
        [
            late,
            late**2,
            np.log(gap),
            np.log1p(since),
            np.log1p(quiet),
            np.log1p(pairs.n_orders),
            np.log1p(n_orders),
            pairs.n_orders / np.maximum(n_orders, 1),
        ]
    )


def _taken_after(
    known: InteractionDataset, past: InteractionDataset, cutoff_s: int, days: float
) -> np.ndarray:
    after = known.between(cutoff_s, cutoff_s + round(days * DAY_S))
    customer = past.positions(known.customers)[after.customer]
    item = past.item_positions(known.items)[after.item]
    n = len(past.items)
    seen = np.unique((customer * n + item)[(customer >= 0) & (item >= 0)])
    return np.isin(past.pairs.customer * n + past.pairs.item, seen)


__all__ = [
    "FDR",
    "bought_together",
    "discoveries",
    "due_items",
    "due_probability",
    "similar_items",
]
