"""A simulator of a shop: nobody's data, the same seed gives the same tables.

Customers with tastes of their own order some of what they had before and some of what is wanted at
the time, from a range that changes, with promotions, weeks without stock, returns, guests and what
else real order lines bring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.baskets import baskets
from solutions.retail_recommendation.shelf import DAYS, START, THEMES, Shelf, shelf
from solutions.retail_recommendation.shoppers import Shoppers, shoppers
from solutions.retail_recommendation.warehouse import stock_of

LINES_A_CUSTOMER: Final = 75.0
GUESTS: Final = 0.15
"""Guests by customers: one order each, so about one row in thirty."""
RETURNED: Final = 0.02
COPIED: Final = 0.003
FREE: Final = 0.002
POSTED: Final = 0.03
DISCOUNT_FROM: Final = 24
"""Pieces of an item from which trade gets a tenth off."""


@dataclass(frozen=True)
class Simulated:
    """tables: as a customer would deliver them; pairs: items bought together on purpose (item_id,
    partner_id, chance); cycles: item_id -> days after which it is used up; gone_at: customer_id ->
    instant of the last order of those who stay away for good, NaT for the others."""

    tables: Mapping[str, pd.DataFrame]
    pairs: pd.DataFrame
    cycles: pd.Series
    gone_at: pd.Series


def simulate(rng: np.random.Generator, size: int) -> dict[str, pd.DataFrame]:
    """Canonical tables of about `size` rows of interactions over thirteen months."""
    return dict(truth(rng, size).tables)


def truth(rng: np.random.Generator, size: int) -> Simulated:
    """The same tables, and what nobody knows of a real shop."""
    n_items = int(np.clip(3_659 * (size / 391_150) ** 0.6, 60, 8_000))
    n_people = max(round(size / LINES_A_CUSTOMER / (1 + GUESTS / 4)), 12)
    goods = shelf(rng, n_items)
    people = _with_guests(shoppers(rng, round(n_people * (1 + GUESTS))), n_people)
    order, item = baskets(rng, goods, people)
    lines = _lines(rng, goods, people, order, item, n_people)
    rows = _dirty(rng, lines)
    sold = lines["quantity"].to_numpy()
    tables = {
        "interactions": rows,
        "items": _items(rng, goods),
        "customers": _customers(people, n_people),
        "stock": stock_of(rng, goods, people.day[order], item, sold),
        "promotions": _promotions(goods),
    }
    return Simulated(tables, *_secrets(goods, people, n_people))


def _with_guests(people: Shoppers, n_known: int) -> Shoppers:
    """The customers behind the first `n_known` order once only: nobody knows them again."""
    kept = (people.customer < n_known) | (people.number == 0)
    names = ("customer", "day", "hour", "lines", "number")
    return replace(people, **{name: getattr(people, name)[kept] for name in names})


def _lines(
    rng: np.random.Generator, goods: Shelf, people: Shoppers, order: np.ndarray, item: np.ndarray,
    n_known: int,
) -> pd.DataFrame:  # fmt: skip
    """One row a purchase line, in the order in which they were drawn, numbered in order of time."""
    who, day = people.customer[order], people.day[order]
    seconds = np.round((people.day + people.hour / 24) * 86_400).astype("int64")
    number = np.empty(len(seconds), dtype=np.int64)
    number[np.argsort(seconds, kind="stable")] = np.arange(len(seconds))
    # large baskets hold few of each; what is dear, or comes in packs, is bought by the piece
    usual = people.pieces[who] * np.sqrt(12 / (5 + people.lines[order]))
    usual *= (2 / goods.price[item]) ** 0.7 / goods.pack[item] ** 0.7
    pieces = np.maximum(np.round(rng.gamma(1.5, usual / 1.5)), 1) * goods.pack[item]
    off = goods.off[day, item]
    trade = np.where(people.is_trade[who] & (pieces >= DISCOUNT_FROM), 0.1, 0.0)
    price = np.maximum(np.round(goods.price[item] * (1 - off) * (1 - trade), 2), 0.01)
    channel = np.where(rng.random(len(seconds)) < 0.7, "web", "phone")
    known = pd.Series(people.customer_id[who], dtype="str").where(who < n_known, None)
    return pd.DataFrame(
        {
            "customer_id": known,
            "item_id": pd.Series(goods.item_id[item], dtype="str"),
            "event_at": (START + pd.to_timedelta(seconds[order], unit="s")).as_unit("us"),
            "event": pd.Series(["purchase"] * len(order), dtype="str"),
            "order_id": pd.Series((500_000 + number[order]).astype(str), dtype="str"),
            "quantity": pieces.astype(float),
            "price": price,
            "discount": np.round(1 - (1 - off) * (1 - trade), 2),
            "channel": pd.Series(channel[order], dtype="str"),
        }
    )


def _dirty(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """The lines, with returns, postage, gifts and copies, as real order lines have them."""
    free = rng.random(len(lines)) < FREE
    lines = lines.assign(price=lines["price"].where(~free, 0.0))
    first = lines.drop_duplicates("order_id")
    post = first[rng.random(len(first)) < POSTED].assign(item_id="POST", quantity=1.0, discount=0.0)
    post["price"] = np.round(rng.uniform(3, 18, len(post)), 2)
    known = lines[lines["customer_id"].notna()]
    back = known[rng.random(len(known)) < RETURNED].copy()
    orders, place = np.unique(back["order_id"], return_inverse=True)
    back["event_at"] += pd.to_timedelta(rng.integers(3, 30, len(orders))[place], unit="D")
    share = rng.choice([0.5, 1.0], len(back))
    back["quantity"] = -np.maximum(np.round(back["quantity"] * share), 1)
    back = back.assign(event="return", order_id="R" + back["order_id"])
    back = back[back["event_at"] < START + pd.Timedelta(days=DAYS)]
    copies = lines[rng.random(len(lines)) < COPIED]
    rows = pd.concat([lines, post, back, copies], ignore_index=True)
    return rows.sort_values(["event_at", "order_id", "item_id"], kind="stable", ignore_index=True)


def _items(rng: np.random.Generator, goods: Shelf) -> pd.DataFrame:
    """The catalogue, by number."""
    ended = pd.Series(START + pd.to_timedelta(goods.ended, unit="D"))
    table = pd.DataFrame(
        {
            "item_id": pd.Series(goods.item_id, dtype="str"),
            "title": pd.Series(goods.title, dtype="str"),
            "category": pd.Series(goods.category, dtype="str"),
            "brand": pd.Series(np.array(THEMES, dtype=object)[goods.theme], dtype="str"),
            "price": goods.price,
            "margin_rate": goods.margin_rate,
            "pack_size": goods.pack.astype(float),
            "launched_at": (START + pd.to_timedelta(goods.launched, unit="D")).as_unit("us"),
            "ended_at": ended.dt.as_unit("us"),
            "is_restricted": (rng.random(len(goods)) < 0.005).astype(float),
        }
    )
    return table.sort_values("item_id", ignore_index=True)


def _customers(people: Shoppers, n_known: int) -> pd.DataFrame:
    mine = slice(0, n_known)
    segment = np.where(people.is_trade[mine], "trade", "private")
    table = pd.DataFrame(
        {
            "customer_id": pd.Series(people.customer_id[mine], dtype="str"),
            "signed_up_at": (START + pd.to_timedelta(people.signed_up[mine], unit="D")).as_unit(
                "us"
            ),
            "country": pd.Series(people.country[mine], dtype="str"),
            "segment": pd.Series(segment, dtype="str"),
            "has_consent": people.consent[mine].astype(float),
        }
    )
    return table.sort_values("customer_id", ignore_index=True)


def _promotions(goods: Shelf) -> pd.DataFrame:
    told = goods.promotions
    starts = (START + pd.to_timedelta(told["day"], unit="D")).dt.as_unit("us")
    return pd.DataFrame(
        {
            "item_id": pd.Series(goods.item_id[told["item"]], dtype="str"),
            "starts_at": starts,
            "ends_at": starts + pd.Timedelta(days=14),
            "discount": told["discount"],
        }
    )


def _secrets(
    goods: Shelf, people: Shoppers, n_known: int
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    first = np.flatnonzero(goods.partner >= 0)
    pairs = pd.DataFrame(
        {
            "item_id": goods.item_id[first],
            "partner_id": goods.item_id[goods.partner[first]],
            "chance": goods.together[first],
        }
    )
    cycles = pd.Series(goods.cycle_d, index=goods.item_id).dropna()
    gone = np.where(np.isinf(people.gone), np.nan, people.gone)[:n_known]
    gone_at = START + pd.to_timedelta(gone, unit="D")
    return pairs, cycles, pd.Series(gone_at, index=people.customer_id[:n_known])


__all__ = ["Simulated", "simulate", "truth"]
