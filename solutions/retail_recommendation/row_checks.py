"""Shares of rows that say nothing of what customers want, or that cannot be true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lepton.contracts.model import Severity, Violation
from solutions.retail_recommendation.cleaning import folded, is_service
from solutions.retail_recommendation.findings import Place, of_share, shown
from solutions.retail_recommendation.limits import Limits

ODD_QUANTITY = 100.0
ODD_PRICE = 10.0
"""Times, or part, of what is usual for the item: of a wholesaler's lines 0.07 and 0.03 % are."""
_FEW = 5


def row_violations(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """Guests, copies, quantities and prices that are none, values far from the item's usual ones.

    rows: as `cleaning.with_events` gives them.
    """
    guests = int(rows["customer_id"].isna().sum())
    found = [
        of_share(
            "LK2168",
            "rows without a customer",
            Place("interactions", "customer_id", "they are left out; ask for the customer of each "
                  "order, or learn from baskets alone"),
            (guests, len(rows)),
            limits.guest,
        ),
        of_share(
            "LK2169",
            "rows that copy an earlier one",
            Place("interactions", None, "look for a file sent twice; copies are left out"),
            (int(rows.duplicated().sum()), len(rows)),
            limits.duplicate,
        ),
    ]  # fmt: skip
    yield from (one for one in found if one is not None)
    yield from _quantities(rows, limits)
    yield from _prices(rows, limits)


def _quantities(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    wrong = (rows["quantity"] <= 0) & (rows["event"] != "return")
    none = of_share(
        "LK2170",
        "quantities of 0 or less outside returns",
        Place(
            "interactions", "quantity", "map returns to event; corrections of stock are no sales"
        ),
        (int(wrong.sum()), len(rows)),
        limits.no_quantity,
        rows.loc[wrong, "quantity"],
    )
    odd = _far(rows["quantity"].abs(), rows["item_id"], ODD_QUANTITY)
    far = of_share(
        "LK2174",
        f"quantities over {ODD_QUANTITY:g} times, or below that part of, the item's usual one",
        Place(
            "interactions", "quantity", "look for orders that were mistyped, or for another unit"
        ),
        (int(odd.sum()), len(rows)),
        limits.odd_value,
        rows.loc[odd, "quantity"],
    )
    yield from (one for one in (none, far) if one is not None)


def _prices(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    if "price" not in rows:
        return
    sold = rows["event"] == "purchase"
    wrong = sold & ~(rows["price"] > 0)
    none = of_share(
        "LK2170",
        "prices of 0 or less",
        Place("interactions", "price", "deliver what was paid; such rows are left out"),
        (int(wrong.sum()), int(sold.sum())),
        limits.no_price,
        rows.loc[wrong, "price"],
    )
    goods = sold & ~is_service(rows["item_id"])
    odd = _far(rows["price"].where(goods), rows["item_id"], ODD_PRICE)
    far = of_share(
        "LK2174",
        f"prices over {ODD_PRICE:g} times, or below that part of, the item's usual one",
        Place("interactions", "price", "look for another currency, or for cents: "
              "unit: {from: pence, to: GBP}"),
        (int(odd.sum()), int(goods.sum())),
        limits.odd_value,
        rows.loc[odd, "price"],
    )  # fmt: skip
    yield from (one for one in (none, far) if one is not None)


def _far(values: pd.Series, of: pd.Series, times: float) -> pd.Series:
    """Which positive values are `times` the median of those of the same item, or a part of it."""
    logs = np.log(values.where(values > 0))
    groups = logs.groupby(of)
    apart = (logs - groups.transform("median")).abs()
    return pd.Series((apart > np.log(times)) & (groups.transform("count") >= _FEW))


def returns_violation(n_returns: int, unmatched: int, limits: Limits) -> Violation | None:
    """Returns of what the customer had not bought before, as far as the rows go back."""
    return of_share(
        "LK2171",
        "returns without an earlier purchase of the same customer and item",
        Place("interactions", "event", "deliver a longer history, and returns under the number "
              "of the customer who bought"),
        (unmatched, n_returns),
        limits.unmatched,
    )  # fmt: skip


def spelling_violations(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """Ids that are another one but for letter case and spaces around them."""
    for column, remedy in (
        ("item_id", "they count as one item; write them alike at the source"),
        ("customer_id", "spaces are taken away, letters kept: check that these are two customers"),
    ):
        ids = pd.Series(rows[column].dropna().unique(), dtype="str")
        small = folded(ids)
        twice = ids[small.duplicated(keep=False)].sort_values(key=folded, kind="stable")
        count = len(twice) - int(small[twice.index].nunique())
        one = of_share(
            "LK2172",
            "ids that differ from another one in letter case or spaces alone",
            Place("interactions", column, remedy),
            (count, len(ids)),
            limits.collided,
            (repr(name) for name in twice),
        )
        if one is not None:
            yield one


def service_violations(
    rows: pd.DataFrame, items: pd.DataFrame | None, limits: Limits
) -> Iterator[Violation]:
    """Codes that look like no goods, and that neither the catalogue nor the list knows as such.

    A code looks so where it holds no digit though nearly all codes do, or where it is in over 5 %
    of orders at prices that differ by a factor of ten and more.
    """
    sold = rows[(rows["event"] == "purchase") & ~is_service(rows["item_id"], items)]
    if items is not None and "is_merchandise" in items:
        goods = set(folded(items.loc[items["is_merchandise"] == 1, "item_id"]))
        sold = sold[~folded(sold["item_id"]).isin(goods)]
    if sold.empty:
        return
    odd = sold[sold["item_id"].isin(_suspects(sold))]
    if odd.empty:
        return
    money = _revenue(odd).sum() / max(_revenue(sold).sum(), 1e-9)
    refused = money > limits.unclassified[1]
    yield Violation(
        "LK2173",
        f"codes look like postage or fees, with {money:.2%} of revenue",
        "interactions",
        "item_id",
        Severity.TABLE if refused else Severity.WARNING,
        len(odd),
        len(sold),
        shown(odd["item_id"].value_counts().index),
        "say so in items.is_merchandise (1 for goods), or drop them in the mapping",
    )


def _suspects(sold: pd.DataFrame) -> set[str]:
    codes = pd.Series(sold["item_id"].unique(), dtype="str")
    has_digit = codes.str.contains(r"\d")
    found = set(codes[~has_digit]) if has_digit.mean() > 0.95 else set()
    if "price" in sold:
        orders = sold.groupby("item_id")["order_id"].nunique() / sold["order_id"].nunique()
        price = sold.loc[sold["price"] > 0].groupby("item_id")["price"]
        spread = price.quantile(0.95) / price.quantile(0.05)
        often = orders.index[orders > 0.05]
        found |= set(spread.index[spread.index.isin(often) & (spread >= 10)])
    return found


def _revenue(sold: pd.DataFrame) -> pd.Series:
    return pd.Series(sold["quantity"] * sold.get("price", 1.0)).clip(lower=0)


__all__ = ["returns_violation", "row_violations", "service_violations", "spelling_violations"]
