"""A simulator of motorways under detectors: nobody's data, the same seed gives the same tables.

Roads of two carriageways carry commuters by the cell transmission model; ramps, lanes that end,
rain, incidents, roadworks and crowds make queues; detectors average, repeat, fall silent or say 0.
Where ramps end, signals have approaches whose vehicles are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.approaches import Approaches, approaches
from solutions.traffic_forecasting.cells import Load, Traffic, run
from solutions.traffic_forecasting.demand import STEPS, Layout, demand, layout
from solutions.traffic_forecasting.detectors import (
    Amounts,
    Failed,
    Measured,
    Passing,
    failed,
    measured,
)
from solutions.traffic_forecasting.happenings import (
    events,
    events_table,
    room_and_speed,
    sky,
    weather_table,
)
from solutions.traffic_forecasting.plan import CELL_KM, STEP, Plan, plan_for

DIRECTIONS = (("N", "S"), ("E", "W"))
FIRST_KM = 10.0


@dataclass(frozen=True, eq=False)
class Simulated:
    """The canonical tables, and what nobody outside the simulator knows.

    ids: the detectors of motorways in the order of columns; at: interval of each row; clean:
    readings as detectors without failures have them; failed: where they failed.
    """

    tables: Mapping[str, pd.DataFrame]
    ids: tuple[str, ...]
    at: pd.DatetimeIndex
    clean: Measured
    failed: Failed


def simulate(rng: np.random.Generator, size: int) -> Mapping[str, pd.DataFrame]:
    """About `size` readings of a network as the canonical tables readings, sensors, edges, events
    and weather; speeds in km/h."""
    return simulate_all(rng, plan_for(size)).tables


def truth(rng: np.random.Generator, size: int) -> Simulated:
    """The same network that `simulate` makes of the same `rng`, with the truth beside it."""
    return simulate_all(rng, plan_for(size))


def simulate_all(rng: np.random.Generator, plan: Plan) -> Simulated:
    """The network of a plan; with its `faults` off, every detector is right all the time."""
    made = layout(rng, plan)
    wanted = demand(rng, plan, made)
    weather = sky(rng, plan)
    happened = events(rng, plan, wanted.mean(axis=(0, 2)))
    each_day = [pd.date_range(first, periods=STEPS, freq=STEP) for first in plan.days_at[:-1]]
    rain = np.stack([weather.rain(day) for day in each_day])
    room, speed, more = room_and_speed(plan, made, happened, rain)
    entry = wanted * more
    traffic = run(made.road, Load(entry, entry[..., None] * made.ramps, room, speed))
    ids = _ids(plan)
    clean = measured(rng, _passing(plan, made, traffic))
    dirty = failed(rng, clean, Amounts() if plan.faults else Amounts(0, 0, 0, 0, 0, 0))
    tables = {
        "readings": _readings(plan, ids, dirty),
        "sensors": _sensors(plan, made, ids),
        "edges": _edges(plan, ids),
        "events": events_table(plan, happened, _names(plan), FIRST_KM),
        "weather": weather_table(rng, plan, weather),
    }
    tables |= _with_approaches(tables, approaches(rng, plan, made, traffic))
    return Simulated(tables, ids, plan.at, clean, dirty)


def _with_approaches(
    tables: Mapping[str, pd.DataFrame], found: Approaches
) -> dict[str, pd.DataFrame]:
    """readings and sensors with those of the approaches behind them, where there are any."""
    if found.sensors.empty:
        return {}
    sensors = pd.concat([tables["sensors"], found.sensors], ignore_index=True)
    texts = [name for name in sensors if not pd.api.types.is_numeric_dtype(sensors[name])]
    readings = pd.concat([tables["readings"], found.readings], ignore_index=True)
    return {"readings": readings, "sensors": sensors.astype(dict.fromkeys(texts, "str"))}


def _passing(plan: Plan, made: Layout, traffic: Traffic) -> Passing:
    """Traffic at the detectors, day after day."""

    def at_detectors(values: np.ndarray) -> np.ndarray:
        own = values[..., plan.at_cells].reshape(plan.days, STEPS, -1)
        kept = [own[day, :n] for day, n in enumerate(plan.steps_of_days.tolist())]
        return np.concatenate(kept)

    hour = plan.local.hour.to_numpy() + plan.local.minute.to_numpy() / 60
    lanes = made.lanes[:, plan.at_cells].reshape(-1)
    flow, density, critical = map(at_detectors, (traffic.flow, traffic.density, traffic.critical))
    return Passing(flow, density, critical, hour, lanes)


def _names(plan: Plan) -> list[tuple[str, str]]:
    """Road and direction of each carriageway."""
    return [(f"R{way // 2 + 1}", DIRECTIONS[way // 2 % 2][way % 2]) for way in
            range(plan.carriageways)]  # fmt: skip


def _ids(plan: Plan) -> tuple[str, ...]:
    return tuple(
        f"{road}{way}{number + 1:02d}"
        for road, way in _names(plan)
        for number in range(plan.detectors)
    )


def _readings(plan: Plan, ids: tuple[str, ...], dirty: Failed) -> pd.DataFrame:
    """The table readings, detector by detector."""
    column, row = np.nonzero(~dirty.absent.T)
    made = dirty.readings
    late = pd.to_timedelta(dirty.late_s.T[column, row], unit="s")
    at = (plan.at[row] + late).as_unit("us")
    return pd.DataFrame(
        {
            "event_at": at,
            "sensor_id": pd.Series(np.asarray(ids, dtype=object)[column], dtype="str"),
            "speed_kmh": made.speed.T[column, row].round(1),
            "flow_vph": made.flow.T[column, row],
            "occupancy": made.occupancy.T[column, row].round(3),
        }
    )


def _sensors(plan: Plan, made: Layout, ids: tuple[str, ...]) -> pd.DataFrame:
    """The register. Roads cross in the middle; each goes straight."""
    rows = []
    for way, (road, direction) in enumerate(_names(plan)):
        for number, cell in enumerate(plan.at_cells.tolist()):
            km = cell * CELL_KM
            away = (km - plan.cells * CELL_KM / 2) * (1 if way % 2 == 0 else -1)
            north, east = (
                (away, 3.0 * (way // 2)) if way // 2 % 2 == 0 else (3.0 * (way // 2), away)
            )
            lat = plan.lat + north / 111.2
            lon = plan.lon + east / (111.2 * np.cos(np.radians(plan.lat)))
            rows.append((ids[way * plan.detectors + number], road, direction, FIRST_KM + km, lat,
                         lon, float(made.lanes[way, cell])))  # fmt: skip
    columns = ["sensor_id", "road_id", "direction", "postmile_km", "lat", "lon", "lanes"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.round({"postmile_km": 2, "lat": 5, "lon": 5})
    frame["speed_limit_kmh"] = 105.0
    for name, value in (("tz", plan.zone), ("country", plan.country), ("subdiv", plan.subdiv),
                        ("type", "mainline")):  # fmt: skip
        frame[name] = pd.Series([value] * len(frame), dtype="str")
    return frame.astype({"sensor_id": "str", "road_id": "str", "direction": "str"})


def _edges(plan: Plan, ids: tuple[str, ...]) -> pd.DataFrame:
    """Each detector and the next three of its carriageway."""
    rows = []
    apart = float(np.diff(plan.at_cells)[0]) * CELL_KM * 1_000 if plan.detectors > 1 else 0.0
    for way in range(plan.carriageways):
        own = ids[way * plan.detectors : (way + 1) * plan.detectors]
        for place, first in enumerate(own):
            for hop, then in enumerate(own[place + 1 : place + 4], start=1):
                rows.append((first, then, hop * apart))
    frame = pd.DataFrame(rows, columns=["from_id", "to_id", "distance_m"])
    return frame.astype({"from_id": "str", "to_id": "str"})


__all__ = ["Simulated", "simulate", "simulate_all", "truth"]
