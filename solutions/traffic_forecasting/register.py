"""Where detectors stand: carriageways, neighbours, zones, as far as the tables tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from lepton.forecast.neighbourhood import along_roads, apart_m, from_edges
from lepton_edge.neighbours import NONE, Neighbours

COLUMNS = (
    "road_id", "direction", "postmile_km", "direction_sign", "lat", "lon", "lanes",
    "speed_limit_kmh", "tz", "country", "subdiv", "type", "signal_id", "phase", "least_green_s",
    "station_id",
)  # fmt: skip


def register_of(tables: Mapping[str, pd.DataFrame], ids: Sequence[str]) -> pd.DataFrame:
    """One row for each of `ids`, in their order, with every column of the register; missing where
    nobody tells it."""
    frame = pd.DataFrame({"sensor_id": pd.Series(list(ids), dtype="str")})
    told = tables.get("sensors")
    if told is not None:
        known = told.assign(sensor_id=told["sensor_id"].astype("str"))
        frame = frame.merge(known.drop_duplicates("sensor_id"), on="sensor_id", how="left",
                            validate="one_to_one")  # fmt: skip
    for name in COLUMNS:
        if name not in frame:
            frame[name] = np.nan if name in _NUMBERS else pd.Series(None, index=frame.index)
    return frame[["sensor_id", *COLUMNS]]


_NUMBERS = {"postmile_km", "direction_sign", "lat", "lon", "lanes", "speed_limit_kmh",
            "least_green_s"}  # fmt: skip


def carriageways(register: pd.DataFrame) -> list[str | None]:
    """The road and direction of each detector; None where the register does not tell the road."""
    found: list[str | None] = []
    for road, way in zip(register["road_id"], register["direction"], strict=True):
        found.append(None if pd.isna(road) else f"{road} {'' if pd.isna(way) else way}".strip())
    return found


def along_km(register: pd.DataFrame) -> np.ndarray:
    """Kilometres of each detector the way vehicles go; NaN where they are not told."""
    sign = register["direction_sign"].to_numpy(dtype=np.float64, na_value=np.nan)
    km = register["postmile_km"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.where(sign == -1, -km, km))


def neighbours_of(tables: Mapping[str, pd.DataFrame], ids: Sequence[str]) -> Neighbours | None:
    """Up- and downstream of each detector: by the edges, else by road and kilometre; None where
    neither tells any, so that they may be learnt."""
    if "edges" in tables and len(tables["edges"]):
        found = from_edges(ids, tables["edges"])
        return found if found.n_edges else None
    register = register_of(tables, ids)
    edges = along_roads(ids, carriageways(register), along_km(register))
    return from_edges(ids, edges) if len(edges) else None


def nearest(
    tables: Mapping[str, pd.DataFrame], ids: Sequence[str], most: int, within_km: float
) -> np.ndarray:
    """Codes (n, most) of the nearest detectors within so many kilometres, of the same carriageway
    where it is known; NONE where there are fewer."""
    register = register_of(tables, ids)
    away = _apart_km(register)
    road = _road_codes(register)
    same = (road[:, None] == road) | (road[:, None] < 0) | (road < 0)
    np.fill_diagonal(away, np.inf)
    away = np.where(same & (away <= within_km), away, np.inf)
    order = np.argsort(away, axis=1, kind="stable")[:, :most]
    near = np.where(np.isfinite(np.take_along_axis(away, order, axis=1)), order, NONE)
    if near.shape[1] < most:
        near = np.pad(near, ((0, 0), (0, most - near.shape[1])), constant_values=NONE)
    return near.astype(np.int64)


def _apart_km(register: pd.DataFrame) -> np.ndarray:
    """Kilometres between detectors, along a road where it is told, else as the crow flies."""
    lat, lon = (register[n].to_numpy(dtype=np.float64, na_value=np.nan) for n in ("lat", "lon"))
    away = apart_m(lat, lon) / 1_000
    km = along_km(register)
    road = _road_codes(register)
    known = (road >= 0) & np.isfinite(km)
    both = known[:, None] & known & (road[:, None] == road)
    away = np.where(both, np.abs(km[:, None] - km), away)
    return np.where(np.isnan(away), np.inf, away)


def _road_codes(register: pd.DataFrame) -> np.ndarray:
    """A number for each carriageway, -1 for none."""
    return np.asarray(pd.factorize(pd.Series(carriageways(register), dtype="object"))[0])


def main_zone(register: pd.DataFrame) -> str | None:
    """The zone of most detectors, None where none is told."""
    told = register["tz"].dropna()
    known = told[told.isin(available_timezones())]
    return str(known.mode().iloc[0]) if len(known) else None


__all__ = [
    "COLUMNS",
    "along_km",
    "carriageways",
    "main_zone",
    "nearest",
    "neighbours_of",
    "register_of",
]
