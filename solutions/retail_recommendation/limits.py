"""What tables of a retailer must keep to: every limit in one place, to be edited for a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SERVICE_CODES: Final = frozenset(
    {
        "adjust", "adjust2", "amazonfee", "b", "bank charges", "c2", "carriage", "cruk", "d",
        "delivery", "discount", "donation", "dot", "fee", "gift", "m", "manual", "pads", "post",
        "postage", "s", "samples", "shipping", "surcharge", "test001", "test002", "voucher",
    }
)  # fmt: skip
"""Item codes, in lower case, that stand for postage, fees, corrections, samples and donations."""
SERVICE_STARTS: Final = ("gift_", "voucher_")
"""What such codes begin with."""


@dataclass(frozen=True)
class Limits:
    """Each first number warns, each second one refuses the tables.

    Shares of all rows: guest, duplicate, no_quantity (0 or less outside returns), no_price (0 or
    less), stranger (items that the catalogue lacks), odd_value. Shares of returns: unmatched.
    collided: share of ids that are another one in other letters. silent_d: days in a row without
    any event, days of the week on which the shop is closed left out. unclassified: share of revenue
    of codes that look like no goods. a_day, of_a_day, of_all: events of one customer on a day, by
    all of that day, by all at all. top_item: share of rows. torn: share of orders with several
    customers. cold_users, cold_items: share of those seen in the newest `horizon_d` days that
    nobody had seen before. users, items, events, repeaters: fewest (share of customers with two
    orders) that training should have and must have. spans: history by the horizon. week: newest
    whole week by the mean of the eight before. negative_stock: share of counts; sold_out: share of
    sales at a count of 0. outdated: share of sales outside an item's dates. mix: population
    stability index of events between deliveries. off_price: share of items whose price is 4 or
    1/4 times what was paid.
    """

    guest: tuple[float, float] = (0.10, 1.0)
    duplicate: tuple[float, float] = (0.005, 0.05)
    no_quantity: tuple[float, float] = (0.001, 0.02)
    no_price: tuple[float, float] = (0.005, 0.05)
    stranger: tuple[float, float] = (0.005, 0.05)
    odd_value: tuple[float, float] = (0.001, 0.01)
    unmatched: tuple[float, float] = (0.30, 0.70)
    collided: tuple[float, float] = (0.0, 0.05)
    silent_d: tuple[float, float] = (2.0, 14.0)
    unclassified: tuple[float, float] = (0.0, 0.05)
    a_day: float = 500.0
    of_a_day: float = 0.20
    of_all: float = 0.20
    top_item: tuple[float, float] = (0.05, 0.30)
    torn: tuple[float, float] = (0.001, 0.05)
    cold_users: tuple[float, float] = (0.30, 0.80)
    cold_items: tuple[float, float] = (0.10, 0.50)
    users: tuple[int, int] = (500, 100)
    items: tuple[int, int] = (50, 20)
    events: tuple[int, int] = (10_000, 1_000)
    repeaters: tuple[float, float] = (0.30, 0.0)
    spans: tuple[float, float] = (4.0, 2.0)
    horizon_d: float = 28.0
    week: tuple[float, float] = (0.50, 0.80)
    negative_stock: tuple[float, float] = (0.005, 0.05)
    sold_out: tuple[float, float] = (0.02, 0.20)
    outdated: tuple[float, float] = (0.005, 0.05)
    off_price: tuple[float, float] = (0.01, 0.20)
    mix: tuple[float, float] = (0.10, 0.25)


LIMITS: Final = Limits()

__all__ = ["LIMITS", "SERVICE_CODES", "SERVICE_STARTS", "Limits"]
