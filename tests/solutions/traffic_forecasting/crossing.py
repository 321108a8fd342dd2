"""A road with one signal beside it: two ways in one phase, a side street in the other."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from tests.solutions.traffic_forecasting.roads import FIRST, STEP, ZONE, Tables, readings, sensors

DAYS = 9
ARMS = {"x-north": ("A", 1_400.0), "x-south": ("A", 1_100.0), "x-east": ("B", 900.0)}
"""Phase and flow at the peak, veh/h, on two lanes."""


@cache
def counted(days: float = DAYS, seed: int = 0) -> pd.DataFrame:
    """Readings of the approaches: flows that peak at 8 and at 17 o'clock, and no speed."""
    rng = np.random.default_rng(seed)
    at = pd.date_range(FIRST, FIRST + pd.Timedelta(days=days), freq=STEP, inclusive="left")
    local = at.tz_convert(ZONE)
    hour = local.hour.to_numpy() + local.minute.to_numpy() / 60
    course = 0.15 + 0.85 * np.exp(-((hour - 8) ** 2) / 2) + 0.85 * np.exp(-((hour - 17) ** 2) / 3)
    parts = [
        pd.DataFrame(
            {
                "event_at": at.as_unit("us"),
                "sensor_id": pd.Series([name] * len(at), dtype="str"),
                "speed_kmh": np.nan,
                "flow_vph": 12.0 * rng.poisson(peak * course / 12),
                "occupancy": np.nan,
            }
        )
        for name, (_, peak) in ARMS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def registered() -> pd.DataFrame:
    """The register of the road and of the approaches."""
    arms = pd.DataFrame(
        {
            "sensor_id": list(ARMS),
            "lanes": 2.0,
            "tz": ZONE,
            "country": "US",
            "subdiv": "CA",
            "type": "approach",
            "signal_id": "x",
            "phase": [phase for phase, _ in ARMS.values()],
            "least_green_s": 7.0,
        }
    )
    found = pd.concat([sensors().assign(type="mainline"), arms], ignore_index=True)
    texts = [name for name in found if not pd.api.types.is_numeric_dtype(found[name])]
    return found.astype(dict.fromkeys(texts, "str"))


def crossing(days: float = DAYS, seed: int = 0) -> Tables:
    """Road and signal as the canonical tables."""
    rows = pd.concat([readings(days), counted(days, seed)], ignore_index=True)
    return {"readings": rows, "sensors": registered()}
