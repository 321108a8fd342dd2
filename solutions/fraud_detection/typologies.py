"""Simulated frauds: five typologies, each with its own rate, tempo and disguise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from solutions.fraud_detection.events import (
    CHIP,
    CONTACTLESS,
    DAY_S,
    ECOM,
    TRANSFER,
    Events,
    World,
    joined,
)
from solutions.fraud_detection.population import CITIES

Maker = Callable[[np.random.Generator, World, np.ndarray], Events]

NAMES: Final = (
    "",
    "card_testing",
    "lost_stolen",
    "cnp_mimicry",
    "compromised_terminal",
    "account_takeover",
)


def frauds(rng: np.random.Generator, world: World, n: int) -> Events:
    """About `n` fraudulent transactions, the typologies in fixed shares."""
    parts = []
    for maker, share, mean_length in _PLAN:
        cases = max(1, round(n * share / mean_length))
        parts.append(maker(rng, world, _lengths(rng, cases, mean_length)))
    return joined(parts)


def _lengths(rng: np.random.Generator, cases: int, mean: float) -> np.ndarray:
    return 1 + rng.poisson(mean - 1, cases)


def _spread(
    rng: np.random.Generator, world: World, lengths: np.ndarray, span_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Case number and second of each event: a random start, more often by day, then gaps inside
    `span_s`."""
    case = np.repeat(np.arange(len(lengths)), lengths)
    hour = rng.normal(14.0, 6.0, len(lengths)) % 24
    start = rng.integers(2, world.n_days, len(lengths)) * DAY_S + (hour * 3_600).astype(np.int64)
    second = start[case] + (rng.random(len(case)) * span_s).astype(np.int64)
    return case, np.minimum(second, world.n_days * DAY_S - 1)


def _victims(rng: np.random.Generator, world: World, cases: int) -> np.ndarray:
    return rng.integers(0, len(world.customers), cases)


def _strange_device(rng: np.random.Generator, world: World, cases: int) -> np.ndarray:
    """A device that no customer uses regularly."""
    return len(world.customers) * (10 + rng.integers(0, 10, cases)) + rng.integers(0, 1000, cases)


def _shops(rng: np.random.Generator, world: World, n: int) -> np.ndarray:
    return world.merchants.near(rng, np.full(n, CITIES))


def _card_testing(rng: np.random.Generator, world: World, lengths: np.ndarray) -> Events:
    """Small amounts at one shop within minutes, several cards, one device."""
    case, second = _spread(rng, world, lengths, 25 * 60.0)
    pool = _victims(rng, world, 3 * len(lengths)).reshape(-1, 3)
    shop = _shops(rng, world, len(lengths))[case]
    small = rng.lognormal(0.9, 0.7, len(case))
    who = pool[case, rng.integers(0, 3, len(case))]
    large = 1.2 * world.price(rng, who, shop)
    amount = np.where(rng.random(len(case)) < 0.15, large, small)
    device = _strange_device(rng, world, len(lengths))[case]
    return _events(who, shop, device, second, amount, ECOM, rng.random(len(case)) < 0.2, 1)


def _lost_stolen(rng: np.random.Generator, world: World, lengths: np.ndarray) -> Events:
    """A spree of card-present purchases over some hours, somewhat above the victim's habit."""
    case, second = _spread(rng, world, lengths, 7 * 3_600.0)
    who = _victims(rng, world, len(lengths))[case]
    shop = world.merchants.near(rng, world.customers.city[who])
    amount = world.price(rng, who, shop) * rng.uniform(0.8, 2.8, len(case))
    none = np.full(len(case), -1)
    return _events(who, shop, none, second, amount, CONTACTLESS, np.zeros(len(case), bool), 2)


def _cnp_mimicry(rng: np.random.Generator, world: World, lengths: np.ndarray) -> Events:
    """Card-not-present purchases over days in the victim's own amounts, often on a new device."""
    case, second = _spread(rng, world, lengths, 3.0 * DAY_S)
    who = _victims(rng, world, len(lengths))[case]
    shop = _shops(rng, world, len(lengths))[case]
    amount = world.price(rng, who, shop) * rng.uniform(0.9, 1.6, len(case))
    strange = _strange_device(rng, world, len(lengths))[case]
    device = np.where(rng.random(len(lengths))[case] < 0.65, strange, world.customers.device[who])
    return _events(who, shop, device, second, amount, ECOM, rng.random(len(case)) < 0.25, 3)


def _compromised_terminal(rng: np.random.Generator, world: World, lengths: np.ndarray) -> Events:
    """Many cards of one town defrauded at one merchant over three weeks, in usual amounts."""
    case, second = _spread(rng, world, lengths, 21.0 * DAY_S)
    city = rng.integers(0, CITIES, len(lengths))
    shop = world.merchants.near(rng, city)[case]
    who = _victims(rng, world, len(case))
    amount = world.price(rng, who, shop) * rng.uniform(0.9, 1.7, len(case))
    none = np.full(len(case), -1)
    return _events(who, shop, none, second, amount, CHIP, np.zeros(len(case), bool), 4)


def _account_takeover(rng: np.random.Generator, world: World, lengths: np.ndarray) -> Events:
    """Transfers and purchases well above the habit within a day, from a device not seen before."""
    case, second = _spread(rng, world, lengths, 1.0 * DAY_S)
    who = _victims(rng, world, len(lengths))[case]
    shop = _shops(rng, world, len(case))
    amount = world.price(rng, who, shop) * rng.uniform(1.2, 4.5, len(case))
    device = _strange_device(rng, world, len(lengths))[case]
    channel = np.where(rng.random(len(case)) < 0.5, TRANSFER, ECOM)
    return _events(who, shop, device, second, amount, channel, rng.random(len(case)) < 0.3, 5)


def _events(
    who: np.ndarray,
    shop: np.ndarray,
    device: np.ndarray,
    second: np.ndarray,
    amount: np.ndarray,
    channel: np.ndarray | int,
    abroad: np.ndarray,
    typology: int,
) -> Events:
    n = len(who)
    channels, kinds = np.broadcast_to(channel, n), np.full(n, typology)
    return Events(who, shop, device, second, amount, channels, abroad, kinds)


_PLAN: Final[tuple[tuple[Maker, float, float], ...]] = (
    (_card_testing, 0.25, 7.0),
    (_lost_stolen, 0.23, 5.0),
    (_cnp_mimicry, 0.22, 3.0),
    (_compromised_terminal, 0.14, 9.0),
    (_account_takeover, 0.16, 4.0),
)
"""Typology, its share of all frauds, mean transactions a case."""

__all__ = ["NAMES", "frauds"]
