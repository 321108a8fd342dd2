"""A simulator of an electricity network: nobody's data, the same seed gives the same tables.

Homes, offices, a plant in shifts, charging points, heat pumps, solar and wind power hang below
feeders and one system under the same weather; meters are faulty at times, one of them is new, the
level of another shifts, and forecasts of the weather are wrong the more the further they reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.energy_load.archetypes import ARCHETYPES, STEP_H, own_noise, surroundings
from solutions.energy_load.calendar_days import holidays_of
from solutions.energy_load.climate import make_weather, memory, weather_table
from solutions.energy_load.dirt import Amounts, soil
from solutions.energy_load.limits import NEVER_ZERO
from solutions.energy_load.plan import STATIONS, Meter, Plan, network, plan_for

MOOD: Final = ((0.015, 60.0), (0.011, 5.0))
"""Deviation and memory in hours of what people do together without a known reason."""
LOSS_OF_PEAK: Final = 0.018
FIXED_LOSS: Final = 0.006
"""Losses at the usual power grow with its square; the iron of transformers takes its share."""
SHIFTED, SHIFT_BY = "commercial", 1.55
"""The kind whose last meter grows at one instant, as when a building is extended."""
NEWCOMERS, NEW_KW = frozenset({"industry", "ev", "heat_pump"}), 200.0
"""The kinds whose last small meter is connected only late in the record."""
NAMES: Final = {"shutdown": "yearly maintenance", "dsm_call": "call to spare in the evening"}
USUAL: Final = Amounts(gaps=1 / 70, stuck=1 / 150, spikes=1 / 60, zeros=1 / 200)
"""Faults of each meter that are read every hour, a day."""


@dataclass(frozen=True)
class Simulated:
    """The canonical tables, and what nobody outside the simulator knows.

    clean: the table load without any fault. faults: one row a fault of a meter, as `dirt.Soiled`
    has them. changes: meter_id, at, kind (`new`, `level_shift`), factor.
    """

    tables: Mapping[str, pd.DataFrame]
    clean: pd.DataFrame
    faults: pd.DataFrame
    changes: pd.DataFrame


def simulate(rng: np.random.Generator, size: int) -> Mapping[str, pd.DataFrame]:
    """About `size` rows of load of a network as the canonical tables load, meters, weather, events,
    prices and battery.

    Power is the mean over an interval in kW, consumption positive; solar and wind power are
    negative, and one feeder gives back more than it takes when the sun shines.
    """
    return simulate_all(rng, plan_for(size)).tables


def truth(rng: np.random.Generator, size: int) -> Simulated:
    """The same network that `simulate` makes of the same `rng`, with the truth beside it."""
    return simulate_all(rng, plan_for(size))


def simulate_all(rng: np.random.Generator, plan: Plan) -> Simulated:
    """The network of a plan; with its `faults` off, every meter is right and there from the
    beginning."""
    meters = network(plan)
    weather = make_weather(rng, plan)
    mood = sum(sd * memory(rng, len(plan.at), hours, STEP_H) for sd, hours in MOOD)
    years = range(plan.at[0].year - 1, plan.at[-1].year + 2)
    days = holidays_of(plan.place.country, plan.place.subdiv, years)
    near = [
        surroundings(plan, weather, days, np.asarray(mood), station) for station in range(STATIONS)
    ]
    power = {
        meter.meter_id: meter.kw
        * ARCHETYPES[meter.kind](rng, meter, near[meter.station])
        * own_noise(rng, meter.kind, len(plan.at))
        for meter in meters
        if meter.kind in ARCHETYPES
    }
    events = _events(plan, meters, power)
    changes = _changes(plan, meters, power) if plan.faults else _no_changes()
    _add_up(meters, power)
    clean = _load(plan, meters, power, changes)
    soiled = soil(
        rng,
        clean,
        USUAL if plan.faults else Amounts(),
        zeros_on=[one.meter_id for one in meters if one.type in NEVER_ZERO],
        # losses are reckoned, not read
        spared=[one.meter_id for one in meters if one.kind == "losses"],
    )
    tables = {
        "load": soiled.load,
        "meters": _register(plan, meters, power, changes),
        "weather": weather_table(rng, plan, weather),
        "events": _since_begun(events, changes),
        "prices": _prices(rng, plan, power["system"]),
        "battery": _battery(power, meters),
    }
    return Simulated(tables, clean, soiled.log, changes)


def _events(plan: Plan, meters: Sequence[Meter], power: dict[str, np.ndarray]) -> pd.DataFrame:
    """The table events, and what each does to the load; all are known before they begin."""
    rows = [*_shutdowns(plan, meters, power), _call(plan, meters, power)]
    rows.sort(key=lambda row: (row[2], row[1]))
    return pd.DataFrame(
        {
            "event_id": pd.Series([f"e{n + 1:03d}" for n in range(len(rows))], dtype="str"),
            "kind": pd.Series([row[0] for row in rows], dtype="str"),
            "meter_id": pd.Series([row[1] for row in rows], dtype="str"),
            "starts_at": _instants([row[2] for row in rows]),
            "ends_at": _instants([row[3] for row in rows]),
            "name": pd.Series([NAMES[row[0]] for row in rows], dtype="str"),
        }
    )


def _shutdowns(
    plan: Plan, meters: Sequence[Meter], power: dict[str, np.ndarray]
) -> Iterator[tuple[str, str, pd.Timestamp, pd.Timestamp]]:
    """Each plant stops for a week a year."""
    years = sorted(set(plan.at.year))
    for number, meter in enumerate(one for one in meters if one.kind == "industry"):
        for year in years:
            begin = pd.Timestamp(year, 4 + 5 * (number % 2), 10, 6, tz=plan.place.zone)
            end = begin + pd.Timedelta(days=7)
            inside = np.asarray((plan.at >= begin) & (plan.at < end))
            if inside.any():
                power[meter.meter_id] = np.where(inside, 0.38, 1.0) * power[meter.meter_id]
                yield "shutdown", meter.meter_id, begin, end


def _call(
    plan: Plan, meters: Sequence[Meter], power: dict[str, np.ndarray]
) -> tuple[str, str, pd.Timestamp, pd.Timestamp]:
    """One evening in the middle of the record the first part of the network is asked to spare."""
    meter_id = next(one.meter_id for one in meters if one.kind in ARCHETYPES)
    middle = pd.Timestamp(plan.first) + pd.Timedelta(days=plan.days // 2, hours=17)
    begin = middle.tz_localize(plan.place.zone)
    end = begin + pd.Timedelta(hours=3)
    inside = np.asarray((plan.at >= begin) & (plan.at < end))
    power[meter_id] = np.where(inside, 0.88, 1.0) * power[meter_id]
    return "dsm_call", meter_id, begin, end


def _instants(values: Sequence[pd.Timestamp]) -> pd.Series:
    return pd.Series(pd.DatetimeIndex([one.tz_convert("UTC") for one in values], tz="UTC")).astype(
        "datetime64[us, UTC]"
    )


def _changes(plan: Plan, meters: Sequence[Meter], power: dict[str, np.ndarray]) -> pd.DataFrame:
    """One building that is extended, and one part that is connected late; both at midnight."""
    first = int(np.flatnonzero(plan.recorded)[0])
    n = int(plan.recorded.sum())
    found = []
    shifted = [one for one in meters if one.kind == SHIFTED]
    if len(meters) >= 7 and shifted:
        place = first + 96 * round(0.55 * n / 96)
        meter_id = shifted[-1].meter_id
        power[meter_id][place:] *= SHIFT_BY
        found.append((meter_id, plan.at[place], "level_shift", SHIFT_BY))
    small = [one for one in meters if one.kind in NEWCOMERS and one.kw <= NEW_KW]
    if len(meters) >= 12 and small:
        place = first + 96 * round(0.85 * n / 96)
        meter_id = small[-1].meter_id
        power[meter_id][:place] = 0.0
        found.append((meter_id, plan.at[place], "new", 1.0))
    return pd.DataFrame(found, columns=["meter_id", "at", "kind", "factor"])


def _since_begun(events: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Events without those of meters that were not there yet."""
    new = changes[changes["kind"] == "new"]
    begun = dict(zip(new["meter_id"], new["at"], strict=True))
    ends = zip(events["meter_id"], events["ends_at"], strict=True)
    early = [meter_id in begun and end <= begun[meter_id] for meter_id, end in ends]
    return events[~np.array(early, dtype=bool)].reset_index(drop=True)


def _no_changes() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in ("meter_id", "at", "kind", "factor")})


def _add_up(meters: Sequence[Meter], power: dict[str, np.ndarray]) -> None:
    """The sums of children, from the leaves up, and the losses that the system bears."""
    losses = [one.meter_id for one in meters if one.kind == "losses"]
    for meter in reversed(meters):
        if meter.kind != "sum":
            continue
        below = [one.meter_id for one in meters if one.parent == meter.meter_id]
        total = np.sum([power[one] for one in below if one not in losses], axis=0)
        if losses and meter.parent is None:
            usual = float(np.abs(total).mean())
            power[losses[0]] = usual * (FIXED_LOSS + LOSS_OF_PEAK * (total / usual) ** 2)
            total = total + power[losses[0]]
        power[meter.meter_id] = total


def _load(
    plan: Plan, meters: Sequence[Meter], power: Mapping[str, np.ndarray], changes: pd.DataFrame
) -> pd.DataFrame:
    """The table load as perfect meters have it: means over each one's interval."""
    begun = changes[changes["kind"] == "new"].set_index("meter_id")["at"]
    at = plan.at[plan.recorded]
    parts = []
    for meter in meters:
        every = meter.interval_min // 15
        # a record of whole local days is one of whole hours in every zone whose offset is whole
        values = power[meter.meter_id][plan.recorded].reshape(-1, every).mean(axis=1)
        part = pd.DataFrame({"event_at": at[::every], "power_kw": np.round(values, _places(meter))})
        part.insert(1, "meter_id", pd.Series([meter.meter_id] * len(part), dtype="str"))
        if meter.meter_id in begun.index:
            part = part[part["event_at"] >= begun[meter.meter_id]]
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["event_at", "meter_id"], kind="stable").reset_index(drop=True)


def _places(meter: Meter) -> int:
    return 3 if meter.kind == "household" else 1


def _register(
    plan: Plan, meters: Sequence[Meter], power: Mapping[str, np.ndarray], changes: pd.DataFrame
) -> pd.DataFrame:
    """The table meters; limits are what was built for, a fifth above the highest load."""
    peak = np.array([np.abs(power[one.meter_id][plan.recorded]).max() for one in meters])
    of = {name: [getattr(one, name) for one in meters] for name in ("meter_id", "type", "parent")}
    begun = changes[changes["kind"] == "new"].set_index("meter_id")["at"]
    first = plan.at[plan.recorded][0]
    register = pd.DataFrame(
        {
            "meter_id": pd.Series(of["meter_id"], dtype="str"),
            "type": pd.Series(of["type"], dtype="str"),
            "parent_id": pd.Series(of["parent"], dtype="str"),
            "tz": pd.Series([plan.place.zone] * len(meters), dtype="str"),
            "country": pd.Series([plan.place.country] * len(meters), dtype="str"),
            "subdiv": pd.Series([plan.place.subdiv] * len(meters), dtype="str"),
            "interval_min": [float(one.interval_min) for one in meters],
            "p_max_kw": np.ceil(1.2 * peak * 10) / 10,
            "lat": [plan.place.lat - 0.3 * one.station for one in meters],
            "lon": [plan.place.lon + 0.2 * one.station for one in meters],
            "pv_kwp": [one.kw if one.kind == "pv" else np.nan for one in meters],
            "wind_kw": [one.kw if one.kind == "wind" else np.nan for one in meters],
            "station_id": pd.Series([f"w{one.station + 1}" for one in meters], dtype="str"),
            "connected_at": _instants([begun.get(one.meter_id, first) for one in meters]),
        }
    )
    # what no meter of a small network has is left out, as a customer would
    return register.dropna(axis="columns", how="all")


def _prices(rng: np.random.Generator, plan: Plan, system: np.ndarray) -> pd.DataFrame:
    """The table prices: what an hour costs rises with the load, and is known the noon before."""
    at = plan.at[plan.recorded]
    hourly = system[plan.recorded].reshape(-1, 4).mean(axis=1)
    tight = hourly / hourly.mean() - 1
    noise = 9.0 * memory(rng, len(hourly), 12.0, 1.0)
    price = 55 + 70 * tight + 160 * np.maximum(tight - 0.35, 0) + noise
    valid = at[::4]
    # no clock is changed at noon
    midnight = valid.tz_convert(plan.place.zone).tz_localize(None).normalize()
    noon = (midnight - pd.Timedelta(hours=12)).tz_localize(plan.place.zone)
    return pd.DataFrame(
        {
            "valid_at": valid,
            "issued_at": noon.tz_convert("UTC").as_unit("us"),
            "price_per_mwh": np.round(price, 2),
        }
    )


def _battery(power: Mapping[str, np.ndarray], meters: Sequence[Meter]) -> pd.DataFrame:
    """The table battery: one at the first meter below the system, good for two hours."""
    home = meters[1].meter_id
    p_kw = float(np.round(0.12 * np.abs(power[home]).max(), -1))
    return pd.DataFrame(
        {
            "battery_id": pd.Series(["b1"], dtype="str"),
            "meter_id": pd.Series([home], dtype="str"),
            "e_kwh": [2 * p_kw],
            "p_kw": [p_kw],
            "eff": [0.9],
            "soc_min": [0.1],
            "soc_max": [0.95],
            "cycle_cost": [25.0],
        }
    )


__all__ = ["Simulated", "simulate", "simulate_all", "truth"]
