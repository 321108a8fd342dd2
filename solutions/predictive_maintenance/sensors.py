"""The sensors of every asset: register, healthy levels, what damage does to them, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NONE: Final = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Sensor:
    """One sensor.

    valid: least and largest value that can be true; base: constant, load, speed, ambient, load x
    speed, speed squared, with load in units of 100 %, speed of 1,500 rpm, ambient of 20 degC;
    noise: standard deviation; shared: loadings of the noise on two sources that all sensors of an
    asset share; relative: share that wear, crack, contact at their worst add; absolute: the same in
    its unit, at full load; early: what wear adds in its unit before it does damage; decimals: how
    finely it is sent; critical: whether the asset is blind without it.
    """

    name: str
    unit: str
    valid: tuple[float, float]
    base: tuple[float, float, float, float, float, float]
    noise: float
    shared: tuple[float, float]
    relative: tuple[float, float, float] = NONE
    absolute: tuple[float, float, float] = NONE
    early: float = 0.0
    decimals: int = 2
    critical: bool = False


SENSORS: Final = (
    Sensor(
        "temperature",
        "degC",
        valid=(-20.0, 160.0),
        base=(16.0, 8.0, 5.0, 16.0, 26.0, 0.0),
        noise=0.3,
        shared=(0.6, 0.1),
        absolute=(2.6, 0.6, 1.2),
        critical=True,
    ),
    Sensor(
        "vibration",
        "mm/s",
        valid=(0.0, 45.0),
        base=(0.5, 0.8, 0.0, 0.0, 0.0, 2.6),
        noise=0.036,
        shared=(0.0, 0.7),
        relative=(0.08, 0.05, 0.0),
        decimals=3,
        critical=True,
    ),
    Sensor(
        "axial_vibration",
        "mm/s",
        valid=(0.0, 40.0),
        base=(0.3, 0.0, 0.0, 0.0, 1.6, 0.9),
        noise=0.026,
        shared=(0.0, 0.6),
        relative=(0.02, 0.09, 0.0),
        decimals=3,
    ),
    Sensor(
        "noise_level",
        "dB",
        valid=(30.0, 130.0),
        base=(58.0, 4.0, 0.0, 0.0, 0.0, 13.0),
        noise=0.18,
        shared=(0.1, 0.6),
        absolute=(0.6, 1.4, 0.0),
    ),
    Sensor(
        "pressure",
        "bar",
        valid=(0.0, 25.0),
        base=(1.0, -1.3, 0.0, 0.0, 0.0, 6.0),
        noise=0.06,
        shared=(0.5, 0.0),
        relative=(-0.025, -0.055, 0.0),
        decimals=3,
        critical=True,
    ),
    Sensor(
        "flow",
        "m3/h",
        valid=(0.0, 150.0),
        base=(8.0, 0.0, 6.0, 0.0, 46.0, 0.0),
        noise=0.36,
        shared=(0.5, 0.0),
        relative=(-0.045, -0.03, 0.0),
    ),
    Sensor(
        "current",
        "A",
        valid=(0.0, 150.0),
        base=(6.0, 26.0, 0.0, 0.0, 18.0, 0.0),
        noise=0.25,
        shared=(0.4, 0.0),
        relative=(0.015, 0.0, 0.0),
        absolute=(0.0, 0.0, 2.5),
        critical=True,
    ),
    Sensor(
        "ripple",
        "%",
        valid=(0.0, 60.0),
        base=(1.0, 6.0, 1.5, 0.0, 0.0, 0.0),
        noise=0.065,
        shared=(0.2, 0.1),
        absolute=(0.0, 0.0, 1.2),
        decimals=3,
    ),
    Sensor(
        "oil_particles",
        "mg/L",
        valid=(0.0, 400.0),
        base=(5.0, 40.0, 14.0, 0.0, 0.0, 0.0),
        noise=0.42,
        shared=(0.1, 0.2),
        absolute=(2.1, 1.8, 0.0),
        early=1.8,
    ),
)
"""Own choice of levels, of the order that small rotating machines show; nobody's data."""

__all__ = ["SENSORS", "Sensor"]
