"""A simulator of card transactions: no customer's data, the same seed gives the same table.

Lognormal spend by line of business; purchases that follow hour, weekday, payday and season, a
festival, a gateway's outage; merchants and customers around cities; households that share device
and address; customers who come and go; seven typologies of fraud that change their ways; honest
people who do what looks like fraud; labels that arrive late, not always, and not always true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.fraud_detection.events import CHANNELS, NOWHERE, Events, World, joined, make_world
from solutions.fraud_detection.honest import honest
from solutions.fraud_detection.outcomes import Outcomes, outcomes
from solutions.fraud_detection.population import (
    AGE_BANDS,
    CITIES,
    CITY_COUNTRIES,
    FAR_COUNTRIES,
    FAR_CURRENCIES,
    FAR_PLACES,
    HOME_COUNTRIES,
    MCC_CODES,
    make_customers,
    make_merchants,
)
from solutions.fraud_detection.seasons import START, make_calendar
from solutions.fraud_detection.typologies import NAMES, frauds

N_DAYS: Final = 182
PURCHASES_A_DAY: Final = 0.42
FRAUD_SHARE: Final = 0.0033
"""True frauds; about one in seven is never reported."""


@dataclass(frozen=True)
class Simulated:
    """The canonical table, and what nobody outside the simulator knows.

    truth: true typology of each row of `table`, 0 honest, else a position in `typologies.NAMES`.
    """

    table: pd.DataFrame
    truth: np.ndarray
    world: World
    events: Events


def simulate(rng: np.random.Generator, size: int) -> Mapping[str, pd.DataFrame]:
    """About `size` transactions of 26 weeks as the canonical table `transactions`, in event order.

    A fraud is labelled a lognormal delay after the event (median 5 days, 95 % within 12); one in
    seven is never reported and stays in the table as honest; every other row counts as honest
    after 12 days. `age_band` is protected: it is there to audit by, never to learn from.
    """
    return {"transactions": simulate_all(rng, size).table}


def simulate_all(rng: np.random.Generator, size: int) -> Simulated:
    """The same with the truth beside it."""
    n_frauds = max(round(size * FRAUD_SHARE), 8)
    n_customers = max(round(size / (N_DAYS * PURCHASES_A_DAY)), 40)
    customers, merchants = (
        make_customers(rng, n_customers, N_DAYS),
        make_merchants(rng, n_customers),
    )
    world = make_world(rng, customers, merchants, make_calendar(N_DAYS))
    events = joined([honest(rng, world, size - n_frauds), frauds(rng, world, n_frauds)])
    events = events.take(np.argsort(events.second, kind="stable"))
    table = _table(rng, world, events, outcomes(rng, events))
    return Simulated(table, events.typology, world, events)


def _table(rng: np.random.Generator, world: World, events: Events, known: Outcomes) -> pd.DataFrame:
    n, merchants = len(events), world.merchants
    event_at = START + pd.to_timedelta(events.second, unit="s")
    remote = merchants.city[events.merchant] == CITIES
    return pd.DataFrame(
        {
            "transaction_id": _ids("t", np.arange(n), 7),
            "event_at": event_at.as_unit("ms"),
            "customer_id": _ids("c", events.customer, 5),
            "card_id": _ids("k", _card(rng, events), 6),
            "merchant_id": _ids("m", events.merchant, 4),
            "terminal_id": _ids("r", merchants.terminal(rng, events.merchant), 5),
            "device_id": _tokens(rng, "d", events.device),
            "ip_hash": _tokens(rng, "i", events.ip),
            "email_hash": _emails(rng, world, events),
            "amount": np.maximum(np.round(events.amount, 2), 0.5),
            "currency": _currency(events),
            "mcc": _picked(MCC_CODES.astype(str), merchants.mcc[events.merchant]),
            "channel": _picked(np.array(CHANNELS), events.channel),
            "merchant_country": _merchant_country(world, events),
            "card_country": _picked(
                np.array(HOME_COUNTRIES), CITY_COUNTRIES[world.customers.city[events.customer]]
            ),
            "auth_result": _picked(np.array(["approved", "declined"]), events.declined),
            **_place(rng, world, events, remote),
            "age_band": _picked(np.array(AGE_BANDS), world.customers.age[events.customer]),
            "is_fraud": known.reported.astype(np.int64),
            "label_at": (event_at + _minutes(known.delay_days)).as_unit("ms"),
            "typology": _picked(np.array(NAMES), known.typology, missing=known.typology == 0),
        }
    )


def _picked(names: np.ndarray, codes: np.ndarray, missing: np.ndarray | None = None) -> pd.Series:
    """The name of each code, missing where told."""
    kinds = pd.Series(names, dtype="str")
    found = kinds.take(codes.astype(np.int64)).reset_index(drop=True)
    return found if missing is None else found.mask(missing)


def _ids(prefix: str, numbers: np.ndarray, digits: int) -> pd.Series:
    kinds, codes = np.unique(numbers, return_inverse=True)
    names = np.array([f"{prefix}{number:0{digits}d}" for number in kinds.tolist()], dtype=object)
    return _picked(names, codes)


def _tokens(rng: np.random.Generator, prefix: str, codes: np.ndarray) -> pd.Series:
    """A token for each code that says nothing about it; missing where there is none."""
    kinds, places = np.unique(codes, return_inverse=True)
    order = rng.permutation(len(kinds))
    digits = len(str(len(kinds)))
    names = np.array([f"{prefix}{number:0{digits}d}" for number in order.tolist()], dtype=object)
    return _picked(names, places, missing=codes == NOWHERE)


def _emails(rng: np.random.Generator, world: World, events: Events) -> pd.Series:
    """The customer's mailbox, now and then the household's; only online."""
    shared = (events.customer % 9 == 0) & (rng.random(len(events)) < 0.5)
    owner = np.where(shared, world.customers.household[events.customer], events.customer)
    return _tokens(rng, "e", np.where(events.ip == NOWHERE, NOWHERE, owner))


def _card(rng: np.random.Generator, events: Events) -> np.ndarray:
    """One customer in four uses a second card for some purchases."""
    second = (events.customer % 4 == 0) & (rng.random(len(events)) < 0.3)
    return np.asarray(2 * events.customer + second)


def _merchant_country(world: World, events: Events) -> pd.Series:
    home = world.merchants.country[events.merchant]
    abroad = events.abroad != NOWHERE
    codes = np.where(abroad, len(HOME_COUNTRIES) + events.abroad, home)
    return _picked(np.array([*HOME_COUNTRIES, *FAR_COUNTRIES]), codes)


def _currency(events: Events) -> pd.Series:
    return _picked(np.array(["EUR", *FAR_CURRENCIES]), events.abroad + 1)


def _place(
    rng: np.random.Generator, world: World, events: Events, remote: np.ndarray
) -> dict[str, np.ndarray]:
    """Where the card was, to about a kilometre; missing online."""
    abroad = events.abroad != NOWHERE
    far = FAR_PLACES[np.maximum(events.abroad, 0)] + rng.integers(-9, 10, (len(events), 2)) / 100
    place = np.where(abroad[:, None], far, world.merchants.place[events.merchant])
    place = np.round(np.where(remote[:, None], np.nan, place), 2)
    return {"lat": place[:, 0], "lon": place[:, 1]}


def _minutes(days: np.ndarray) -> pd.TimedeltaIndex:
    return pd.to_timedelta(np.round(days * 1_440) * 60, unit="s")


__all__ = ["N_DAYS", "Simulated", "simulate", "simulate_all"]
