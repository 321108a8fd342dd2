"""Simulated frauds: seven typologies, each with its own rate, tempo, loss and disguise.

Fraudsters learn: in a case that starts after `SHIFT_SHARE` of the days, amounts imitate the
victim's own, because larger ones are blocked by then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from solutions.fraud_detection.events import (
    CHIP,
    CONTACTLESS,
    CONTACTLESS_LIMIT,
    ECOM,
    NOWHERE,
    TRANSFER,
    Events,
    World,
    events_of,
    joined,
    strange_devices,
    strange_ips,
)
from solutions.fraud_detection.population import (
    AGE_RISK,
    CITIES,
    FAR_COUNTRIES,
    MONEY,
    QUASI_CASH,
)
from solutions.fraud_detection.seasons import DAY_S

SHIFT_SHARE: Final = 0.6
RAMP_WEEKS: Final = 8
RAMP_FRAUD_WEEKS: Final = 2
RAMP_STEP: Final = (0.25, 0.5)
"""Weekly rise of a bust-out in standard deviations of the customer's log amount: below 1."""


@dataclass(frozen=True)
class Cases:
    """Starts (second) and lengths (transactions) of the cases of one typology."""

    start: np.ndarray
    length: np.ndarray
    shifted: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def each(self) -> np.ndarray:
        """Number of the case of each transaction."""
        return np.repeat(np.arange(len(self)), self.length)

    def spread(self, rng: np.random.Generator, span_s: float) -> np.ndarray:
        """Second of each transaction, anywhere inside `span_s` of its case's start."""
        each = self.each
        return np.asarray(self.start[each] + (rng.random(len(each)) * span_s).astype(np.int64))

    def factor(
        self, rng: np.random.Generator, bold: tuple[float, float], meek: tuple[float, float]
    ) -> np.ndarray:
        """By how much each transaction exceeds the victim's habit, before and after the shift."""
        each = self.each
        low = np.where(self.shifted, meek[0], bold[0])[each]
        high = np.where(self.shifted, meek[1], bold[1])[each]
        return np.asarray(low + rng.random(len(each)) * (high - low))


@dataclass(frozen=True)
class Typology:
    """One kind of fraud: share of all frauds, mean transactions a case, what the bank learns.

    reported: how likely a transaction is ever reported; delay: how late, relative to others.
    """

    name: str
    share: float
    length: float
    make: Callable[[np.random.Generator, World, Cases, int], Events]
    reported: float
    delay: float = 1.0


def frauds(rng: np.random.Generator, world: World, n: int) -> Events:
    """About `n` fraudulent transactions of all typologies, and the honest start of bust-outs."""
    parts = []
    for code, typology in enumerate(TYPOLOGIES, start=1):
        n_cases = max(1, round(n * typology.share / typology.length))
        cases = _cases(rng, world, n_cases, typology.length)
        parts.append(typology.make(rng, world, cases, code))
    return joined(parts)


def _cases(rng: np.random.Generator, world: World, n: int, length: float) -> Cases:
    hour = rng.normal(15.0, 6.0, n) % 24
    # evenly over the days, so that a few cases do not all fall into one month
    day = 2 + ((np.arange(n) + rng.random(n)) / n * (world.n_days - 3)).astype(np.int64)
    start = day * DAY_S + (hour * 3_600).astype(np.int64)
    return Cases(start, 1 + rng.poisson(length - 1, n), day >= SHIFT_SHARE * world.n_days)


def _victims(
    rng: np.random.Generator, world: World, start: np.ndarray, weight: np.ndarray | None = None
) -> np.ndarray:
    """A customer for each start who is one at that time, chosen by `weight`."""
    customers = world.customers
    given = np.ones(len(customers)) if weight is None else weight
    chances = given * (0.3 + customers.rate)
    chances = chances / chances.sum()
    who = rng.choice(len(customers), len(start), p=chances)
    day = start / DAY_S
    for _ in range(20):
        wrong = np.flatnonzero(~customers.active(who, day))
        who[wrong] = rng.choice(len(customers), len(wrong), p=chances)
    return np.asarray(who)


def _exposed(world: World) -> np.ndarray:
    """How easily each customer is reached online."""
    return np.asarray((0.1 + world.customers.online) * AGE_RISK[world.customers.age])


def _far(rng: np.random.Generator, cases: Cases, share: float) -> np.ndarray:
    far = rng.integers(0, len(FAR_COUNTRIES), len(cases))
    return np.asarray(np.where(rng.random(len(cases)) < share, far, NOWHERE)[cases.each])


def _card_testing(rng: np.random.Generator, world: World, cases: Cases, code: int) -> Events:
    """Tiny amounts at one shop within an hour, several cards, one device or two, many declines;
    a large one follows now and then."""
    each, second = cases.each, cases.spread(rng, 45 * 60.0)
    n_cards = 4
    pool = _victims(rng, world, np.repeat(cases.start, n_cards)).reshape(-1, n_cards)
    who = pool[each, rng.integers(0, n_cards, len(each))]
    shop = world.shops(rng, len(cases))[each]
    large = world.price(rng, who, shop) * cases.factor(rng, (1.0, 2.5), (0.7, 1.3))
    amount = np.where(rng.random(len(each)) < 0.15, large, rng.lognormal(1.0, 0.65, len(each)))
    devices = strange_devices(rng, 2 * len(cases)).reshape(-1, 2)
    return events_of(
        world,
        who,
        shop,
        second,
        amount,
        ECOM,
        device=devices[each, (rng.random(len(each)) < 0.3).astype(int)],
        ip=strange_ips(rng, len(cases))[each],
        abroad=_far(rng, cases, 0.2),
        declined=rng.random(len(each)) < 0.40,
        typology=code,
    )


def _lost_stolen(rng: np.random.Generator, world: World, cases: Cases, code: int) -> Events:
    """A spree of card-present purchases over some hours, near the victim's home."""
    each, second = cases.each, cases.spread(rng, 1.5 * 3_600.0)
    who = _victims(rng, world, cases.start)[each]
    shop = world.merchants.near(rng, world.customers.city[who])
    wanted = world.price(rng, who, shop) * cases.factor(rng, (1.5, 4.0), (1.0, 2.5))
    blind = rng.random(len(each)) < 0.85
    limit = CONTACTLESS_LIMIT * rng.uniform(0.85, 1.0, len(each))
    amount = np.where(blind, np.minimum(wanted, limit), wanted)
    channel = np.where(blind, CONTACTLESS, CHIP)
    declined = rng.random(len(each)) < 0.10
    return events_of(world, who, shop, second, amount, channel, declined=declined, typology=code)


def _cnp_mimicry(rng: np.random.Generator, world: World, cases: Cases, code: int) -> Events:
    """Card-not-present purchases over days in the victim's own amounts, often on a new device."""
    each, second = cases.each, cases.spread(rng, 0.8 * DAY_S)
    who = _victims(rng, world, cases.start, _exposed(world))[each]
    kinds = rng.random(len(cases)) < 0.5
    shop = np.where(
        kinds, world.merchants.of_kind(rng, QUASI_CASH, len(cases)), world.shops(rng, len(cases))
    )[each]
    amount = world.price(rng, who, shop) * cases.factor(rng, (0.9, 1.7), (0.7, 1.2))
    new = (rng.random(len(cases)) < 0.8)[each]
    device = np.where(new, strange_devices(rng, len(cases))[each], world.own_device(who, second))
    address = np.where(new, strange_ips(rng, len(cases))[each], world.own_ip(rng, who, second))
    return events_of(
        world,
        who,
        shop,
        second,
        amount,
        ECOM,
        device=device,
        ip=address,
        abroad=_far(rng, cases, 0.45),
        declined=rng.random(len(each)) < 0.08,
        typology=code,
    )


def _account_takeover(rng: np.random.Generator, world: World, cases: Cases, code: int) -> Events:
    """Transfers and purchases within a day from a device not seen before, often at night."""
    each, second = cases.each, cases.spread(rng, 0.7 * DAY_S)
    who = _victims(rng, world, cases.start, AGE_RISK[world.customers.age])[each]
    sends = rng.random(len(each)) < 0.6
    shop = np.where(
        sends, world.merchants.of_kind(rng, MONEY, len(each)), world.shops(rng, len(each))
    )
    amount = world.price(rng, who, shop) * cases.factor(rng, (2.0, 6.0), (1.0, 2.5))
    return events_of(
        world,
        who,
        shop,
        second,
        amount,
        np.where(sends, TRANSFER, ECOM),
        device=strange_devices(rng, len(cases))[each],
        ip=strange_ips(rng, len(cases))[each],
        abroad=_far(rng, cases, 0.15),
        declined=rng.random(len(each)) < 0.12,
        typology=code,
    )


def _compromised_terminal(
    rng: np.random.Generator, world: World, cases: Cases, code: int
) -> Events:
    """Copied cards used at a merchant in league for three weeks, in usual amounts; found late."""
    each, second = cases.each, cases.spread(rng, 20.0 * DAY_S)
    city = rng.integers(0, CITIES, len(cases))
    shop = world.merchants.near(rng, city)[each]
    who = _victims(rng, world, second)
    amount = world.price(rng, who, shop) * cases.factor(rng, (1.0, 2.2), (0.8, 1.4))
    channel = np.where(rng.random(len(each)) < 0.8, CHIP, CONTACTLESS)
    return events_of(world, who, shop, second, amount, channel, typology=code)


def ramp(rng: np.random.Generator, spread: np.ndarray) -> np.ndarray:
    """Log amount above the habit by week of a bust-out, (cases, RAMP_WEEKS): it never rises by as
    much as `spread` in a week."""
    step = rng.uniform(*RAMP_STEP, (len(spread), RAMP_WEEKS)) * spread[:, None]
    return np.asarray(np.cumsum(step, axis=1))


def _bust_out(rng: np.random.Generator, world: World, cases: Cases, code: int) -> Events:
    """An account that spends a little more each week until it is maxed out and never paid: the
    last two weeks are the loss, all before looks like a better customer."""
    weekly = np.maximum(np.round(cases.length / RAMP_FRAUD_WEEKS), 2).astype(np.int64)
    case = np.repeat(np.arange(len(cases)), weekly * RAMP_WEEKS)
    who = _victims(rng, world, cases.start)
    week = np.concatenate([np.repeat(np.arange(RAMP_WEEKS), n) for n in weekly])
    back = cases.start - (RAMP_WEEKS - RAMP_FRAUD_WEEKS) * 7 * DAY_S
    second = back[case] + ((week + rng.random(len(case))) * 7 * DAY_S).astype(np.int64)
    level = ramp(rng, world.customers.spread[who])[case, week]
    kept = (second >= 0) & (second <= world.end)
    case, second, level, week = case[kept], second[kept], level[kept], week[kept]
    people = who[case]
    online = rng.random(len(case)) < 0.6
    shop = np.where(
        online,
        world.shops(rng, len(case)),
        world.merchants.near(rng, world.customers.city[people]),
    )
    return events_of(
        world,
        people,
        shop,
        second,
        world.price(rng, people, shop) * np.exp(level),
        np.where(online, ECOM, CHIP),
        device=world.own_device(people, second),
        ip=world.own_ip(rng, people, second),
        typology=np.where(week >= RAMP_WEEKS - RAMP_FRAUD_WEEKS, code, 0),
    )


def _mule_ring(rng: np.random.Generator, world: World, cases: Cases, code: int) -> Events:
    """Several accounts run from two devices pass money on within days."""
    each, second = cases.each, cases.spread(rng, 4.0 * DAY_S)
    n_mules = 5
    young = np.where(world.customers.age == 0, 2.0, 1.0)
    pool = _victims(rng, world, np.repeat(cases.start, n_mules), young).reshape(-1, n_mules)
    who = pool[each, rng.integers(0, n_mules, len(each))]
    devices = strange_devices(rng, 2 * len(cases)).reshape(-1, 2)
    shared = devices[each, rng.integers(0, 2, len(each))]
    own = (rng.random(len(each)) < 0.15) & cases.shifted[each]
    amount = rng.lognormal(5.5, 0.5, len(each)) * np.where(cases.shifted, 0.6, 1.0)[each]
    return events_of(
        world,
        who,
        world.merchants.of_kind(rng, MONEY, len(each)),
        second,
        amount,
        TRANSFER,
        device=np.where(own, world.own_device(who, second), shared),
        ip=strange_ips(rng, len(cases))[each],
        typology=code,
    )


TYPOLOGIES: Final = (
    Typology("card_testing", 0.18, 8.0, _card_testing, reported=0.75, delay=0.8),
    Typology("lost_stolen", 0.16, 8.0, _lost_stolen, reported=0.92, delay=0.6),
    Typology("cnp_mimicry", 0.21, 4.0, _cnp_mimicry, reported=0.82),
    Typology("account_takeover", 0.17, 4.0, _account_takeover, reported=0.95, delay=0.8),
    Typology("compromised_terminal", 0.09, 14.0, _compromised_terminal, reported=0.82, delay=1.5),
    Typology("bust_out", 0.06, 10.0, _bust_out, reported=0.95, delay=1.6),
    Typology("mule_ring", 0.13, 10.0, _mule_ring, reported=0.80, delay=1.2),
)
NAMES: Final = ("", *(typology.name for typology in TYPOLOGIES))

__all__ = [
    "NAMES",
    "RAMP_FRAUD_WEEKS",
    "RAMP_WEEKS",
    "SHIFT_SHARE",
    "TYPOLOGIES",
    "Cases",
    "Typology",
    "frauds",
    "ramp",
]
