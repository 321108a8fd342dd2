"""Values of one meter that are not to be believed, one mask a reason: for checks and a cleaner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.regular import Regular, runs, spikes, stuck
from solutions.energy_load.limits import GIVING, LIMITS, NEVER_ZERO, UNEVEN, Limits
from solutions.energy_load.power import HOUR
from solutions.energy_load.sun import sun_height

_DARK: Final = -1.0
"""Degrees of the sun's height below which a cell gives nothing."""
_RARE: Final = 0.05
_BRIGHT: Final = 8.0
"""Degrees above which it gives something in any weather."""


@dataclass(frozen=True)
class Suspect:
    """Masks over the grid of one meter: values stuck, zeros that are none, impossible, spikes."""

    stuck: np.ndarray
    zero: np.ndarray
    impossible: np.ndarray
    spike: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """Whether a value is suspect for any reason."""
        return np.asarray(self.stuck | self.zero | self.impossible | self.spike)


def suspects(
    series: Regular,
    meter: Mapping[str, object],
    outages: pd.DataFrame | None = None,
    limits: Limits = LIMITS,
) -> Suspect:
    """What is suspect of a meter's power; `meter`: what the register says of it, {} for nothing.

    outages: columns starts_at and ends_at of those that this meter had. Values that one reason
    marks are missing for the next one, so that a spike is not measured by another fault.
    """
    kind = str(meter.get("type", ""))
    impossible = _impossible(series, meter, limits)
    rest = series.without(impossible)
    held = _stuck(rest, kind, limits)
    zero = _zeros(series, meter, kind, outages)
    rest = rest.without(held | zero)
    least = limits.uneven_spike if kind in UNEVEN else limits.spike
    # a second look without the first spikes: two in a week hide each other
    far = spikes(rest, *least, limits.spike_memory_d)
    far |= spikes(rest.without(far), *least, limits.spike_memory_d)
    return Suspect(held, zero, impossible, far)


def bound_kw(meter: Mapping[str, object], limits: Limits = LIMITS) -> float:
    """The power that a meter cannot have: what its connection bears, else what was agreed on, and
    a margin; infinite where neither is known."""
    known = [meter[name] for name in ("p_max_kw", "p_contract_kw") if name in meter]
    return limits.over_max * max(map(float, map(str, known)), default=np.inf)


def _impossible(series: Regular, meter: Mapping[str, object], limits: Limits) -> np.ndarray:
    """Beyond what the connection bears; of what only gives, more taken than its own need; of solar
    power, anything beyond that by night."""
    values, bound = series.values, bound_kw(meter, limits)
    need = limits.own_need * bound / limits.over_max
    with np.errstate(invalid="ignore"):
        found = np.abs(values) > bound
        if meter.get("type") in GIVING:
            found |= _if_rare(values > need)
        if meter.get("type") == "pv" and {"lat", "lon"} <= set(meter):
            found |= _if_rare(_is_night(series, meter) & (np.abs(values) > need))
    return np.asarray(found)


def _if_rare(mask: np.ndarray) -> np.ndarray:
    """The mask; nothing of it where so much is wrong that it is the sign or the place that is."""
    return mask & bool(mask.mean() <= _RARE)


def _is_night(series: Regular, meter: Mapping[str, object]) -> np.ndarray:
    """Whether the sun is below the horizon from the begin of each interval to its end."""
    return np.asarray(_sun(series, meter).max(axis=0) < _DARK)


def _sun(series: Regular, meter: Mapping[str, object]) -> np.ndarray:
    """Degrees of its height at the begin and the end of each interval, (2, n)."""
    lat, lon = (float(str(meter[name])) for name in ("lat", "lon"))
    return np.stack([sun_height(lat, lon, at) for at in (series.at, series.at + series.step)])


def _stuck(series: Regular, kind: str, limits: Limits) -> np.ndarray:
    """Runs longer than any that rounding makes, and than what stands still by nature."""
    values = series.values
    mask = np.zeros(len(values), dtype=bool)
    least = stuck_least(series, limits)
    known = values[~np.isnan(values)]
    at_an_end = {known.min(), known.max()} if kind in GIVING and len(known) else set()
    for begin, length in zip(*stuck(series, least), strict=True):
        if values[begin] not in at_an_end:
            # the first one was read; it is what followed that was not
            mask[begin + 1 : begin + length] = True
    return mask


def stuck_least(series: Regular, limits: Limits = LIMITS) -> int:
    """So many equal values are too many: by the clock, by their number, and four times the usual
    run where values are written coarsely."""
    values = series.values
    known = values[~np.isnan(values)]
    same = np.diff(known) == 0
    usual = 1.0
    if same.any():
        # of values that are repeated at all, those of stuck sensors are few
        usual = len(known) / max(len(known) - int(same.sum()), 1)
    least = limits.stuck_least[0] if series.step >= HOUR else limits.stuck_least[1]
    return int(max(least, np.ceil(4 * usual)))


def _dead_by_day(series: Regular, meter: Mapping[str, object]) -> np.ndarray:
    """Zeros of solar power for two intervals or more while the sun is well up."""
    if not {"lat", "lon"} <= set(meter):
        return np.zeros(len(series.values), dtype=bool)
    dead = (series.values == 0) & (_sun(series, meter).min(axis=0) > _BRIGHT)
    first, length = runs(dead)
    for begin, count in zip(first.tolist(), length.tolist(), strict=True):
        if count == 1:
            dead[begin] = False
    return np.asarray(dead)


def _zeros(
    series: Regular, meter: Mapping[str, object], kind: str, outages: pd.DataFrame | None
) -> np.ndarray:
    zero = series.values == 0
    if kind == "pv":
        return _dead_by_day(series, meter)
    if kind not in NEVER_ZERO:
        return np.zeros(len(zero), dtype=bool)
    if outages is not None and zero.any():
        at = series.at
        for begin, end in zip(outages["starts_at"], outages["ends_at"], strict=True):
            zero &= ~np.asarray((at + series.step > begin) & (at < end))
    # a net load may pass through 0 once
    first, length = runs(zero)
    neighbours = np.nanmedian(np.abs(series.values)) if (~np.isnan(series.values)).any() else 0.0
    for begin, count in zip(first.tolist(), length.tolist(), strict=True):
        around = series.values[[max(begin - 1, 0), min(begin + count, len(zero) - 1)]]
        if count == 1 and np.nanmin(np.append(np.abs(around), np.inf)) < 0.25 * neighbours:
            zero[begin] = False
    return np.asarray(zero)


__all__ = ["Suspect", "bound_kw", "stuck_least", "suspects"]
