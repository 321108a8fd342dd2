"""From canonical tables to the speeds that are forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import DataError
from lepton.forecast.panel import MISSING, OK, SUSPECT, PanelDataset
from lepton.forecast.stepped import at_steps
from lepton_edge.asof_spec import Known
from solutions.traffic_forecasting.grid import Grid, grid_of
from solutions.traffic_forecasting.register import neighbours_of, register_of
from solutions.traffic_forecasting.suspect import suspects

WEATHER: Final = {
    "temp_C": Known("temp_C", is_brief=True),
    "precip_mm_h": Known("precip_mm_h", is_brief=True),
    "visibility_m": Known("visibility_m", is_brief=True),
    "snow_mm_h": Known("snow_mm_h", is_brief=True),
    "wind_ms": Known("wind_ms", is_brief=True),
}
"""What weather becomes features."""
OBSERVED: Final = "obs"
ROLLED: Final = ("tz", "country", "subdiv", "road_id", "direction", "type")


def panel(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> PanelDataset:
    """Every detector's speed in km/h at one interval length, its neighbours and its weather.

    A speed of 0 is missing unless vehicles stand; what is not to be believed is marked. Neighbours
    are those of the edges, or of the roads; None where the past has to teach them. Raises DataError
    LK264 where no detector has a speed.
    """
    grid = grid_of(tables["readings"], settings)
    if not np.isfinite(grid.speed).any():
        raise DataError(
            "LK264",
            where="readings.speed_kmh",
            found="no detector has a speed other than 0",
            remedy="look at the quarantine, and whether speeds are really delivered",
        )
    rows = _rows(grid, suspects(grid, tables).any)
    ids = [name for at, name in enumerate(grid.ids) if grid.told[:, at].any()]
    known, is_perfect = _weather(tables, ids, grid.step_s)
    return PanelDataset(
        rows,
        _series(tables, ids, grid),
        grid.step_s,
        known,
        {"y": round(settings["latency_h"] * 3_600)},
        is_known_perfectly=is_perfect,
        neighbours=neighbours_of(tables, ids),
    )


def _rows(grid: Grid, suspect: np.ndarray) -> pd.DataFrame:
    """series_id, ts, y, quality of every reading that came, detector by detector."""
    column, row = np.nonzero(grid.told.T)
    y = grid.speed.T[column, row]
    bad = suspect.T[column, row]
    quality = np.where(bad, SUSPECT, np.where(np.isfinite(y), OK, MISSING))
    return pd.DataFrame(
        {
            "series_id": pd.Series(np.asarray(grid.ids, dtype=object)[column], dtype="str"),
            "ts": grid.at[row],
            "y": y,
            "quality": quality.astype(np.int8),
        }
    )


def _series(tables: Mapping[str, pd.DataFrame], ids: list[str], grid: Grid) -> pd.DataFrame:
    """One row a detector: what the register says of it; a place is mostly passed at its limit."""
    register = register_of(tables, ids)
    series = register.rename(columns={"sensor_id": "series_id"})
    series["typical"] = register["speed_limit_kmh"].astype("float64")
    texts = list(ROLLED)
    series[texts] = series[texts].astype("str").where(series[texts].notna(), None)
    return series[["series_id", "typical", "postmile_km", "lanes", "speed_limit_kmh", *texts]]


def _weather(
    tables: Mapping[str, pd.DataFrame], ids: list[str], step_s: int
) -> tuple[pd.DataFrame | None, bool]:
    """Weather by detector (or for all) at the panel's intervals; whether it was only ever seen."""
    if "weather" not in tables or not len(tables["weather"]):
        return None, False
    weather = tables["weather"]
    columns = [name for name in WEATHER if name in weather and weather[name].notna().any()]
    if not columns:
        return None, False
    if "issued_at" not in weather:
        used, is_perfect = weather, True
    else:
        foreseen = weather[weather["provider"] != OBSERVED] if "provider" in weather else weather
        is_perfect = not len(foreseen)
        used = weather if is_perfect else foreseen
    stations = "station_id" in used and used["station_id"].notna().any()
    keys = [*(["station_id"] if stations else []), *([] if is_perfect else ["issued_at"])]
    known = at_steps(used, columns, keys, step_s)
    if not stations:
        return known, is_perfect
    register = register_of(tables, ids)
    first = str(used["station_id"].dropna().iloc[0])
    wanted = pd.DataFrame(
        {
            "series_id": pd.Series(ids, dtype="str"),
            "station_id": register["station_id"].astype("object").fillna(first).astype("str"),
        }
    )
    known["station_id"] = known["station_id"].astype("str")
    joined = wanted.merge(known, on="station_id", how="inner", validate="many_to_many")
    return joined.drop(columns="station_id"), is_perfect


__all__ = ["WEATHER", "panel"]
