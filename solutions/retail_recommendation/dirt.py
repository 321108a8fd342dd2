"""Faults of order lines and of the tables beside them, put into clean ones to see who notices.

Each kind is put in at the rate that real deliveries have of it, or just above what is usual, and
names the code by which the contract, or a check, must tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Dirt:
    """put(rng, tables): the tables with the fault; table, column (None for the whole
    table), code: of the violation that must tell it."""

    table: str
    column: str | None
    code: str
    put: Callable[[np.random.Generator, Tables], Tables]


def soil(rng: np.random.Generator, tables: Mapping[str, pd.DataFrame], kind: str) -> Tables:
    """Copies of the tables with one kind of fault, by its name in `KINDS`; as a customer would
    deliver them, before any mapping."""
    return KINDS[kind].put(rng, {name: rows.copy() for name, rows in tables.items()})


def _some(rng: np.random.Generator, rows: pd.DataFrame, share: float) -> np.ndarray:
    """A mask of that share of the rows, at least one."""
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[rng.choice(len(rows), max(round(share * len(rows)), 1), replace=False)] = True
    return chosen


def _cells(
    table: str, column: str, share: float, change: Callable[[pd.Series], object]
) -> Callable[[np.random.Generator, Tables], Tables]:
    """A fault of single cells: change(the cells chosen) stands in their place."""

    def put(rng: np.random.Generator, tables: Tables) -> Tables:
        rows = tables[table]
        chosen = _some(rng, rows, share)
        new = rows[column].astype(object).where(~chosen, None)
        new[chosen] = change(rows.loc[chosen, column])
        same = new.infer_objects() if rows[column].dtype != "str" else new.astype("str")
        return {**tables, table: rows.assign(**{column: same})}

    return put


def _as_text(at: pd.Series) -> pd.Series:
    return pd.Series(at.dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype("str"))


def _unreadable_times(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    text = _as_text(rows["event_at"]).where(~_some(rng, rows, 0.002), "yesterday")
    return {**tables, "interactions": rows.assign(event_at=text)}


def _naive_times(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    naive = rows["event_at"].dt.tz_localize(None)
    return {**tables, "interactions": rows.assign(event_at=naive)}


def _written_quantities(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    text = rows["quantity"].astype("str")
    return {**tables, "interactions": rows.assign(
        quantity=text.where(~_some(rng, rows, 0.002), text + " pcs")
    )}  # fmt: skip


def _without_items(rng: np.random.Generator, tables: Tables) -> Tables:
    return {**tables, "interactions": tables["interactions"].drop(columns="item_id")}


def _copies(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    twice = pd.concat([rows, rows[_some(rng, rows, 0.02)]], ignore_index=True)
    return {**tables, "interactions": twice}


def _strange_returns(rng: np.random.Generator, tables: Tables) -> Tables:
    """Returns booked on another customer than the one who bought."""
    rows = tables["interactions"]
    back = (rows["event"] == "return").to_numpy()
    others = rows["customer_id"].dropna().sample(int(back.sum()), random_state=1).to_numpy()
    who = rows["customer_id"].copy()
    who[back] = others
    return {**tables, "interactions": rows.assign(customer_id=who)}


def _handling(rng: np.random.Generator, tables: Tables) -> Tables:
    """Fees under a code that nobody told of."""
    rows = tables["interactions"]
    chosen = _some(rng, rows, 0.02)
    fee = np.round(rng.uniform(1, 40, len(rows)), 2)
    return {**tables, "interactions": rows.assign(
        item_id=rows["item_id"].where(~chosen, "HANDLING"),
        price=rows["price"].where(~chosen, fee),
    )}  # fmt: skip


def _day_at(rows: pd.DataFrame, share: float) -> pd.Timestamp:
    """The day by which that share of rows has happened."""
    ordered = rows["event_at"].sort_values(ignore_index=True)
    return pd.Timestamp(ordered.iloc[int(share * (len(ordered) - 1))]).floor("D")


def _silence(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    begin = _day_at(rows, 0.6)
    lost = (rows["event_at"] >= begin) & (rows["event_at"] < begin + pd.Timedelta(days=6))
    return {**tables, "interactions": rows[~lost].reset_index(drop=True)}


def _part_of_a_week(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    newest = (rows["event_at"] > rows["event_at"].max() - pd.Timedelta(days=8)).to_numpy()
    lost = newest & (rng.random(len(rows)) < 0.75)
    return {**tables, "interactions": rows[~lost].reset_index(drop=True)}


def _robot(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    day = _day_at(rows, 0.5)
    seen = rows.sample(700, random_state=2).assign(
        customer_id="99999", order_id="999999", event="view", quantity=1.0,
        event_at=day + pd.Timedelta(hours=12),
    )  # fmt: skip
    return {**tables, "interactions": pd.concat([rows, seen], ignore_index=True)}


def _bag(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    bag = rows["item_id"].mode().iloc[0]
    chosen = _some(rng, rows, 0.08)
    return {**tables, "interactions": rows.assign(item_id=rows["item_id"].where(~chosen, bag))}


def _numbers_again(rng: np.random.Generator, tables: Tables) -> Tables:
    """Order numbers that begin anew each month."""
    rows = tables["interactions"]
    number = rows["order_id"].str[-2:]
    return {**tables, "interactions": rows.assign(order_id=number)}


def _part_of_the_catalogue(rng: np.random.Generator, tables: Tables) -> Tables:
    items = tables["items"]
    return {**tables, "items": items[~_some(rng, items, 0.02)].reset_index(drop=True)}


def _part_of_the_customers(rng: np.random.Generator, tables: Tables) -> Tables:
    people = tables["customers"]
    return {**tables, "customers": people[~_some(rng, people, 0.05)].reset_index(drop=True)}


def _two_prices(rng: np.random.Generator, tables: Tables) -> Tables:
    items = tables["items"]
    again = items[_some(rng, items, 0.01)]
    other = again.assign(price=again["price"] + 1)
    return {**tables, "items": pd.concat([items, other], ignore_index=True)}


def _sold_at_nothing(rng: np.random.Generator, tables: Tables) -> Tables:
    """Counts of 0 on the days before what was sold."""
    stock = tables["stock"]
    chosen = _some(rng, stock, 0.10)
    return {**tables, "stock": stock.assign(on_hand=stock["on_hand"].where(~chosen, 0.0))}


def _early_launches(rng: np.random.Generator, tables: Tables) -> Tables:
    """Months and days swapped: launches that lie behind the sales."""
    items = tables["items"]
    chosen = _some(rng, items, 0.05)
    later = items["launched_at"].where(~chosen, items["launched_at"] + pd.Timedelta(days=330))
    return {**tables, "items": items.assign(launched_at=later).drop(columns="ended_at")}


def _cents_in_the_catalogue(rng: np.random.Generator, tables: Tables) -> Tables:
    items = tables["items"]
    return {**tables, "items": items.assign(price=items["price"] * 100)}


def _backward_promotions(rng: np.random.Generator, tables: Tables) -> Tables:
    told = tables["promotions"]
    chosen = _some(rng, told, 0.02)
    before = told["starts_at"] - pd.Timedelta(days=14)
    return {**tables, "promotions": told.assign(ends_at=told["ends_at"].where(~chosen, before))}


def _short(rng: np.random.Generator, tables: Tables) -> Tables:
    rows = tables["interactions"]
    newest = rows["event_at"] > rows["event_at"].max() - pd.Timedelta(days=70)
    return {**tables, "interactions": rows[newest].reset_index(drop=True)}


_FUTURE: Final = pd.Timedelta(days=365 * 40)
KINDS: Final[Mapping[str, Dirt]] = {
    "time_unreadable": Dirt("interactions", "event_at", "LK212", _unreadable_times),
    "time_without_zone": Dirt("interactions", "event_at", "LK213", _naive_times),
    "time_in_the_future": Dirt(
        "interactions",
        "event_at",
        "LK229",
        _cells("interactions", "event_at", 0.001, lambda at: at + _FUTURE),
    ),
    "item_missing": Dirt(
        "interactions", "item_id", "LK222", _cells("interactions", "item_id", 0.01, lambda _: None)
    ),
    "event_unknown": Dirt(
        "interactions", "event", "LK225", _cells("interactions", "event", 0.01, lambda _: "sold")
    ),
    "price_infinite": Dirt(
        "interactions", "price", "LK223", _cells("interactions", "price", 0.001, lambda _: np.inf)
    ),
    "quantity_as_text": Dirt("interactions", "quantity", "LK212", _written_quantities),
    "column_missing": Dirt("interactions", "item_id", "LK221", _without_items),
    "copies": Dirt("interactions", None, "LK2169", _copies),
    "guests": Dirt(
        "interactions",
        "customer_id",
        "LK2168",
        _cells("interactions", "customer_id", 0.20, lambda _: None),
    ),
    "quantity_negative": Dirt(
        "interactions",
        "quantity",
        "LK2170",
        _cells("interactions", "quantity", 0.01, lambda pieces: -pieces.abs()),
    ),
    "price_zero": Dirt(
        "interactions", "price", "LK2170", _cells("interactions", "price", 0.01, lambda _: 0.0)
    ),
    "returns_of_others": Dirt("interactions", "event", "LK2171", _strange_returns),
    "ids_in_other_letters": Dirt(
        "interactions",
        "item_id",
        "LK2172",
        _cells("interactions", "item_id", 0.01, lambda ids: ids + " "),
    ),
    "fees_as_items": Dirt("interactions", "item_id", "LK2173", _handling),
    "quantity_mistyped": Dirt(
        "interactions",
        "quantity",
        "LK2174",
        _cells("interactions", "quantity", 0.003, lambda pieces: pieces * 5_000),
    ),
    "price_in_cents": Dirt(
        "interactions",
        "price",
        "LK2174",
        _cells("interactions", "price", 0.005, lambda price: price * 100),
    ),
    "days_missing": Dirt("interactions", "event_at", "LK2175", _silence),
    "week_in_part": Dirt("interactions", "event_at", "LK2175", _part_of_a_week),
    "robot": Dirt("interactions", "customer_id", "LK2177", _robot),
    "one_item_everywhere": Dirt("interactions", "item_id", "LK2177", _bag),
    "order_numbers_again": Dirt("interactions", "order_id", "LK2178", _numbers_again),
    "history_short": Dirt("interactions", "event_at", "LK2179", _short),
    "items_unknown": Dirt("interactions", "item_id", "LK2176", _part_of_the_catalogue),
    "customers_unknown": Dirt("interactions", "customer_id", "LK2176", _part_of_the_customers),
    "items_contradict": Dirt("items", "item_id", "LK228", _two_prices),
    "catalogue_in_cents": Dirt("items", "price", "LK2174", _cents_in_the_catalogue),
    "launch_after_sale": Dirt("items", "launched_at", "LK262", _early_launches),
    "stock_negative": Dirt(
        "stock", "on_hand", "LK2180", _cells("stock", "on_hand", 0.01, lambda _: -3.0)
    ),
    "sold_at_nothing": Dirt("stock", "on_hand", "LK2180", _sold_at_nothing),
    "promotion_backward": Dirt("promotions", "ends_at", "LK234", _backward_promotions),
}
"""Name -> the fault and by what it must be told."""

__all__ = ["KINDS", "Dirt", "soil"]
