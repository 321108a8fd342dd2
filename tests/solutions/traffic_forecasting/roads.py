"""A road of six detectors that are right all the time, to put faults into."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Tables = dict[str, pd.DataFrame]
ZONE = "America/Los_Angeles"
FIRST = pd.Timestamp("2024-03-01T08:00Z")
STEP = pd.Timedelta(minutes=5)
DAYS = 40
IDS = tuple(f"s{n}" for n in range(6))


def readings(days: float = DAYS, seed: int = 0) -> pd.DataFrame:
    """Speed, flow and occupancy that go together, slower at eight and at seventeen o'clock."""
    rng = np.random.default_rng(seed)
    at = pd.date_range(FIRST, FIRST + pd.Timedelta(days=days), freq=STEP, inclusive="left")
    local = at.tz_convert(ZONE)
    hour = local.hour.to_numpy() + local.minute.to_numpy() / 60
    peak = np.exp(-((hour - 8) ** 2)) + np.exp(-((hour - 17) ** 2) / 2)
    flow = 12.0 * np.round(40 + 300 * peak[:, None] + 20 * rng.random((len(at), len(IDS))))
    speed = 105 - 40 * peak[:, None] + rng.normal(0, 4, (len(at), len(IDS)))
    density = flow / speed
    parts = [
        pd.DataFrame(
            {
                "event_at": at.as_unit("us"),
                "sensor_id": pd.Series([name] * len(at), dtype="str"),
                "speed_kmh": speed[:, code].round(2),
                "flow_vph": flow[:, code],
                "occupancy": (density[:, code] / 4 * 6.5 / 1_000).round(4),
            }
        )
        for code, name in enumerate(IDS)
    ]
    return pd.concat(parts, ignore_index=True)


def sensors() -> pd.DataFrame:
    """All on one carriageway, 800 m apart."""
    frame = pd.DataFrame(
        {
            "sensor_id": IDS,
            "road_id": "R1",
            "direction": "N",
            "postmile_km": 0.8 * np.arange(len(IDS)),
            "lanes": 4.0,
            "speed_limit_kmh": 105.0,
            "tz": ZONE,
            "country": "US",
            "subdiv": "CA",
        }
    )
    return frame.astype(dict.fromkeys(["sensor_id", "road_id", "direction", "tz"], "str"))


def usual(**changed: pd.DataFrame) -> Tables:
    """The readings and their register."""
    return {"readings": readings(), "sensors": sensors(), **changed}


def spoilt(
    change: Callable[[pd.DataFrame], pd.DataFrame],
    sensor: str | None = "s2",
    begin: str | None = None,
    n: int = 0,
) -> Tables:
    """The road with the rows changed of a detector (of all for None), of `n` intervals from `begin`
    on (of all for None)."""
    rows = readings()
    mask = pd.Series(True, index=rows.index) if sensor is None else rows["sensor_id"] == sensor
    if begin is not None:
        first = pd.Timestamp(begin)
        mask &= (rows["event_at"] >= first) & (rows["event_at"] < first + n * STEP)
    changed = change(rows.loc[mask].copy())
    for name in changed:
        rows.loc[mask, name] = changed[name]
    return usual(readings=rows)


def without(sensor: str | None, begin: str, n: int) -> Tables:
    """The road without the rows of a detector (of all for None) in `n` intervals."""
    rows, first = readings(), pd.Timestamp(begin)
    mask = (rows["event_at"] >= first) & (rows["event_at"] < first + n * STEP)
    if sensor is not None:
        mask &= rows["sensor_id"] == sensor
    return usual(readings=rows[~mask].reset_index(drop=True))
