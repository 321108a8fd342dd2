"""The simulated range: what is sold, since when and until when, at what price, and when it is out.

Appeal is spread as in real shops (few items are much of the sales), items come and go, some belong
to a season, some are used up and bought again after a while, some are bought together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

START: Final = pd.Timestamp("2024-11-01", tz="UTC")
DAYS: Final = 395
"""A year and a month, so that the month before Christmas is in it twice."""
CLOSED_WEEKDAY: Final = 5
CLOSED_DAYS: Final = frozenset({"2024-12-25", "2024-12-26", "2025-01-01"})
TREE: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "Home": {
        "Kitchen": ("MUG", "BOWL"),
        "Light": ("LANTERN", "CANDLE"),
        "Living": ("CUSHION", "FRAME"),
    },
    "Gifts": {"Paper": ("CARD", "WRAP"), "Bags": ("BAG", "BOX"), "Sets": ("HAMPER", "SOAP")},
    "Garden": {
        "Plants": ("POT", "SEED TIN"),
        "Tools": ("TROWEL", "GLOVES"),
        "Outside": ("CHAIR", "PARASOL"),
    },
    "Party": {
        "Table": ("NAPKINS", "PLATES"),
        "Walls": ("BUNTING", "BALLOONS"),
        "Cakes": ("CAKE CASES", "CAKE STAND"),
    },
    "Children": {
        "Toys": ("PUZZLE", "SKITTLES"),
        "School": ("PENCILS", "NOTEBOOK"),
        "Rooms": ("NIGHT LIGHT", "COAT HOOK"),
    },
    "Season": {
        "Christmas": ("BAUBLE", "WREATH"),
        "Easter": ("EGG", "CHICK"),
        "Winter": ("HOT WATER BOTTLE", "SCARF"),
    },
}
"""Department -> group -> kinds of item: a tree of three levels."""
THEMES: Final = ("RED SPOT", "VINTAGE", "NORDIC", "FLORAL", "RETRO", "WOODLAND", "SKULL", "GOLD")
SHADES: Final = (
    "SMALL",
    "LARGE",
    "BLUE",
    "PINK",
    "IVORY",
    "GREEN",
    "METAL",
    "GLASS",
    "WOODEN",
    "SET OF 4",
)
USED_UP: Final = frozenset(
    {"CANDLE", "SOAP", "NAPKINS", "PLATES", "CAKE CASES", "WRAP", "CARD", "BAG", "PENCILS"}
)
"""Kinds that are used up and bought again."""


@dataclass(frozen=True)
class Shelf:
    """Everything about the items, one place in each array an item.

    pull: (days, items) float32, how much each is taken on each day, 0 where it cannot be; leaf,
    theme: of which kind and look; cycle_d: days after which it is used up, NaN for what is kept;
    partner, together: the item that is bought with it, -1 for none, and how often; launched, ended:
    days from START, ended NaN for what stays; off: (days, items) discount; out: (weeks, items)
    weeks without stock.
    """

    item_id: np.ndarray
    title: np.ndarray
    category: np.ndarray
    leaf: np.ndarray
    theme: np.ndarray
    price: np.ndarray
    margin_rate: np.ndarray
    pack: np.ndarray
    launched: np.ndarray
    ended: np.ndarray
    cycle_d: np.ndarray
    partner: np.ndarray
    together: np.ndarray
    pull: np.ndarray
    off: np.ndarray
    out: np.ndarray
    promotions: pd.DataFrame

    def __len__(self) -> int:
        return len(self.item_id)


def leaves() -> list[tuple[str, str, str]]:
    """Department, group and kind of each leaf of the tree."""
    return [
        (department, group, kind)
        for department, groups in TREE.items()
        for group, kinds in groups.items()
        for kind in kinds
    ]


def open_days() -> np.ndarray:
    """Days from START on which the shop is open."""
    days = pd.date_range(START, periods=DAYS, freq="D")
    closed = (days.day_of_week == CLOSED_WEEKDAY) | days.strftime("%Y-%m-%d").isin(CLOSED_DAYS)
    return np.flatnonzero(~closed)


def shelf(rng: np.random.Generator, n: int) -> Shelf:
    """A range of `n` items."""
    kinds = leaves()
    leaf = rng.integers(0, len(kinds), n)
    theme = rng.integers(0, len(THEMES), n)
    launched, ended = _lives(rng, n)
    out = rng.random((DAYS // 7 + 1, n)) < 0.004
    out[1:] |= out[:-1] & (rng.random(out[1:].shape) < 0.5)
    off, promotions = _promotions(rng, n)
    cycle = np.array([kind in USED_UP for _, _, kind in kinds])[leaf]
    pull = _pull(rng, leaf, launched, ended) * (1 + 4 * off)
    pull *= ~np.repeat(out, 7, axis=0)[:DAYS]
    partner, together = _partners(rng, pull)
    price = np.exp(rng.normal(0.8, 0.35, len(kinds))[leaf] + rng.normal(0.0, 0.6, n))
    return Shelf(
        item_id=np.array([f"{20_000 + number}" for number in rng.permutation(n)], dtype=object),
        title=_titles(rng, leaf, theme),
        category=np.array([" / ".join(told) for told in kinds], dtype=object)[leaf],
        leaf=leaf,
        theme=theme,
        price=np.round(np.maximum(price, 0.19), 2),
        margin_rate=np.round(np.clip(rng.normal(0.45, 0.1, n), 0.1, 0.75), 3),
        pack=rng.choice([1, 2, 6, 12], n, p=[0.6, 0.15, 0.15, 0.1]),
        launched=launched,
        ended=ended,
        cycle_d=np.where(cycle, np.exp(rng.normal(np.log(30.0), 0.3, n)), np.nan),
        partner=partner,
        together=together,
        pull=pull.astype(np.float32),
        off=off,
        out=out,
        promotions=promotions,
    )


def _titles(rng: np.random.Generator, leaf: np.ndarray, theme: np.ndarray) -> np.ndarray:
    kinds = np.array([kind for _, _, kind in leaves()], dtype=object)[leaf]
    looks = np.array(THEMES, dtype=object)[theme]
    shades = np.array(SHADES, dtype=object)[rng.integers(0, len(SHADES), len(leaf))]
    return np.asarray(shades + " " + looks + " " + kinds, dtype=object)


def _lives(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Day of launch and of the end: seven of ten were there before; NaN for those that stay."""
    launched = np.where(
        rng.random(n) < 0.65, -rng.exponential(300.0, n) - 1, rng.uniform(0, DAYS, n)
    )
    launched = np.floor(launched)
    ended = np.floor(launched + 60 + rng.exponential(1100.0, n))
    # what would have ended before the record is still there: a shelf has no gaps
    ended = np.where(ended < 60, np.floor(rng.uniform(60, 900, n)), ended)
    return launched, np.where(ended < DAYS, ended, np.nan)


def _pull(
    rng: np.random.Generator, leaf: np.ndarray, launched: np.ndarray, ended: np.ndarray
) -> np.ndarray:
    """(days, items): lognormal appeal, drifting by the month, by season, with a boom when new."""
    n = len(leaf)
    day = np.arange(DAYS)[:, None]
    months = DAYS // 30 + 2
    walk = np.cumsum(rng.normal(0.0, 0.34, (months, n)), axis=0)
    walk -= 0.5 * walk.mean(axis=0)
    at = np.arange(DAYS) / 30.0
    low = np.floor(at).astype(int)
    part = (at - low)[:, None]
    drift: np.ndarray = (1 - part) * walk[low] + part * walk[low + 1]
    appeal: np.ndarray = rng.normal(0.0, 1.25, n)
    age = day - launched
    boom = 1.2 * np.exp(-np.maximum(age, 0) / 25.0) * (launched >= 0)
    alive = (age >= 0) & ~(day >= np.where(np.isnan(ended), np.inf, ended))
    return np.asarray(np.exp(appeal + drift + boom + _season(leaf)) * alive)


def _season(leaf: np.ndarray) -> np.ndarray:
    """(days, items) log of how much more, or less, an item's kind is wanted on a day."""
    days = pd.date_range(START, periods=DAYS, freq="D")
    year = days.day_of_year.to_numpy()[:, None]
    groups = np.array([group for _, group, _ in leaves()])[leaf]
    peak = np.select(
        [groups == "Christmas", groups == "Easter", groups == "Winter", groups == "Outside"],
        [330.0, 95.0, 345.0, 165.0],
        np.nan,
    )
    apart = np.abs((year - peak + 182.5) % 365 - 182.5)
    told = 1.9 * np.exp(-0.5 * (apart / 35.0) ** 2) - 1.5
    return np.asarray(np.where(np.isnan(peak), 0.0, told))


def _promotions(rng: np.random.Generator, n: int) -> tuple[np.ndarray, pd.DataFrame]:
    """(days, items) discounts, and the list of promotions: a fortnight from a Monday."""
    off = np.zeros((DAYS, n))
    mondays = np.flatnonzero(pd.date_range(START, periods=DAYS, freq="D").day_of_week == 0)[:-2:2]
    rows = []
    for first in mondays.tolist():
        chosen = np.sort(rng.choice(n, max(n // 40, 1), replace=False))
        share = rng.choice([0.1, 0.2, 0.3], len(chosen))
        off[first : first + 14, chosen] = share
        rows.append(pd.DataFrame({"item": chosen, "day": first, "discount": share}))
    return off, pd.concat(rows, ignore_index=True)


def _partners(rng: np.random.Generator, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that are bought together, among items that are there all the time."""
    n = pull.shape[1]
    partner, together = np.full(n, -1), np.zeros(n)
    steady = np.flatnonzero((pull > 0).mean(axis=0) > 0.95)
    usual = steady[np.argsort(-pull[:, steady].mean(axis=0))][: max(len(steady) // 2, 2)]
    count = 2 * max(min(n // 60, len(usual) // 2), 1)
    chosen = rng.permutation(usual)[: count - count % 2]
    first, second = chosen[::2][: len(chosen) // 2], chosen[1::2]
    partner[first] = second
    together[first] = rng.uniform(0.3, 0.6, len(first))
    return partner, together


__all__ = ["CLOSED_WEEKDAY", "DAYS", "START", "Shelf", "leaves", "open_days", "shelf"]
