"""A simulator of a fleet of rotating machines: nobody's data, the same seed gives the same tables.

Pumps, motors and compressors at four sites change between six regimes; hidden wear, shocks and bad
contacts compete, repairs undo part of it, owners replace by age before anything fails, some fail
without a sign; nine sensors say something of it, and are wrong at times themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.predictive_maintenance.faults import Faulted, spoil
from solutions.predictive_maintenance.fleet import (
    SITES,
    START,
    TYPES,
    Fleet,
    Plan,
    make_fleet,
    plan_for,
)
from solutions.predictive_maintenance.sensing import Signals, sense
from solutions.predictive_maintenance.sensors import SENSORS
from solutions.predictive_maintenance.wear import COMPONENTS, MODES, Hidden, make_hidden

SETTINGS: Final = ("setting_1", "setting_2", "setting_3")
SETTING_DECIMALS: Final = (1, 0, 1)
COST: Final = {"replace": 2_400.0, "repair": 650.0, "inspect": 90.0}
FAILED_COST: Final = 11_000.0
SEVERITIES: Final = ("minor", "major", "critical")


@dataclass(frozen=True)
class Simulated:
    """The canonical tables, and what nobody outside the simulator knows.

    truth: one row a row of telemetry, in its order: reading_id, life (position in `lives`), regime
    0..5, wear, crack, contact (hidden wear 0..1), spark (whether the bad contact shows), rul_d
    (days to the failure that comes if the asset is left alone), mode (what that will be).
    lives: one row a life: asset_id, started_at, ended_at, outcome (failed, planned, running),
    fails_at (when it fails if left alone), mode.
    faults: what was wrong with sensors: asset_id, sensor (missing: the whole asset), kind,
    started_at, ended_at.
    """

    tables: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame
    lives: pd.DataFrame
    faults: pd.DataFrame


def simulate(rng: np.random.Generator, size: int) -> Mapping[str, pd.DataFrame]:
    """About `size` readings of a fleet as the canonical tables telemetry, assets, failures,
    maintenance and sensors; telemetry in event order.

    A reading is one asset's settings (load in %, speed in rpm, ambient in degC) and sensors at one
    instant. At least two in five lives end without a failure; one failure in ten has no precursor.
    """
    return simulate_all(rng, plan_for(size)).tables


def truth(rng: np.random.Generator, size: int) -> Simulated:
    """The same fleet that `simulate` makes of the same `rng`, with the truth beside it."""
    return simulate_all(rng, plan_for(size))


def simulate_all(rng: np.random.Generator, plan: Plan) -> Simulated:
    """The fleet of a plan; with `preventive` off every life runs to its failure."""
    fleet = make_fleet(rng, plan)
    hidden = make_hidden(rng, fleet)
    signals = sense(rng, fleet, hidden)
    sent = spoil(rng, plan, signals)
    telemetry, rows = _telemetry(fleet, signals, sent)
    lives = _lives(fleet, hidden)
    tables = {
        "telemetry": telemetry,
        "assets": _assets(fleet, lives),
        "failures": _failures(rng, lives),
        "maintenance": _maintenance(rng, fleet, hidden, lives),
        "sensors": _sensors(plan),
    }
    known = _truth(fleet, hidden, signals, rows)
    known.insert(0, "reading_id", telemetry["reading_id"])
    return Simulated(tables, known, lives, _faults(fleet, sent.log))


def _at(fleet: Fleet, asset: np.ndarray, step: np.ndarray, late_s: np.ndarray) -> pd.DatetimeIndex:
    """The instant of a step, whole or not, of each asset by its own clock, in whole seconds."""
    plan = fleet.plan
    second: np.ndarray = (
        (step - plan.before) * plan.step_h * 3_600 + fleet.phase_min[asset] * 60 + late_s
    )
    since = pd.to_timedelta(np.round(second).astype(np.int64), unit="s")
    return pd.DatetimeIndex(START + since).as_unit("us")


def _telemetry(fleet: Fleet, signals: Signals, sent: Faulted) -> tuple[pd.DataFrame, np.ndarray]:
    """The table, and which reading of `signals` each of its rows is."""
    rows = np.flatnonzero(sent.arrived)
    asset = signals.asset[rows]
    at = _at(fleet, asset, signals.step[rows], sent.skew_s[rows])
    order = np.lexsort((asset, at.asi8))
    rows, asset, at = rows[order], asset[order], at[order]
    columns = {
        name: np.round(values[rows], decimals)
        for name, values, decimals in zip(SETTINGS, signals.settings, SETTING_DECIMALS, strict=True)
    }
    for sensor, values in zip(SENSORS, sent.sensors, strict=True):
        columns[f"x_{sensor.name}"] = np.round(np.maximum(values[rows], 0.0), sensor.decimals)
    keys = {"reading_id": _ids("r", np.arange(len(rows)), 7), "asset_id": _asset_ids(asset)}
    return pd.DataFrame({**keys, "event_at": at, **columns}), rows


def _ids(prefix: str, numbers: np.ndarray, digits: int) -> pd.Series:
    names = [f"{prefix}{number:0{digits}d}" for number in numbers.tolist()]
    return pd.Series(names, dtype="str")


def _asset_ids(assets: np.ndarray) -> pd.Series:
    names = _ids("a", np.arange(int(assets.max(initial=0)) + 1), 3)
    return names.take(assets).reset_index(drop=True)


def _named(names: tuple[str, ...], codes: np.ndarray) -> pd.Series:
    return pd.Series(names, dtype="str").take(codes).reset_index(drop=True)


def _lives(fleet: Fleet, hidden: Hidden) -> pd.DataFrame:
    lives, plan = hidden.lives, fleet.plan
    asset = np.array([one.asset for one in lives])
    start = np.array([one.start for one in lives])
    fails = np.array([one.fails for one in lives])
    planned = np.array([one.planned for one in lives])
    over = np.array([one.end for one in lives])
    running = np.where(planned, over, fails) >= plan.before + plan.recorded
    left = np.where(planned, over + 0.4, np.minimum(fails, plan.steps))
    none = np.zeros(len(lives))
    return pd.DataFrame(
        {
            "asset_id": _asset_ids(asset),
            "started_at": _at(fleet, asset, start - 0.5, none),
            "ended_at": _at(
                fleet, asset, np.where(running, plan.before + plan.recorded, left), none
            ),
            "outcome": _named(
                ("failed", "planned", "running"), np.where(running, 2, planned.astype(int))
            ),
            "fails_at": _at(fleet, asset, np.minimum(fails, plan.steps), none),
            "mode": _named(MODES, np.array([one.cause for one in lives])),
        }
    )


def _assets(fleet: Fleet, lives: pd.DataFrame) -> pd.DataFrame:
    """The register: commissioned_at is when the first life on record began."""
    first = lives.groupby("asset_id")["started_at"].min()
    ids = _asset_ids(np.arange(fleet.n))
    return pd.DataFrame(
        {
            "asset_id": ids,
            "type": _named(TYPES, fleet.kind),
            "commissioned_at": first.reindex(ids).to_numpy(),
            "site": _named(SITES, fleet.site),
            "rated_kw": fleet.rated_kw,
        }
    ).astype({"commissioned_at": "datetime64[us, UTC]"})


def _failures(rng: np.random.Generator, lives: pd.DataFrame) -> pd.DataFrame:
    failed = lives[lives["outcome"] == "failed"].sort_values(["ended_at", "asset_id"])
    mode = failed["mode"].map({name: place for place, name in enumerate(MODES)}).to_numpy(dtype=int)
    worse = np.minimum(rng.integers(0, 2, len(failed)) + (mode == 1) + (mode == 3), 2)
    return pd.DataFrame(
        {
            "failure_id": _ids("f", np.arange(len(failed)), 4),
            "asset_id": failed["asset_id"].to_numpy(),
            "failed_at": failed["ended_at"].to_numpy(),
            "mode": failed["mode"].to_numpy(),
            "component": _named(COMPONENTS, mode),
            "severity": _named(SEVERITIES, worse),
        }
    ).astype({"failed_at": "datetime64[us, UTC]", "asset_id": "str", "mode": "str"})


def _maintenance(
    rng: np.random.Generator, fleet: Fleet, hidden: Hidden, lives: pd.DataFrame
) -> pd.DataFrame:
    """Visits within lives, and the replacement that begins each life but an asset's first."""
    visits = _visits(fleet, hidden)
    began = lives["asset_id"].duplicated().to_numpy()
    after = lives["outcome"].shift().to_numpy() == "failed"
    replaced = pd.DataFrame(
        {
            "asset_id": lives["asset_id"],
            "done_at": lives["started_at"],
            "component": "asset",
            "kind": "replace",
            "base": np.where(after, FAILED_COST, COST["replace"]),
        }
    )[began]
    works = pd.concat([visits, replaced], ignore_index=True)
    works = works.sort_values(["done_at", "asset_id"], kind="stable").reset_index(drop=True)
    cost = np.round(works["base"] * rng.lognormal(0.0, 0.15, len(works)), 0)
    works = works.drop(columns="base").assign(cost=cost)
    works.insert(0, "work_id", _ids("w", np.arange(len(works)), 5))
    texts = dict.fromkeys(("asset_id", "component", "kind"), "str")
    return works.astype({**texts, "done_at": "datetime64[us, UTC]"})


def _visits(fleet: Fleet, hidden: Hidden) -> pd.DataFrame:
    plan = fleet.plan
    found = [
        (life.asset, step, component)
        for life in hidden.lives
        for step, component, _ in life.visits
        if step < plan.before + plan.recorded
    ]
    asset, step, component = np.array(found, dtype=np.int64).reshape(-1, 3).T
    kind = np.where(component < 0, "inspect", "repair")
    return pd.DataFrame(
        {
            "asset_id": _asset_ids(asset),
            "done_at": _at(fleet, asset, step - 0.5, np.zeros(len(step))),
            "component": _named((*COMPONENTS, "asset"), component % (len(COMPONENTS) + 1)),
            "kind": kind,
            "base": [COST[name] for name in kind.tolist()],
        }
    )


def _sensors(plan: Plan) -> pd.DataFrame:
    """The register of sensors; rate_hz and max_gap_s follow from the time between readings."""
    step_s = plan.step_h * 3_600.0
    return pd.DataFrame(
        {
            "sensor": pd.Series([sensor.name for sensor in SENSORS], dtype="str"),
            "unit": pd.Series([sensor.unit for sensor in SENSORS], dtype="str"),
            "valid_min": [sensor.valid[0] for sensor in SENSORS],
            "valid_max": [sensor.valid[1] for sensor in SENSORS],
            "rate_hz": 1.0 / step_s,
            "max_gap_s": 3.0 * step_s,
            "critical": [int(sensor.critical) for sensor in SENSORS],
        }
    )


def _truth(fleet: Fleet, hidden: Hidden, signals: Signals, rows: np.ndarray) -> pd.DataFrame:
    asset, step = signals.asset[rows], signals.step[rows]
    life = hidden.life[asset, step]
    fails = np.array([one.fails for one in hidden.lives])
    cause = np.array([one.cause for one in hidden.lives])
    wear = hidden.wear[:, asset, step]
    return pd.DataFrame(
        {
            "life": life,
            "regime": fleet.regime[asset, step],
            **dict(zip(MODES, wear, strict=False)),
            "spark": signals.spark[rows] > 0,
            "rul_d": (fails[life] - step) * fleet.plan.step_h / 24,
            "mode": _named(MODES, cause[life]),
        }
    )


def _faults(fleet: Fleet, log: pd.DataFrame) -> pd.DataFrame:
    asset, none = log["asset"].to_numpy(), np.zeros(len(log))
    return pd.DataFrame(
        {
            "asset_id": _asset_ids(asset),
            "sensor": log["sensor"],
            "kind": log["kind"].astype("str"),
            "started_at": _at(fleet, asset, log["first"].to_numpy(), none),
            "ended_at": _at(fleet, asset, log["last"].to_numpy() + 1, none),
        }
    )


__all__ = ["COST", "FAILED_COST", "SETTINGS", "Simulated", "simulate", "simulate_all", "truth"]
