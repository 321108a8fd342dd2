"""Other libraries on the same data and refits, as their manuals have them: what a benchmark is
compared with. None where one is not installed."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.automl.children import run_jobs
from lepton_edge.asof_spec import COOLING_C, HEATING_C

LAGS: Final = (1, 2, 3, 24, 48, 168, 336)
HORIZON: Final = 24
FEATURES: Final = ("hour", "dayofweek", "dayofyear")
AEST: Final = pd.Timedelta(hours=10)
LIMIT_S: Final = 1_200.0
Refits = Sequence[tuple[int, int]]
"""UTC seconds from which on a fit is used, and before which."""


def prophet_day_ahead(hourly: pd.DataFrame, refits: Refits) -> pd.Series | None:
    """Prophet with temperature, heating and cooling degrees, fitted at each refit on all before.

    hourly: ts (UTC), y, temp. Returns forecasts by ts. It has no lags, so the issue is the refit.
    """
    if find_spec("prophet") is None:
        return None
    jobs = [partial(_prophet, hourly, *refit) for refit in refits]
    return _joined(run_jobs(jobs, [LIMIT_S] * len(jobs), 2))


def mlforecast_day_ahead(hourly: pd.DataFrame, refits: Refits) -> pd.Series | None:
    """mlforecast's LightGBM, recursive, with lags of 1-3, 24, 48, 168 and 336 hours, the hour,
    the weekday and the day of the year, and temperature; from midnight for 24 hours, day by day."""
    if find_spec("mlforecast") is None:
        return None
    jobs = [partial(_mlforecast, hourly, *refit) for refit in refits]
    return _joined(run_jobs(jobs, [LIMIT_S] * len(jobs), 2))


def _prophet(hourly: pd.DataFrame, start: int, end: int) -> bytes:
    from prophet import Prophet

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    frame = pd.DataFrame(
        {
            "ds": _aest(hourly),
            "y": hourly["y"],
            "temp": hourly["temp"],
            "heating": np.maximum(HEATING_C - hourly["temp"], 0.0),
            "cooling": np.maximum(hourly["temp"] - COOLING_C, 0.0),
        }
    )
    model = Prophet(uncertainty_samples=0)
    for name in ("temp", "heating", "cooling"):
        model.add_regressor(name)
    model.add_country_holidays("AU")
    model.fit(frame[_seconds(hourly) < start])
    asked = _between(hourly, start, end)
    told = model.predict(frame[asked].drop(columns="y"))
    return _bytes(hourly.loc[asked, "ts"], told["yhat"].to_numpy())


def _mlforecast(hourly: pd.DataFrame, start: int, end: int) -> bytes:
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast

    frame = pd.DataFrame(
        {
            "unique_id": "vic",
            "ds": _aest(hourly),
            "y": hourly["y"],
            "temp": hourly["temp"],
        }
    )
    model = LGBMRegressor(n_estimators=500, learning_rate=0.05, n_jobs=1, verbosity=-1)
    ours = MLForecast({"lgbm": model}, freq="h", lags=LAGS, date_features=FEATURES)
    known = frame[_seconds(hourly) < end]
    told = ours.cross_validation(
        known,
        n_windows=(end - start) // (HORIZON * 3_600),
        h=HORIZON,
        step_size=HORIZON,
        refit=False,
        static_features=[],
    )
    return _bytes((told["ds"] - AEST).dt.tz_localize("UTC"), told["lgbm"].to_numpy())


def _aest(hourly: pd.DataFrame) -> pd.Series:
    """Standard time: neither library takes zones."""
    return (hourly["ts"] + AEST).dt.tz_localize(None)


def _seconds(hourly: pd.DataFrame) -> np.ndarray:
    return hourly["ts"].astype("datetime64[s, UTC]").astype("int64").to_numpy()


def _between(hourly: pd.DataFrame, start: int, end: int) -> np.ndarray:
    at = _seconds(hourly)
    return np.asarray((at >= start) & (at < end))


def _bytes(ts: pd.Series, values: np.ndarray) -> bytes:
    file = io.BytesIO()
    seconds = ts.astype("datetime64[s, UTC]").astype("int64").to_numpy()
    np.savez(file, seconds=seconds, values=values)
    return file.getvalue()


def _joined(answers: Sequence[Any]) -> pd.Series | None:
    """Forecasts of all refits, None where one of them failed."""
    found = []
    for answer in answers:
        if not isinstance(answer, bytes):
            return None
        with np.load(io.BytesIO(answer), allow_pickle=False) as file:
            at = pd.to_datetime(file["seconds"], unit="s", utc=True)
            found.append(pd.Series(file["values"], index=at))
    return pd.concat(found)


__all__ = ["mlforecast_day_ahead", "prophet_day_ahead"]
