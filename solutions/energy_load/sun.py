"""Where the sun stands, and what it gives where no cloud is in its way."""

from __future__ import annotations

import numpy as np
import pandas as pd


def sun_height(lat: float, lon: float, at: pd.DatetimeIndex) -> np.ndarray:
    """Height of the sun above the horizon in degrees at each instant, to about a quarter degree.

    Declination and equation of time by Spencer's series (1971).
    """
    utc = at.tz_convert("UTC")
    hour = utc.hour.to_numpy() + utc.minute.to_numpy() / 60
    turn = 2 * np.pi * (utc.day_of_year.to_numpy() - 1 + hour / 24) / 365.25
    tilt = 0.006918 - 0.399912 * np.cos(turn) + 0.070257 * np.sin(turn)
    tilt += -0.006758 * np.cos(2 * turn) + 0.000907 * np.sin(2 * turn)
    late = 0.000075 + 0.001868 * np.cos(turn) - 0.032077 * np.sin(turn)
    late += -0.014615 * np.cos(2 * turn) - 0.040849 * np.sin(2 * turn)
    angle = np.pi * (hour - 12) / 12 + np.deg2rad(lon) + late
    north = np.deg2rad(lat)
    height = np.sin(north) * np.sin(tilt) + np.cos(north) * np.cos(tilt) * np.cos(angle)
    return np.asarray(np.rad2deg(np.arcsin(np.clip(height, -1.0, 1.0))))


def clear_sky(height: np.ndarray) -> np.ndarray:
    """Global radiation in W/m2 below a clear sky, by the height of the sun (Haurwitz 1945)."""
    up = np.sin(np.deg2rad(np.maximum(height, 0.0)))
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(up > 0.005, 1_098.0 * up * np.exp(-0.057 / np.maximum(up, 0.005)), 0.0)


__all__ = ["clear_sky", "sun_height"]
