"""Nodes that are made of a row's own columns and earlier nodes alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from lepton.features.spec import Alignment, Contrast, Derived, Difference, Ratio, Speed
from lepton.features.windows import divided

EARTH_KM: Final = 6_371.0088
"""Mean radius of the earth (Moritz 2000, Geodetic Reference System 1980)."""


def derived(node: Derived, numbers: Sequence[np.ndarray]) -> np.ndarray:
    """`node` for every row, from the columns that it names in the order of its fields."""
    match node, numbers:
        case Ratio(), (over, below):
            return divided(over, below)
        case Difference(), (left, right, *scale):
            return divided(left - right, scale[0]) if scale else left - right
        case Contrast(), (left, right):
            return divided(left - right, left + right)
        case Alignment(), (x, y, mean_x, mean_y):
            return np.asarray(x * mean_x + y * mean_y)
        case Speed(), (lat, lon, from_lat, from_lon, seconds):
            return divided(apart_km(lat, lon, from_lat, from_lon) * 3_600, seconds)
    raise TypeError(f"{node} does not go with {len(numbers)} columns")


def apart_km(
    lat: np.ndarray, lon: np.ndarray, from_lat: np.ndarray, from_lon: np.ndarray
) -> np.ndarray:
    """Length of the great circle between two places in degrees (haversine, Sinnott 1984)."""
    south, north = np.radians(from_lat), np.radians(lat)
    up, along = np.sin((north - south) / 2), np.sin(np.radians(lon - from_lon) / 2)
    chord = np.minimum(up * up + np.cos(south) * np.cos(north) * along * along, 1.0)
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(chord)))


__all__ = ["EARTH_KM", "apart_km", "derived"]
