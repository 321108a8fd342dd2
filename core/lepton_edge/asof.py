"""Features of forecasts, from what was known when they were issued: the kernel of batch and stream.

A `Window` is all that a forecast sees: the past of its series with everything masked that was not
available yet, and known columns as they stood then. Each row of it is turned into features by
itself, so a batch of a million issues and a stream's single one get the same bits. Lags go by the
wall clock: the value at the same local time of an earlier day, through every clock change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton_edge.asof_spec import COOLING_C, HEATING_C, MEANS_H, AsOfSpec, Known
from lepton_edge.wall_clock import DAY_S, HOUR_S, WallClock, day_of_year, weekday

LEVEL_DAYS = 28
WEEK_DAYS = 7
_ALIKE_DAYS = 14
_NEW_YEAR_DAYS = 20
_LEAST_KNOWN = 4
"""Values of the past from which a level may be taken."""


@dataclass(frozen=True, eq=False)
class Window:
    """What n forecasts see.

    step: (n,) int64, number since 1970 of the interval in which each is issued; past: (n, n_past)
    float64, the intervals before it, NaN where unknown then; known: column -> (n, n_back + n_ahead)
    as it stood then; typical: (n,) size of the quantity where its past does not tell, NaN for none.
    """

    step: np.ndarray
    past: np.ndarray
    known: dict[str, np.ndarray]
    typical: np.ndarray

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True, eq=False)
class Features:
    """X: (n, leads, features) float64, NaN for unknown, quantities in units of `scale` (n,);
    step: (n, leads) number of the interval that is forecast."""

    X: np.ndarray
    scale: np.ndarray
    step: np.ndarray


@dataclass(frozen=True, eq=False)
class _Lags:
    """Earlier values at the same wall time, (n, leads, days), and their places in the past."""

    values: np.ndarray
    place: np.ndarray

    def part(self, days: slice) -> _Lags:
        """Those of some of the days."""
        return _Lags(self.values[..., days], self.place[..., days])


def features(spec: AsOfSpec, window: Window, clock: WallClock | None = None) -> Features:
    """Features of every issue and lead, as `spec.names` calls them.

    clock: that of the spec's zone, where its rules are not this machine's.
    """
    clock = clock or WallClock(spec.zone)
    leads = spec.first_lead + np.arange(spec.n_leads, dtype=np.int64)
    step = window.step[:, None] + leads
    scale = level(spec, window)
    past = window.past / scale[:, None]
    utc_s = step * spec.step_s
    day = clock.day(utc_s)
    reach = spec.lead_days + _ALIKE_DAYS
    n_back = spec.n_weeks + spec.lead_days // WEEK_DAYS + 1
    back = np.concatenate([np.arange(1, reach + 1), WEEK_DAYS * np.arange(1, n_back + 1)])
    lags = _lags(spec, clock, past, window.step, utc_s, back)
    daily, weekly = lags.part(slice(reach)), lags.part(slice(reach, None))
    recent, week = _first_known(daily, spec.n_recent), _first_known(weekly, spec.n_weeks)
    alike = _first_known(_only_alike(spec, daily, day), spec.n_alike)
    at_recent, at_week = _step_of(spec, window, recent), _step_of(spec, window, week)
    age = (step - at_recent) * (spec.step_s / DAY_S)
    parts = [
        _calendar(spec, clock, step - window.step[:, None], utc_s, day, at_recent, at_week),
        np.repeat(_of_issue(spec, past)[:, None], spec.n_leads, axis=1),
        recent.values,
        week.values,
        alike.values,
        np.stack([_mean(weekly.values), _mean(daily.values[..., :WEEK_DAYS]), age], axis=-1),
        _neighbours(past, recent),
    ]
    for column in spec.known:
        parts.append(_known(spec, column, window, day, at_recent, at_week))
    return Features(np.concatenate(parts, axis=-1), scale, step)


def level(spec: AsOfSpec, window: Window) -> np.ndarray:
    """Mean size of the quantity over its last 28 days, the unit of its features; (n,), above 0."""
    last = np.abs(window.past[:, -LEVEL_DAYS * spec.a_day :])
    found = np.isfinite(last)
    count = found.sum(axis=1)
    total = np.where(found, last, 0.0).sum(axis=1)
    known = (count >= _LEAST_KNOWN) & (total > 0)
    mean = np.divide(total, count, out=np.full(len(total), np.nan), where=known)
    mean = np.where(known, mean, window.typical)
    return np.where(np.isfinite(mean) & (mean > 0), mean, 1.0)


def recent_shape(spec: AsOfSpec, window: Window, hours: int) -> np.ndarray:
    """The last `hours` hours' means in units of the level, (n, hours), latest last.

    Where an hour is not known, what was known a day, two days or a week earlier stands in, at last
    0. For networks, which read the past as a row.
    """
    n_hour = spec.an_hour(1)
    back = hours + WEEK_DAYS * 24
    rows = (window.past / level(spec, window)[:, None])[:, -back * n_hour :]
    missing = back * n_hour - rows.shape[1]
    if missing > 0:
        rows = np.concatenate([np.full((len(rows), missing), np.nan), rows], axis=1)
    means = _mean(rows.reshape(len(rows), back, n_hour))
    found = means[:, -hours:].copy()
    for days in (1, 2, WEEK_DAYS):
        earlier = means[:, back - hours - 24 * days : back - 24 * days]
        found = np.where(np.isfinite(found), found, earlier)
    return np.where(np.isfinite(found), found, 0.0)


def _lags(
    spec: AsOfSpec,
    clock: WallClock,
    past: np.ndarray,
    issued: np.ndarray,
    utc_s: np.ndarray,
    days: np.ndarray,
) -> _Lags:
    """Values `days` days before each target by the wall clock, NaN where unknown."""
    earlier = clock.earlier(utc_s[..., None], days)
    place = earlier // spec.step_s - (issued - spec.n_past)[:, None, None]
    return _Lags(_looked_up(past, place), place)


def _looked_up(rows: np.ndarray, place: np.ndarray) -> np.ndarray:
    """rows (n, w) at place (n, ...), NaN outside."""
    inside = (place >= 0) & (place < rows.shape[1])
    issue = np.arange(len(rows)).reshape(-1, *([1] * (place.ndim - 1)))
    return np.where(inside, rows[issue, np.where(inside, place, 0)], np.nan)


def _first_known(lags: _Lags, n: int) -> _Lags:
    """The first `n` known values along the last axis, NaN where there are fewer."""
    unknown = np.isnan(lags.values)
    if not unknown[..., :n].any():
        return _Lags(lags.values[..., :n], lags.place[..., :n])
    order = np.argsort(unknown, axis=-1, kind="stable")[..., :n]
    return _Lags(
        np.take_along_axis(lags.values, order, axis=-1),
        np.take_along_axis(lags.place, order, axis=-1),
    )


def _only_alike(spec: AsOfSpec, daily: _Lags, day: np.ndarray) -> _Lags:
    """Lags of days that are of the target's kind."""
    n_days = daily.values.shape[-1]
    earlier = day[..., None] - np.arange(1, n_days + 1)
    same = day_kind(spec, earlier) == day_kind(spec, day)[..., None]
    return _Lags(np.where(same, daily.values, np.nan), daily.place)


def day_kind(spec: AsOfSpec, day: np.ndarray) -> np.ndarray:
    """0 for a working day, 1 for a Saturday, 2 for a Sunday or a holiday."""
    of_week = weekday(day)
    kind = np.where(of_week == 5, 1, np.where(of_week == 6, 2, 0))
    return np.where(is_holiday(spec, day), 2, kind)


def is_holiday(spec: AsOfSpec, day: np.ndarray) -> np.ndarray:
    """Whether each local date is one of the spec's holidays."""
    dates = spec.holiday_dates
    if not len(dates):
        return np.zeros(day.shape, dtype=bool)
    at = np.minimum(np.searchsorted(dates, day), len(dates) - 1)
    return np.asarray(dates[at] == day)


def _step_of(spec: AsOfSpec, window: Window, lags: _Lags) -> np.ndarray:
    """Number of the interval of each first lag, that of the nearest day where none is known."""
    return np.asarray(lags.place[..., 0] + (window.step - spec.n_past)[:, None])


def _neighbours(past: np.ndarray, recent: _Lags) -> np.ndarray:
    """Values of the intervals before and after the latest known one at the same wall time."""
    place = recent.place[..., :1]
    found = _looked_up(past, place + np.array([-1, 1]))
    return np.where(np.isnan(recent.values[..., :1]), np.nan, found)


def _of_issue(spec: AsOfSpec, past: np.ndarray) -> np.ndarray:
    """What is the same for all leads: the last known values, the last day, the week's level."""
    place = np.broadcast_to(np.arange(past.shape[1]), past.shape)[:, ::-1][:, : 2 * spec.a_day]
    last = _first_known(_Lags(past[:, ::-1][:, : 2 * spec.a_day], place), 3).values
    end = past.shape[1] - _unknown_end(spec, past)
    day = _looked_up(past, end[:, None] - 1 - np.arange(spec.a_day))
    some = np.isfinite(day).any(axis=1)
    high = np.where(some, np.where(np.isfinite(day), day, -np.inf).max(axis=1), np.nan)
    low = np.where(some, np.where(np.isfinite(day), day, np.inf).min(axis=1), np.nan)
    week = _mean(past[:, -WEEK_DAYS * spec.a_day :])
    return np.concatenate([last, np.stack([_mean(day), high, low, week], axis=1)], axis=1)


def _unknown_end(spec: AsOfSpec, past: np.ndarray) -> np.ndarray:
    """How many intervals at the end of each row are not known yet; 0 where none is at all."""
    return np.asarray(np.isfinite(past[:, ::-1]).argmax(axis=1))


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean of what is known along the last axis, NaN where nothing is."""
    found = np.isfinite(values)
    count = found.sum(axis=-1)
    total = np.where(found, values, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _calendar(
    spec: AsOfSpec,
    clock: WallClock,
    lead: np.ndarray,
    utc_s: np.ndarray,
    day: np.ndarray,
    at_recent: np.ndarray,
    at_week: np.ndarray,
) -> np.ndarray:
    of_year, year = day_of_year(day)
    angle = 2 * np.pi * of_year / 365.25
    to_next = day_of_year(day + _NEW_YEAR_DAYS)
    new_year = np.where(to_next[1] > year, to_next[0] - _NEW_YEAR_DAYS, of_year)
    holiday, of_week = is_holiday(spec, day), weekday(day)
    before, after = is_holiday(spec, day + 1), is_holiday(spec, day - 1)
    bridge = ((of_week == 0) & before) | ((of_week == 4) & after)
    recent_day = clock.day(at_recent * spec.step_s)
    columns = [
        lead * (spec.step_s / HOUR_S),
        (clock.wall(utc_s) - day * DAY_S) / HOUR_S,
        of_week,
        np.sin(angle),
        np.cos(angle),
        np.sin(2 * angle),
        np.cos(2 * angle),
        np.clip(new_year, -_NEW_YEAR_DAYS, _NEW_YEAR_DAYS),
        day_kind(spec, day) > 0,
        holiday,
        before,
        after,
        bridge & ~holiday,
        day_kind(spec, recent_day) > 0,
        is_holiday(spec, clock.day(at_week * spec.step_s)),
    ]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=-1)


def _known(
    spec: AsOfSpec,
    column: Known,
    window: Window,
    day: np.ndarray,
    at_recent: np.ndarray,
    at_week: np.ndarray,
) -> np.ndarray:
    rows = window.known[column.name]
    first = spec.n_back + spec.first_lead
    ahead = slice(first, first + spec.n_leads)
    day_mean = _trailing(rows, spec.an_hour(24))
    if column.is_brief:
        found = [rows[:, ahead], day_mean[:, ahead]]
    else:
        start = window.step[:, None] - spec.n_back
        to = {"recent": at_recent - start, "week": at_week - start}
        found = [rows[:, ahead]]
        found += [_trailing(rows, spec.an_hour(hours))[:, ahead] for hours in MEANS_H]
        found += _day_range(rows[:, ahead], day)
        found += [rows[:, ahead] - _looked_up(rows, place) for place in to.values()]
        found.append(day_mean[:, ahead] - _looked_up(day_mean, to["recent"]))
    if column.is_temperature:
        now = rows[:, ahead]
        found += [np.maximum(HEATING_C - now, 0.0), np.maximum(now - COOLING_C, 0.0)]
    return np.stack(found, axis=-1)


def _trailing(rows: np.ndarray, width: int) -> np.ndarray:
    """Mean of the known values of each interval and the `width` - 1 before it."""
    known = np.isfinite(rows)
    total = np.cumsum(np.where(known, rows, 0.0), axis=1)
    count = np.cumsum(known, axis=1)
    if width < rows.shape[1]:
        total[:, width:] -= total[:, :-width].copy()
        count[:, width:] -= count[:, :-width].copy()
    return np.asarray(np.divide(total, count, out=np.full(rows.shape, np.nan), where=count > 0))


def _day_range(rows: np.ndarray, day: np.ndarray) -> list[np.ndarray]:
    """Largest and smallest value of each target's local day, as far as it is forecast."""
    high, low = np.full(rows.shape, np.nan), np.full(rows.shape, np.nan)
    known = np.isfinite(rows)
    number = day - day[:, :1]
    for which in range(int(number.max(initial=-1)) + 1):
        inside = number == which
        seen = inside & known
        some = seen.any(axis=1)[:, None]
        top = np.where(seen, rows, -np.inf).max(axis=1)[:, None]
        bottom = np.where(seen, rows, np.inf).min(axis=1)[:, None]
        high = np.where(inside & some, top, high)
        low = np.where(inside & some, bottom, low)
    return [high, low]


__all__ = ["Features", "Window", "day_kind", "features", "is_holiday", "level", "recent_shape"]
