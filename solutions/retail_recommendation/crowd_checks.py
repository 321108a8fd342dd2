"""Whether customers, orders and items are what they seem: robots, orders of several customers, one
item that is everything, and too few of any to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pandas as pd

from lepton.contracts.model import Severity, Violation
from solutions.retail_recommendation.findings import Place, of_share, shown
from solutions.retail_recommendation.limits import Limits

FEW_A_DAY: Final = 1_000
"""Events of a day below which a customer may well have a fifth of them."""
_DAY: Final = pd.Timedelta(days=1)


def crowd_violations(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """Customers, orders and items that stand out; rows as they came, spelt once."""
    yield from _robots(rows, limits)
    yield from _top_item(rows, limits)
    yield from _torn(rows, limits)


def _robots(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    known = rows.dropna(subset="customer_id")
    if known.empty:
        return
    day = known["event_at"].dt.floor("D")
    each = known.groupby(["customer_id", day], sort=False).size().rename("n").reset_index()
    each["all"] = each.groupby("event_at")["n"].transform("sum")
    share = each["n"] / each["all"]
    busy = (each["n"] > limits.a_day) | ((share > limits.of_a_day) & (each["all"] >= FEW_A_DAY))
    whole = known["customer_id"].value_counts(normalize=True)
    refused = bool(whole.iloc[0] > limits.of_all)
    if not busy.any() and not refused:
        return
    worst = each[busy].sort_values("n", ascending=False, kind="stable")
    told = [
        f"{row.customer_id}: {row.n:,} on {row.event_at:%Y-%m-%d}" for row in worst.itertuples()
    ]
    first = [f"{whole.index[0]}: {whole.iloc[0]:.0%} of all rows"] if refused else []
    yield Violation(
        "LK2177",
        f"customers do more than people can: over {limits.a_day:g} events, or {limits.of_a_day:.0%}"
        " of all, on a day",
        "interactions",
        "customer_id",
        Severity.TABLE if refused else Severity.WARNING,
        int(each.loc[busy, "n"].sum()),
        len(rows),
        shown([*first, *told]),
        "leave out robots, tills and test accounts in the mapping (drop)",
    )


def _top_item(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    counts = rows["item_id"].value_counts()
    one = of_share(
        "LK2177",
        "rows of one item",
        Place("interactions", "item_id", "leave out bags, deposits and default codes"),
        (int(counts.iloc[0]), len(rows)),
        limits.top_item,
        [counts.index[0]],
    )
    if one is not None:
        yield one


def _torn(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """Orders that several customers have, or that last for over a day."""
    orders = rows.groupby("order_id")
    people = orders["customer_id"].nunique() > 1
    lasts = orders["event_at"].max() - orders["event_at"].min() > _DAY
    torn = people | lasts
    one = of_share(
        "LK2178",
        "orders of several customers, or of more than a day",
        Place("interactions", "order_id", "number orders so that none is used twice, by each shop "
              "and year"),
        (int(torn.sum()), len(torn)),
        limits.torn,
        torn.index[torn],
    )  # fmt: skip
    if one is not None:
        yield one


def volume_violations(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """What is too little to learn from, after cleaning; and how much is new in the newest days."""
    orders = rows.groupby("customer_id")["order_id"].nunique()
    for found, (wanted, needed), what in (
        (len(orders), limits.users, "customers"),
        (rows["item_id"].nunique(), limits.items, "items"),
        (len(rows), limits.events, "rows"),
    ):
        if found < wanted:
            yield _few(f"{found:,} {what}", wanted, needed, refused=found < needed)
    again = float((orders > 1).mean()) if len(orders) else 0.0
    if again < limits.repeaters[0]:
        yield _few(
            f"{again:.0%} of customers with two orders", limits.repeaters[0], 0, refused=False
        )
    yield from _cold(rows, limits)


def _few(found: str, wanted: float, needed: float, *, refused: bool) -> Violation:
    return Violation(
        "LK2179",
        f"leaves {found} after cleaning, {needed if refused else wanted:,} are "
        f"{'needed' if refused else 'wanted'}",
        "interactions",
        None,
        Severity.TABLE if refused else Severity.WARNING,
        0,
        0,
        (),
        "deliver a longer history, or see which rows cleaning leaves out",
    )


def _cold(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    newest = rows["event_at"] > rows["event_at"].max() - limits.horizon_d * _DAY
    for column, allowed, remedy in (
        ("customer_id", limits.cold_users, "recommendations for them are those without history"),
        ("item_id", limits.cold_items, "look for new numbers of old items; deliver items with "
         "category and price, so that new ones can be recommended"),
    ):  # fmt: skip
        recent = set(rows.loc[newest, column])
        new = recent - set(rows.loc[~newest, column])
        one = of_share(
            "LK2179",
            f"of the newest {limits.horizon_d:g} days' values nobody had seen before",
            Place("interactions", column, remedy),
            (len(new), len(recent)),
            allowed,
            sorted(new),
        )
        if one is not None:
            yield one


__all__ = ["crowd_violations", "volume_violations"]
