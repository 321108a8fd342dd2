"""Incidents that were told of a history, and how good that is by the table of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.events import LASTS_S, Road, places_of, road_of
from solutions.traffic_forecasting.grid import DAY_S, counters_of

NEAR_KM: Final = 2.5
"""Kilometres up the road within which an incident may be told."""
BEHIND_KM: Final = 0.5
"""The same down the road, as places are rough."""
LATE_MIN: Final = 30.0
"""Minutes after its end until which it may be told."""


def slots(at: pd.DatetimeIndex, step_s: int, zone: str) -> tuple[np.ndarray, int]:
    """The time of the day of each interval, of working days and others, and how many there are."""
    local = at.tz_convert(zone)
    seconds = local.hour * 3_600 + local.minute * 60
    off = np.asarray(local.day_of_week >= 5).astype(np.int64)
    a_day = DAY_S // step_s
    return np.asarray(seconds // step_s) + a_day * off, 2 * a_day


@dataclass(frozen=True)
class Told:
    """How good what was told is. found of n incidents; false: told where there was no event;
    median_min: minutes from the begin of an incident until it was told; false_per_100_days: by
    hundred days of a detector; rows: what was told, with the column `real`."""

    found: int
    n: int
    false: int
    median_min: float
    false_per_100_days: float
    rows: pd.DataFrame


def judged(
    told: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    span: tuple[pd.Timestamp, pd.Timestamp],
) -> Told:
    """What was told (series, told_at, cleared_at) in a span against the incidents of the table
    events that began in it and have a place where detectors stand.

    One counts as found where it was told within `NEAR_KM` up its carriageway from its begin until
    `LATE_MIN` minutes after its end; what is told near no event is false, once for each queue of
    detectors that touch in time along a carriageway.
    """
    readings = tables["readings"]
    told_of = readings.loc[~readings["sensor_id"].isin(counters_of(readings)), "sensor_id"]
    names = told_of.astype("str").unique().tolist()
    road = road_of(tables, names)
    place = pd.Index(names).get_indexer(told["series"])
    rows = told.assign(road=road.way[place], real=False)
    minutes: list[float] = []
    n = 0
    for event in tables["events"].to_dict("records"):
        places = tuple(places_of(event, road, names))
        begins, end = event["started_at"], event.get("ended_at")
        ends = begins + pd.Timedelta(seconds=LASTS_S) if end is None or pd.isna(end) else end
        near = np.isin(place, _near(places, road))
        near &= (rows["told_at"] <= ends + pd.Timedelta(minutes=LATE_MIN)).to_numpy()
        near &= (rows["cleared_at"] >= begins).to_numpy()
        rows.loc[near, "real"] = True
        if event["type"] == "incident" and span[0] <= begins < span[1] and places:
            n += 1
            since = rows.loc[near, "told_at"] - begins
            minutes += [max(since.min() / pd.Timedelta(minutes=1), 0.0)] if near.any() else []
    false = _false(rows)
    days = (span[1] - span[0]) / pd.Timedelta(days=1) * len(names)
    middle = float(np.median(minutes)) if minutes else float("nan")
    return Told(len(minutes), n, false, middle, 100 * false / max(days, 1e-9), rows)


def _near(places: Sequence[tuple[str, float]], road: Road) -> np.ndarray:
    """Codes of the detectors up the road within reach of an event."""
    found = np.zeros(len(road.way), dtype=bool)
    for way, km in places:
        away = km - road.km
        found |= (road.way == way) & (away >= -BEHIND_KM) & (away <= NEAR_KM)
    return np.flatnonzero(found)


def _false(rows: pd.DataFrame) -> int:
    """Stretches in time, by carriageway, in which something is told and nothing of it is real."""
    count = 0
    for _, own in rows.sort_values("told_at").groupby("road", dropna=False):
        before = own["cleared_at"].cummax().shift()
        stretch = (own["told_at"] > before).cumsum()
        count += int((~own.groupby(stretch)["real"].any()).sum())
    return count


__all__ = ["Told", "judged", "slots"]
