"""The simulated world: customers, merchants and terminals around a few cities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

CUSTOMERS_PER_MERCHANT: Final = 3.0
CITIES: Final = 12
FAVOURITES: Final = 16
HOME_COUNTRIES: Final = ("DE", "FR", "NL", "AT", "BE")
HOME_SHARES: Final = (0.50, 0.20, 0.14, 0.09, 0.07)
FAR_COUNTRIES: Final = ("US", "GB", "ES", "IT", "TR", "CN")

MCC_CODES: Final = np.array(
    [5411, 5812, 5814, 5541, 5912, 5311, 5651, 5732, 4111, 7011, 4722, 5999]
)
MCC_SHARES: Final = np.array(
    [0.24, 0.14, 0.12, 0.09, 0.07, 0.06, 0.07, 0.04, 0.05, 0.03, 0.02, 0.07]
)
MCC_PRICE: Final = np.array([0.9, 0.8, 0.35, 1.3, 0.6, 1.6, 1.5, 3.2, 0.4, 4.0, 4.5, 1.0])
MCC_ONLINE: Final = np.array([0.05, 0.0, 0.05, 0.0, 0.1, 0.3, 0.45, 0.6, 0.2, 0.5, 0.9, 0.6])
"""Merchant category codes (ISO 18245) with a mix, a price level and a share of online shops that
resemble everyday retail; own choice, not fitted to anybody's data."""


@dataclass(frozen=True)
class Customers:
    """One value a customer.

    city: home; country: index into HOME_COUNTRIES; log_spend, spread: mean and standard
    deviation of log amount; rate: purchases a day, relative; peak_hour: when they shop;
    online: share bought online; device: index, shared in some households; joined: day.
    """

    city: np.ndarray
    country: np.ndarray
    log_spend: np.ndarray
    spread: np.ndarray
    rate: np.ndarray
    peak_hour: np.ndarray
    online: np.ndarray
    device: np.ndarray
    joined: np.ndarray

    def __len__(self) -> int:
        return len(self.city)


@dataclass(frozen=True)
class Merchants:
    """One value a merchant, physical ones sorted by city, online ones last.

    mcc: index into MCC_CODES; first_terminal, n_terminals: range of terminal numbers;
    starts: first merchant of each city, then of the online shops, then the end.
    """

    mcc: np.ndarray
    country: np.ndarray
    first_terminal: np.ndarray
    n_terminals: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.mcc)

    @property
    def n_terminals_in_all(self) -> int:
        """Number of terminals of all merchants."""
        return int(self.n_terminals.sum())

    def near(self, rng: np.random.Generator, city: np.ndarray) -> np.ndarray:
        """One merchant for each value of `city`, popular ones more often; city CITIES is online."""
        low, high = self.starts[city], self.starts[city + 1]
        return np.asarray(low + (rng.random(len(city)) ** 1.7 * (high - low)).astype(np.int64))

    def terminal(self, rng: np.random.Generator, merchant: np.ndarray) -> np.ndarray:
        """One terminal of each of the merchants."""
        spread = rng.random(len(merchant)) * self.n_terminals[merchant]
        return np.asarray(self.first_terminal[merchant] + spread.astype(np.int64))


def make_customers(rng: np.random.Generator, n: int, n_days: int) -> Customers:
    """`n` customers with lognormal spend; one in ten joins within the first half of the days."""
    weights = 1.0 / np.arange(1, CITIES + 1)
    late = rng.random(n) < 0.1
    households = np.where(rng.random(n) < 0.15, np.maximum(np.arange(n) - 1, 0), np.arange(n))
    return Customers(
        city=rng.choice(CITIES, n, p=weights / weights.sum()),
        country=rng.choice(len(HOME_COUNTRIES), n, p=HOME_SHARES),
        log_spend=rng.normal(3.1, 0.55, n),
        spread=rng.uniform(0.45, 0.95, n),
        rate=rng.gamma(2.0, 0.5, n) + 0.05,
        peak_hour=rng.normal(14.5, 2.5, n),
        online=rng.beta(1.6, 4.0, n),
        device=households,
        joined=np.where(late, rng.uniform(0, n_days / 2, n), 0.0),
    )


def make_merchants(rng: np.random.Generator, n_customers: int) -> Merchants:
    """Merchants in proportion to customers, at least three to a city and eight online."""
    n = max(int(n_customers / CUSTOMERS_PER_MERCHANT), 5 * CITIES)
    mcc = rng.choice(len(MCC_CODES), n, p=MCC_SHARES / MCC_SHARES.sum())
    online = rng.random(n) < MCC_ONLINE[mcc]
    weights = 1.0 / np.arange(1, CITIES + 1)
    place = np.where(online, CITIES, rng.choice(CITIES, n, p=weights / weights.sum()))
    place[: 3 * CITIES] = np.repeat(np.arange(CITIES), 3)
    place[3 * CITIES : 3 * CITIES + 8] = CITIES
    order = np.argsort(place, kind="stable")
    place, mcc = place[order], mcc[order]
    n_terminals = np.where(place == CITIES, 1, rng.integers(1, 4, n))
    return Merchants(
        mcc=mcc,
        country=rng.choice(len(HOME_COUNTRIES), n, p=HOME_SHARES),
        first_terminal=np.concatenate([[0], np.cumsum(n_terminals)[:-1]]),
        n_terminals=n_terminals,
        starts=np.searchsorted(place, np.arange(CITIES + 2)),
    )


def favourites(rng: np.random.Generator, customers: Customers, merchants: Merchants) -> np.ndarray:
    """The merchants that each customer returns to: a quarter online, the rest in the home city."""
    city = np.repeat(customers.city[:, None], FAVOURITES, axis=1)
    city[:, : FAVOURITES // 4] = CITIES
    return merchants.near(rng, city.ravel()).reshape(city.shape)


__all__ = [
    "CITIES",
    "FAR_COUNTRIES",
    "FAVOURITES",
    "HOME_COUNTRIES",
    "MCC_CODES",
    "MCC_PRICE",
    "Customers",
    "Merchants",
    "favourites",
    "make_customers",
    "make_merchants",
]
