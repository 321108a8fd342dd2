"""What the simulated customers put into their baskets: some of what they had before, some of what
they like and what is wanted at the time, and what belongs to what is in the basket already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from solutions.retail_recommendation.shelf import Shelf
from solutions.retail_recommendation.shoppers import Shoppers

BLOCK: Final = 256
"""Orders whose weights of all items are held at once."""
CUSTOMERS: Final = 2_000
"""Customers whose histories are held at once."""
MEMORY_D: Final = 90.0
"""Days after which a purchase is remembered by a third."""
PARTICULAR: Final = 1.0
"""Power of tastes in the choice."""


def baskets(
    rng: np.random.Generator, shelf: Shelf, people: Shoppers
) -> tuple[np.ndarray, np.ndarray]:
    """Order and item of each line, by order; no item twice in an order."""
    orders: list[np.ndarray] = []
    items: list[np.ndarray] = []
    for first in range(0, len(people.customer_id), CUSTOMERS):
        inside = (people.customer >= first) & (people.customer < first + CUSTOMERS)
        for order, item in _histories(rng, shelf, people, np.flatnonzero(inside), first):
            orders.append(order)
            items.append(item)
    order, item = np.concatenate(orders), np.concatenate(items)
    by = np.lexsort((item, order))
    return order[by], item[by]


def _histories(
    rng: np.random.Generator, shelf: Shelf, people: Shoppers, mine: np.ndarray, first: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Lines of a block of customers: all first orders, then all second ones, and so on."""
    n = int(people.customer[mine].max(initial=first)) - first + 1
    had = np.zeros((n, len(shelf)), dtype=np.float32)
    since = np.full((n, len(shelf)), -1e4, dtype=np.float32)
    last = np.zeros(n, dtype=np.float32)
    number = people.number[mine]
    for turn in range(int(number.max(initial=0)) + 1):
        now = mine[number == turn]
        # orders of about as many lines together: as few keys as possible are sorted
        now = now[np.argsort(-people.lines[now], kind="stable")]
        for start in range(0, len(now), BLOCK):
            order = now[start : start + BLOCK]
            who = people.customer[order] - first
            day = people.day[order].astype(np.float32)
            had[who] *= np.exp(-(day - last[who]) / MEMORY_D)[:, None]
            weights = _weights(shelf, people, order, had[who], day[:, None] - since[who])
            row, item = _race(rng, weights, people.lines[order])
            row, item = _with_partners(rng, shelf, people.day[order], row, item)
            had[who[row], item] += 1.0
            since[who[row], item] = day[row]
            last[who] = day
            yield order[row], item


def _weights(
    shelf: Shelf, people: Shoppers, order: np.ndarray, had: np.ndarray, ago: np.ndarray
) -> np.ndarray:
    """(orders, items) chances of each item to be taken next, summing to 1 in each row."""
    who = people.customer[order]
    pull = shelf.pull[people.day[order]]
    likes = people.taste[who][:, shelf.leaf] * people.style[who][:, shelf.theme]
    new = pull * likes**PARTICULAR
    old = had * (pull > 0) * np.sqrt(pull + 1e-6) * _due(shelf, ago)
    again = people.again[who].astype(np.float32) * (old.sum(axis=1) > 0)
    new *= ((1 - again) / np.maximum(new.sum(axis=1), 1e-12))[:, None]
    old *= (again / np.maximum(old.sum(axis=1), 1e-12))[:, None]
    return np.asarray(new + old)


def _due(shelf: Shelf, ago: np.ndarray) -> np.ndarray:
    """How much a thing is missed `ago` days after it was bought: 1 for what is not used up; little
    at first and most when a cycle is over for what is."""
    share = ago / np.where(np.isnan(shelf.cycle_d), 1.0, shelf.cycle_d).astype(np.float32)
    missed = 0.15 + 4.0 / (1.0 + np.exp(-(share - 0.85) * 8)) * np.exp(-np.maximum(share - 1, 0))
    return np.where(np.isnan(shelf.cycle_d), np.float32(1.0), missed.astype(np.float32))


def _race(
    rng: np.random.Generator, weights: np.ndarray, lines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Row and item of `lines` draws a row without putting back, in proportion to the weights: the
    first to arrive of exponential times (Efraimidis & Spirakis 2006)."""
    most = int(min(lines.max(initial=1), weights.shape[1]))
    times = rng.standard_exponential(weights.shape, dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        times /= weights
    near = np.argpartition(times, most - 1, axis=1)[:, :most]
    told = np.take_along_axis(times, near, axis=1)
    rank = np.argsort(told, axis=1, kind="stable")
    chosen = np.take_along_axis(near, rank, axis=1)
    fits = (np.arange(most) < lines[:, None]) & np.isfinite(np.take_along_axis(told, rank, axis=1))
    row, place = np.nonzero(fits)
    return row, chosen[row, place]


def _with_partners(
    rng: np.random.Generator, shelf: Shelf, day: np.ndarray, row: np.ndarray, item: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The lines, and partners of some of them that can be had and are not in the basket yet."""
    partner = shelf.partner[item]
    taken = (partner >= 0) & (rng.random(len(item)) < shelf.together[item])
    taken &= shelf.pull[day[row], partner] > 0
    both = np.concatenate([row, row[taken]]) * len(shelf) + np.concatenate([item, partner[taken]])
    key = np.unique(both)
    return key // len(shelf), key % len(shelf)


__all__ = ["baskets"]
