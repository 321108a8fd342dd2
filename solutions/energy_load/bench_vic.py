"""Victoria's demand by its protocol: a day ahead from midnight AEST, second half of 2014.

The file goes through mapping, contracts, cleaning and panel as a customer's does; here are the
origins, the refits, and the scoring by the file's own values. Observed temperature stands for its
forecast, as if weather were known perfectly; the same with noise in the temperature, and without
any weather, are told beside it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import stages
from lepton.automl.machine import available_workers
from lepton.benching import cpu_s, customer, versions
from lepton.context import Context
from lepton.contracts.model import Validated
from lepton.forecast import scores
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Lesson
from lepton.forecast.ladder import RUNGS, interval_of, ladder
from lepton.forecast.matrix import build
from lepton.forecast.panel import PanelDataset, seconds_of
from lepton.forecast.rolling import Backtest, Refit
from lepton.forecast.walk import Walk, WalkSpec, walk_forward
from lepton.forecast_batch import cleaned, days_of, spec_of
from lepton.solution import BenchRequest
from lepton_edge.asof_spec import AsOfSpec
from solutions.energy_load.dispatch import (
    Battery,
    dispatch_day,
    reduction,
    standard_errors,
    water_fill,
)
from solutions.energy_load.peers import mlforecast_day_ahead, prophet_day_ahead

ROOT: Final = Path(__file__).parents[2]
SETTINGS: Final = """\
solution: energy_load
customer: vic
source: {{load: {data}, weather: {data}, meters: {meters}}}
mapping: mapping.yaml
settings: {{step_min: 60, lead_h: 24}}
seed: {seed}
"""
MAPPING: Final = """\
tables:
  load:
    columns:
      event_at: Time
      power_kw: {from: Demand, unit: {from: MW, to: kW}}
    ignore: [Temperature, Date, Holiday]
  weather:
    columns:
      valid_at: Time
      temp_C: Temperature
    ignore: [Demand, Date, Holiday]
  meters:
    columns: {meter_id: meter_id, type: type, tz: tz, country: country, subdiv: subdiv}
"""
METERS: Final = "meter_id,type,tz,country,subdiv\nvic,system,Australia/Melbourne,AU,VIC\n"
AEST: Final = timedelta(hours=10)
FAMILIES: Final = ("seasonal_naive", "profile", "linear", "lightgbm", "boosted", "net")
BATTERY: Final = Battery(power_kw=400.0, energy_kwh=1600.0)
"""In the file's own unit, megawatts."""
MEMORY_DAYS: Final = 90
"""Days of past errors that are scenarios of a plan."""
WORKERS: Final = 2
Tables = Mapping[str, pd.DataFrame]


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
    hourly, rng = read_hourly(request), np.random.default_rng(request.seed)
    with tempfile.TemporaryDirectory(prefix="lepton-bench-") as scratch:
        ctx = customer_of(request, Path(scratch))
        valid = stages.validate(ctx, stages.read(ctx))
        walks = {}
        for name, tables in weathers(valid.tables, rng).items():
            request.progress.stage(f"weather: {name}")
            walk = walked(ctx, replace(valid, tables=tables), families, PROTOCOL)
            walks[name] = in_file_units(walk, hourly)
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


def weathers(tables: Tables, rng: np.random.Generator) -> Mapping[str, Tables]:
    """The tables with temperature as it was seen, with noise in it, and without any."""
    weather = tables["weather"]
    noisy = weather.assign(temp_C=weather["temp_C"] + noise(weather["valid_at"], rng))
    blind = {name: rows for name, rows in tables.items() if name != "weather"}
    return {"observed": tables, "noisy": {**tables, "weather": noisy}, "none": blind}


def noise(at: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """1.05 degrees of a day's own and 1.05 of an hour's own, by days AEST."""
    day, hour = ((at + AEST).dt.floor(unit).factorize(sort=True)[0] for unit in ("D", "h"))
    of_day, of_hour = (rng.normal(0.0, 1.05, one.max() + 1) for one in (day, hour))
    return np.asarray(of_day[day] + of_hour[hour])


def customer_of(request: BenchRequest, scratch: Path) -> Context:
    """The file as a customer's, with its zone and holidays told in a register of one meter."""
    from solutions.energy_load import SOLUTION

    scratch.mkdir(parents=True, exist_ok=True)
    meters = scratch / "meters.csv"
    meters.write_text(METERS, encoding="utf-8")
    settings = SETTINGS.format(
        data=json.dumps(str(request.data.resolve())),
        meters=json.dumps(str(meters)),
        seed=request.seed,
    )
    return customer(request, SOLUTION, ROOT, scratch, settings=settings, mapping=MAPPING)


def walked(ctx: Context, valid: Validated, families: tuple[str, ...], times: _Times) -> Walk:
    """The product's forecasts from valid tables, in kW."""
    panel, looks = panel_of(ctx, valid)
    (name,) = panel.ids
    issued = build(panel, looks, {name: times.midnights()})
    anywhere = None
    if "net" in families:
        anywhere = build(panel, looks, {name: times.hours()}, np.float32)
    workers = min(WORKERS, available_workers())
    walk = WalkSpec(times.refits, seed=ctx.config.seed, workers=workers)
    members = [forecaster(name) for name in families]
    members = [family for family in members if family.available()]
    return walk_forward(Lesson.of(issued, anywhere), members, walk)


def panel_of(ctx: Context, valid: Validated) -> tuple[PanelDataset, Mapping[str, AsOfSpec]]:
    """The series that the product forecasts, and what it looks at."""
    panel = cleaned(ctx, valid).panel
    return panel, days_of(spec_of(ctx).looks(panel, ctx.settings))


def in_file_units(walk: Walk, hourly: pd.DataFrame) -> Walk:
    """The walk in MW, judged by the file's own values, whatever the product believed of them."""
    truth = hourly.assign(step=seconds_of(hourly["ts"]) // 3_600).set_index("step")["y"]

    def told(found: Backtest) -> Backtest:
        y = truth.reindex(found.matrix.step.ravel()).to_numpy().reshape(found.matrix.y.shape)
        quantiles = {name: q / 1_000 for name, q in found.quantiles.items()}
        return replace(found, matrix=replace(found.matrix, y=y), quantiles=quantiles)

    return replace(
        walk,
        members=told(walk.members),
        warmed=told(walk.warmed),
        blend=walk.blend / 1_000,
        calibrated=walk.calibrated / 1_000,
        warmed_blend=walk.warmed_blend / 1_000,
    )


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


__all__ = ["PROTOCOL", "customer_of", "dispatch_shares", "noise", "panel_of", "vic", "walked"]
