"""Which values look wrong when they arrive, by what came before them and nothing else.

What a running forecast sees is judged here; days later both sides are known, and `cleaning` judges
the same values again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton_edge.wall_clock import DAY_S, HOUR_S

_BEFORE_H: Final = (24, 48, 168, 336)
_RATIO: Final = (0.7, 1.4)
"""How far the last day's level may move what stands in."""
_TO_SIGMA: Final = 1.4826
"""Scales the median absolute deviation to a normal sigma (Rousseeuw & Croux 1993)."""
_MOST_TO_SIGMA: Final = 1 / 1.645
"""The same for what nine of ten distances do not exceed: it counts where they are very unequal, as
of power that is 0 all night."""

_COARSE: Final = 0.01
"""Share of values that begin to repeat from which on values are written so coarsely that flat
hours look the same."""
FEWEST_BELOW: Final = 0.005
"""Share of values below 0 up to which they are faults, and the series knows no negative ones."""


@dataclass(frozen=True)
class ArrivalSpec:
    """spike_sigma, spike_share: a spike is further from the median of the same hour of earlier days
    than so many robust deviations of the last `memory_days`, and than this share of their level,
    and came at once; by_chance: a value other than 0 stands still once it was repeated more often
    than chance does with this probability; fewest_zeros: share of zeros up to which a zero is a
    gap; warm_days: days of a past that can judge; longest_h: hours that something stands in."""

    spike_sigma: float = 6.0
    spike_share: float = 0.25
    by_chance: float = 1e-4
    fewest_zeros: float = 0.02
    memory_days: int = 28
    warm_days: int = 7
    longest_h: float = 36.0


def doubted(
    values: np.ndarray, step_s: int, spec: ArrivalSpec, impossible: np.ndarray | None = None
) -> np.ndarray:
    """From which place on each value, one an interval and NaN for none, is not believed: its own
    where it looks wrong at once, a later one where what follows shows it, -1 for never.

    impossible: mask of values that cannot be, whatever others are; None for none.
    """
    beyond = np.zeros(len(values), dtype=bool) if impossible is None else impossible
    kept = np.where(beyond, np.nan, values)
    found = _stuck(kept, step_s, spec)
    at_once = beyond | _zero(kept, step_s, spec)
    # what stands still is no measure of others, once it is known to
    kept = np.where(at_once | (found >= 0), np.nan, kept)
    at_once |= _spike(kept, step_s, spec)
    return np.where(at_once, np.arange(len(values)), found)


def stand_ins(values: np.ndarray, step_s: int, spec: ArrivalSpec) -> np.ndarray:
    """What a value that did not come, or is not believed, is taken for when its time comes: that of
    the same hour a week before, or two, by how the last day compares with its own week before; NaN
    where none is known, or nothing came for too long. Days of the week keep their shape.

    values: those that are believed, NaN for others.
    """
    week, before = (_later(values, days * DAY_S // step_s) for days in (7, 14))
    like = np.where(np.isfinite(week), week, before)
    both = np.isfinite(values) & np.isfinite(like)
    now, then = (
        _last_day(np.where(both, np.abs(one), 0.0), step_s) for one in (values, np.nan_to_num(like))
    )
    enough = (_last_day(both.astype(np.float64), step_s) >= DAY_S / step_s / 4) & (then > 0)
    ratio = np.divide(now, then, out=np.ones(len(values)), where=enough)
    missing = ~np.isfinite(values)
    last = np.maximum.accumulate(np.where(missing, -1, np.arange(len(values))))
    is_short = (np.arange(len(values)) - last) * step_s <= spec.longest_h * HOUR_S
    found = like * np.clip(ratio, *_RATIO)
    return np.where(missing & is_short & (last >= 0), found, np.nan)


def _last_day(values: np.ndarray, step_s: int) -> np.ndarray:
    """Sum of the 24 hours before each place."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    return np.asarray(total[place] - total[np.maximum(place - DAY_S // step_s, 0)])


def _zero(values: np.ndarray, step_s: int, spec: ArrivalSpec) -> np.ndarray:
    """Zeros of what hardly ever was 0 before, and never below but for faults."""
    known = np.isfinite(values)
    count, zeros, below = (
        _before(np.cumsum(known & mask)) for mask in (True, values == 0, values < 0)
    )
    is_told = count * step_s >= spec.warm_days * DAY_S
    is_rare = (zeros <= spec.fewest_zeros * count) & (below <= FEWEST_BELOW * count)
    return np.asarray((values == 0) & is_told & is_rare)


def _stuck(values: np.ndarray, step_s: int, spec: ArrivalSpec) -> np.ndarray:
    """Where the run of repetitions that each belongs to became too long, its own place from there
    on, -1 for no such run; the first value of a run was read, and is believed."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    same = np.concatenate([[False], (values[1:] == values[:-1]) & (values[1:] != 0)])
    place = np.arange(len(values))
    begins = same & ~np.concatenate([[False], same[:-1]])
    count = np.maximum(_before(np.cumsum(np.isfinite(values))), 1)
    share = np.clip((_before(np.cumsum(begins)) + 1) / count, 1e-6, 0.9)
    first = np.maximum.accumulate(np.where(same, 0, place))
    # of a run, the share of repetitions before it counts
    most = np.ceil(np.log(spec.by_chance) / np.log(share[first]))
    usual = count / np.maximum(count - _before(np.cumsum(same)), 1)
    most = np.where(share[first] > _COARSE, np.maximum(most, 4 * usual[first]), most)
    is_told = count[first] * step_s >= spec.warm_days * DAY_S
    shown = same & (place - first >= np.maximum(most, 2)) & is_told
    run = np.cumsum(~same)
    at = np.full(int(run[-1]) + 1, -1)
    order = np.flatnonzero(shown)[::-1]
    at[run[order]] = order
    return np.where(same & (at[run] >= 0), np.maximum(at[run], place), -1)


def _spike(values: np.ndarray, step_s: int, spec: ArrivalSpec) -> np.ndarray:
    """Values that left at once what the same hour of earlier days says."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    around = _median([_later(values, hours * HOUR_S // step_s) for hours in _BEFORE_H])
    off = values - around
    sigma, middle = _spread(off, step_s, spec)
    level, _ = _spread(values, step_s, spec, about=0.0)
    moved = np.abs(values - _last_known(values))
    with np.errstate(invalid="ignore"):
        far = np.abs(off - middle) > np.maximum(spec.spike_sigma * sigma, spec.spike_share * level)
        return np.asarray(far & (moved > 0.5 * np.abs(off)))


def _spread(
    values: np.ndarray, step_s: int, spec: ArrivalSpec, about: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Robust deviation and median of the days before each value's, NaN while they are few; about a
    number, the median distance from it stands for the deviation."""
    a_day = max(1, DAY_S // step_s)
    n_days = -(-len(values) // a_day)
    spread, middle = np.full(n_days, np.nan), np.full(n_days, np.nan)
    for day in range(spec.warm_days, n_days):
        past = values[max(0, day - spec.memory_days) * a_day : day * a_day]
        past = past[np.isfinite(past)]
        if len(past) * step_s < spec.warm_days * DAY_S / 2:
            continue
        if about is None:
            middle[day] = np.median(past)
            usual, most = np.quantile(np.abs(past - middle[day]), [0.5, 0.9])
            spread[day] = max(_TO_SIGMA * usual, _MOST_TO_SIGMA * most)
        else:
            middle[day], spread[day] = about, np.median(np.abs(past - about))
    of_value = np.arange(len(values)) // a_day
    return spread[of_value], middle[of_value]


def _median(columns: list[np.ndarray]) -> np.ndarray:
    """Median of those known in each row, NaN where fewer than two are."""
    stack = np.stack(columns)
    some = np.isfinite(stack).sum(axis=0) >= 2
    found = np.full(stack.shape[1], np.nan)
    found[some] = np.nanmedian(stack[:, some], axis=0)
    return found


def _later(values: np.ndarray, steps: int) -> np.ndarray:
    """The value `steps` before each, NaN where there is none."""
    found = np.full(len(values), np.nan)
    if 0 < steps < len(values):
        found[steps:] = values[:-steps]
    return found


def _last_known(values: np.ndarray) -> np.ndarray:
    """The last value before each that is known, NaN where there is none."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    last = np.concatenate([[-1], last[:-1]])
    return np.where(last >= 0, values[np.maximum(last, 0)], np.nan)


def _before(values: np.ndarray) -> np.ndarray:
    """What stood one place earlier, 0 at first."""
    return np.concatenate([[0], values[:-1]]) if len(values) else values


__all__ = ["FEWEST_BELOW", "ArrivalSpec", "doubted", "stand_ins"]
