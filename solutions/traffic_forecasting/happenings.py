"""What takes room away: rain, incidents, roadworks at night, and crowds that leave an event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.demand import STEPS, Layout, remembered
from solutions.traffic_forecasting.plan import CELL_KM, DAY_BEGINS_H, STEP, STEP_H, Plan

INCIDENTS_KM_DAY: Final = 0.024
"""Incidents by kilometre and day of the usual traffic."""
LASTS_MIN: Final = (33.0, 0.65)
"""Median and deviation of the logarithm of how long an incident takes room."""
ROADWORKS_DAY, CROWDS_DAY = 0.03, 0.02
"""Nights with roadworks, and evenings with a crowd, by carriageway."""
HOURS_AHEAD: Final = 24
ISSUE_EVERY_H: Final = 6
WET: Final = (0.10, 0.80)
"""Chance by the hour that rain begins, and that it ends."""


@dataclass(frozen=True)
class Event:
    """Something that takes room, or brings vehicles, at one cell of a carriageway on one day.

    begin, end: intervals of the day; room: share of capacity that is left; more: demand by the
    usual one; told_min: minutes after it begins that it is reported, negative for before.
    """

    kind: str
    day: int
    way: int
    cell: int
    begin: int
    end: int
    room: float
    more: float
    told_min: float


def events(rng: np.random.Generator, plan: Plan, traffic_share: np.ndarray) -> list[Event]:
    """Every event of the record, by day and carriageway.

    traffic_share: (steps,) demand over the day by its mean: incidents come where vehicles are.
    """
    made = [*_incidents(rng, plan, traffic_share), *_works(rng, plan), *_crowds(rng, plan)]
    return sorted(made, key=lambda one: (one.day, one.begin, one.way, one.cell))


def _incidents(rng: np.random.Generator, plan: Plan, share: np.ndarray) -> Iterator[Event]:
    length = plan.cells * CELL_KM
    chance = share[: round(24 / STEP_H)] / share[: round(24 / STEP_H)].sum()
    median, spread = LASTS_MIN
    for day in range(plan.days):
        for way in range(plan.carriageways):
            for _ in range(rng.poisson(INCIDENTS_KM_DAY * length)):
                begin = int(rng.choice(len(chance), p=chance))
                minutes = float(median * np.exp(spread * rng.normal()))
                lasts = max(2, round(minutes / 60 / STEP_H))
                lost = float(rng.uniform(0.30, 0.65))
                cell = int(rng.integers(2, plan.cells))
                told = float(rng.exponential(7.0))
                yield Event("incident", day, way, cell, begin, begin + lasts, 1 - lost, 1.0, told)


def _works(rng: np.random.Generator, plan: Plan) -> Iterator[Event]:
    for day in range(plan.days):
        for way in range(plan.carriageways):
            if rng.random() < ROADWORKS_DAY:
                begin = round((22 - DAY_BEGINS_H) / STEP_H)
                kind = "closure" if rng.random() < 0.2 else "roadwork"
                room = 0.35 if kind == "closure" else float(rng.uniform(0.5, 0.7))
                cell = int(rng.integers(2, plan.cells))
                ahead = -float(rng.integers(1, 6)) * 24 * 60
                yield Event(
                    kind, day, way, cell, begin, begin + round(4 / STEP_H), room, 1.0, ahead
                )


def _crowds(rng: np.random.Generator, plan: Plan) -> Iterator[Event]:
    for day in range(plan.days):
        for way in range(plan.carriageways):
            if rng.random() < CROWDS_DAY:
                begin = round((float(rng.uniform(19.5, 21.5)) - DAY_BEGINS_H) / STEP_H)
                more = float(rng.uniform(1.3, 1.6))
                yield Event("event", day, way, 0, begin, begin + round(1.5 / STEP_H), 1.0, more,
                            -7 * 24 * 60.0)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sky:
    """Weather by the hour of the record, and more at its end: columns as in the table weather."""

    at: pd.DatetimeIndex
    seen: pd.DataFrame

    def rain(self, at: pd.DatetimeIndex) -> np.ndarray:
        """Rain at instants, mm/h."""
        place = self.at.searchsorted(at, side="right") - 1
        return self.seen["precip_mm_h"].to_numpy()[np.clip(place, 0, len(self.at) - 1)]


def sky(rng: np.random.Generator, plan: Plan) -> Sky:
    """Hours of weather from the record's begin to a day and two hours behind its end."""
    last = plan.at[-1] + pd.Timedelta(hours=HOURS_AHEAD + 2)
    at = pd.date_range(plan.at[0].floor("h"), last, freq="h")
    n = len(at)
    wet = np.zeros(n, dtype=bool)
    begins, ends = WET
    for hour in range(1, n):
        wet[hour] = rng.random() > ends if wet[hour - 1] else rng.random() < begins
    amount = np.where(wet, np.exp(0.9 * rng.normal(size=n) - 0.1), 0.0)
    local = at.tz_convert(plan.zone)
    spell = remembered(rng.normal(size=n), np.exp(-1 / 30), axis=0)
    course = np.cos(2 * np.pi * (local.hour.to_numpy() - 15) / 24)
    fog = (remembered(rng.normal(size=n), np.exp(-1 / 4), axis=0) > 2.0) & (local.hour < 9)
    seen = pd.DataFrame(
        {
            "temp_C": 15.0 + 3.0 * spell + 4.5 * course - 2.0 * wet,
            "precip_mm_h": amount,
            "visibility_m": np.where(fog, 400.0, 16_000.0 / (1 + 0.8 * amount)),
            "snow_mm_h": 0.0,
            "wind_ms": 2.6 * np.exp(0.4 * remembered(rng.normal(size=n), np.exp(-1 / 8), axis=0)),
        }
    )
    return Sky(at, seen.round({"temp_C": 1, "precip_mm_h": 1, "visibility_m": -2, "wind_ms": 1}))


def weather_table(rng: np.random.Generator, plan: Plan, made: Sky) -> pd.DataFrame:
    """What was seen, and every issue of the forecast: errors grow, rain comes early or late."""
    names = list(made.seen.columns)
    seen = made.seen.assign(valid_at=made.at, issued_at=made.at + pd.Timedelta(hours=1),
                            provider="obs")  # fmt: skip
    parts = [seen[seen["valid_at"] < plan.at[-1]]]
    for begin in range(0, len(made.at) - HOURS_AHEAD, ISSUE_EVERY_H):
        ahead = np.arange(HOURS_AHEAD)
        moved = np.clip(begin + ahead + int(rng.integers(-1, 2)), 0, len(made.at) - 1)
        told = made.seen.iloc[moved].reset_index(drop=True)
        error = 0.6 + 1.2 * ahead / HOURS_AHEAD
        told["temp_C"] = (told["temp_C"] + error * rng.normal(size=HOURS_AHEAD)).round(1)
        factor = np.exp(0.5 * rng.normal(size=HOURS_AHEAD))
        told["precip_mm_h"] = (told["precip_mm_h"] * factor).round(1)
        issued = made.at[begin]
        parts.append(
            told.assign(valid_at=made.at[begin + ahead], issued_at=issued, provider="model")
        )
    table = pd.concat(parts, ignore_index=True)
    for name in ("valid_at", "issued_at"):
        table[name] = table[name].dt.as_unit("us")
    table["provider"] = table["provider"].astype("str")
    return table[["valid_at", "issued_at", "provider", *names]]


def room_and_speed(
    plan: Plan, made: Layout, happened: Sequence[Event], rain: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of capacity, factor on free speed, both (days, steps, carriageways, cells), and factor
    on demand (days, steps, carriageways); rain: mm/h, (days, steps).

    Rain takes 5 to 15 % of capacity, more the harder it falls (Highway Capacity Manual, ch. 10).
    """
    shape = (plan.days, STEPS, plan.carriageways, plan.cells)
    wet = np.where(rain > 0, 0.05 + 0.10 * (1 - np.exp(-rain / 3.0)), 0.0)
    room = np.broadcast_to((1 - wet)[..., None, None], shape).copy()
    speed = np.broadcast_to((1 - 0.5 * wet)[..., None, None], shape).copy()
    more = np.ones(shape[:3])
    for one in happened:
        span = slice(one.begin, one.end)
        room[one.day, span, one.way, one.cell] *= one.room
        more[one.day, span, one.way] *= one.more
    return room, speed, more


def events_table(
    plan: Plan, happened: Sequence[Event], names: Sequence[tuple[str, str]], first_km: float
) -> pd.DataFrame:
    """The table events. names: road and direction of each carriageway; first_km: postmile of the
    first cell."""
    rows = [
        (
            one.kind,
            plan.days_at[one.day] + one.begin * STEP,
            plan.days_at[one.day] + one.end * STEP,
            plan.days_at[one.day] + one.begin * STEP + pd.Timedelta(minutes=round(one.told_min)),
            *names[one.way],
            round(first_km + one.cell * CELL_KM, 2),
            round(1 - one.room, 2) if one.kind != "event" else round(one.more - 1, 2),
        )
        for one in happened
    ]
    columns = ["type", "started_at", "ended_at", "reported_at", "road_id", "direction", "km",
               "severity"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table.insert(0, "event_id", [f"e{n + 1:04d}" for n in range(len(table))])
    for name in ("started_at", "ended_at", "reported_at"):
        told = pd.to_datetime(table[name], utc=True).dt.as_unit("us")
        table[name] = told
    texts = ["event_id", "type", "road_id", "direction"]
    return table.astype(dict.fromkeys(texts, "str"))


__all__ = [
    "Event",
    "Sky",
    "events",
    "events_table",
    "room_and_speed",
    "sky",
    "weather_table",
]
