"""When people pay: weekdays, paydays, the season, a festival, and each customer's own hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.fraud_detection.population import Customers

START: Final = pd.Timestamp("2025-01-06", tz="UTC")
DAY_S: Final = 86_400
WEEKDAY_WEIGHTS: Final = np.array([0.92, 0.93, 0.97, 1.02, 1.15, 1.20, 0.81])
PAYDAYS: Final = (1, 2, 3, 15, 16)
PAYDAY_LIFT: Final = 1.22
SEASON_SWING: Final = 0.10
FESTIVAL_SHARE: Final = 0.55
"""Where in the period the festival ends, as a share of its days."""
FESTIVAL_DAYS: Final = 7
FESTIVAL_LIFT: Final = 1.6
FESTIVAL_PRICE: Final = 1.3
OUTAGE_SHARE: Final = 0.32
OUTAGE_HOURS: Final = (11, 15)
"""A gateway that answers hardly anything for four hours of one day."""


@dataclass(frozen=True)
class Calendar:
    """The days of the simulation with what each of them weighs."""

    n_days: int
    weights: np.ndarray

    @property
    def cumulative(self) -> np.ndarray:
        """Share of a whole customer's purchases that falls before each day, and 1 at the end."""
        return np.concatenate([[0.0], np.cumsum(self.weights) / self.weights.sum()])

    @property
    def outage(self) -> tuple[int, int]:
        """First and last second of the gateway's outage."""
        day = int(OUTAGE_SHARE * self.n_days)
        return day * DAY_S + OUTAGE_HOURS[0] * 3_600, day * DAY_S + OUTAGE_HOURS[1] * 3_600

    def festival(self, day: np.ndarray) -> np.ndarray:
        """Whether each day belongs to the week before the festival."""
        end = int(FESTIVAL_SHARE * self.n_days)
        return np.asarray((day >= end - FESTIVAL_DAYS) & (day < end))

    def price(self, second: np.ndarray) -> np.ndarray:
        """What the season does to amounts."""
        return np.where(self.festival(second // DAY_S), FESTIVAL_PRICE, 1.0)

    def mass(self, customers: Customers) -> np.ndarray:
        """Share of the period's purchases that each customer's membership allows."""
        share = np.interp(
            np.stack([customers.joined, customers.left]),
            np.arange(self.n_days + 1),
            self.cumulative,
        )
        return np.asarray(share[1] - share[0])

    def days(self, rng: np.random.Generator, customers: Customers, who: np.ndarray) -> np.ndarray:
        """A day for each of `who`: an inhomogeneous Poisson process, given its number of events."""
        knots = np.arange(self.n_days + 1)
        low = np.interp(customers.joined[who], knots, self.cumulative)
        high = np.interp(customers.left[who], knots, self.cumulative)
        wanted = low + rng.random(len(who)) * (high - low)
        day = np.searchsorted(self.cumulative, wanted, side="right") - 1
        return np.asarray(np.clip(day, 0, self.n_days - 1))

    def moments(
        self, rng: np.random.Generator, customers: Customers, who: np.ndarray
    ) -> np.ndarray:
        """Second since the start of a purchase of each of `who`."""
        day = self.days(rng, customers, who)
        second = clock(rng, customers, who, weekend=day % 7 >= 5)
        return np.asarray(day * DAY_S + second)


def make_calendar(n_days: int) -> Calendar:
    """The calendar of `n_days` from `START`."""
    day = np.arange(n_days)
    month_day = (START + pd.to_timedelta(day, unit="D")).day
    season = 1.0 + SEASON_SWING * np.sin(2 * np.pi * (day - 60) / 365.25)
    weights = WEEKDAY_WEIGHTS[day % 7] * np.where(month_day.isin(PAYDAYS), PAYDAY_LIFT, 1.0)
    plain = Calendar(n_days, weights * season)
    return Calendar(n_days, plain.weights * np.where(plain.festival(day), FESTIVAL_LIFT, 1.0))


def clock(
    rng: np.random.Generator, customers: Customers, who: np.ndarray, weekend: np.ndarray
) -> np.ndarray:
    """Second of the day: around each customer's own hour, later at weekends, now and then any."""
    n = len(who)
    own = rng.normal(customers.peak_hour[who] + np.where(weekend, 1.0, 0.0), 3.4, n)
    night = rng.random(n) < 0.05 * customers.strangeness[who]
    hour = np.where(night, rng.normal(1.0, 2.5, n), own) % 24
    return np.minimum((hour * 3_600).astype(np.int64), DAY_S - 1)


__all__ = ["DAY_S", "START", "Calendar", "clock", "make_calendar"]
