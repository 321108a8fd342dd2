"""What is told of each item for lists and their rules: kind, price, whether it may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.cleaning import folded, spellings
from solutions.retail_recommendation.customer_features import DAY
from solutions.retail_recommendation.stock_risk import LEAD_TIME_D, newest_counts

NEW_D: Final = 28.0
"""Days from its launch on which an item counts as a new arrival."""
LEVELS: Final = ("department", "group", "category")
"""Columns of the first, second and whole path of an item's category."""


def catalogue(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row an item, spelt as cleaned interactions spell it.

    item_id, title, department, group, category, brand, status (sold, ended, restricted), is_new,
    is_promoted (yes or no), and where known price, margin_rate and on_hand (over all stores at the
    newest count). Texts are "" where nothing is told, so that rules can name every column.
    """
    came = tables["interactions"]
    until = came["event_at"].max()
    spelt = {folded_id: name for name, folded_id in _names(came).items()}
    items = _items(tables, spelt)
    key = folded(items["item_id"])
    told = items.assign(item_id=key.map(spelt).fillna(items["item_id"]).astype("str"))
    for name in ("title", "brand"):
        told[name] = _text(items, name)
    for column, values in _paths(_text(items, "category")).items():
        told[column] = values
    told["status"] = _status(items, until)
    told["is_new"] = _yes(_since(items, "launched_at", until) <= NEW_D)
    told["is_promoted"] = _yes(key.isin(_promoted(tables.get("promotions"), until)))
    columns = ["item_id", "title", *LEVELS, "brand", "status", "is_new", "is_promoted"]
    columns += [name for name in ("price", "margin_rate") if name in items]
    if "stock" in tables:
        counts = newest_counts(tables["stock"], until + DAY, LEAD_TIME_D)
        told["on_hand"] = key.map(counts["on_hand"].to_dict()).astype(float)
        columns.append("on_hand")
    return told[columns].sort_values("item_id", ignore_index=True)


def _names(came: pd.DataFrame) -> dict[str, str]:
    """Spelling of each item in cleaned interactions -> the same in small letters."""
    chosen = pd.Series(sorted(set(spellings(came["item_id"]).values())), dtype="str")
    return dict(zip(chosen, folded(chosen), strict=True))


def _items(tables: Mapping[str, pd.DataFrame], spelt: Mapping[str, str]) -> pd.DataFrame:
    """The catalogue's rows, and a bare one, or one with a title, of each item that it lacks."""
    came = tables["interactions"]
    given = tables.get("items", pd.DataFrame({"item_id": pd.Series(dtype="str")}))
    given = given[~folded(given["item_id"]).duplicated()]
    lost = [name for small, name in spelt.items() if small not in set(folded(given["item_id"]))]
    bare = pd.DataFrame({"item_id": pd.Series(lost, dtype="str")})
    if "title" in came:
        first = came.dropna(subset="title").drop_duplicates("item_id")
        bare["title"] = bare["item_id"].map(first.set_index("item_id")["title"].to_dict())
    return pd.concat([given, bare], ignore_index=True)


def _text(items: pd.DataFrame, name: str) -> pd.Series:
    if name not in items:
        return pd.Series([""] * len(items), index=items.index, dtype="str")
    return items[name].fillna("").astype("str")


def _paths(category: pd.Series) -> dict[str, pd.Series]:
    parts = category.str.split(" / ")
    return {
        "department": parts.str[0].fillna("").astype("str"),
        "group": parts.str[:2].str.join(" / ").fillna("").astype("str"),
        "category": category,
    }


def _since(items: pd.DataFrame, name: str, until: pd.Timestamp) -> pd.Series:
    """Days from an instant of each item to `until`; NaN where it is not told."""
    if name not in items:
        return pd.Series(np.nan, index=items.index)
    return pd.Series((until - items[name]).dt.total_seconds() / 86_400)


def _status(items: pd.DataFrame, until: pd.Timestamp) -> pd.Series:
    restricted = _flag(items, "is_restricted", 1.0) | _flag(items, "is_merchandise", 0.0)
    ended = _since(items, "ended_at", until) >= 0
    chosen = np.select([restricted, ended], ["restricted", "ended"], "sold")
    return pd.Series(chosen, index=items.index, dtype="str")


def _flag(items: pd.DataFrame, name: str, value: float) -> pd.Series:
    if name not in items:
        return pd.Series(data=False, index=items.index)
    return pd.Series(items[name] == value)


def _yes(mask: pd.Series) -> pd.Series:
    return pd.Series(np.where(mask, "yes", "no"), index=mask.index, dtype="str")


def _promoted(promotions: pd.DataFrame | None, until: pd.Timestamp) -> set[str]:
    """Items, in small letters, on offer at `until`."""
    if promotions is None:
        return set()
    now = (promotions["starts_at"] <= until) & (promotions["ends_at"] > until)
    return set(folded(promotions.loc[now, "item_id"]))


__all__ = ["LEVELS", "catalogue"]
