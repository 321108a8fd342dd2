"""What other tables must keep to beside interactions: catalogue, customers, stock, promotions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.model import Violation
from solutions.retail_recommendation.cleaning import folded, is_service
from solutions.retail_recommendation.findings import Place, of_share
from solutions.retail_recommendation.limits import Limits

OFF_PRICE: Final = 4.0
_DAY: Final = pd.Timedelta(days=1)


def catalogue_violations(
    tables: Mapping[str, pd.DataFrame], sold: pd.DataFrame, limits: Limits
) -> Iterator[Violation]:
    """Rows that name what another table lacks, or that contradict it; sold: the rows of
    `interactions` as `cleaning.with_events` gives them."""
    yield from _strangers(tables, sold, limits)
    if "items" in tables:
        yield from _dates(tables["items"], sold, limits)
        yield from _price(tables["items"], sold, limits)
    if "stock" in tables:
        yield from _stock(tables["stock"], sold, limits)


def _strangers(
    tables: Mapping[str, pd.DataFrame], sold: pd.DataFrame, limits: Limits
) -> Iterator[Violation]:
    named = {"interactions": sold, **{name: tables[name] for name in ("stock", "promotions")
                                      if name in tables}}  # fmt: skip
    for column, home in (("item_id", "items"), ("customer_id", "customers")):
        if home not in tables:
            continue
        known = set(folded(tables[home][column]))
        for table, rows in named.items():
            if column not in rows:
                continue
            ids = rows[column].dropna()
            if column == "item_id":
                ids = ids[~is_service(ids)]
            lost = ids[~folded(ids).isin(known)]
            one = of_share(
                "LK2176",
                f"rows that name what the table {home} does not have",
                Place(table, column, f"deliver a full {home}, and ids written alike in both"),
                (len(lost), len(ids)),
                limits.stranger,
                lost.value_counts().index,
            )
            if one is not None:
                yield one


def _dates(items: pd.DataFrame, sold: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """Sales before an item was launched, or over a month after it was taken out of the range."""
    found = [name for name in ("launched_at", "ended_at") if name in items]
    if not found:
        return
    dates = items.assign(folded=folded(items["item_id"])).drop_duplicates("folded")
    bought = sold.loc[sold["event"] == "purchase", ["item_id", "event_at"]]
    key = folded(bought["item_id"])
    wrong = np.zeros(len(bought), dtype=bool)
    for name in found:
        told = key.map(dates.set_index("folded")[name])
        at = bought["event_at"]
        off = at < told - _DAY if name == "launched_at" else at > told + 31 * _DAY
        wrong |= off.fillna(value=False).to_numpy(dtype=bool)
    one = of_share(
        "LK262",
        "sales before an item's launch, or a month after its end",
        Place("items", found[0], "check the zone and format of launched_at and ended_at"),
        (int(wrong.sum()), len(bought)),
        limits.outdated,
        bought.loc[wrong, "item_id"],
    )
    if one is not None:
        yield one


def _price(items: pd.DataFrame, sold: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """Items whose price is far from what was paid for them: another currency, or cents."""
    if "price" not in items or "price" not in sold:
        return
    bought = sold[(sold["event"] == "purchase") & (sold["price"] > 0)]
    paid = bought.groupby(folded(bought["item_id"]))["price"].median()
    asked = items.assign(folded=folded(items["item_id"])).drop_duplicates("folded")
    ratio = (asked.set_index("folded")["price"] / paid).dropna()
    off = ratio[(ratio > OFF_PRICE) | (ratio < 1 / OFF_PRICE)]
    one = of_share(
        "LK2174",
        f"prices of the catalogue are {OFF_PRICE:g} times, or a part of, what was paid",
        Place("items", "price", "deliver both in one currency: unit: {from: cent, to: EUR}"),
        (len(off), len(ratio)),
        limits.off_price,
        (f"{name}: {value:.3g} times" for name, value in off.items()),
    )
    if one is not None:
        yield one


def _stock(stock: pd.DataFrame, sold: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    below = stock["on_hand"] < 0
    negative = of_share(
        "LK2180",
        "counts below 0",
        Place("stock", "on_hand", "book what arrived before it is sold; they count as 0"),
        (int(below.sum()), len(stock)),
        limits.negative_stock,
        stock.loc[below, "item_id"],
    )
    bought = sold[sold["event"] == "purchase"]
    counted = on_hand_at(stock, bought)
    known = counted.notna()
    out = known & (counted <= 0)
    empty = of_share(
        "LK2180",
        "sales of what was not there at the count before",
        Place("stock", "on_hand", "check when counts are taken, and their zone and store"),
        (int(out.sum()), int(known.sum())),
        limits.sold_out,
        bought.loc[out, "item_id"],
    )
    yield from (one for one in (negative, empty) if one is not None)


def on_hand_at(stock: pd.DataFrame, rows: pd.DataFrame, within_d: float = 2.0) -> pd.Series:
    """Pieces of each row's item over all stores at the newest count before it, not older than
    `within_d` days; NaN where there is none. In the order of `rows`."""
    counts = stock.assign(key=folded(stock["item_id"]))
    total = pd.DataFrame(counts.groupby(["counted_at", "key"])["on_hand"].sum().reset_index())
    asked = pd.DataFrame({"key": folded(rows["item_id"]), "event_at": rows["event_at"]})
    asked["place"] = np.arange(len(asked))
    found = pd.merge_asof(
        asked.sort_values("event_at", kind="stable"),
        total.sort_values(by="counted_at", kind="stable"),
        left_on="event_at",
        right_on="counted_at",
        by="key",
        direction="backward",
        tolerance=within_d * _DAY,
    )
    return pd.Series(found.sort_values("place")["on_hand"].to_numpy(), index=rows.index)


__all__ = ["catalogue_violations", "on_hand_at"]
