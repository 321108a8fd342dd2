"""What is known beside the detectors, with the instant from which on it was: weather and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.forecast.panel import PanelDataset, seconds_of
from lepton.forecast.stepped import at_steps, length_of
from lepton_edge.near_beside import NearKnown
from solutions.traffic_forecasting.events import AHEAD, events_beside
from solutions.traffic_forecasting.register import register_of

WEATHER: Final = ("temp_C", "precip_mm_h", "visibility_m", "snow_mm_h", "wind_ms")
"""What of the weather may become features."""


def known_of(
    tables: Mapping[str, pd.DataFrame], ids: list[str], step_s: int
) -> pd.DataFrame | None:
    """Every edition of weather and events at the panel's intervals; None where neither is told.

    series_id is missing where all detectors have the same.
    """
    found = [weather_beside(tables, ids, step_s), events_beside(tables, ids, step_s)]
    parts = [one for one in found if one is not None]
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    return pd.concat([_by_series(one) for one in parts], ignore_index=True)


def columns_of(panel: PanelDataset, until_s: int) -> tuple[NearKnown, ...]:
    """The known columns that forecasts may look at: those that differ at all in what was known at
    `until_s`, UTC seconds."""
    if panel.known is None:
        return ()
    known = panel.known[seconds_of(panel.known["issued_at"]) <= until_s]
    by_series = known["series_id"].notna() if "series_id" in known else None
    found = []
    for name in (*WEATHER, AHEAD):
        if name in known and known[name].nunique() > 1:
            own = by_series is not None and known.loc[by_series, name].notna().any()
            found.append(NearKnown(name, not own, None if name in WEATHER else 0.0))
    return tuple(found)


def weather_beside(
    tables: Mapping[str, pd.DataFrame], ids: list[str], step_s: int
) -> pd.DataFrame | None:
    """Weather for all, or by detector where stations are told: forecasts from their issue on, what
    was seen from its arrival on, or from its end where that is not told."""
    weather = tables.get("weather")
    if weather is None:
        return None
    columns = [name for name in WEATHER if name in weather and weather[name].notna().any()]
    if not columns:
        return None
    seen = weather["valid_at"] + length_of(weather)
    issued = weather["issued_at"].fillna(seen) if "issued_at" in weather else seen
    used = weather.assign(issued_at=issued)
    shared = at_steps(used, columns, ["issued_at"], step_s)
    if "station_id" not in used:
        return shared
    placed = used[used["station_id"].notna()]
    wanted = _stations(tables, ids, placed)
    if wanted.empty:
        return shared
    placed = placed.assign(station_id=placed["station_id"].astype("str"))
    known = at_steps(placed, columns, ["station_id", "issued_at"], step_s)
    own = wanted.merge(known, on="station_id", validate="many_to_many")
    parts = [own.drop(columns="station_id")]
    if len(wanted) < len(ids):
        parts.append(_by_series(shared))
    return pd.concat(parts, ignore_index=True)


def _stations(
    tables: Mapping[str, pd.DataFrame], ids: list[str], placed: pd.DataFrame
) -> pd.DataFrame:
    """series_id and station_id of the detectors whose station tells its weather; of the others the
    mean of all stations counts."""
    told = register_of(tables, ids)["station_id"]
    own = told.notna() & told.astype("str").isin(placed["station_id"].astype("str"))
    return pd.DataFrame(
        {
            "series_id": pd.Series(np.asarray(ids, dtype=object)[own], dtype="str"),
            "station_id": told[own].astype("str").to_numpy(),
        }
    )


def _by_series(rows: pd.DataFrame) -> pd.DataFrame:
    if "series_id" in rows:
        return rows
    return rows.assign(series_id=pd.Series(None, index=rows.index, dtype="str"))


__all__ = ["WEATHER", "columns_of", "known_of", "weather_beside"]
