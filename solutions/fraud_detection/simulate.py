"""A simulator of card transactions: no customer's data, the same seed gives the same table.

First form of the specification: lognormal spend by line of business, purchases that follow hour,
weekday and payday, merchants near home, households that share a device, five typologies of fraud,
labels that arrive late and not always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from solutions.fraud_detection import typologies
from solutions.fraud_detection.events import CHANNELS, Events, World, honest, joined, make_world
from solutions.fraud_detection.population import (
    FAR_COUNTRIES,
    HOME_COUNTRIES,
    MCC_CODES,
    make_customers,
    make_merchants,
)

START: Final = pd.Timestamp("2025-01-06", tz="UTC")
N_DAYS: Final = 112
PURCHASES_A_DAY: Final = 0.42
FRAUD_SHARE: Final = 0.0052
NEVER_REPORTED: Final = 0.10
MATURITY_DAYS: Final = 10.0
DELAY_MEDIAN_DAYS: Final = 6.0
DELAY_SIGMA: Final = 0.45
MAX_DELAY_DAYS: Final = 28.0


def simulate(rng: np.random.Generator, size: int) -> Mapping[str, pd.DataFrame]:
    """About `size` transactions of 16 weeks as the canonical table `transactions`, in event order.

    A fraud is labelled a lognormal delay after the event (median 6 days); one in ten is never
    reported and stays in the table as honest; every other row counts as honest after 10 days.
    """
    n_frauds = max(round(size * FRAUD_SHARE), 5)
    n_customers = max(round(size / (N_DAYS * PURCHASES_A_DAY)), 40)
    merchants = make_merchants(rng, n_customers)
    world = make_world(rng, make_customers(rng, n_customers, N_DAYS), merchants, N_DAYS)
    events = joined([honest(rng, world, size - n_frauds), typologies.frauds(rng, world, n_frauds)])
    events = events.take(np.argsort(events.second, kind="stable"))
    return {"transactions": _table(rng, world, events)}


def _table(rng: np.random.Generator, world: World, events: Events) -> pd.DataFrame:
    n = len(events)
    event_at = START + pd.to_timedelta(events.second, unit="s")
    reported = (events.typology > 0) & (rng.random(n) >= NEVER_REPORTED)
    home = np.array(HOME_COUNTRIES)
    return pd.DataFrame(
        {
            "transaction_id": _ids("t", np.arange(n), 7),
            "event_at": event_at.as_unit("ms"),
            "customer_id": _ids("c", events.customer, 5),
            "card_id": _ids("k", _card(rng, events), 6),
            "merchant_id": _ids("m", events.merchant, 5),
            "terminal_id": _ids("p", world.merchants.terminal(rng, events.merchant), 5),
            "device_id": _devices(events.device),
            "amount": np.maximum(np.round(events.amount, 2), 0.5),
            "currency": np.full(n, "EUR"),
            "mcc": MCC_CODES[world.merchants.mcc[events.merchant]].astype(str),
            "channel": np.array(CHANNELS)[events.channel],
            "merchant_country": _merchant_country(rng, world, events),
            "card_country": home[world.customers.country[events.customer]],
            "auth_result": _auth_result(rng, events),
            "is_fraud": reported.astype(np.int64),
            "label_at": (event_at + _delay(rng, reported)).as_unit("ms"),
            "typology": pd.Series(
                np.where(reported, np.array(typologies.NAMES)[events.typology], None), dtype="str"
            ),
        }
    )


def _ids(prefix: str, numbers: np.ndarray, digits: int) -> list[str]:
    return [f"{prefix}{number:0{digits}d}" for number in numbers.tolist()]


def _devices(device: np.ndarray) -> pd.Series:
    return pd.Series(
        [f"d{each:06d}" if each >= 0 else None for each in device.tolist()], dtype="str"
    )


def _card(rng: np.random.Generator, events: Events) -> np.ndarray:
    """One customer in four uses a second card for some purchases."""
    second = (events.customer % 4 == 0) & (rng.random(len(events)) < 0.3)
    return np.asarray(2 * events.customer + second)


def _merchant_country(rng: np.random.Generator, world: World, events: Events) -> np.ndarray:
    far = rng.choice(np.array(FAR_COUNTRIES), len(events))
    near = np.array(HOME_COUNTRIES)[world.merchants.country[events.merchant]]
    return np.where(events.abroad, far, near)


def _auth_result(rng: np.random.Generator, events: Events) -> np.ndarray:
    declined = rng.random(len(events)) < np.where(events.typology > 0, 0.10, 0.025)
    return np.where(declined, "declined", "approved")


def _delay(rng: np.random.Generator, reported: np.ndarray) -> pd.TimedeltaIndex:
    """Time until each label is known, whole minutes."""
    days = DELAY_MEDIAN_DAYS * np.exp(rng.normal(0.0, DELAY_SIGMA, len(reported)))
    known = np.where(reported, np.minimum(days, MAX_DELAY_DAYS), MATURITY_DAYS)
    return pd.to_timedelta(np.round(known * 1_440) * 60, unit="s")


__all__ = ["simulate"]
