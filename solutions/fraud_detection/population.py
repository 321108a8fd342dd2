"""The simulated world: customers, merchants and terminals around a few cities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

CUSTOMERS_PER_MERCHANT: Final = 3.0
HOME_COUNTRIES: Final = ("DE", "FR", "NL", "AT", "BE")
FAR_COUNTRIES: Final = ("US", "GB", "ES", "IT", "TR", "CN")
FAR_CURRENCIES: Final = ("USD", "GBP", "EUR", "EUR", "TRY", "CNY")
FAR_PLACES: Final = np.array(
    [[40.7, -74.0], [51.5, -0.1], [40.4, -3.7], [41.9, 12.5], [41.0, 29.0], [31.2, 121.5]]
)
CITY_PLACES: Final = np.array(
    [
        *([52.5, 13.4], [48.9, 2.3], [48.1, 11.6], [52.4, 4.9], [48.2, 16.4], [53.6, 10.0]),
        *([50.8, 4.4], [50.9, 7.0], [45.8, 4.8], [50.1, 8.7], [51.9, 4.5], [51.3, 12.4]),
    ]
)
"""Latitude and longitude (WGS84) of the cities, the largest first."""
CITY_COUNTRIES: Final = np.array([0, 1, 0, 2, 3, 0, 4, 0, 1, 0, 2, 0])
CITIES: Final = len(CITY_PLACES)
CITY_WEIGHTS: Final = 1.0 / np.arange(2, CITIES + 2)
FAVOURITES: Final = 16

MCC_CODES: Final = np.array(
    [
        *(5411, 5812, 5814, 5541, 5912, 5311, 5651, 5732, 4111, 7011, 4722, 5999),
        *(5816, 7995, 4829, 6051),
    ]
)
MCC_SHARES: Final = np.array(
    [
        *(0.22, 0.13, 0.12, 0.09, 0.07, 0.06, 0.07, 0.04, 0.05, 0.03, 0.02, 0.06),
        *(0.01, 0.01, 0.01, 0.01),
    ]
)
MCC_PRICE: Final = np.array(
    [
        *(0.9, 0.8, 0.35, 1.3, 0.6, 1.6, 1.5, 3.2, 0.4, 4.0, 4.5, 1.0),
        *(0.5, 1.5, 5.0, 3.0),
    ]
)
MCC_ONLINE: Final = np.array(
    [
        *(0.05, 0.0, 0.05, 0.0, 0.1, 0.3, 0.45, 0.6, 0.2, 0.5, 0.9, 0.6),
        *(1.0, 1.0, 1.0, 1.0),
    ]
)
"""Merchant category codes (ISO 18245) with a mix, a price level and a share of online shops that
resemble everyday retail; own choice, not fitted to anybody's data."""
GAMES, GAMBLING, MONEY, QUASI_CASH = 12, 13, 14, 15
"""Positions in `MCC_CODES` of digital games, gambling, money transfer and quasi cash."""

AGE_BANDS: Final = ("18-29", "30-44", "45-64", "65+")
AGE_SHARES: Final = np.array([0.22, 0.28, 0.32, 0.18])
AGE_RISK: Final = np.array([0.8, 0.9, 1.0, 1.7])
"""How often an age band is chosen by fraudsters, relative: base rates differ by protected group."""
AGE_STRANGENESS: Final = np.array([1.8, 1.2, 0.8, 0.5])
"""How often honest people of a band do what looks like fraud (new devices, nights, trips)."""


@dataclass(frozen=True)
class Customers:
    """One value a customer.

    city: home; age: index into AGE_BANDS; log_spend, spread: mean and standard deviation of log
    amount; rate: purchases a day, relative; peak_hour: when they shop; online: share bought
    online; household: index, shared by some; device: index, shared in some households; renewed:
    day of a new phone; joined, left: first and last day.
    """

    city: np.ndarray
    age: np.ndarray
    log_spend: np.ndarray
    spread: np.ndarray
    rate: np.ndarray
    peak_hour: np.ndarray
    online: np.ndarray
    household: np.ndarray
    device: np.ndarray
    renewed: np.ndarray
    joined: np.ndarray
    left: np.ndarray

    def __len__(self) -> int:
        return len(self.city)

    @property
    def strangeness(self) -> np.ndarray:
        """How often each customer honestly does what looks like fraud, relative."""
        return np.asarray(AGE_STRANGENESS[self.age])

    def active(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Whether each of `who` is a customer on each `day`."""
        return np.asarray((self.joined[who] <= day) & (day < self.left[who]))


@dataclass(frozen=True)
class Merchants:
    """One value a merchant, physical ones sorted by city, online ones last.

    city: CITIES for online shops; mcc: index into MCC_CODES; place: latitude, longitude;
    first_terminal, n_terminals: range of terminal numbers; starts: first merchant of each city,
    then of the online shops, then the end.
    """

    city: np.ndarray
    mcc: np.ndarray
    country: np.ndarray
    place: np.ndarray
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

    def of_kind(self, rng: np.random.Generator, mcc: int, n: int) -> np.ndarray:
        """`n` online shops of one line of business."""
        kind = np.flatnonzero((self.mcc == mcc) & (self.city == CITIES))
        return np.asarray(kind[(rng.random(n) ** 1.7 * len(kind)).astype(np.int64)])

    def terminal(self, rng: np.random.Generator, merchant: np.ndarray) -> np.ndarray:
        """One terminal of each of the merchants."""
        spread = rng.random(len(merchant)) * self.n_terminals[merchant]
        return np.asarray(self.first_terminal[merchant] + spread.astype(np.int64))


def make_customers(rng: np.random.Generator, n: int, n_days: int) -> Customers:
    """`n` customers with lognormal spend; one in six joins later, one in ten leaves earlier."""
    number = np.arange(n)
    household = np.where(rng.random(n) < 0.35, np.maximum(number - 1, 0), number)
    age = rng.choice(len(AGE_BANDS), n, p=AGE_SHARES)
    late, early = rng.random(n) < 0.16, rng.random(n) < 0.10
    joined = np.where(late, rng.uniform(0, 0.9 * n_days, n), 0.0)
    return Customers(
        city=rng.choice(CITIES, n, p=CITY_WEIGHTS / CITY_WEIGHTS.sum()),
        age=age,
        log_spend=rng.normal(3.1, 0.55, n) + np.array([-0.25, 0.0, 0.1, 0.05])[age],
        spread=rng.uniform(0.45, 0.95, n),
        rate=rng.gamma(2.0, 0.5, n) + 0.05,
        peak_hour=rng.normal(np.array([17.5, 15.5, 14.0, 11.5])[age], 2.0),
        online=rng.beta(np.array([3.0, 2.4, 1.6, 1.0])[age], 4.0),
        household=household,
        device=np.where(rng.random(n) < 0.5, household, number),
        renewed=rng.uniform(0, 2.6 / AGE_STRANGENESS[age] * n_days, n),
        joined=joined,
        left=np.where(early, joined + rng.uniform(0.1, 1.0, n) * (n_days - joined), n_days),
    )


def make_merchants(rng: np.random.Generator, n_customers: int) -> Merchants:
    """Merchants in proportion to customers, at least three to a city and twelve online."""
    n = max(int(n_customers / CUSTOMERS_PER_MERCHANT), 5 * CITIES)
    mcc = rng.choice(len(MCC_CODES), n, p=MCC_SHARES / MCC_SHARES.sum())
    online = rng.random(n) < MCC_ONLINE[mcc]
    weights = CITY_WEIGHTS / CITY_WEIGHTS.sum()
    city = np.where(online, CITIES, rng.choice(CITIES, n, p=weights))
    city[: 3 * CITIES] = np.repeat(np.arange(CITIES), 3)
    # every kind of trade that lives online has a few shops, however small the world
    kinds = np.repeat([GAMES, GAMBLING, MONEY, QUASI_CASH], 3)
    online_from = 3 * CITIES
    city[online_from : online_from + len(kinds)] = CITIES
    mcc[online_from : online_from + len(kinds)] = kinds
    order = np.argsort(city, kind="stable")
    city, mcc = city[order], mcc[order]
    n_terminals = np.where(city == CITIES, 1, rng.integers(1, 4, n))
    home = rng.integers(0, CITIES, n)
    seat = np.where(city == CITIES, home, city)
    return Merchants(
        city=city,
        mcc=mcc,
        country=CITY_COUNTRIES[seat],
        place=CITY_PLACES[seat] + rng.normal(0.0, 0.05, (n, 2)),
        first_terminal=np.concatenate([[0], np.cumsum(n_terminals)[:-1]]),
        n_terminals=n_terminals,
        starts=np.searchsorted(city, np.arange(CITIES + 2)),
    )


def favourites(rng: np.random.Generator, customers: Customers, merchants: Merchants) -> np.ndarray:
    """The merchants that each customer returns to: a quarter online, the rest in the home city."""
    city = np.repeat(customers.city[:, None], FAVOURITES, axis=1)
    city[:, : FAVOURITES // 4] = CITIES
    return merchants.near(rng, city.ravel()).reshape(city.shape)


__all__ = [
    "AGE_BANDS",
    "AGE_RISK",
    "CITIES",
    "CITY_COUNTRIES",
    "FAR_COUNTRIES",
    "FAR_CURRENCIES",
    "FAR_PLACES",
    "FAVOURITES",
    "GAMBLING",
    "GAMES",
    "HOME_COUNTRIES",
    "MCC_CODES",
    "MCC_PRICE",
    "MONEY",
    "QUASI_CASH",
    "Customers",
    "Merchants",
    "favourites",
    "make_customers",
    "make_merchants",
]
