"""What honest customers do: mostly habit, and often enough something that looks like fraud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from solutions.fraud_detection.events import (
    ATM,
    CHIP,
    CONTACTLESS,
    CONTACTLESS_LIMIT,
    ECOM,
    MOTO,
    NOWHERE,
    TRANSFER,
    Events,
    World,
    events_of,
    joined,
    kiosks,
    strange_devices,
    through_outage,
)
from solutions.fraud_detection.population import CITIES, FAR_COUNTRIES, GAMES, MONEY
from solutions.fraud_detection.seasons import DAY_S, clock

Maker = Callable[[np.random.Generator, World, int], Events]
NEW_DEVICE_SHARE: Final = 0.02
KIOSK_SHARE: Final = 0.015
RETRY_SHARE: Final = 0.55
DECLINE_SHARE: Final = 0.028


def honest(rng: np.random.Generator, world: World, n: int) -> Events:
    """About `n` purchases of honest customers, in no order; failed attempts are often repeated."""
    parts = [maker(rng, world, max(round(n * share), 1)) for maker, share in _PLAN]
    return through_outage(rng, world, _with_declines(rng, world, joined(parts)))


def _people(rng: np.random.Generator, world: World, n: int, *, strange: bool = False) -> np.ndarray:
    """Customers by how much they buy while they are customers, and by their strangeness."""
    customers = world.customers
    weight = customers.rate * world.calendar.mass(customers)
    weight = weight * customers.strangeness if strange else weight
    return rng.choice(len(customers), n, p=weight / weight.sum())


def _everyday(rng: np.random.Generator, world: World, n: int) -> Events:
    """Mostly a favourite merchant, else anywhere in town or online."""
    who = _people(rng, world, n)
    online = rng.random(n) < world.customers.online[who]
    place = np.where(online, CITIES, world.customers.city[who])
    anywhere = world.merchants.near(rng, place)
    known = rng.random(n) < 0.70
    merchant = np.where(known, world.favourite(rng, who, online), anywhere)
    second = world.calendar.moments(rng, world.customers, who)
    # a big purchase now and then: a fridge, a flight
    big = np.where(rng.random(n) < 0.03, rng.uniform(2.5, 8.0, n), 1.0)
    foreign = rng.random(n) < np.where(online, 0.10, 0.004)
    amount = world.price(rng, who, merchant) * big * world.calendar.price(second)
    return events_of(
        world,
        who,
        merchant,
        second,
        amount,
        _channel(rng, online, amount),
        device=_device(rng, world, who, second),
        ip=world.own_ip(rng, who, second),
        abroad=np.where(foreign, _far(rng, n), NOWHERE),
    )


def _subscriptions(rng: np.random.Generator, world: World, n: int) -> Events:
    """The same small amount at the same shop every 30 days, at any hour."""
    months = max(world.n_days // 30, 1)
    n_contracts = -(-n // months)
    who = _people(rng, world, n_contracts)
    shop = world.favourite(rng, who, np.ones(n_contracts, dtype=bool))
    first = rng.integers(0, 30 * DAY_S, n_contracts)
    amount = rng.choice(np.array([2.99, 4.99, 7.99, 9.99, 12.99, 17.99]), n_contracts)
    each = np.repeat(np.arange(n_contracts), months)
    second = first[each] + np.tile(np.arange(months), n_contracts) * 30 * DAY_S
    each, second = _while_customer(world, who, each, second)
    device = np.full(len(each), NOWHERE)
    people = who[each]
    return events_of(world, people, shop[each], second, amount[each], ECOM, device=device)


def _while_customer(
    world: World, who: np.ndarray, each: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Without what lies before joining, after leaving, or behind the last day."""
    kept = world.customers.active(who[each], second / DAY_S) & (second <= world.end)
    return each[kept], second[kept]


def _bouts(
    rng: np.random.Generator, world: World, n: int, length: float, span_s: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who, case number and second of about `n` events in bouts of `length`, each in `span_s`."""
    cases = max(round(n / length), 1)
    people = _people(rng, world, cases, strange=True)
    case = np.repeat(np.arange(cases), 1 + rng.poisson(length - 1, cases))
    start = world.calendar.moments(rng, world.customers, people)
    second = start[case] + (rng.random(len(case)) * span_s).astype(np.int64)
    return people[case], case, second


def _trips(rng: np.random.Generator, world: World, n: int) -> Events:
    """Days in another town or country: many new places, more money, now and then a new network."""
    who, case, second = _bouts(rng, world, n, 9.0, 6.0 * DAY_S)
    day = second // DAY_S
    second = day * DAY_S + clock(rng, world.customers, who, weekend=np.ones(len(who), dtype=bool))
    cases = int(case[-1]) + 1
    city = rng.integers(0, CITIES, cases)[case]
    far = np.where(rng.random(cases) < 0.5, _far(rng, cases), NOWHERE)[case]
    online = rng.random(len(who)) < 0.12
    merchant = world.merchants.near(rng, np.where(online, CITIES, city))
    amount = world.price(rng, who, merchant) * rng.uniform(0.9, 2.4, len(who))
    amount = amount * world.calendar.price(second)
    device = _device(rng, world, who, second)
    return events_of(
        world,
        who,
        merchant,
        second,
        amount,
        _channel(rng, online, amount),
        device=device,
        ip=world.own_ip(rng, who, second),
        abroad=far,
    )


def _sprees(rng: np.random.Generator, world: World, n: int) -> Events:
    """An afternoon in town, or an evening online: several new shops within hours, above habit."""
    who, case, second = _bouts(rng, world, n, 5.0, 5.0 * 3_600)
    cases = int(case[-1]) + 1
    online = (rng.random(cases) < 0.45)[case]
    anywhere = world.merchants.near(rng, np.where(online, CITIES, world.customers.city[who]))
    known = rng.random(len(who)) < 0.4
    merchant = np.where(known, world.favourite(rng, who, online), anywhere)
    amount = world.price(rng, who, merchant) * rng.uniform(0.9, 3.0, cases)[case]
    amount = amount * world.calendar.price(second)
    borrowed = (rng.random(cases) < 0.06)[case]
    device = np.where(borrowed, strange_devices(rng, cases)[case], world.own_device(who, second))
    return events_of(
        world,
        who,
        merchant,
        second,
        amount,
        _channel(rng, online, amount),
        device=device,
        ip=world.own_ip(rng, who, second),
        abroad=np.where(online & (rng.random(cases) < 0.2)[case], _far(rng, cases)[case], NOWHERE),
    )


def _micro(rng: np.random.Generator, world: World, n: int) -> Events:
    """Bursts of tiny payments inside a game or an app, minutes apart on one device."""
    who, case, second = _bouts(rng, world, n, 6.0, 40 * 60.0)
    cases = int(case[-1]) + 1
    shop = world.merchants.of_kind(rng, GAMES, cases)
    elsewhere = world.shops(rng, cases)
    merchant = np.where(rng.random(cases) < 0.55, shop, elsewhere)[case]
    amount = rng.lognormal(1.0, 0.6, len(who))
    device = np.where(
        (rng.random(cases) < 0.04)[case],
        strange_devices(rng, cases)[case],
        world.own_device(who, second),
    )
    declined = rng.random(len(who)) < 0.06
    return events_of(
        world,
        who,
        merchant,
        second,
        amount,
        ECOM,
        device=device,
        ip=world.own_ip(rng, who, second),
        declined=declined,
    )


def _transfers(rng: np.random.Generator, world: World, n: int) -> Events:
    """Money sent to others: rent, a car, friends; sometimes much of it from a new device."""
    who = _people(rng, world, n)
    second = world.calendar.moments(rng, world.customers, who)
    merchant = world.merchants.of_kind(rng, MONEY, n)
    amount = rng.lognormal(4.4, 1.0, n)
    # most banks send money from a known device only
    new = rng.random(n) < 0.4 * NEW_DEVICE_SHARE
    device = np.where(new, strange_devices(rng, n), world.own_device(who, second))
    ip = world.own_ip(rng, who, second)
    return events_of(world, who, merchant, second, amount, TRANSFER, device=device, ip=ip)


def _device(
    rng: np.random.Generator, world: World, who: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """The usual device, now and then one that is new, or a public one."""
    n = len(who)
    draw = rng.random(n)
    new = draw < NEW_DEVICE_SHARE * world.customers.strangeness[who]
    public = draw > 1 - KIOSK_SHARE
    own = np.where(public, kiosks(rng, world, n), world.own_device(who, second))
    return np.where(new, strange_devices(rng, n), own)


def _channel(rng: np.random.Generator, online: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """How it is paid: without a code only up to the limit, apart from a few phones."""
    n = len(online)
    near = rng.choice([CHIP, CONTACTLESS, ATM], n, p=[0.20, 0.74, 0.06])
    beyond = (amount > CONTACTLESS_LIMIT) & (rng.random(n) < 0.9)
    near = np.where(beyond & (near == CONTACTLESS), CHIP, near)
    far = rng.choice([ECOM, MOTO, TRANSFER], n, p=[0.92, 0.03, 0.05])
    return np.where(online, far, near)


def _far(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, len(FAR_COUNTRIES), n)


def _with_declines(rng: np.random.Generator, world: World, events: Events) -> Events:
    """Forgotten codes and empty accounts: a declined attempt before, for one event in forty."""
    failed = np.flatnonzero(rng.random(len(events)) < DECLINE_SHARE)
    before = events.take(failed)
    second = np.maximum(before.second - rng.integers(20, 240, len(failed)), 0)
    attempts = events_of(
        world,
        before.customer,
        before.merchant,
        second,
        before.amount,
        before.channel,
        device=before.device,
        ip=before.ip,
        abroad=before.abroad,
        declined=True,
    )
    # the others gave up: their purchase did not come about
    gave_up = failed[rng.random(len(failed)) > RETRY_SHARE]
    kept = np.ones(len(events), dtype=bool)
    kept[gave_up] = False
    return joined([events.take(np.flatnonzero(kept)), attempts])


_PLAN: Final[tuple[tuple[Maker, float], ...]] = (
    (_everyday, 0.825),
    (_subscriptions, 0.05),
    (_trips, 0.04),
    (_sprees, 0.02),
    (_micro, 0.025),
    (_transfers, 0.03),
)
"""What is done, and its share of all honest purchases; 1 % comes from attempts and retries."""

__all__ = ["honest"]
