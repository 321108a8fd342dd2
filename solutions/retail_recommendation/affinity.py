"""Which items are bought together more often than chance would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

LEAST_ORDERS: Final = 5
FALSE_SHARE: Final = 0.01
"""Share of the pairs told that may be there by chance."""


def pairs_bought_together(
    rows: pd.DataFrame, least_orders: int = LEAST_ORDERS, false_share: float = FALSE_SHARE
) -> pd.DataFrame:
    """Pairs of items (item_id < partner_id) that are in `least_orders` orders or more together, and
    more often than by chance, of which at most `false_share` are false (one-sided test, Benjamini &
    Hochberg 1995).

    rows: order_id, item_id; guests' baskets are as good. Returns orders (with both), support (their
    share of all orders), confidence (of the partner, given the item), back (of the item, given the
    partner), lift (by how much more often than by chance), lift_low (the same at the lower end of a
    95 % interval of `orders`) and p, the strongest lift_low first.
    """
    items, n_orders, counts, first, second, both = _counts(rows, least_orders)
    expected = counts[first] * counts[second] / max(n_orders, 1)
    # pairs that are not more frequent than by chance would fail the test as well
    more = _least(both) > expected
    first, second, both, expected = first[more], second[more], both[more], expected[more]
    a, b = counts[first], counts[second]
    p = _by_chance(both, expected)
    found = pd.DataFrame(
        {
            "item_id": pd.Series(items[first], dtype="str"),
            "partner_id": pd.Series(items[second], dtype="str"),
            "orders": both,
            "support": both / max(n_orders, 1),
            "confidence": both / a,
            "back": both / b,
            "lift": both / expected,
            "lift_low": _least(both) / expected,
            "p": p,
        }
    )
    kept = found[_not_by_chance(p, len(items), false_share)]
    order = ["lift_low", "item_id", "partner_id"]
    return kept.sort_values(order, ascending=[False, True, True], ignore_index=True)


def _counts(
    rows: pd.DataFrame, least: int
) -> tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Items, orders, orders of each item; first, second and orders of each pair that has enough."""
    from scipy import sparse

    lines = rows[["order_id", "item_id"]].drop_duplicates()
    order = pd.factorize(lines["order_id"])[0]
    item, items = pd.factorize(lines["item_id"], sort=True)
    n_orders = int(order.max(initial=-1)) + 1
    told = sparse.csr_matrix(
        (np.ones(len(lines), dtype=np.int64), (order, item)), shape=(n_orders, len(items))
    )
    counts = np.asarray(told.sum(axis=0)).ravel()
    together = sparse.triu(told.T @ told, k=1).tocoo()
    enough = together.data >= least
    names = np.asarray(items, dtype=object)
    return (
        names,
        n_orders,
        counts,
        together.row[enough],
        together.col[enough],
        together.data[enough],
    )


def _by_chance(both: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Chance of `both` orders or more with two items that have nothing to do with each other:
    a Poisson tail, what Fisher's exact test becomes where each is in few of the orders."""
    from scipy.special import gammainc

    return np.asarray(gammainc(both, expected))


def _not_by_chance(p: np.ndarray, n_items: int, false_share: float) -> np.ndarray:
    """The pairs that stay at that share of false ones among all pairs of items there could be."""
    asked = n_items * (n_items - 1) / 2
    order = np.argsort(p, kind="stable")
    fits = p[order] <= false_share * (np.arange(len(p)) + 1) / max(asked, 1)
    last = int(np.flatnonzero(fits).max(initial=-1))
    kept = np.zeros(len(p), dtype=bool)
    kept[order[: last + 1]] = True
    return kept


def _least(counts: np.ndarray) -> np.ndarray:
    """Lower end of the 95 % interval of a Poisson mean (Garwood 1936)."""
    from scipy.special import gammaincinv

    several, place = np.unique(counts, return_inverse=True)
    return np.asarray(gammaincinv(several, 0.025))[place]


def partners(pairs: pd.DataFrame, k: int = 5) -> pd.DataFrame:
    """The `k` partners of each item, those of the highest confidence first: item_id, rank from 1,
    partner_id, confidence, lift."""
    names = ["item_id", "partner_id", "confidence", "lift"]
    other = pairs.rename(columns={"item_id": "partner_id", "partner_id": "item_id"})
    other = other.assign(confidence=pairs["back"])
    both = pd.concat([pairs[names], other[names]])
    both = both.sort_values(
        ["item_id", "confidence", "partner_id"], ascending=[True, False, True], kind="stable"
    )
    both["rank"] = both.groupby("item_id").cumcount() + 1
    return both[both["rank"] <= k][["item_id", "rank", "partner_id", "confidence", "lift"]]


@dataclass(frozen=True)
class AffinityJudged:
    """Share of lines of later orders of which the rest of the order holds one of `k` items told
    for it: by pairs, and naively by the `k` items that most orders hold."""

    pairs: float
    naive: float
    lines: int


def judge_affinity(rows: pd.DataFrame, cutoff: pd.Timestamp, k: int = 5) -> AffinityJudged:
    """What pairs learnt before `cutoff` tell of the baskets after it."""
    before, after = rows[rows["event_at"] < cutoff], rows[rows["event_at"] >= cutoff]
    told = partners(pairs_bought_together(before), k)
    popular = before.drop_duplicates(["order_id", "item_id"])["item_id"].value_counts().index
    lines = after[["order_id", "item_id"]].drop_duplicates()
    lines = lines[lines["item_id"].isin(before["item_id"])]
    asked = lines.merge(told, on="item_id", how="inner", validate="m:m")
    hit = asked.merge(
        lines.rename(columns={"item_id": "partner_id"}), on=["order_id", "partner_id"],
        how="inner", validate="m:m",
    )  # fmt: skip
    n_hit = len(hit[["order_id", "item_id"]].drop_duplicates())
    return AffinityJudged(n_hit / max(len(lines), 1), _popular(lines, list(popular[: k + 1]), k),
                          len(lines))  # fmt: skip


def _popular(lines: pd.DataFrame, best: list[str], k: int) -> float:
    """Share of lines whose order holds one of the first `k` of `best` beside the line itself."""
    held = lines[lines["item_id"].isin(best)].assign(
        place=lambda found: found["item_id"].map({name: n for n, name in enumerate(best)})
    )
    own = lines["item_id"].map({name: n for n, name in enumerate(best)})
    near = held[held["place"] < k].groupby("order_id").size()
    near_next = held.groupby("order_id").size()
    among = lines["order_id"].map(near).fillna(0)
    # a popular item's own list is the others: it is not told of itself
    others = lines["order_id"].map(near_next).fillna(0) - 1
    return float(np.where(own < k, others > 0, among > 0).mean()) if len(lines) else 0.0


__all__ = ["AffinityJudged", "judge_affinity", "pairs_bought_together", "partners"]
