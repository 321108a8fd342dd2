"""Features of forecasts of the next minutes: the kernel of batch and stream.

A `NearWindow` is all that forecasts see: the last intervals of every series, unknown ones masked.
Values are read as they are and as gaps from what is usual at their time of day; neighbours, and
theirs, are averaged by weight over those that are known, so that a series without a past of its own
is told by what flows around it. Sums go term by term in a fixed order: a batch of a thousand
instants and a stream's single one get the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lepton_edge.habits import Habits, day_kind
from lepton_edge.near_beside import known_features
from lepton_edge.near_beside import mean_of as _mean
from lepton_edge.near_spec import NearSpec, OnsetRule
from lepton_edge.neighbours import NONE
from lepton_edge.wall_clock import DAY_S, HOUR_S, WallClock, weekday

_SHORT: Final = 3
"""Intervals of a short mean."""
_CUT: Final = 20.0
"""Gap, in units of the usual one, beyond which a series tells no more of the network."""
_NEXT: Final = 2
"""Intervals after the one ahead whose usual value tells where it is going."""


_SCORED: Final = 24
"""Of the forecasts of the next minutes one in so many is scored to calibrate by."""
_SPREAD: Final = 7


def is_scored(step: np.ndarray | int, code: np.ndarray) -> np.ndarray:
    """Whether forecasts issued in these intervals for these series are calibrated by: of each hour,
    and of each series, some."""
    return np.asarray((step * _SPREAD + code) % _SCORED == 0)


@dataclass(frozen=True, eq=False)
class NearWindow:
    """What forecasts issued at m instants see.

    step: (m,) int64, number since 1970 of the interval in which each is issued; past: (m, n,
    n_past) float64, the intervals before it of all n series, NaN where unknown then; known: column
    -> (m, n, n_back + n_ahead) as it stood then, n of 1 where all series have the same.
    """

    step: np.ndarray
    past: np.ndarray
    known: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NearFeatures:
    """Of m instants and n series, instant by instant: X (m * n, leads, names), shape (m * n,
    shape_names) float64, NaN for unknown; step (m * n, leads) number of each interval."""

    X: np.ndarray
    shape: np.ndarray
    step: np.ndarray


def near_features(
    spec: NearSpec, window: NearWindow, habits: Habits, clock: WallClock | None = None
) -> NearFeatures:
    """Features of every instant, series and lead, as the spec names them.

    clock: that of the spec's zone, where its rules are not this machine's.
    """
    clock = clock or WallClock(spec.zone)
    past = window.step[:, None] + np.arange(-spec.n_past, 0)
    usual = np.moveaxis(habits.at(spec, clock, past), -1, 1)
    gap = window.past - usual
    around = _around(spec, window.past, gap, habits)
    own = _own(spec, window.past, gap, habits)
    m, n = gap.shape[:2]
    known = known_features(spec.known, window.known, spec.n_back + spec.first_lead, n)
    always = _always(habits, m)
    shape = np.stack([*own, *around, *_network(gap, habits), *always, *known.shape], axis=-1)
    X = _ahead(spec, window, habits, clock, usual[..., -1], around[_near_at(spec)])
    if known.ahead:
        X = np.concatenate([X, np.stack(known.ahead, axis=-1)], axis=-1)
    leads = spec.first_lead + np.arange(spec.n_leads, dtype=np.int64)
    step = np.repeat(window.step[:, None] + leads, n, axis=0)
    return NearFeatures(
        X.reshape(m * n, spec.n_leads, -1), shape.reshape(m * n, -1), step.astype(np.int64)
    )


def flows_freely(names: Sequence[str], shape: np.ndarray, rule: OnsetRule) -> np.ndarray:
    """Whether a series' last readings are known and none of them is slow, (n,); shape: (n, names).

    Of intervals that are many in the time that counts those are read that are features; where none
    is one, the lowest of all that forecasts look back on.
    """
    low = rule.share * shape[:, names.index("free")]
    lags = range(rule.late + 1, rule.late + rule.steps + 1)
    read = [f"value_{lag}" for lag in lags if f"value_{lag}" in names] or ["min"]
    return np.asarray(np.all([shape[:, names.index(name)] >= low for name in read], axis=0))


def _near_at(spec: NearSpec) -> int:
    """Place of the newest mean gap of all neighbours among what is around."""
    return 2 * len(spec.around_lags)


def _own(spec: NearSpec, past: np.ndarray, gap: np.ndarray, habits: Habits) -> list[np.ndarray]:
    """What a series' own past tells, (m, n) each."""
    known = np.isfinite(past)
    short = _mean(past[..., -_SHORT:])
    mean = _mean(past)
    squares = _mean((past - mean[..., None]) ** 2)
    low = np.where(known, past, np.inf).min(axis=-1)
    high = np.where(known, past, -np.inf).max(axis=-1)
    return [
        *(past[..., -lag] for lag in spec.value_lags),
        *(gap[..., -lag] for lag in range(1, spec.n_past + 1)),
        short,
        mean,
        np.where(np.isfinite(low), low, np.nan),
        np.where(np.isfinite(high), high, np.nan),
        np.sqrt(squares),
        short - _mean(past[..., -2 * _SHORT : -_SHORT]),
        _mean(gap[..., -_SHORT:]),
        _mean(gap),
        past[..., -1] / habits.free,
        (~known).sum(axis=-1).astype(np.float64),
    ]


def _around(spec: NearSpec, past: np.ndarray, gap: np.ndarray, habits: Habits) -> list[np.ndarray]:
    """What neighbours tell, (m, n) each: their mean gaps, how these turn, and the lowest of their
    values over free flow."""
    codes, weights = spec.neighbours.arrays
    newest = max(spec.around_lags)
    back = gap[..., -newest:]
    up, down = (_side(back, codes[:, side], weights[:, side]) for side in (0, 1))
    n = len(codes)
    near = _side(back, codes.reshape(n, -1), weights.reshape(n, -1))
    far = _side(near, codes.reshape(n, -1), weights.reshape(n, -1))
    sides = (up, down, near, far)
    means = [side[..., -lag] for side in sides for lag in spec.around_lags]
    turns = [side[..., -1] - side[..., -newest] for side in sides]
    ratio = past[..., -newest:] / habits.free[:, None]
    lowest = [_lowest(ratio, codes[:, side]) for side in (0, 1)]
    return [*means, *turns, *(low[..., -lag] for low in lowest for lag in spec.around_lags[:2])]


def _side(gap: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean gap of each series' neighbours over those that are known, NaN where none is.

    gap: (m, n, lags); codes, weights: (n, k).
    """
    total, heavy = np.zeros(gap.shape), np.zeros(gap.shape)
    for at in range(codes.shape[1]):
        found = gap[:, codes[:, at]]
        weight = np.where(np.isfinite(found), weights[:, at, None], 0.0)
        total += weight * np.where(np.isfinite(found), found, 0.0)
        heavy += weight
    return np.asarray(np.divide(total, heavy, out=np.full(gap.shape, np.nan), where=heavy > 0))


def _lowest(ratio: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Lowest known ratio of each series' neighbours, NaN where none is known."""
    low = np.full(ratio.shape, np.inf)
    for at in range(codes.shape[1]):
        found = np.where((codes[:, at] == NONE)[:, None], np.nan, ratio[:, codes[:, at]])
        low = np.fmin(low, found)
    return np.where(np.isfinite(low), low, np.nan)


def _network(gap: np.ndarray, habits: Habits) -> list[np.ndarray]:
    """What all series tell together, the same for each: mean gap now and before, share known, and
    how many intervals ago the newest reading of any was."""
    found = []
    for lag in (1, min(4, gap.shape[-1])):
        own = gap[..., -lag]
        cut = np.clip(own, -_CUT * habits.spread, _CUT * habits.spread)
        found.append(np.repeat(_mean(np.ascontiguousarray(cut))[:, None], gap.shape[1], axis=1))
    some = np.isfinite(gap)
    known = some[..., -1].sum(axis=1) / gap.shape[1]
    newest = some.any(axis=1)[:, ::-1]
    age = np.where(newest.any(axis=1), newest.argmax(axis=1) + 1.0, gap.shape[-1] + 1.0)
    return [*found, *(np.repeat(one[:, None], gap.shape[1], axis=1) for one in (known, age))]


def _always(habits: Habits, m: int) -> list[np.ndarray]:
    """What a series is like, whatever the time."""
    told = (habits.free, habits.spread, habits.often_low)
    return [np.broadcast_to(one, (m, len(one))) for one in told]


def _ahead(
    spec: NearSpec,
    window: NearWindow,
    habits: Habits,
    clock: WallClock,
    usual_now: np.ndarray,
    near_gap: np.ndarray,
) -> np.ndarray:
    """(m, n, leads, AHEAD_NAMES): when each interval is, what was last, what is usual then."""
    leads = spec.first_lead + np.arange(spec.n_leads + _NEXT, dtype=np.int64)
    step = window.step[:, None] + leads
    usual = np.moveaxis(habits.at(spec, clock, step), -1, 1)
    habit, after = usual[..., : spec.n_leads], usual[..., _NEXT:]
    wall = clock.wall(step[:, : spec.n_leads] * spec.step_s)
    day = wall // DAY_S
    recent, age = _latest(window.past, usual_now, near_gap)
    m, n = recent.shape
    of_lead: Sequence[np.ndarray] = (
        np.broadcast_to((leads[: spec.n_leads] * spec.step_s) / HOUR_S, day.shape),
        wall % DAY_S / HOUR_S,
        weekday(day).astype(np.float64),
        (day_kind(spec, day) > 0).astype(np.float64),
    )
    grid = (m, n, spec.n_leads)
    return np.stack(
        [
            *(np.broadcast_to(one[:, None], grid) for one in of_lead),
            np.broadcast_to(recent[..., None], grid),
            habit,
            habit - recent[..., None],
            habit - usual_now[..., None],
            after - habit,
            np.broadcast_to(age[..., None] * (spec.step_s / 60), grid),
        ],
        axis=-1,
    )


def _latest(
    past: np.ndarray, usual_now: np.ndarray, near_gap: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The latest known value and how many intervals ago it was, (m, n); where there is none what
    is usual, moved by the neighbours' gap."""
    backward = past[..., ::-1]
    known = np.isfinite(backward)
    place = known.argmax(axis=-1)
    found = np.take_along_axis(backward, place[..., None], axis=-1)[..., 0]
    stand_in = usual_now + np.where(np.isfinite(near_gap), near_gap, 0.0)
    some = known.any(axis=-1)
    age = np.where(some, place + 1, past.shape[-1] + 1).astype(np.float64)
    return np.where(some, found, stand_in), age


__all__ = ["NearFeatures", "NearWindow", "flows_freely", "is_scored", "near_features"]
