"""From canonical tables to the speeds that are forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import DataError
from lepton.forecast.panel import MISSING, OK, SUSPECT, PanelDataset
from solutions.traffic_forecasting.beside import known_of
from solutions.traffic_forecasting.grid import Grid, grid_of
from solutions.traffic_forecasting.register import neighbours_of, register_of
from solutions.traffic_forecasting.suspect import REASONS, Suspect, suspects

ROLLED: Final = ("tz", "country", "subdiv", "road_id", "direction", "type")


def panel(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> PanelDataset:
    """Every detector's speed in km/h at one interval length, its neighbours, weather and events.

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
    rows = _rows(grid, suspects(grid, tables))
    ids = [name for at, name in enumerate(grid.ids) if grid.told[:, at].any()]
    return PanelDataset(
        rows,
        _series(tables, ids, grid),
        grid.step_s,
        known_of(tables, ids, grid.step_s),
        {"y": round(settings["latency_h"] * 3_600)},
        neighbours=neighbours_of(tables, ids),
    )


def _rows(grid: Grid, suspect: Suspect) -> pd.DataFrame:
    """series_id, ts, y, quality and reason ("" for a good one) of every reading that came, detector
    by detector."""
    column, row = np.nonzero(grid.told.T)
    y = grid.speed.T[column, row]
    bad = suspect.any.T[column, row]
    masks = {name: getattr(suspect, name) for name in REASONS} | {"zero": grid.zero}
    told = [mask.T[column, row] for mask in masks.values()]
    reason = np.select([*told, ~np.isfinite(y)], [*masks, "missing"], default="")
    quality = np.where(bad, SUSPECT, np.where(np.isfinite(y), OK, MISSING))
    return pd.DataFrame(
        {
            "series_id": pd.Series(np.asarray(grid.ids, dtype=object)[column], dtype="str"),
            "ts": grid.at[row],
            "y": y,
            "quality": quality.astype(np.int8),
            "reason": pd.Series(reason, dtype="str"),
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


__all__ = ["panel"]
