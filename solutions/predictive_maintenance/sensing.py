"""What the sensors of an asset say: what it is asked to do, what is broken, and noise.

A sensor reads `base(regime) * (1 + relative damage) + absolute damage`, then its unit's gain and
offset, a noise with memory that it partly shares with its neighbours, and a white one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from solutions.predictive_maintenance.fleet import Fleet, coloured
from solutions.predictive_maintenance.sensors import SENSORS, Sensor
from solutions.predictive_maintenance.wear import CONTACT, CRACK, WEAR, Hidden, damage

KIND_LEVEL: Final = np.array([1.0, 0.97, 1.03])
MEMORY_H: Final = 6.0
COLOURED_SHARE: Final = 0.15
"""Share of a sensor's noise variance that has memory."""
UNIT_GAIN: Final = 0.012
UNIT_OFFSET: Final = 3.6
LIFE_OFFSET: Final = 0.25
"""Spread of an asset's own offset, and of what each replacement changes, in noise spreads."""
EPISODE_H: Final = 10.0
SETTING_NOISE: Final = (0.8, 8.0, 0.4)


@dataclass(frozen=True)
class Signals:
    """What is measured while assets run: settings (3, rows), sensors (len(SENSORS), rows).

    asset, step: of each reading, in the order of assets, then steps; spark: whether a bad contact
    shows at that moment.
    """

    asset: np.ndarray
    step: np.ndarray
    settings: np.ndarray
    sensors: np.ndarray
    spark: np.ndarray


def sense(rng: np.random.Generator, fleet: Fleet, hidden: Hidden) -> Signals:
    """Every reading of the record, before anything goes wrong with a sensor."""
    plan = fleet.plan
    on = slice(plan.before, plan.before + plan.recorded)
    running = hidden.life[:, on] >= 0
    asset, step = np.nonzero(running)
    here = (asset, step + plan.before)
    harm = damage(hidden.wear[:, *here])
    spark = _episodes(rng, fleet, running, harm[CONTACT])
    seen = np.stack([harm[WEAR], harm[CRACK], spark * np.sqrt(harm[CONTACT])])
    load, speed = fleet.load[here] / 100.0, fleet.speed[here] / 1_500.0
    levels = _levels(load, speed, fleet.ambient[here] / 20.0) * KIND_LEVEL[fleet.kind[asset]]
    life = hidden.life[here]
    shared = [coloured(rng, running.shape, MEMORY_H, plan.step_h)[running] for _ in range(2)]
    for row, sensor in zip(levels, SENSORS, strict=True):
        row *= 1.0 + np.asarray(sensor.relative) @ seen
        row += (0.4 + 0.6 * load) * (np.asarray(sensor.absolute) @ seen)
        row += sensor.early * hidden.wear[WEAR][here]
        row *= np.exp(rng.normal(0.0, UNIT_GAIN, fleet.n))[asset]
        row += sensor.noise * _disturbance(rng, fleet, hidden, sensor, running, life, shared)
    settings = [
        fleet_values[here] + rng.normal(0.0, spread, len(asset))
        for fleet_values, spread in zip(
            (fleet.load, fleet.speed, fleet.ambient), SETTING_NOISE, strict=True
        )
    ]
    return Signals(asset, step + plan.before, np.stack(settings), levels, spark)


def _levels(load: np.ndarray, speed: np.ndarray, ambient: np.ndarray) -> np.ndarray:
    """What each sensor (row) says of a healthy asset."""
    basis = np.stack([np.ones_like(load), load, speed, ambient, load * speed, speed**2])
    return np.asarray(np.array([sensor.base for sensor in SENSORS]) @ basis)


def _episodes(
    rng: np.random.Generator, fleet: Fleet, running: np.ndarray, harm: np.ndarray
) -> np.ndarray:
    """Whether a bad contact shows: in episodes, ever more often as it gets worse."""
    mood = coloured(rng, running.shape, EPISODE_H, fleet.plan.step_h)[running]
    return np.asarray(mood > 1.9 - 1.9 * np.sqrt(harm), dtype=np.float64)


def _disturbance(
    rng: np.random.Generator,
    fleet: Fleet,
    hidden: Hidden,
    sensor: Sensor,
    running: np.ndarray,
    life: np.ndarray,
    shared: list[np.ndarray],
) -> np.ndarray:
    """Offsets and noise of one sensor in units of its noise spread."""
    loadings = np.asarray(sensor.shared)
    own = np.sqrt(1.0 - float(loadings @ loadings))
    memory = own * coloured(rng, running.shape, MEMORY_H, fleet.plan.step_h)[running]
    memory += loadings[0] * shared[0] + loadings[1] * shared[1]
    white = rng.normal(0.0, 1.0, len(life))
    lives = hidden.lives
    offset = rng.normal(0.0, UNIT_OFFSET, fleet.n)[[one.asset for one in lives]]
    offset += rng.normal(0.0, LIFE_OFFSET, len(lives))
    noise = np.sqrt(COLOURED_SHARE) * memory + np.sqrt(1.0 - COLOURED_SHARE) * white
    return np.asarray(offset[life] + noise)


__all__ = ["Signals", "sense"]
