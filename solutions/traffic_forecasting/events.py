"""Events as a column beside each detector: how bad the worst one down the road is, as known.

An event counts from when it was reported. The end of roadworks and closures is taken as planned and
known from then on; that of an incident when it has ended, so that it goes on until then. Where no
end is told, it is two hours after the begin. Crowds bring vehicles and take no room: they are not
among these columns.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.forecast.neighbourhood import apart_m
from lepton.forecast.panel import seconds_of
from lepton_edge.near_beside import BACK_S
from solutions.traffic_forecasting.register import along_km, carriageways, register_of

AHEAD: Final = "event_ahead"
"""Severity of the worst event down the road of a detector, less the farther away: queues grow up
the road."""
REACH_KM: Final = 4.0
"""How far up the road an event counts."""
BESIDE_KM: Final = 1.0
"""How far a place that is told by latitude and longitude may lie from its detector."""
LASTS_S: Final = 7_200
"""How long an event lasts whose end is not told."""
AFTER_S: Final = 604_800
"""How long after the last reading events are told of: works may go on for years."""
PLANNED: Final = ("roadwork", "closure")
CROWD: Final = "event"


@dataclass(frozen=True, eq=False)
class Road:
    """Detectors: name of the carriageway and of the road, "" where the kilometre is not told,
    direction, kilometres the way vehicles go, and what turns a postmile into these."""

    way: np.ndarray
    road: np.ndarray
    direction: np.ndarray
    km: np.ndarray
    sign: np.ndarray
    lat: np.ndarray
    lon: np.ndarray


def events_beside(
    tables: Mapping[str, pd.DataFrame], ids: list[str], step_s: int
) -> pd.DataFrame | None:
    """series_id, ts, issued_at and the column AHEAD, with every edition; None where no event is
    told with the instant of its report, and with a place down the road of a detector."""
    events = tables.get("events")
    if events is None or "reported_at" not in events:
        return None
    events = events[events["reported_at"].notna() & (events["type"] != CROWD)]
    road = road_of(tables, ids)
    severity = _severity(events)
    at = seconds_of(tables["readings"]["event_at"])
    span = (int(at.min()) - BACK_S) // step_s, (int(at.max()) + AFTER_S) // step_s
    found = []
    for number, event in enumerate(events.to_dict("records")):
        told = _told(event, step_s, span)
        for code, share in _reached(event, road, ids):
            value = severity[number] * share * told["there"]
            found.append(told.assign(code=code, value=value))
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    return None if rows.empty else _worst(rows, ids, step_s)


def _severity(events: pd.DataFrame) -> np.ndarray:
    """Of each event; what is not told is as bad as those were in the mean that had been reported
    by then, 1 where none had."""
    if "severity" not in events:
        return np.ones(len(events))
    told = events["severity"].to_numpy(dtype=np.float64, na_value=np.nan)
    order = np.argsort(events["reported_at"].to_numpy(), kind="stable")
    known = np.isfinite(told[order])
    total, count = np.cumsum(np.where(known, told[order], 0.0)), np.cumsum(known)
    mean = np.empty(len(told))
    mean[order] = np.where(count > 0, total / np.maximum(count, 1), 1.0)
    return np.where(np.isfinite(told), told, mean)


def _told(event: Mapping[Hashable, Any], step_s: int, span: tuple[int, int]) -> pd.DataFrame:
    """step, issued_s, there: in which intervals of a span it is there or over, and from when on
    that is known."""
    start, told = (_second(event[name]) for name in ("started_at", "reported_at"))
    end = event.get("ended_at")
    is_open = end is None or pd.isna(end)
    end_s = start + LASTS_S if is_open else max(_second(end), start)
    over = -(-end_s // step_s)
    step = np.arange(max(start // step_s, span[0]), min(over, span[1]) + 1)
    begins = np.where(step == over, end_s, step * step_s)
    is_planned = event["type"] in PLANNED
    issued = np.full(len(step), told) if is_planned else np.maximum(begins, told)
    there = step < over
    return pd.DataFrame({"step": step, "issued_s": issued, "there": there.astype(np.float64)})


def _second(at: Any) -> int:
    return int(pd.Timestamp(at).timestamp())


def road_of(tables: Mapping[str, pd.DataFrame], ids: list[str]) -> Road:
    """Where detectors stand; one whose kilometre is not told is a carriageway of its own."""
    register = register_of(tables, ids)
    numbers = {
        name: register[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in ("direction_sign", "lat", "lon")
    }
    texts = {
        name: register[name].astype("object").where(register[name].notna(), "").to_numpy()
        for name in ("road_id", "direction")
    }
    km = along_km(register)
    is_along = np.isfinite(km)
    names = enumerate(carriageways(register))
    way = np.array([(is_along[at] and name) or f"\0{at}" for at, name in names], dtype=object)
    road = np.where(is_along, texts["road_id"], "")
    sign = np.where(numbers["direction_sign"] == -1, -1.0, 1.0)
    km = np.where(is_along, km, 0.0)
    return Road(way, road, texts["direction"], km, sign, numbers["lat"], numbers["lon"])


def _reached(
    event: Mapping[Hashable, Any], road: Road, ids: list[str]
) -> Iterator[tuple[int, float]]:
    """Code of each detector that it counts for, and how much."""
    for way, km in places_of(event, road, ids):
        for code in np.flatnonzero(road.way == way).tolist():
            ahead = round(km - float(road.km[code]), 3)
            if 0 <= ahead <= REACH_KM:
                yield code, 1 - ahead / (2 * REACH_KM)


def places_of(
    event: Mapping[Hashable, Any], road: Road, ids: list[str]
) -> Iterator[tuple[str, float]]:
    """Carriageways that an event is on, and kilometres there, as far as a detector stands on them:
    by its detector, else by road and kilometre, else on the map."""

    def told(name: str) -> bool:
        return name in event and not pd.isna(event[name])

    if told("sensor_id") and str(event["sensor_id"]) in ids:
        code = ids.index(str(event["sensor_id"]))
        yield road.way[code], float(road.km[code])
    elif told("road_id") and told("km"):
        own = road.road == str(event["road_id"])
        if told("direction"):
            own &= (road.direction == str(event["direction"])) | (road.direction == "")
        for way in dict.fromkeys(road.way[own]):
            code = int(np.flatnonzero(road.way == way)[0])
            yield way, float(road.sign[code]) * float(event["km"])
    elif told("lat") and told("lon"):
        lat, lon = (float(event[name]) for name in ("lat", "lon"))
        away = apart_m(np.append(road.lat, lat), np.append(road.lon, lon))[-1, :-1] / 1_000
        near = np.where(np.isfinite(away) & (away <= BESIDE_KM), away, np.inf)
        for way in dict.fromkeys(road.way[np.isfinite(near)]):
            code = int(np.argmin(np.where(road.way == way, near, np.inf)))
            yield way, float(road.km[code])


def _worst(rows: pd.DataFrame, ids: list[str], step_s: int) -> pd.DataFrame:
    """Of several events of an interval the worst of those that were known."""
    keys = ["code", "step"]
    known = rows.groupby([*keys, "issued_s"])["value"].max().reset_index()
    known[AHEAD] = known.groupby(keys)["value"].cummax()
    at = {"ts": known["step"] * step_s, "issued_at": known["issued_s"]}
    return pd.DataFrame(
        {
            "series_id": pd.Series(np.array(ids, dtype=object)[known["code"]], dtype="str"),
            **{n: pd.to_datetime(s, unit="s", utc=True).dt.as_unit("us") for n, s in at.items()},
            AHEAD: known[AHEAD],
        }
    )


__all__ = ["AHEAD", "LASTS_S", "Road", "events_beside", "places_of", "road_of"]
