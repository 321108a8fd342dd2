"""Simulated weather: what stations saw, and what was forecast of it, issue by issue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from solutions.energy_load.plan import STATIONS, Place, Plan
from solutions.energy_load.sun import clear_sky, sun_height

SPELL_H: Final = 27.0
"""Memory of a spell of weather: gives the day-to-day correlation of .76 of real temperatures."""
AHEAD_H: Final = (*range(72), *range(72, 169, 6))
"""Hours after its issue that a forecast speaks of: all for three days, then each sixth."""
ISSUE_HOUR: Final = 6
"""Hour of the day (UTC) at which a forecast is issued."""
FIRST_ERROR_C, LAST_ERROR_C = 0.8, 2.5
"""Standard deviation of a temperature forecast's error at its issue and seven days ahead."""


Weather = Mapping[str, np.ndarray]
"""By the columns of `NAMES`: stations in rows, steps in columns, units as the contract has them."""
NAMES: Final = ("temp_C", "dewpoint_C", "ghi_Wm2", "wind10_ms", "cloud", "precip_mm")


def memory(rng: np.random.Generator, steps: int, hours: float, step_h: float) -> np.ndarray:
    """Standard normal noise that remembers: AR(1) whose correlation falls to 1/e in `hours`."""
    from scipy.signal import lfilter

    keep = float(np.exp(-step_h / hours))
    shocks = rng.normal(0.0, np.sqrt(1.0 - keep**2), steps)
    shocks[0] = rng.normal()
    return np.asarray(lfilter([1.0], [1.0, -keep], shocks))


def make_weather(rng: np.random.Generator, plan: Plan) -> Weather:
    """The weather of all stations: one spell over all of them, and a little of their own."""
    at, place = plan.at, plan.place
    local = at.tz_convert(place.zone)
    hour = local.hour.to_numpy() + local.minute.to_numpy() / 60
    n = len(at)
    # draws are hourly and joined by lines: weather has no jumps within an hour
    spell, overcast, windy, dew, rough = (_hourly(rng, n, h) for h in (SPELL_H, 9.0, 14.0, 40.0, 5))
    warmth = _warmth(local, place)
    stations = [
        _station(
            spell + 0.12 * _hourly(rng, n, 12.0),
            overcast + 0.3 * _hourly(rng, n, 6.0),
            windy + 0.25 * _hourly(rng, n, 6.0),
            dew,
            rough,
            warmth,
            hour,
            plan,
            offset_c=-0.8 * number,
        )
        for number in range(STATIONS)
    ]
    return {
        name: np.stack(values)
        for name, values in zip(NAMES, zip(*stations, strict=True), strict=True)
    }


def _hourly(rng: np.random.Generator, steps: int, hours: float) -> np.ndarray:
    """Noise of each quarter hour, drawn by the hour."""
    drawn = memory(rng, steps // 4 + 2, hours, 1.0)
    return np.asarray(np.interp(np.arange(steps) / 4, np.arange(len(drawn)), drawn))


def _warmth(local: pd.DatetimeIndex, place: Place) -> np.ndarray:
    """-1 in the coldest week of the year to 1 in the warmest, a month behind the sun."""
    day = local.day_of_year.to_numpy() + local.hour.to_numpy() / 24
    warmest = 206.0 if place.lat > 0 else 24.0
    return np.asarray(np.cos(2 * np.pi * (day - warmest) / 365.25))


def _station(
    spell: np.ndarray,
    overcast: np.ndarray,
    windy: np.ndarray,
    dew: np.ndarray,
    rough: np.ndarray,
    warmth: np.ndarray,
    hour: np.ndarray,
    plan: Plan,
    *,
    offset_c: float,
) -> tuple[np.ndarray, ...]:
    place = plan.place
    cloud = 1 / (1 + np.exp(-(1.7 * (overcast - 0.45 * spell * (warmth + 0.2)) + 0.2)))
    low, high = place.spell_c
    spread = low + (high - low) * (warmth + 1) / 2
    swing = (3.6 + 1.5 * warmth) * (1.35 - 0.7 * cloud)
    temp = place.mean_c + place.season_c * warmth + offset_c
    temp = temp + spread * _skewed(spell, 0.30) + swing * _day_course(hour) + 0.35 * rough
    dewpoint = np.minimum(temp - 0.3, place.mean_c - 7.5 + 3.2 * warmth + 2.6 * dew + 3 * cloud)
    light = clear_sky(sun_height(place.lat, place.lon, plan.at))
    ghi = light * (1 - 0.75 * cloud**3.4)
    wind = 3.6 * np.exp(0.45 * windy) * (1 + 0.2 * _day_course(hour))
    rain = np.where(overcast > 1.1, 1.4 * np.maximum(overcast - 1.1, 0) ** 1.5 * (1 + rough**2), 0)
    return temp, dewpoint, ghi, wind, cloud, rain


def _skewed(spell: np.ndarray, skew: float) -> np.ndarray:
    """A spell of mean 0 and deviation 1 that goes further up than down."""
    spread = np.exp(skew**2 / 2) * np.sqrt(np.exp(skew**2) - 1)
    return np.asarray((np.exp(skew * spell) - np.exp(skew**2 / 2)) / spread)


def _day_course(hour: np.ndarray) -> np.ndarray:
    """-1 at six in the morning, 1 at three in the afternoon, cooling down slowly after."""
    since = (hour - 6) % 24
    rising = since < 9
    return np.where(rising, -np.cos(np.pi * since / 9), np.cos(np.pi * (since - 9) / 15))


def weather_table(rng: np.random.Generator, plan: Plan, weather: Weather) -> pd.DataFrame:
    """The table `weather`: what stations saw, by the hour, and one forecast a day of each."""
    at = plan.at
    hourly = np.flatnonzero(at.minute == 0)
    hourly = hourly[hourly + 3 < len(at)]
    means = {
        name: np.stack([values[:, hourly + part] for part in range(4)]).mean(axis=0)
        for name, values in weather.items()
    }
    hours = at[hourly]
    seen = np.flatnonzero(plan.recorded[hourly])
    issues = seen[(hours[seen].hour == ISSUE_HOUR).astype(bool)]
    parts = []
    for station in range(STATIONS):
        values = {name: rows[station] for name, rows in means.items()}
        parts.append(_observed(hours, seen, values, station))
        parts.append(_forecast(rng, hours, issues, values, station))
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["issued_at", "station_id", "provider", "valid_at"], kind="stable")
    return table.reset_index(drop=True)


def _observed(
    hours: pd.DatetimeIndex, seen: np.ndarray, values: dict[str, np.ndarray], station: int
) -> pd.DataFrame:
    """What was seen of each hour is known when the hour is over."""
    return _rows(hours[seen], hours[seen] + pd.Timedelta(hours=1), "obs", station).assign(
        **{name: np.round(row[seen], _DECIMALS[name]) for name, row in values.items()}
    )


_DECIMALS: Final = {
    "temp_C": 1,
    "dewpoint_C": 1,
    "ghi_Wm2": 0,
    "wind10_ms": 1,
    "cloud": 2,
    "precip_mm": 1,
}


def _rows(
    valid: pd.DatetimeIndex, issued: pd.DatetimeIndex, provider: str, station: int
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "station_id": pd.Series([f"w{station + 1}"] * len(valid), dtype="str"),
            "provider": pd.Series([provider] * len(valid), dtype="str"),
            "issued_at": issued.as_unit("us"),
            "valid_at": valid.as_unit("us"),
        }
    )


def _forecast(
    rng: np.random.Generator,
    hours: pd.DatetimeIndex,
    issues: np.ndarray,
    values: dict[str, np.ndarray],
    station: int,
) -> pd.DataFrame:
    """Forecasts whose error grows with the hours ahead: part of it is the same in all issues, as
    it is the weather that was hard to foresee, part is each issue's own."""
    ahead = np.array(AHEAD_H)
    n = len(hours)
    shared = {name: memory(rng, n + AHEAD_H[-1] + 1, 12.0, 1.0) for name in ("temp", "sky", "wind")}
    own = {name: _own(rng, len(issues), AHEAD_H[-1] + 1)[:, ahead] for name in shared}
    target = issues[:, None] + ahead
    known = target < n
    error = {
        name: np.sqrt(0.6) * shared[name][np.where(known, target, 0)] + np.sqrt(0.4) * own[name]
        for name in shared
    }
    growth = (FIRST_ERROR_C + (LAST_ERROR_C - FIRST_ERROR_C) * (ahead / 168) ** 0.8)[None, :]
    spot = np.where(known, target, 0)
    temp = values["temp_C"][spot] + growth * error["temp"]
    cloud = np.clip(values["cloud"][spot] + 0.12 * growth * error["sky"], 0, 1)
    dimmed = (1 - 0.75 * cloud**3.4) / (1 - 0.75 * values["cloud"][spot] ** 3.4)
    told = {
        "temp_C": temp,
        "dewpoint_C": np.minimum(values["dewpoint_C"][spot] + 0.6 * growth * error["temp"], temp),
        "ghi_Wm2": np.clip(values["ghi_Wm2"][spot] * dimmed, 0, 1_400),
        "wind10_ms": np.maximum(values["wind10_ms"][spot] * (1 + 0.14 * growth * error["wind"]), 0),
        "cloud": cloud,
        "precip_mm": values["precip_mm"][spot] * np.exp(0.4 * growth * error["sky"]),
    }
    issued = np.broadcast_to(issues[:, None], target.shape)[known]
    table = _rows(hours[target[known]], hours[issued], "forecast", station)
    return table.assign(
        **{name: np.round(one[known], _DECIMALS[name]) for name, one in told.items()}
    )


def _own(rng: np.random.Generator, issues: int, hours: int) -> np.ndarray:
    """Each issue's own error along its hours: AR(1) that forgets in a day."""
    from scipy.signal import lfilter

    keep = float(np.exp(-1 / 24))
    shocks = rng.normal(0.0, np.sqrt(1 - keep**2), (issues, hours))
    shocks[:, 0] = rng.normal(size=issues)
    return np.asarray(lfilter([1.0], [1.0, -keep], shocks, axis=1))


__all__ = ["AHEAD_H", "Weather", "make_weather", "memory", "weather_table"]
