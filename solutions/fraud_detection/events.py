"""Simulated transactions before they become a table, and the world in which they happen."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from solutions.fraud_detection.population import (
    CITIES,
    MCC_PRICE,
    Customers,
    Merchants,
    favourites,
)
from solutions.fraud_detection.seasons import DAY_S, Calendar

CHANNELS: Final = ("chip", "contactless", "ecom", "moto", "atm", "transfer")
CHIP, CONTACTLESS, ECOM, MOTO, ATM, TRANSFER = range(6)
NOWHERE: Final = -1
"""No device, no address, or not abroad."""
_STRANGE: Final = 1 << 40
_ROOM: Final = 1 << 30
CONTACTLESS_LIMIT: Final = 50.0
FLEETING_IP_SHARE: Final = 0.16
SHARED_IP_SHARE: Final = 0.25


@dataclass(frozen=True)
class Events:
    """Transactions as columns of equal length.

    second: since the start; customer, merchant: indices; device, ip: codes, NOWHERE where there
    is none; channel: into CHANNELS; abroad: into FAR_COUNTRIES, NOWHERE at home; declined: what
    the issuer answered; typology: 0 honest, else what kind of fraud.
    """

    customer: np.ndarray
    merchant: np.ndarray
    device: np.ndarray
    ip: np.ndarray
    second: np.ndarray
    amount: np.ndarray
    channel: np.ndarray
    abroad: np.ndarray
    declined: np.ndarray
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
    """Who, where and when: drawn once, then read by honest and fraudulent events alike."""

    customers: Customers
    merchants: Merchants
    favourites: np.ndarray
    calendar: Calendar

    @property
    def n_days(self) -> int:
        """Length of the simulation."""
        return self.calendar.n_days

    @property
    def end(self) -> int:
        """Its last second."""
        return self.n_days * DAY_S - 1

    def price(self, rng: np.random.Generator, who: np.ndarray, merchant: np.ndarray) -> np.ndarray:
        """Amounts as `who` would spend them at `merchant`: lognormal around their habit."""
        people, level = self.customers, MCC_PRICE[self.merchants.mcc[merchant]]
        noise = rng.normal(0.0, 1.0, len(who)) * people.spread[who]
        return np.asarray(np.exp(people.log_spend[who] + noise) * level)

    def own_device(self, who: np.ndarray, second: np.ndarray) -> np.ndarray:
        """What each customer uses regularly: the household's or their own, and its successor."""
        renewed = second >= self.customers.renewed[who] * DAY_S
        return np.asarray(2 * self.customers.device[who] + renewed)

    def own_ip(self, rng: np.random.Generator, who: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The household's address, which changes every few weeks; often a carrier's shared one,
        now and then one that is never seen again."""
        n = len(who)
        home = 64 * self.customers.household[who] + second // (25 * DAY_S)
        carrier = _STRANGE + rng.integers(0, 20 + len(self.customers) // 60, n)
        kind = rng.random(n)
        away = np.where(kind < SHARED_IP_SHARE, carrier, home)
        return np.where(kind > 1 - FLEETING_IP_SHARE, strange_ips(rng, n), away)

    def favourite(
        self, rng: np.random.Generator, who: np.ndarray, online: np.ndarray
    ) -> np.ndarray:
        """A merchant that each of `who` returns to, the first ones more often."""
        n_favourites = self.favourites.shape[1]
        quarter = n_favourites // 4
        width = np.where(online, quarter, n_favourites - quarter)
        slot = (rng.random(len(who)) ** 2 * width).astype(np.int64)
        return np.asarray(self.favourites[who, np.where(online, slot, slot + quarter)])

    def shops(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """`n` online shops."""
        return self.merchants.near(rng, np.full(n, CITIES))


def make_world(
    rng: np.random.Generator, customers: Customers, merchants: Merchants, calendar: Calendar
) -> World:
    """The world of these customers and merchants with the places each customer returns to."""
    return World(customers, merchants, favourites(rng, customers, merchants), calendar)


def strange_devices(rng: np.random.Generator, n: int) -> np.ndarray:
    """`n` devices that nobody uses regularly."""
    return _STRANGE + rng.integers(0, _ROOM, n)


def strange_ips(rng: np.random.Generator, n: int) -> np.ndarray:
    """`n` addresses that hardly anybody uses twice."""
    return _STRANGE + _ROOM + rng.integers(0, _ROOM, n)


def kiosks(rng: np.random.Generator, world: World, n: int) -> np.ndarray:
    """`n` of the few public devices that many people use."""
    return _STRANGE - 1 - rng.integers(0, 6 + len(world.customers) // 150, n)


def events_of(
    world: World,
    who: np.ndarray,
    merchant: np.ndarray,
    second: np.ndarray,
    amount: np.ndarray,
    channel: np.ndarray | int,
    *,
    device: np.ndarray | int = NOWHERE,
    ip: np.ndarray | int = NOWHERE,
    abroad: np.ndarray | int = NOWHERE,
    declined: np.ndarray | bool = False,
    typology: np.ndarray | int = 0,
) -> Events:
    """Events inside the world's days; what is the same for all of them may be given once.

    Without a network there is neither device nor address.
    """
    n = len(who)

    def full(value: np.ndarray | float) -> np.ndarray:
        return np.array(np.broadcast_to(value, n))

    channels = full(channel)
    remote = np.isin(channels, (ECOM, TRANSFER))
    return Events(
        customer=who,
        merchant=merchant,
        device=np.where(remote, full(device), NOWHERE),
        ip=np.where(remote, full(ip), NOWHERE),
        second=np.clip(second, 0, world.end),
        amount=amount,
        channel=channels,
        abroad=full(abroad),
        declined=full(declined).astype(bool),
        typology=full(typology).astype(np.int64),
    )


def through_outage(rng: np.random.Generator, world: World, events: Events) -> Events:
    """The same events with most of those in the gateway's outage declined and tried again."""
    start, end = world.calendar.outage
    inside = (events.second >= start) & (events.second < end)
    hit = inside & (rng.random(len(events)) < 0.8)
    declined = replace(events, declined=events.declined | hit)
    tries = np.flatnonzero(hit & (rng.random(len(events)) < 0.7))
    again = np.repeat(tries, rng.integers(1, 4, len(tries)))
    retried = declined.take(again)
    later = retried.second + rng.integers(15, 900, len(again))
    answered = rng.random(len(again)) < 0.75
    return joined(
        [declined, replace(retried, second=np.minimum(later, world.end), declined=answered)]
    )


__all__ = [
    "ATM",
    "CHANNELS",
    "CHIP",
    "CONTACTLESS",
    "CONTACTLESS_LIMIT",
    "ECOM",
    "MOTO",
    "NOWHERE",
    "TRANSFER",
    "Events",
    "World",
    "events_of",
    "joined",
    "kiosks",
    "make_world",
    "strange_devices",
    "strange_ips",
    "through_outage",
]
