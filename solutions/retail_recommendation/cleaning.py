"""From rows as they came to what customers wanted: each row that is left out is accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.limits import SERVICE_CODES, SERVICE_STARTS
from solutions.retail_recommendation.returned import returned_pieces

WEIGHTS: Final[Mapping[str, float]] = {"view": 1.0, "cart": 3.0, "purchase": 5.0}
"""What an event says of a customer's interest, by default (solution.yaml: `weight_view`, ...)."""
GUEST: Final = "without a customer (guests)"
COPY: Final = "copies of an earlier row"
RETURNED: Final = "returns and cancellations"
NO_QUANTITY: Final = "quantity of 0 or less"
NO_PRICE: Final = "price of 0 or less"
SERVICE: Final = "no goods (postage, fees, corrections)"
REASONS: Final = (GUEST, COPY, RETURNED, NO_QUANTITY, NO_PRICE, SERVICE)
"""Why a row is left out, in the order in which it is asked; the first that fits counts."""


@dataclass(frozen=True)
class Step:
    """One line of the funnel: how many rows were left out for `reason`, and how many were left."""

    reason: str
    dropped: int
    left: int


@dataclass(frozen=True)
class Cleaned:
    """rows: what customers did, in order of time: the canonical columns, and on each `order_id`,
    `event`, `quantity`, `weight` (of the event), `returned` (pieces that came back later) and
    `returned_at` (when; see `returned.as_known`). guests: the same of rows that lack nothing but
    the customer, whose baskets still tell which items belong together. funnel: what became of all
    rows; unmatched: returns of what was never bought; respelt: rows whose item was written in other
    letters, under the spelling that most rows have."""

    rows: pd.DataFrame
    guests: pd.DataFrame
    funnel: tuple[Step, ...]
    unmatched: int
    respelt: int

    @property
    def came(self) -> int:
        """Rows before cleaning: those that are left, and those that the funnel dropped."""
        return len(self.rows) + sum(step.dropped for step in self.funnel)


def clean(
    interactions: pd.DataFrame,
    items: pd.DataFrame | None = None,
    weights: Mapping[str, float] | None = None,
) -> Cleaned:
    """What customers wanted, from valid rows of the table `interactions`.

    items: the catalogue, whose `is_merchandise` says what is no goods; else `SERVICE_CODES` do.
    weights: of each event, over `WEIGHTS`. Ids that differ in letter case or spaces around them
    are one item. Returns are taken from the customer's latest purchases of the item before them.
    """
    whole, respelt = _spelt_once(interactions)
    whole = with_events(whole)
    why = reasons(whole, items)
    kept = whole[why == ""]
    back = whole[why == RETURNED]
    found = returned_pieces(kept, back)
    told = kept.assign(returned=found.pieces, returned_at=found.at)
    rows = _weighted(told, {**WEIGHTS, **(weights or {})})
    guests = whole[why == GUEST]
    others = reasons(guests, items, spared=(GUEST,))
    order = ["event_at", "order_id", "item_id"]
    return Cleaned(
        rows.sort_values([*order, "customer_id"], kind="stable", ignore_index=True),
        guests[others == ""].sort_values(order, kind="stable", ignore_index=True),
        tuple(_funnel(why)),
        found.unmatched,
        respelt,
    )


def _funnel(why: np.ndarray) -> Iterator[Step]:
    left = len(why)
    for reason in REASONS:
        dropped = int((why == reason).sum())
        left -= dropped
        yield Step(reason, dropped, left)


def _spelt_once(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows with one spelling for each item, and how many were written otherwise."""
    told = spellings(rows["item_id"])
    items = rows["item_id"].map(told).astype("str")
    changed = int((items != rows["item_id"]).sum())
    trimmed = rows["customer_id"].str.strip()
    return rows.assign(item_id=items, customer_id=trimmed), changed


def spellings(ids: pd.Series) -> dict[str, str]:
    """Each id as it stands -> the spelling that most rows have of it, of those that are the same
    after trimming and in small letters; the first in order where several have as many."""
    counts = ids.value_counts().rename_axis("id").reset_index(name="n")
    counts["folded"] = folded(counts["id"])
    best = counts.sort_values(["n", "id"], ascending=[False, True], kind="stable")
    chosen = best.drop_duplicates("folded").set_index("folded")["id"].str.strip()
    return dict(zip(counts["id"], counts["folded"].map(chosen), strict=True))


def folded(ids: pd.Series) -> pd.Series:
    """Ids without spaces around them, in small letters."""
    return ids.str.strip().str.casefold()


def with_events(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `event`, `order_id` and `quantity`, filled in where they were not delivered.

    Without `event` a negative quantity is a return, and so is an order whose number is a C before
    digits, where most orders are digits alone.
    """
    made = rows.copy()
    if "event" not in made:
        is_back = np.zeros(len(made), dtype=bool)
        if "quantity" in made:
            is_back |= (made["quantity"] < 0).to_numpy()
        if "order_id" in made:
            is_back |= _cancels(made["order_id"])
        made["event"] = pd.Series(np.where(is_back, "return", "purchase"), made.index, dtype="str")
    made["event"] = made["event"].fillna("purchase")
    if "quantity" not in made:
        made["quantity"] = 1.0
    if "order_id" not in made:
        at = made["event_at"].dt.strftime("%Y%m%dT%H%M%S")
        made["order_id"] = made["customer_id"].fillna("guest") + "@" + at
    return made


def _cancels(orders: pd.Series) -> np.ndarray:
    """Which rows belong to a cancelled order, by its number."""
    marked = orders.str.fullmatch(r"[Cc]\d+").fillna(value=False).to_numpy(dtype=bool)
    plain = orders.str.fullmatch(r"\d+").fillna(value=False).to_numpy(dtype=bool)
    return np.asarray(marked & (plain.sum() > marked.sum()))


def reasons(
    rows: pd.DataFrame, items: pd.DataFrame | None = None, *, spared: tuple[str, ...] = ()
) -> np.ndarray:
    """Why each row is left out, "" for one that stays; rows as `with_events` gives them.

    spared: reasons that do not count.
    """
    tests = {
        GUEST: rows["customer_id"].isna(),
        COPY: rows.duplicated(),
        RETURNED: rows["event"] == "return",
        NO_QUANTITY: (rows["quantity"] <= 0) | rows["quantity"].isna(),
        NO_PRICE: _without_price(rows),
        SERVICE: is_service(rows["item_id"], items),
    }
    why = np.full(len(rows), "", dtype=object)
    for reason in (one for one in REASONS if one not in spared):
        why[(why == "") & tests[reason].to_numpy(dtype=bool)] = reason
    return why


def _without_price(rows: pd.DataFrame) -> pd.Series:
    """Purchases that cost nothing, which says nothing of what is wanted; a view has no price."""
    if "price" not in rows:
        return pd.Series(data=False, index=rows.index)
    price = rows["price"]
    return ((price <= 0) | price.isna()) & (rows["event"] == "purchase")


def is_service(ids: pd.Series, items: pd.DataFrame | None = None) -> pd.Series:
    """Whether each id stands for no goods: by the catalogue where it says so, else by its code."""
    codes = folded(ids)
    by_code = codes.isin(SERVICE_CODES) | codes.str.startswith(SERVICE_STARTS)
    if items is None or "is_merchandise" not in items:
        return by_code
    said = items.dropna(subset="is_merchandise")
    told = dict(zip(folded(said["item_id"]), said["is_merchandise"] == 0, strict=True))
    known = codes.map(told)
    return known.where(known.notna(), by_code).astype(bool)


def _weighted(rows: pd.DataFrame, weights: Mapping[str, float]) -> pd.DataFrame:
    return rows.assign(weight=rows["event"].map(dict(weights)).astype(float))


__all__ = [
    "REASONS",
    "WEIGHTS",
    "Cleaned",
    "Step",
    "clean",
    "folded",
    "is_service",
    "reasons",
    "spellings",
    "with_events",
]
