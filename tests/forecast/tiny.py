"""Two meters in two zones, a season of hours with weather, and a champion of any families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.export.forecast_bundle import ForecastContext, write_forecast_bundle
from lepton.forecast.champion import FALLBACKS, Champion, Series, Usual
from lepton.forecast.conformal import Rolling, scores_of
from lepton.forecast.ensemble import equal_weights
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Lesson
from lepton.forecast.matrix import Matrix, build
from lepton.forecast.panel import PanelDataset
from lepton_edge.asof_spec import AsOfSpec, Known
from lepton_edge.conformal import ConformalSpec
from lepton_edge.forecast_plan import Schedule

HOUR, DAY = 3_600, 86_400
START = int(datetime(2025, 1, 20, tzinfo=UTC).timestamp())
"""Clocks change inside what follows: on 9 March in New York, on 30 March in Berlin."""
DAYS = 84
CALIBRATED_S = START + 58 * DAY
"""Up to which the champion is calibrated by its own errors."""
ZONES = {"north": "Europe/Berlin", "west": "America/New_York"}
EASTER = int(np.datetime64("2025-04-21").astype("datetime64[D]").astype(np.int64))
SMALL: Mapping[str, Mapping[str, Any]] = {
    "lightgbm": {"rounds": 40, "folds": 2},
    "boosted": {"rounds": 30, "folds": 2},
    "lightgbm_quantile": {"rounds": 12},
    "net": {"hidden": (24, 16), "steps": 40, "members": 2},
}
DEVICE: tuple[str, ...] = ("seasonal_naive", "profile", "linear", "lightgbm", "lightgbm_quantile")
DEVICE += ("boosted", "net")


def load(name: str, at_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Load of a meter that lives by its clock, with gaps and, in the west, changes of sign."""
    local = pd.to_datetime(at_s, unit="s", utc=True).tz_convert(ZONES[name])
    hour, weekday = local.hour.to_numpy(), local.day_of_week.to_numpy()
    y = 60 + 25 * np.sin((hour - 8) * np.pi / 12) - 12 * (weekday >= 5)
    y = y + rng.normal(0, 3, len(y)) - (70 if name == "west" else 0) * (hour == 13)
    return np.where(rng.random(len(y)) < 0.01, np.nan, y)


@cache
def panel(step_s: int = HOUR) -> PanelDataset:
    """The meters and their weather, known for all time."""
    rng = np.random.default_rng(1)
    at = START + step_s * np.arange(DAYS * DAY // step_s)
    ts = pd.to_datetime(at, unit="s", utc=True)
    rows = [pd.DataFrame({"series_id": name, "ts": ts, "y": load(name, at, rng)}) for name in ZONES]
    series = pd.DataFrame({"series_id": list(ZONES), "tz": list(ZONES.values()), "typical": 60.0})
    known = pd.DataFrame({"ts": ts, "temp": 10 + rng.normal(0, 4, len(at))})
    return PanelDataset(pd.concat(rows), series, step_s, known, is_known_perfectly=True)


@cache
def specs(step_s: int = HOUR, n_leads: int = 24, first_lead: int = 0) -> Mapping[str, AsOfSpec]:
    """What the forecasts of each meter look at."""
    known = (Known("temp", is_temperature=True),)
    return {
        name: AsOfSpec(
            step_s,
            zone,
            n_leads,
            first_lead,
            known=known,
            holidays=(EASTER,) if name == "north" else (),
        )
        for name, zone in ZONES.items()
    }


def issue_times() -> np.ndarray:
    """One a day from the eleventh on, at nine in the morning UTC."""
    return START + 9 * HOUR + DAY * np.arange(10, DAYS - 6)


@cache
def matrix(step_s: int = HOUR, n_leads: int = 24, first_lead: int = 0) -> Matrix:
    """All issues of both meters."""
    issues = {name: issue_times() for name in ZONES}
    return build(panel(step_s), specs(step_s, n_leads, first_lead), issues)


@cache
def champion(
    names: Sequence[str] = ("linear", "lightgbm"),
    step_s: int = HOUR,
    n_leads: int = 24,
    first_lead: int = 0,
) -> Champion:
    """Members fitted small, weighed alike, calibrated by their own errors of the last weeks."""
    issued = matrix(step_s, n_leads, first_lead)
    lesson = Lesson.of(issued)
    fitted = {name: _fitted(name, lesson) for name in dict.fromkeys((*names, *FALLBACKS))}
    conformal = ConformalSpec(window_days=30, fewest=50)
    made = Champion(
        series=Series(tuple(ZONES), specs(step_s, n_leads, first_lead), (60.0, float("nan"))),
        members={name: fitted[name] for name in names},
        fallbacks={name: fitted[name] for name in FALLBACKS},
        weights=equal_weights(tuple(names), 2),
        usual=Usual.of(next(iter(specs(step_s, n_leads, first_lead).values())), issued),
        conformal=conformal,
        calibration=Rolling(conformal).to_arrays(),
    )
    last = issued.take((issued.issue_s >= START + 25 * DAY) & (issued.issue_s < CALIBRATED_S))
    rolling = Rolling(conformal)
    rolling.tell(scores_of(last, made.blend(last)))
    for issue_s in np.unique(last.issue_s)[-10:]:
        rolling.factors(int(issue_s))
    return Champion(**{**made.__dict__, "calibration": rolling.to_arrays()})


def _fitted(name: str, lesson: Lesson) -> Any:
    family = forecaster(name)
    if not family.available():
        pytest.skip(f"{name}: its library is not installed")
    return family.fit(lesson, {**family.params, **SMALL.get(name, {})}, 0)


def context(step_s: int = HOUR, schedule: Schedule | None = None) -> ForecastContext:
    """What a bundle is told beside its champion: a schedule at ten in Berlin."""
    return ForecastContext(
        solution="energy_load",
        customer="acme",
        run_id="run-1",
        contracts={},
        panel=panel(step_s),
        issues={name: issue_times() for name in ZONES},
        schedule=schedule or Schedule("Europe/Berlin", (600,)),
        unit="kW",
        notes=("Weather was known perfectly",),
    )


def bundle(folder: Path, names: Sequence[str] = ("linear", "lightgbm")) -> Path:
    """The bundle of the small champion."""
    return write_forecast_bundle(folder / "bundle", champion(names), context()).path
