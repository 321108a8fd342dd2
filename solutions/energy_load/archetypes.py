"""What stands behind a meter: its course over the day, and what weather does to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.energy_load.calendar_days import holiday_mask
from solutions.energy_load.climate import Weather, memory
from solutions.energy_load.plan import STEP, Meter, Plan

WORKDAY, SATURDAY, SUNDAY = 0, 1, 2
HEAT_BELOW_C, COOL_ABOVE_C = 16.5, 20.5
STEP_H: Final = STEP.total_seconds() / 3_600


@dataclass(frozen=True)
class Surroundings:
    """What all meters near one station share at each step.

    hour: by the local clock, with its fraction; day: WORKDAY, SATURDAY or SUNDAY, holidays counting
    as the latter; quiet: 1 between Christmas and the first week of January, else 0; year: years
    since the record began; felt_c: temperature as buildings remember it, over one to three days;
    mood: what people do together without any reason that is known, mean 0.
    """

    hour: np.ndarray
    day: np.ndarray
    quiet: np.ndarray
    year: np.ndarray
    temp_c: np.ndarray
    felt_c: np.ndarray
    ghi_wm2: np.ndarray
    cloud: np.ndarray
    wind10_ms: np.ndarray
    mood: np.ndarray

    @property
    def heat(self) -> np.ndarray:
        """Degrees that are to be heated."""
        return np.maximum(HEAT_BELOW_C - self.felt_c, 0.0)

    @property
    def cool(self) -> np.ndarray:
        """Degrees that are to be cooled."""
        return np.maximum(self.felt_c - COOL_ABOVE_C, 0.0)


def surroundings(
    plan: Plan, weather: Weather, holidays: pd.DataFrame, mood: np.ndarray, station: int
) -> Surroundings:
    """What the meters near one station share."""
    at = plan.at
    local = at.tz_convert(plan.place.zone)
    week = local.day_of_week.to_numpy()
    off = holiday_mask(at, plan.place.zone, holidays).to_numpy()
    date = 100 * local.month.to_numpy() + local.day.to_numpy()
    temp = weather["temp_C"][station]
    felt = 0.50 * temp + 0.30 * _mean_of(temp, 24) + 0.20 * _mean_of(temp, 72)
    return Surroundings(
        hour=local.hour.to_numpy() + local.minute.to_numpy() / 60,
        day=np.where(off | (week == 6), SUNDAY, np.where(week == 5, SATURDAY, WORKDAY)),
        quiet=((date >= 1224) | (date <= 106)).astype(np.float64),
        year=np.asarray((at - at[0]).total_seconds() / (365.25 * 86_400)),
        temp_c=temp,
        felt_c=felt,
        ghi_wm2=weather["ghi_Wm2"][station],
        cloud=weather["cloud"][station],
        wind10_ms=weather["wind10_ms"][station],
        mood=mood,
    )


def _mean_of(values: np.ndarray, hours: float) -> np.ndarray:
    """Exponential mean over so many hours, as walls and floors have."""
    from scipy.signal import lfilter

    keep = float(np.exp(-STEP_H / hours))
    # begun at the first day's mean, so that the warm-up settles soon
    begin = keep * float(values[:96].mean())
    return np.asarray(lfilter([1 - keep], [1, -keep], values, zi=[begin])[0])


def _bump(hour: np.ndarray, centre: float, width: float) -> np.ndarray:
    """1 at an hour of the day, falling to both sides around the clock."""
    away = (hour - centre + 12) % 24 - 12
    return np.asarray(np.exp(-0.5 * (away / width) ** 2))


def _between(hour: np.ndarray, begin: float, end: float, soft: float) -> np.ndarray:
    """Near 1 from one hour to another, near 0 outside, `soft` hours long at each edge."""
    with np.errstate(over="ignore"):
        return np.asarray(
            1 / (1 + np.exp(-(hour - begin) / soft)) - 1 / (1 + np.exp(-(hour - end) / soft))
        )


def residential(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """Homes: a morning peak, a higher evening peak, heat and cold when somebody is at home."""
    hour, work = near.hour, near.day == WORKDAY
    morning = np.where(work, _bump(hour, 7.6, 1.1), 0.75 * _bump(hour, 9.6, 2.0))
    midday = np.where(work, 0.30, 0.46) * _bump(hour, 13.0, 3.4)
    evening = 0.42 * _bump(hour, 18.3, 1.8) + 0.22 * _bump(hour, 21.2, 1.8)
    tanks = 0.36 * _bump(hour, 0.3, 1.0)
    dark = 0.09 * near.cloud * _between(hour, 8, 18, 0.7)
    base = 0.70 + 0.26 * morning + midday + evening + tanks + dark
    home = 0.55 + 0.40 * morning + 0.50 * _bump(hour, 18.8, 2.8) + np.where(work, 0.0, 0.15)
    heating = 0.066 * near.heat * home
    cooling = 0.076 * near.cool**1.15 * (0.30 + 0.85 * _bump(hour, 16.8, 4.0))
    return np.asarray((base + heating + cooling) * (1 + near.mood))


def commercial(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """Offices and shops: open on workdays, half so on Saturdays, cooled and heated when open."""
    hours = (
        _between(near.hour, 7.0, 18.3, 0.75),
        _between(near.hour, 8.4, 16.5, 0.8),
        _between(near.hour, 10.0, 16.5, 0.9),
    )
    share = (0.62, 0.26, 0.20)
    is_open = np.choose(near.day, [s * o for s, o in zip(share, hours, strict=True)])
    is_open = is_open * (1 - 0.12 * near.quiet)
    weather = (0.021 * near.heat + 0.058 * near.cool) * (0.35 + 1.1 * is_open)
    return (0.60 + is_open + weather + 0.05 * _bump(near.hour, 6.2, 0.8)) * (1 + 0.7 * near.mood)


def industry(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """A plant in shifts: three on workdays, one on Saturdays, closed over Christmas."""
    two = 0.36 * _between(near.hour, 6.0, 22.0, 0.25)
    pause = 0.10 * (_bump(near.hour, 9.4, 0.3) + _bump(near.hour, 18.1, 0.3))
    saturday = 0.16 * _between(near.hour, 6.0, 14.0, 0.25)
    shifts = np.choose(near.day, [0.20 + two - pause, saturday, np.zeros(len(near.hour))])
    batch = 0.035 * memory(rng, len(near.hour), 10.0, STEP_H) * (near.day == WORKDAY)
    return np.asarray((0.60 + shifts + batch + 0.004 * near.cool) * (1 - 0.22 * near.quiet))


def household(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """One home: what many homes do on average, in bursts of single appliances."""
    usual = residential(rng, meter, near)
    bursts = np.exp(0.75 * memory(rng, len(usual), 0.6, STEP_H) - 0.28)
    away = memory(rng, len(usual), 60.0, STEP_H) > 2.0
    return np.where(away, 0.25, 0.18 + 0.82 * usual * bursts)


def ev(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """A park of charging points: after work and at night, more of them each year."""
    work = near.day == WORKDAY
    evening = 1.7 * _bump(near.hour, 19.3, 2.2) + 1.0 * _bump(near.hour, 0.5, 1.8)
    day = np.where(work, 0.8, 0.45) * _bump(near.hour, 9.3, 1.6) + 0.25 * _between(
        near.hour, 10, 18, 1
    )
    busy = np.exp(0.30 * memory(rng, len(work), 8.0, STEP_H))
    cold = 1 + 0.012 * near.heat
    return np.asarray((0.10 + evening + day) * busy * cold * (1 + 0.45 * near.year))


def heat_pump(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """Heat pumps: nothing but heat, dearer the colder it is, and hot water all the year."""
    course = 0.7 + 0.5 * _bump(near.hour, 6.5, 1.6) + 0.35 * _bump(near.hour, 18.5, 2.6)
    water = 0.22 * (_bump(near.hour, 5.5, 1.2) + _bump(near.hour, 15.0, 1.6))
    frost = 1 + 0.025 * np.maximum(8.0 - near.temp_c, 0.0)
    return np.asarray((0.05 + water + 0.21 * near.heat * frost * course) * (1 + 0.5 * near.mood))


def pv(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """Solar power, negative as it is given back: less in the heat, cut where inverters end."""
    heat_loss = 1 - 0.004 * (near.temp_c + 0.03 * near.ghi_wm2 - 25.0)
    flicker = 1 + 0.10 * near.cloud * memory(rng, len(near.hour), 0.4, STEP_H)
    return np.asarray(-np.clip(0.86 * near.ghi_wm2 / 1_000 * heat_loss * flicker, 0.0, 0.92))


def wind(rng: np.random.Generator, meter: Meter, near: Surroundings) -> np.ndarray:
    """Wind power, negative: nothing below 3 m/s, cubic up to 12 m/s at the height of the hub."""
    hub = near.wind10_ms * 1.45
    return -np.clip((hub**3 - 27.0) / (12.0**3 - 27.0), 0.0, 1.0)


ARCHETYPES: Final[
    Mapping[str, Callable[[np.random.Generator, Meter, Surroundings], np.ndarray]]
] = {
    "residential": residential,
    "commercial": commercial,
    "industry": industry,
    "household": household,
    "ev": ev,
    "heat_pump": heat_pump,
    "pv": pv,
    "wind": wind,
}
"""Kind of meter -> its power at each step by the meter's `kw`."""


def own_noise(rng: np.random.Generator, kind: str, steps: int) -> np.ndarray:
    """What no weather and no calendar explains of one meter, as a factor around 1."""
    slow, fast = {"household": (0.10, 0.10), "ev": (0.06, 0.05)}.get(kind, (0.014, 0.008))
    return np.asarray(
        1
        + slow * memory(rng, steps, 36.0, STEP_H)
        + fast * memory(rng, steps, 2.0, STEP_H)
        + 0.1 * fast * rng.normal(size=steps)
    )


__all__ = ["ARCHETYPES", "Surroundings", "own_noise", "surroundings"]
