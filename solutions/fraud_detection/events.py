"""Simulated transactions before they become a table, and the purchases of honest customers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from solutions.fraud_detection.population import (
    CITIES,
    FAVOURITES,
    MCC_PRICE,
    Customers,
    Merchants,
    favourites,
)

CHANNELS: Final = ("chip", "contactless", "ecom", "moto", "atm", "transfer")
CHIP, CONTACTLESS, ECOM, MOTO, ATM, TRANSFER = range(6)
DAY_S: Final = 86_400
WEEKDAY_WEIGHTS: Final = np.array([0.92, 0.93, 0.97, 1.02, 1.15, 1.20, 0.81])
PAYDAY_LIFT: Final = 1.25


@dataclass(frozen=True)
class Events:
    """Transactions as columns of equal length.

    second: since the start; customer, merchant, device: indices; channel: into CHANNELS;
    abroad: merchant outside the home countries; typology: 0 honest, else what kind of fraud.
    """

    customer: np.ndarray
    merchant: np.ndarray
    device: np.ndarray
    second: np.ndarray
    amount: np.ndarray
    channel: np.ndarray
    abroad: np.ndarray
    typology: np.ndarray

    def __len__(self) -> int:
        return len(self.second)

    def take(self, index: np.ndarray) -> Events:
        """The events at `index`, in its order."""
        return Events(*(getattr(self, each.name)[index] for each in fields(self)))


def joined(parts: list[Events]) -> Events:
    """All events of `parts`, one part after the other."""
    names = [each.name for each in fields(Events)]
    return Events(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class World:
    """Who and where: drawn once, then read by honest and fraudulent events alike."""

    customers: Customers
    merchants: Merchants
    favourites: np.ndarray
    n_days: int

    def price(self, rng: np.random.Generator, who: np.ndarray, merchant: np.ndarray) -> np.ndarray:
        """Amounts as `who` would spend them at `merchant`: lognormal around their habit."""
        people, level = self.customers, MCC_PRICE[self.merchants.mcc[merchant]]
        noise = rng.normal(0.0, 1.0, len(who)) * people.spread[who]
        return np.asarray(np.exp(people.log_spend[who] + noise) * level)


def make_world(
    rng: np.random.Generator, customers: Customers, merchants: Merchants, n_days: int
) -> World:
    """The world of these customers and merchants with the places each customer returns to."""
    return World(customers, merchants, favourites(rng, customers, merchants), n_days)


def honest(rng: np.random.Generator, world: World, n: int) -> Events:
    """`n` purchases of honest customers, in no order."""
    who = _who(rng, world.customers, n)
    merchant = _where(rng, world, who)
    online = merchant >= world.merchants.starts[CITIES]
    amount = world.price(rng, who, merchant) * np.where(rng.random(n) < 0.02, 4.0, 1.0)
    return Events(
        customer=who,
        merchant=merchant,
        device=_device(rng, world.customers, who, online),
        second=_when(rng, world, who),
        amount=amount,
        channel=_channel(rng, online),
        abroad=rng.random(n) < np.where(online, 0.10, 0.02),
        typology=np.zeros(n, dtype=np.int64),
    )


def _who(rng: np.random.Generator, customers: Customers, n: int) -> np.ndarray:
    return rng.choice(len(customers), n, p=customers.rate / customers.rate.sum())


def _where(rng: np.random.Generator, world: World, who: np.ndarray) -> np.ndarray:
    """Mostly a favourite, the first ones more often; else anywhere in town or online."""
    online = rng.random(len(who)) < world.customers.online[who]
    quarter = FAVOURITES // 4
    slot = (rng.random(len(who)) ** 2 * np.where(online, quarter, FAVOURITES - quarter)).astype(int)
    known = world.favourites[who, np.where(online, slot, slot + quarter)]
    city = np.where(online, CITIES, world.customers.city[who])
    return np.where(rng.random(len(who)) < 0.72, known, world.merchants.near(rng, city))


def _when(rng: np.random.Generator, world: World, who: np.ndarray) -> np.ndarray:
    """Second of each purchase: a Poisson process that varies by weekday, payday and hour."""
    days = np.arange(world.n_days)
    weights = WEEKDAY_WEIGHTS[days % 7] * np.where(days % 30 < 3, PAYDAY_LIFT, 1.0)
    day = rng.choice(world.n_days, len(who), p=weights / weights.sum())
    start = world.customers.joined[who]
    late = day < start
    day = np.where(late, start + rng.random(len(who)) * (world.n_days - start), day)
    hour = rng.normal(world.customers.peak_hour[who], 4.2) % 24
    return np.asarray(day.astype(np.int64) * DAY_S + (hour * 3_600).astype(np.int64))


def _device(
    rng: np.random.Generator, customers: Customers, who: np.ndarray, online: np.ndarray
) -> np.ndarray:
    """The household's device online, now and then a new one; -1 where there is none."""
    fresh = 10 * len(customers) + rng.integers(0, 10 * len(customers), len(who))
    known = np.where(rng.random(len(who)) < 0.10, fresh, customers.device[who])
    return np.where(online, known, -1)


def _channel(rng: np.random.Generator, online: np.ndarray) -> np.ndarray:
    n = len(online)
    near = rng.choice([CHIP, CONTACTLESS, ATM], n, p=[0.34, 0.60, 0.06])
    far = rng.choice([ECOM, MOTO, TRANSFER], n, p=[0.86, 0.04, 0.10])
    return np.where(online, far, near)


__all__ = ["CHANNELS", "DAY_S", "Events", "World", "honest", "joined", "make_world"]
