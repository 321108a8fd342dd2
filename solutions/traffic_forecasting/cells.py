"""Traffic on carriageways by the cell transmission model (Daganzo 1994, 1995).

Vehicles of a cell pass on as fast as the cell sends and the next one receives, by a triangular
fundamental diagram: free speed up to the capacity, and a wave that runs backwards from the density
of a jam. A cell in a queue discharges less than its capacity (Hall & Agyemang-Duah 1991). All days
are simulated side by side, as arrays (days, carriageways, cells): roads are empty at night.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from solutions.traffic_forecasting.plan import CELL_KM, STEP, TICK_S

JAM_PER_LANE: Final = 120.0
"""Vehicles a kilometre and lane that stand."""
DROP: Final = 0.048
"""Share of its capacity that a cell in a queue cannot discharge."""
RAMP_SHARE: Final = 0.25
"""Share of a full cell's room that vehicles of an on-ramp take."""
RAMP_VPH: Final = 1_800.0
_TICKS: Final = round(STEP.total_seconds() / TICK_S)
_HOURS: Final = TICK_S / 3_600.0


@dataclass(frozen=True, eq=False)
class Road:
    """What does not change: free_kmh, capacity_vph, jam (veh/km), off (share that leaves behind the
    cell), each (carriageways, cells)."""

    free_kmh: np.ndarray
    capacity_vph: np.ndarray
    jam: np.ndarray
    off: np.ndarray


@dataclass(frozen=True, eq=False)
class Load:
    """What comes, interval by interval: entry (days, steps, carriageways) vehicles an hour at the
    first cell, ramp (days, steps, carriageways, cells) at on-ramps; room: share of the capacity
    that is left, speed: factor on the free speed, both (days, steps, carriageways, cells)."""

    entry: np.ndarray
    ramp: np.ndarray
    room: np.ndarray
    speed: np.ndarray


@dataclass(frozen=True, eq=False)
class Traffic:
    """Means of each interval, (days, steps, carriageways, cells): flow veh/h, density veh/km, and
    the density at which the cell is full, veh/km."""

    flow: np.ndarray
    density: np.ndarray
    critical: np.ndarray

    @property
    def speed_kmh(self) -> np.ndarray:
        """Mean speed over the way, 0 where nobody is."""
        return np.asarray(self.flow / np.maximum(self.density, 1e-6))


def run(road: Road, load: Load) -> Traffic:
    """The traffic of all days at once."""
    days, steps, ways, cells = load.ramp.shape
    density = np.broadcast_to(load.entry[:, 0, :, None] / road.free_kmh, (days, ways, cells)).copy()
    waiting = np.zeros((days, ways, cells))
    flow_of, density_of, critical_of = (np.empty((days, steps, ways, cells)) for _ in range(3))
    for step in range(steps):
        free = road.free_kmh * load.speed[:, step]
        capacity = road.capacity_vph * load.room[:, step]
        critical = capacity / free
        # the wave's speed belongs to the road, not to what happens on it
        wave = road.capacity_vph / (road.jam - road.capacity_vph / road.free_kmh)
        flow_sum, density_sum = np.zeros_like(density), np.zeros_like(density)
        come = load.ramp[:, step].copy()
        come[..., 0] += load.entry[:, step]
        for _ in range(_TICKS):
            density, waiting, out = _tick(
                density, waiting, come, _Now(free, capacity, critical, wave, road)
            )
            flow_sum += out
            density_sum += density
        flow_of[:, step], density_of[:, step] = flow_sum / _TICKS, density_sum / _TICKS
        critical_of[:, step] = critical
    return Traffic(flow_of, density_of, critical_of)


@dataclass(frozen=True, eq=False)
class _Now:
    free: np.ndarray
    capacity: np.ndarray
    critical: np.ndarray
    wave: np.ndarray
    road: Road


def _tick(
    density: np.ndarray, waiting: np.ndarray, come: np.ndarray, now: _Now
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Densities, vehicles that wait at ramps and at the entry, and what left each cell, veh/h."""
    able = now.capacity * np.where(density > now.critical, 1.0 - DROP, 1.0)
    send = np.minimum(now.free * density, able)
    receive = np.minimum(now.capacity, now.wave * (now.road.jam - density))
    receive = np.maximum(receive, 0.0)
    stay = 1.0 - now.road.off
    wants = np.zeros_like(send)
    wants[..., 1:] = (send * stay)[..., :-1]
    ready = come + waiting / _HOURS
    ready[..., 1:] = np.minimum(ready[..., 1:], RAMP_VPH)
    enter = np.minimum(ready, np.maximum(receive - wants, RAMP_SHARE * receive))
    enter[..., 0] = np.minimum(ready[..., 0], receive[..., 0])
    passed = np.minimum(wants, receive - enter)
    out = np.empty_like(send)
    out[..., :-1] = passed[..., 1:] / stay[..., :-1]
    out[..., -1] = send[..., -1]
    moved = density + (passed + enter - out) * (_HOURS / CELL_KM)
    return np.maximum(moved, 0.0), np.maximum(waiting + (come - enter) * _HOURS, 0.0), out


__all__ = ["Load", "Road", "Traffic", "run"]
