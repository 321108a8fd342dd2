"""Whether the simulated network is like real ones: gates that are printed and tested.

What is wanted are the statistics of a state of five million people over three years, hourly; the
same functions were run on it. Then plain trees must beat the weekly naive by as much as they do
there, and a degree and a half of noise on the temperature must cost them as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.contracts.model import Contract
from lepton.solution import RealismGate
from solutions.energy_load.calendar_days import holiday_mask, holidays_of
from solutions.energy_load.simulate import Simulated
from solutions.energy_load.simulate import truth as simulated

NOISE_C: Final = 1.5
COLD_C, MILD_C, HOT_C = 8.0, 17.5, 37.0
RESPONSE_HOUR: Final = 15
TRAINING_SHARE: Final = 0.7
TREES: Final[Mapping[str, Any]] = {
    "objective": "regression_l1",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "seed": 0,
}
"""Plain settings that the simulator was set against: a gate on the data, not on tuning."""
ROUNDS: Final = 300


def realism(contract: Contract, rng: np.random.Generator, size: int) -> tuple[RealismGate, ...]:
    """The simulator's gates on about `size` rows: a year and more of them, for the seasons.

    contract: that of the table `load`; what is judged is the system, as perfect meters have it.
    """
    made = simulated(rng, size)
    hourly = system_hours(made)
    found = statistics(hourly)
    errors = forecast_errors(hourly, np.random.default_rng(0))
    return (
        RealismGate("highest hour / mean", found["max_to_mean"], 1.75, 2.3),
        RealismGate("correlation after 1 h", found["acf_1"], 0.93, 0.97),
        RealismGate("correlation after 24 h", found["acf_24"], 0.74, 0.84),
        RealismGate("correlation after 168 h", found["acf_168"], 0.70, 0.86),
        RealismGate("weekend / weekdays", found["weekend"], 0.83, 0.89),
        RealismGate("holiday / workday", found["holiday"], 0.78, 0.88),
        RealismGate("mean of a day / its peak", found["day_load_factor"], 0.81, 0.87),
        RealismGate("hour of most daily peaks", found["peak_hour"], 17, 18),
        RealismGate("second peak on cold mornings, h", found["cold_morning_peak"], 7, 9),
        RealismGate(
            f"load at {COLD_C:g} / {MILD_C:g} degrees C", found["cold_response"], 1.11, 1.31
        ),
        RealismGate(f"load at {HOT_C:g} / {MILD_C:g} degrees C", found["hot_response"], 1.44, 1.74),
        RealismGate("hours of a feeder that gives back, %", _giving_back(made), 1.0, 25.0),
        RealismGate(
            "error of the weekly naive / trees'", errors["naive"] / errors["trees"], 1.8, 4
        ),
        RealismGate(
            f"{NOISE_C:g} degrees C of noise cost, %",
            100 * (errors["noisy"] / errors["trees"] - 1),
            8.0,
            20.0,
        ),
    )


def system_hours(made: Simulated) -> pd.DataFrame:
    """The system by the hour: index UTC; kw, temp_C, is_holiday, and the local clock's hour, day
    (a date) and week (0 is Monday)."""
    clean, weather = made.clean, made.tables["weather"]
    register = made.tables["meters"].set_index("meter_id")
    (top,) = register.index[register["type"] == "system"]
    kw = clean[clean["meter_id"] == top].set_index("event_at")["power_kw"]
    seen = weather[(weather["provider"] == "obs")]
    temp = seen.groupby("valid_at")["temp_C"].mean()
    zone, country, subdiv = (str(register.loc[top, name]) for name in ("tz", "country", "subdiv"))
    years = range(kw.index[0].year - 1, kw.index[-1].year + 2)
    local = kw.index.tz_convert(zone)
    return pd.DataFrame(
        {
            "kw": kw,
            "temp_C": temp.reindex(kw.index).ffill().bfill(),
            "is_holiday": holiday_mask(kw.index, zone, holidays_of(country, subdiv, years)),
            "hour": local.hour,
            "day": local.tz_localize(None).normalize(),
            "week": local.day_of_week,
        },
        index=kw.index,
    )


def statistics(hourly: pd.DataFrame) -> dict[str, float]:
    """Numbers that tell whether hours are those of a real system; frame of `system_hours`."""
    kw = hourly["kw"]
    weekday = hourly["week"] < 5
    work = weekday & ~hourly["is_holiday"]
    days = kw.groupby(hourly["day"])
    whole = days.transform("size") >= 23
    peak = kw[whole].groupby(hourly["day"]).idxmax()
    cold = work & (hourly.groupby("day")["temp_C"].transform("mean") < COLD_C + 3)
    morning = kw[cold & hourly["hour"].between(5, 11)].groupby(hourly["hour"]).mean()
    return {
        "max_to_mean": float(kw.max() / kw.mean()),
        **{f"acf_{lag}": float(kw.autocorr(lag)) for lag in (1, 24, 168)},
        "weekend": float(kw[~weekday].mean() / kw[weekday].mean()),
        "holiday": float(kw[hourly["is_holiday"]].mean() / kw[work].mean()),
        "day_load_factor": float((days.mean() / days.max()).mean()),
        "peak_hour": float(hourly.loc[peak, "hour"].mode().iloc[0]),
        "cold_morning_peak": float(str(morning.idxmax())) if len(morning) else np.nan,
        **_response(hourly[work & (hourly["hour"] == RESPONSE_HOUR)]),
    }


def _response(afternoons: pd.DataFrame) -> dict[str, float]:
    """Load at a cold and a hot temperature by that at a mild one, from broken lines through all:
    a year has too few afternoons of either kind to take their mean."""
    temp, kw = afternoons["temp_C"].to_numpy(), afternoons["kw"].to_numpy()
    told = _knots(np.array([COLD_C, MILD_C, HOT_C])) @ np.linalg.lstsq(_knots(temp), kw)[0]
    return {"cold_response": told[0] / told[1], "hot_response": told[2] / told[1]}


def _knots(temp: np.ndarray) -> np.ndarray:
    bends = [np.maximum(temp - knot, 0.0) for knot in (16.0, 21.0, 27.0)]
    return np.column_stack([np.ones(len(temp)), temp, *bends])


def _giving_back(made: Simulated) -> float:
    """Share of its hours in which the feeder with most sun has negative power, in %."""
    feeders = made.tables["meters"].query("type == 'feeder'")["meter_id"]
    rows = made.clean[made.clean["meter_id"].isin(feeders)]
    shares = (rows["power_kw"] < 0).groupby(rows["meter_id"]).mean()
    return float(100 * shares.max()) if len(shares) else np.nan


def forecast_errors(hourly: pd.DataFrame, rng: np.random.Generator) -> dict[str, float]:
    """Mean absolute error, relative to the mean, of the day ahead from each midnight: of the week
    before, of trees that know the temperature, and of the same with noise on it when it counts.

    The last 30 % of days are judged by trees that learnt from the first 70 %.
    """
    import lightgbm

    level = hourly["kw"].rolling(24 * 28, min_periods=24 * 14).mean()
    level = level.groupby(hourly["day"]).transform("first")
    rows = _lags(hourly, level)
    target = hourly["kw"] / level
    known = rows.notna().all(axis=1) & target.notna()
    days = hourly["day"][known].drop_duplicates()
    first = days.iloc[int(TRAINING_SHARE * len(days))]
    learn, judge = known & (hourly["day"] < first), known & (hourly["day"] >= first)
    data = lightgbm.Dataset(
        pd.concat([rows, _weather(hourly["temp_C"])], axis=1)[learn], target[learn]
    )
    trees = lightgbm.train(dict(TREES), data, ROUNDS)
    noise = pd.Series(rng.normal(0.0, NOISE_C, len(hourly)), index=hourly.index)
    true = hourly["kw"][judge]
    told = {"naive": hourly["kw"].shift(168)[judge]}
    for name, temp in (("trees", hourly["temp_C"]), ("noisy", hourly["temp_C"] + noise)):
        features = pd.concat([rows, _weather(temp)], axis=1)[judge]
        told[name] = trees.predict(features) * level[judge]
    return {
        name: float((values - true).abs().mean() / true.mean()) for name, values in told.items()
    }


def _lags(hourly: pd.DataFrame, level: pd.Series) -> pd.DataFrame:
    """What is known of each hour's load at the midnight before it, by the usual level; a day of 23
    or 25 hours moves a few of them by an hour, which costs all alike."""
    kw = hourly["kw"] / level
    midnight = kw.groupby(hourly["day"])
    back = {f"lag_{days}d": kw.shift(24 * days) for days in (1, 2, 7, 14)}
    last = kw.shift(1)
    return pd.DataFrame(
        {
            **back,
            "week_before": sum(kw.shift(168 * week) for week in (1, 2, 3)) / 3,
            "last": last.groupby(hourly["day"]).transform("first"),
            "yesterday": midnight.transform("mean").shift(24),
            "hour": hourly["hour"],
            "week": hourly["week"],
            "season": np.cos(2 * np.pi * hourly["day"].dt.day_of_year / 365.25),
            "is_holiday": hourly["is_holiday"].astype(float),
            "was_holiday": hourly["is_holiday"].shift(24).astype(float),
        }
    )


def _weather(temp: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "temp": temp,
            "temp_3h": temp.rolling(3, min_periods=1).mean(),
            "temp_24h": temp.ewm(halflife=16).mean(),
            "temp_72h": temp.ewm(halflife=50).mean(),
            "warmer_1d": temp - temp.shift(24),
            "warmer_7d": temp - temp.shift(168),
        }
    )


__all__ = ["forecast_errors", "realism", "statistics", "system_hours"]
