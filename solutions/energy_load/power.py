"""Load in one form: a series for each meter, mean power in kW by the begin of its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.regular import step_of

ONE: Final = "load"
"""Name of the only series of a table without meters."""
HOUR: Final = pd.Timedelta(hours=1)


def with_power(load: pd.DataFrame, meters: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with meter_id, event_at and power_kw, in order of both; other columns stay.

    Energy is divided by the meter's interval in hours wherever power is missing: what the register
    says of it, else the most frequent time between its rows. Rows without a meter are of `ONE`; a
    table without meters is of the only one that the register knows.
    """
    rows = load.copy()
    if "meter_id" not in rows:
        rows["meter_id"] = ONE if meters is None or len(meters) != 1 else meters["meter_id"].iloc[0]
    rows["meter_id"] = rows["meter_id"].fillna(ONE).astype("str")
    if "power_kw" not in rows:
        rows["power_kw"] = np.nan
    if "energy_kwh" in rows:
        hours = rows["meter_id"].map(interval_h(rows, meters)).to_numpy(dtype=np.float64)
        rows["power_kw"] = rows["power_kw"].fillna(rows["energy_kwh"] / hours)
    front = ["event_at", "meter_id", "power_kw"]
    rows = rows[[*front, *(name for name in rows if name not in front)]]
    return rows.sort_values(["meter_id", "event_at"], kind="stable", ignore_index=True)


def interval_h(load: pd.DataFrame, meters: pd.DataFrame | None = None) -> dict[str, float]:
    """Hours of each meter's interval; an hour where a meter has one row only."""
    told: dict[str, float] = {}
    if meters is not None and "interval_min" in meters:
        known = meters.dropna(subset=["interval_min"])
        told = dict(zip(known["meter_id"], known["interval_min"] / 60, strict=True))
    found = {}
    for meter_id, at in load.groupby("meter_id", sort=True)["event_at"]:
        step = step_of(at)
        own = 1.0 if step is None else step / HOUR
        found[str(meter_id)] = float(told.get(str(meter_id), own))
    return found


def each_meter(load: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of one meter after another, of a table from `with_power`."""
    for meter_id, rows in load.groupby("meter_id", sort=True):
        yield str(meter_id), rows


def register_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, object]]:
    """meter_id -> what the register says of it, missing values left out; {} without a register."""
    if "meters" not in tables:
        return {}
    return {
        str(row["meter_id"]): {
            str(name): value for name, value in row.items() if not _missing(value)
        }
        for row in tables["meters"].to_dict("records")
    }


def _missing(value: object) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


__all__ = ["HOUR", "ONE", "each_meter", "interval_h", "register_of", "with_power"]
