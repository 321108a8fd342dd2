"""Victoria's demand by its protocol: a day ahead from midnight AEST, second half of 2014.

Observed temperature stands for its forecast, as if weather were known perfectly; the same with
noise in the temperature, and without any weather, are told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.automl.machine import available_workers
from lepton.benching import cpu_s, versions
from lepton.forecast import scores
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Lesson
from lepton.forecast.holidays import holidays_of
from lepton.forecast.ladder import RUNGS, interval_of, ladder
from lepton.forecast.matrix import build
from lepton.forecast.panel import PanelDataset
from lepton.forecast.rolling import Refit
from lepton.forecast.walk import Walk, WalkSpec, walk_forward
from lepton.solution import BenchRequest
from lepton_edge.asof_spec import AsOfSpec, Known
from solutions.energy_load.dispatch import (
    Battery,
    dispatch_day,
    reduction,
    standard_errors,
    water_fill,
)
from solutions.energy_load.peers import mlforecast_day_ahead, prophet_day_ahead

ZONE: Final = "Australia/Melbourne"
AEST: Final = timedelta(hours=10)
FAMILIES: Final = ("seasonal_naive", "profile", "linear", "lightgbm", "boosted", "net")
BATTERY: Final = Battery(power_kw=400.0, energy_kwh=1600.0)
"""In the file's own unit, megawatts."""
MEMORY_DAYS: Final = 90
"""Days of past errors that are scenarios of a plan."""
WORKERS: Final = 2


@dataclass(frozen=True)
class _Times:
    """Midnights AEST, UTC seconds: where learning starts, the warm-up, the refits, the end."""

    start: int
    warm: int
    first: int
    second: int
    end: int

    @property
    def refits(self) -> tuple[Refit, ...]:
        """The warm-up and the protocol's two."""
        return (
            Refit(self.warm, self.first),
            Refit(self.first, self.second),
            Refit(self.second, self.end),
        )

    def midnights(self) -> np.ndarray:
        """Every issue, from the start of learning on."""
        return np.arange(self.start, self.end, 86_400, dtype=np.int64)

    def hours(self) -> np.ndarray:
        """Every hour before the last refit: issues at any time, to learn from."""
        return np.arange(self.start, self.second, 3_600, dtype=np.int64)


def _midnight(*date: int) -> int:
    return int((datetime(*date, tzinfo=UTC) - AEST).timestamp())  # type: ignore[arg-type, misc]


PROTOCOL: Final = _Times(
    start=_midnight(2012, 1, 3),
    warm=_midnight(2014, 4, 1),
    first=_midnight(2014, 7, 1),
    second=_midnight(2014, 10, 1),
    end=_midnight(2014, 12, 31),
)


def vic(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the file `request.data`.

    Options: `peers` (1): 0 leaves Prophet and mlforecast out; `net` (1): 0 leaves the network out.
    """
    used = cpu_s()
    options = request.numbers(peers=1, net=1)
    families = tuple(f for f in FAMILIES if f != "net" or options["net"])
    hourly = read_hourly(request)
    rng = np.random.default_rng(request.seed)
    noisy = hourly.assign(temp=hourly["temp"] + noise(hourly, rng))
    walks = {}
    for name, frame in (("observed", hourly), ("noisy", noisy), ("none", hourly[["ts", "y"]])):
        request.progress.stage(f"weather: {name}")
        walks[name] = walked(frame, families, PROTOCOL, request.seed)
    metrics, intervals = _figures(walks, rng)
    request.progress.stage("dispatch")
    metrics |= dispatch_shares(walks["observed"])
    request.progress.stage("peers")
    peers = _peers(hourly) if options["peers"] else {}
    mae = metrics["mae"]
    for name in ("prophet", "mlforecast"):
        metrics[f"mae_vs_{name}"] = mae / peers[name]["mae"] if name in peers else None
    best = walks["observed"]
    rungs = ladder(best.matrix, best.steps(RUNGS), rng)
    return {
        "protocol": "vic",
        "weather": "observed temperature used as its own forecast (perfect weather)",
        "metrics": metrics,
        "intervals": intervals,
        "ladder": [_told(rung) for rung in rungs],
        "weights": [weights.to_json() for weights in best.weights],
        "peers": peers,
        "cpu_s": round(cpu_s() - used, 1),
        "versions": versions(),
    }


def read_hourly(request: BenchRequest) -> pd.DataFrame:
    """ts (UTC), y, temp: hourly means of the file's half-hours."""
    told = pd.read_csv(request.data)
    ts = pd.to_datetime(told["Time"], utc=True).dt.floor("h")
    hourly = told.assign(ts=ts).groupby("ts", as_index=False)[["Demand", "Temperature"]].mean()
    return hourly.rename(columns={"Demand": "y", "Temperature": "temp"})


def noise(hourly: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """1.05 degrees of a day's own and 1.05 of an hour's own, by days AEST."""
    day = (hourly["ts"] + AEST).dt.floor("D").factorize()[0]
    of_day = rng.normal(0.0, 1.05, day.max() + 1)
    return np.asarray(of_day[day] + rng.normal(0.0, 1.05, len(day)))


def walked(frame: pd.DataFrame, families: tuple[str, ...], times: _Times, seed: int) -> Walk:
    """The product's forecasts; frame: ts, y, and temp where weather is known."""
    panel = panel_of(frame)
    known = (Known("temp", is_temperature=True),) if "temp" in frame else ()
    years = range(int(frame["ts"].dt.year.min()) - 1, int(frame["ts"].dt.year.max()) + 2)
    spec = AsOfSpec(3_600, ZONE, 24, known=known, holidays=holidays_of("AU", "VIC", years))
    issued = build(panel, {"vic": spec}, {"vic": times.midnights()})
    anywhere = None
    if "net" in families:
        anywhere = build(panel, {"vic": spec}, {"vic": times.hours()}, np.float32)
    walk = WalkSpec(times.refits, seed=seed, workers=min(WORKERS, available_workers()))
    members = [forecaster(name) for name in families]
    members = [family for family in members if family.available()]
    return walk_forward(Lesson.of(issued, anywhere), members, walk)


def panel_of(frame: pd.DataFrame) -> PanelDataset:
    """One series, its temperature as if known for all time."""
    rows = frame[["ts", "y"]].assign(series_id="vic")
    series = pd.DataFrame({"series_id": ["vic"], "tz": [ZONE], "country": ["AU"]})
    known = frame[["ts", "temp"]] if "temp" in frame else None
    return PanelDataset(rows, series, 3_600, known, is_known_perfectly=True)


def dispatch_shares(walk: Walk) -> dict[str, float]:
    """Share of the perfect-foresight peak reduction, planned once a day and every hour."""
    y = np.concatenate([walk.warmed.matrix.y, walk.matrix.y])
    quantiles = np.concatenate([walk.warmed_blend, walk.calibrated])
    errors, first = standard_errors(y, quantiles), len(walk.warmed.matrix)
    best = once = again = 0.0
    for day in range(first, len(y)):
        load, told = y[day], quantiles[day]
        memory = errors[max(0, day - MEMORY_DAYS) : day]
        best += reduction(load, water_fill(load, BATTERY, 1.0))
        once += reduction(load, dispatch_day(load, told, memory, BATTERY, 1.0))
        again += reduction(load, dispatch_day(load, told, memory, BATTERY, 1.0, every=1))
    return {"dispatch_share": once / best, "dispatch_share_reforecast": again / best}


def _figures(
    walks: Mapping[str, Walk], rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    best = walks["observed"]
    y, quantiles = best.matrix.y, best.calibrated
    point = quantiles[..., 4]
    found: dict[str, Any] = dict(scores.summary(y, quantiles))
    found["mape_no_weather"] = scores.mape(walks["none"].matrix.y, walks["none"].calibrated[..., 4])
    noisy = scores.mae(walks["noisy"].matrix.y, walks["noisy"].calibrated[..., 4])
    found["noise_cost"] = noisy / found["mae"] - 1
    losses = {
        "mae": np.abs(y - point),
        "mape": 100 * np.abs(y - point) / y,
        "crps": scores.crps(y, quantiles),
        "coverage80": ((y >= quantiles[..., 0]) & (y <= quantiles[..., -1])).astype(float),
    }
    intervals = {name: list(interval_of(loss, best.matrix, rng)) for name, loss in losses.items()}
    return found, intervals


def _peers(hourly: pd.DataFrame) -> dict[str, dict[str, float]]:
    """MAE and MAPE of what is installed."""
    refits = [(PROTOCOL.first, PROTOCOL.second), (PROTOCOL.second, PROTOCOL.end)]
    asked = hourly[hourly["ts"] >= pd.Timestamp(PROTOCOL.first, unit="s", tz="UTC")]
    asked = asked[asked["ts"] < pd.Timestamp(PROTOCOL.end, unit="s", tz="UTC")]
    found = {}
    for name, run in (("prophet", prophet_day_ahead), ("mlforecast", mlforecast_day_ahead)):
        told = run(hourly, refits)
        if told is not None:
            y, point = asked["y"].to_numpy(), told.reindex(asked["ts"]).to_numpy()
            found[name] = {"mae": scores.mae(y, point), "mape": scores.mape(y, point)}
    return found


def _told(rung: Any) -> dict[str, Any]:
    return {
        "name": rung.name,
        "metrics": dict(rung.metrics),
        "intervals": {name: list(limits) for name, limits in rung.intervals.items()},
        "crps_vs_before": rung.crps_vs_before,
    }


__all__ = ["PROTOCOL", "dispatch_shares", "noise", "panel_of", "read_hourly", "vic", "walked"]
