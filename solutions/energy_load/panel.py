"""From canonical tables to the series that are forecast, and what forecasts of each look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.model import extra_name
from lepton.contracts.regular import regular
from lepton.errors import DataError
from lepton.forecast.holidays import holidays_of, years_around
from lepton.forecast.panel import MISSING, OK, SUSPECT, PanelDataset, steps_of
from lepton.forecast.stepped import at_steps
from lepton_edge.asof_spec import AsOfSpec, Known
from solutions.energy_load.power import each_meter, interval_h, register_of, with_power
from solutions.energy_load.suspect import suspects

WEATHER: Final = {
    "temp_C": Known("temp_C", is_temperature=True),
    "dewpoint_C": Known("dewpoint_C", is_brief=True),
    "ghi_Wm2": Known("ghi_Wm2"),
    "wind100_ms": Known("wind100_ms", is_brief=True),
    "wind10_ms": Known("wind10_ms", is_brief=True),
    "cloud": Known("cloud", is_brief=True),
    "precip_mm": Known("precip_mm", is_brief=True),
}
"""What weather becomes features, and how many of each column."""
EXTRA: Final = extra_name("")
"""What the names of a customer's own columns begin with."""
OBSERVED: Final = "obs"
REASONS: Final = ("impossible", "stuck", "zero", "spike")
"""Why a value that came is not believed, by the names of `suspect.Suspect`."""


def panel(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> PanelDataset:
    """Every meter's power in kW at one interval length, with the weather of its station.

    Finer meters are averaged; values that are not to be believed are marked. Where weather was
    only seen and never foreseen, it counts as known in advance. Raises DataError LK261 where no
    meter has a value.
    """
    load = with_power(tables["load"], tables.get("meters"))
    register = register_of(tables)
    step_s = _step_s(load, tables.get("meters"), settings)
    parts = [
        _series(meter_id, rows, register.get(meter_id, {}), step_s)
        for meter_id, rows in each_meter(load)
    ]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True) if parts else None
    if rows is None or not rows["y"].notna().any():
        raise DataError(
            "LK261",
            where="load",
            found="no meter has a value of power or energy",
            remedy="look at the quarantine for why its rows were refused",
        )
    series = _described(rows["series_id"].unique().tolist(), register)
    known, is_perfect = _weather(tables, register, series["series_id"].tolist(), step_s)
    latency_s = {"y": round(settings["latency_h"] * 3_600)}
    return PanelDataset(rows, series, step_s, known, latency_s, is_known_perfectly=is_perfect)


def looks(panel: PanelDataset, settings: Mapping[str, float]) -> Mapping[str, AsOfSpec]:
    """Series -> what its forecasts look at: its own clock, its holidays, the weather there is."""
    known = tuple(WEATHER.get(name, Known(name, is_brief=True)) for name in panel.known_columns)
    first_lead = round(settings["gate_h"] * 3_600) // panel.step_s
    n_leads = max(1, round(settings["lead_h"] * 3_600) // panel.step_s)
    latency_d = -(-round(settings["latency_h"]) // 24)
    years = years_around(steps_of(panel.rows["ts"], panel.step_s), panel.step_s)
    found: dict[tuple[str, str | None], tuple[int, ...]] = {}
    made = {}
    for at, name in enumerate(panel.ids):
        row = panel.series.iloc[at]
        country, subdiv = _text(row.get("country")), _text(row.get("subdiv"))
        if country is not None and (country, subdiv) not in found:
            found[country, subdiv] = holidays_of(country, subdiv, years)
        made[name] = AsOfSpec(
            panel.step_s,
            panel.zones[at],
            n_leads,
            first_lead=first_lead,
            known=known,
            holidays=() if country is None else found[country, subdiv],
            past_days=31 + latency_d,
        )
    return made


def _step_s(load: pd.DataFrame, meters: pd.DataFrame | None, settings: Mapping[str, float]) -> int:
    """The asked interval, else the longest of a meter that divides a day, else an hour; seconds."""
    if settings["step_min"]:
        return round(settings["step_min"] * 60)
    own = [round(hours * 3_600) for hours in interval_h(load, meters).values()]
    return max((step for step in own if step > 0 and 86_400 % step == 0), default=3_600)


def _series(
    meter_id: str, rows: pd.DataFrame, meter: Mapping[str, object], step_s: int
) -> pd.DataFrame:
    """One meter on the grid: series_id, ts, y, quality, and of values that are not those that came
    why, and what came; nothing of one that has too few rows."""
    own = regular(rows["event_at"], rows["power_kw"].to_numpy(dtype=np.float64))
    if own is None:
        return pd.DataFrame(columns=["series_id", "ts", "y", "quality", "reason", "before"])
    doubt = suspects(own, meter)
    why = np.select([getattr(doubt, name) for name in REASONS], range(1, len(REASONS) + 1), 0)
    fine = pd.DataFrame({"ts": own.at, "y": own.values, "why": why})
    fine["ts"] = fine["ts"].dt.floor(pd.Timedelta(seconds=step_s))
    fine["good"] = fine["y"].where(fine["why"] == 0)
    each = fine.groupby("ts", as_index=False).agg(
        y=("y", "mean"), good=("good", "mean"), n=("good", "count"), why=("why", "max")
    )
    wanted = max(1, round(step_s / own.step.total_seconds()))
    # half of an interval's values tell its mean
    is_told = each["n"] * 2 >= wanted
    quality = np.where(is_told, OK, np.where(each["why"] > 0, SUSPECT, MISSING))
    reason = np.where(quality == MISSING, "missing", np.array(["", *REASONS])[each["why"]])
    return pd.DataFrame(
        {
            "series_id": pd.Series([meter_id] * len(each), dtype="str"),
            "ts": each["ts"],
            "y": each["good"].where(is_told, each["y"]),
            "quality": quality.astype(np.int8),
            "reason": pd.Series(reason, dtype="str"),
            "before": each["y"],
        }
    )


def _described(ids: list[str], register: Mapping[str, Mapping[str, object]]) -> pd.DataFrame:
    """One row a series: what the register says of it."""
    names = {
        "tz": "tz",
        "country": "country",
        "subdiv": "subdiv",
        "parent_id": "parent_id",
        "type": "type",
        "p_max_kw": "p_max_kw",
        "p_contract_kw": "p_contract_kw",
    }
    told = {
        column: pd.Series([register.get(one, {}).get(name) for one in ids], dtype="object")
        for name, column in names.items()
    }
    series = pd.DataFrame({"series_id": pd.Series(ids, dtype="str"), **told})
    for name in ("p_max_kw", "p_contract_kw"):
        series[name] = pd.to_numeric(series[name])
    # a meter is mostly loaded to a quarter of what it was built for
    series["typical"] = series["p_max_kw"] / 4
    texts = ["tz", "country", "subdiv", "parent_id", "type"]
    series[texts] = series[texts].astype("str").where(series[texts].notna(), None)
    return series


def _weather(
    tables: Mapping[str, pd.DataFrame],
    register: Mapping[str, Mapping[str, object]],
    ids: list[str],
    step_s: int,
) -> tuple[pd.DataFrame | None, bool]:
    """Weather by series (or for all) at the panel's intervals; whether it was only ever seen."""
    if "weather" not in tables or not len(tables["weather"]):
        return None, False
    weather = tables["weather"].copy()
    named = [str(name) for name in weather.columns]
    columns = [name for name in named if name in WEATHER or name.startswith(EXTRA)]
    columns = [name for name in columns if weather[name].notna().any()]
    if not columns:
        return None, False
    if "provider" not in weather or "issued_at" not in weather:
        weather["provider"] = OBSERVED
    foreseen = weather[weather["provider"] != OBSERVED]
    is_perfect = not len(foreseen)
    used = weather if is_perfect else foreseen
    station = "station_id" if "station_id" in used else None
    keys = [*([station] if station else []), *([] if is_perfect else ["issued_at"])]
    known = at_steps(used, columns, keys, step_s)
    if station is None:
        return known, is_perfect
    first = str(used["station_id"].dropna().iloc[0]) if used["station_id"].notna().any() else ""
    wanted = pd.DataFrame(
        {
            "series_id": pd.Series(ids, dtype="str"),
            "station_id": [str(register.get(one, {}).get("station_id", first)) for one in ids],
        }
    )
    known["station_id"] = known["station_id"].astype("str")
    joined = wanted.merge(known, on="station_id", how="inner").drop(columns="station_id")
    return joined, is_perfect


def _text(value: object) -> str | None:
    return None if value is None or value != value or value == "" else str(value)


__all__ = ["WEATHER", "looks", "panel"]
