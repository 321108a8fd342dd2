"""The simulated customers: who they are, when they order until they stay away, and how much.

Orders follow a rate of each customer's own and a chance to stay away for good after each of them
(BG/NBD, Fader, Hardie & Lee 2005), in a time that runs faster before Christmas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.shelf import DAYS, START, THEMES, leaves, open_days

MOST_ORDERS: Final = 160
MOST_LINES: Final = 150
REGULAR: Final = 1.5
"""Shape of the gaps between orders: 1 where an order says nothing of the next, more for habit."""
KNOWN_BEFORE: Final = 0.22
"""Share of customers who had ordered before the record begins."""
COUNTRIES: Final = ("United Kingdom", "Germany", "France", "Ireland", "Spain")


@dataclass(frozen=True)
class Shoppers:
    """One place in each array a customer; order arrays one place an order, by customer, then time.

    taste: (customers, leaves), style: (customers, themes): what they like, 1 in the mean; again:
    share of their lines that repeat what they had; pieces: how many they take at once; gone: days
    from START on which they stayed away for good, inf for those who did not.
    customer, day, hour, lines: of each order; number: 0 for a customer's first.
    """

    customer_id: np.ndarray
    country: np.ndarray
    is_trade: np.ndarray
    consent: np.ndarray
    signed_up: np.ndarray
    taste: np.ndarray
    style: np.ndarray
    again: np.ndarray
    pieces: np.ndarray
    gone: np.ndarray
    customer: np.ndarray
    day: np.ndarray
    hour: np.ndarray
    lines: np.ndarray
    number: np.ndarray


def pace() -> np.ndarray:
    """How fast time runs on each day: 0 while the shop is closed, twice the mean in November."""
    days = pd.date_range(START, periods=DAYS, freq="D")
    year = days.day_of_year.to_numpy()
    fast = 0.8 + 1.25 * np.exp(-0.5 * ((year - 322.0) / 26.0) ** 2) + 0.12 * np.cos(
        2 * np.pi * (year - 100) / 182.5
    )  # fmt: skip
    fast *= np.where(days.day_of_week == 3, 1.2, np.where(days.day_of_week == 6, 0.7, 1.0))
    fast[np.setdiff1d(np.arange(DAYS), open_days())] = 0.0
    return np.asarray(fast / fast.mean())


def shoppers(rng: np.random.Generator, n: int) -> Shoppers:
    """`n` customers and all their orders; each has at least one."""
    is_trade = rng.random(n) < 0.3
    clock = np.concatenate([[0.0], np.cumsum(pace())])
    joins = np.where(rng.random(n) < KNOWN_BEFORE, rng.uniform(0, 30, n), rng.uniform(0, DAYS, n))
    begins = np.interp(joins, np.arange(DAYS + 1), clock)
    # a gap between orders of 30 days in the middle, and of a week for the keenest
    rate = np.exp(rng.normal(np.log(1 / 60.0), 0.62, n) + 0.35 * is_trade)
    leave = rng.beta(0.65, 2.1, n)
    gaps = rng.gamma(REGULAR, 1.0 / REGULAR, (n, MOST_ORDERS)) / rate[:, None]
    gaps[:, 0] = begins
    at = np.cumsum(gaps, axis=1)
    stays = rng.geometric(np.clip(leave, 1e-3, 1.0))
    kept = (at < clock[-1] - 1e-9) & (np.arange(MOST_ORDERS) < stays[:, None])
    kept[:, 0] = True
    customer, number = np.nonzero(kept)
    told = np.minimum(at[kept], clock[-1] - 1e-9)
    day = np.clip(np.searchsorted(clock, told, side="right") - 1, 0, DAYS - 1)
    ended = stays <= kept.sum(axis=1)
    last = np.zeros(n)
    last[customer] = day
    mean_lines = np.exp(rng.normal(np.log(17.0), 0.55, n))
    return Shoppers(
        customer_id=np.array([f"{12_000 + one}" for one in rng.permutation(n)], dtype=object),
        country=np.array(COUNTRIES, dtype=object)[
            rng.choice(5, n, p=[0.86, 0.05, 0.04, 0.03, 0.02])
        ],
        is_trade=is_trade,
        consent=rng.random(n) < 0.97,
        signed_up=np.floor(day[number == 0] - np.where(joins < 30, rng.exponential(200.0, n), 0)),
        taste=_likes(rng, n, len(leaves()), 0.30),
        style=_likes(rng, n, len(THEMES), 0.60),
        again=np.clip(rng.beta(2.2, 5.2, n) + 0.05 * is_trade, 0.02, 0.9),
        pieces=np.exp(rng.normal(np.log(5.2), 0.75, n) + 0.9 * is_trade),
        gone=np.where(ended, last, np.inf),
        customer=customer,
        day=day,
        hour=np.clip(rng.normal(12.5, 2.2, len(customer)), 7.5, 19.5),
        lines=_lines(rng, mean_lines[customer]),
        number=number,
    )


def _likes(rng: np.random.Generator, n: int, kinds: int, shape: float) -> np.ndarray:
    """(n, kinds) gamma draws of mean 1: the smaller the shape, the more particular."""
    return (rng.gamma(shape, 1.0 / shape, (n, kinds)) + 0.03).astype(np.float32)


def _lines(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Lines of each order: about the customer's own mean; one in seven is a single errand."""
    usual = np.minimum(np.exp(rng.normal(np.log(mean), 0.62)), MOST_LINES)
    errand = rng.random(len(mean)) < 0.14
    lines = np.where(errand, rng.integers(1, 4, len(mean)), usual)
    return np.asarray(np.maximum(lines, 1)).astype(int)


__all__ = ["Shoppers", "pace", "shoppers"]
