"""What the network must keep to as a whole: gaps, detectors alive, days that are like others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.findings import when
from lepton.contracts.local_time import ClockChange, clock_changes, count_by_day, local_days
from lepton.contracts.model import Severity, Violation
from lepton.contracts.regular import runs
from solutions.traffic_forecasting.limits import Limits
from solutions.traffic_forecasting.sensor_checks import Detectors

_EXAMPLES: Final = 3
_HOUR: Final = pd.Timedelta(hours=1)
_WEEKS: Final = 4
"""Weeks whose same weekday a day's mean speed is compared with."""
LEAST_SD_KMH: Final = 0.8
"""Deviation between the same weekdays that is taken at least: four of them may agree by chance."""
_MAD_TO_SIGMA: Final = 1.4826
"""Scales the median absolute deviation to a normal sigma (Rousseeuw & Croux 1993)."""


def network_violations(detectors: Detectors, limits: Limits) -> Iterator[Violation]:
    """Every rule that the detectors break together."""
    yield from _gaps(detectors, limits)
    yield from _alive(detectors, limits)
    yield from _zeros(detectors)
    yield from _clock_days(detectors)
    yield from _shifts(detectors, limits)
    yield from _nights(detectors, limits)


def _gaps(detectors: Detectors, limits: Limits) -> Iterator[Violation]:
    """Intervals in which nobody reads anything; the table is refused where it ends with such."""
    grid = detectors.grid
    first, length = runs(~np.isfinite(grid.speed).any(axis=1))
    warn, fail = limits.network_gap
    for least, most in ((warn, fail), (fail, np.inf)):
        these = (length > least) & (length <= most)
        if not these.any():
            continue
        ends = bool((first[these] + length[these] == grid.n_steps).any()) and least == fail
        about = ": nothing can be forecast from its end" if ends else ""
        shown = tuple(
            f"{n} from {when(grid.at[at])}"
            for at, n in list(zip(first[these].tolist(), length[these].tolist(), strict=True))
        )
        yield Violation(
            "LK269",
            f"has no speed of any detector for over {least} intervals{about}",
            "readings",
            "speed_kmh",
            Severity.TABLE if ends else Severity.WARNING,
            int(length[these].sum()),
            grid.n_steps,
            shown[:_EXAMPLES],
            "look at the control centre; nothing is learnt of such times",
        )


def _alive(detectors: Detectors, limits: Limits) -> Iterator[Violation]:
    """Share of detectors that gave believable speeds for most of the last 24 hours."""
    grid = detectors.grid
    last = np.isfinite(detectors.believed[-grid.a_day :])
    dead = last.mean(axis=0) < limits.missing_day[1]
    share = 1 - float(dead.mean())
    warn, fail = limits.alive
    if share < warn:
        names = [name for name, is_dead in zip(grid.ids, dead, strict=True) if is_dead]
        yield Violation(
            "LK271",
            f"has less than {fail if share < fail else warn:.0%} of detectors alive in the last "
            f"24 h: {share:.0%}",
            "readings",
            "sensor_id",
            Severity.TABLE if share < fail else Severity.WARNING,
            int(dead.sum()),
            0,
            tuple(names[:_EXAMPLES]),
            "look at their lines; the others are forecast, with less of their neighbours",
        )


def _zeros(detectors: Detectors) -> Iterator[Violation]:
    """Speeds of 0 at which nobody stands."""
    grid = detectors.grid
    count = int(grid.zero.sum())
    if count:
        worst = grid.zero.sum(axis=0)
        column = int(worst.argmax())
        yield Violation(
            "LK273",
            "is 0 although no vehicle stands: counted as missing",
            "readings",
            "speed_kmh",
            Severity.WARNING,
            count,
            int(grid.told.sum()),
            (f"{grid.ids[column]}: {int(worst[column]):,}",),
            "send what was missing as missing; deliver occupancy or flow so that those who stand "
            "are told from those who do not",
        )


def _clock_days(detectors: Detectors) -> Iterator[Violation]:
    """Days of the changing clock that have not 23 or 25 hours, or lack the hour that is skipped."""
    grid, zone = detectors.grid, detectors.zone
    if zone is None:
        return
    step = pd.Timedelta(seconds=grid.step_s)
    present = grid.at[np.flatnonzero(grid.told.any(axis=1))]
    counts = count_by_day(present, zone, step)
    for change in clock_changes(zone, grid.at[0], grid.at[-1]):
        (day,) = local_days(pd.DatetimeIndex([change.at - pd.Timedelta(seconds=1)]), zone)
        whole = counts[counts.index == day]
        found, expected = (int(whole[name].sum()) for name in ("found", "expected"))
        lacks = change.skips and _lacks_skipped(present, change, zone)
        if found == expected and not lacks:
            continue
        shown = f"{day:%Y-%m-%d} in {zone} has {found} of {expected} intervals"
        if lacks:
            yield _wrong_day(
                "lacks the hour that a local clock skips: local times were read as UTC",
                int(change.by / step),
                f"nothing from {when(_as_if_utc(change, zone))} for {change.by / _HOUR:g} h",
                f"write `zone: {zone}` for event_at in the mapping",
                Severity.TABLE,
            )
        else:
            yield _wrong_day(
                "has another number of intervals on a day of the changing clock",
                abs(expected - found),
                shown,
                "export with an offset or in UTC, or write `ambiguous: order` where both hours of "
                "autumn are there",
                Severity.WARNING,
            )


def _as_if_utc(change: ClockChange, zone: str) -> pd.Timestamp:
    """The instant at which UTC shows what the local clock showed when it was changed."""
    before = (change.at - pd.Timedelta(seconds=1)).tz_convert(zone).tz_localize(None)
    return (before + pd.Timedelta(seconds=1)).tz_localize("UTC")


def _lacks_skipped(present: pd.DatetimeIndex, change: ClockChange, zone: str) -> bool:
    """Whether just the hour is absent in UTC that the local clock does not show."""
    first, by = _as_if_utc(change, zone), change.by
    inside = present[(present >= first) & (present < first + by)]
    around = [present[(present >= one) & (present < one + by)] for one in (first - by, first + by)]
    return not len(inside) and all(len(one) for one in around)


def _wrong_day(rule: str, count: int, shown: str, remedy: str, severity: Severity) -> Violation:
    return Violation("LK278", rule, "readings", "event_at", severity, count, 0, (shown,), remedy)


def _shifts(detectors: Detectors, limits: Limits) -> Iterator[Violation]:
    """Days whose mean speed is far from that of the same weekdays of the four weeks before."""
    daily = _daily_speed(detectors)
    shown = []
    for day, speed in daily.items():
        assert isinstance(day, pd.Timestamp)
        same = daily.reindex([day - pd.Timedelta(weeks=n) for n in range(1, _WEEKS + 1)]).dropna()
        if len(same) < _WEEKS:
            continue
        middle = float(same.median())
        spread = max(_MAD_TO_SIGMA * float((same - middle).abs().median()), LEAST_SD_KMH)
        if abs(speed - middle) > limits.shift_sd * spread:
            shown.append(f"{day:%Y-%m-%d}: {speed:.1f} km/h, usually {middle:.1f}")
    if shown:
        yield Violation(
            "LK277",
            f"is over {limits.shift_sd:g} robust deviations from the same weekdays of {_WEEKS} "
            "weeks before, in its mean of a day",
            "readings",
            "speed_kmh",
            Severity.WARNING,
            len(shown),
            len(daily),
            tuple(shown[:_EXAMPLES]),
            "look for a change of unit (mph, km/h) or of detectors; a holiday or a storm explains "
            "it as well",
        )


def _daily_speed(detectors: Detectors) -> pd.Series:
    """Mean over detectors and intervals of each local day with most of its readings."""
    speed = detectors.believed
    there = np.isfinite(speed)
    frame = pd.DataFrame(
        {
            "day": detectors.grid.local_day(detectors.zone or "UTC"),
            "total": np.where(there, speed, 0.0).sum(axis=1),
            "count": there.sum(axis=1),
        }
    )
    days = frame.groupby("day")[["total", "count"]].sum()
    days = days[days["count"] > 0.5 * days["count"].max()]
    return pd.Series(days["total"] / days["count"])


def _nights(detectors: Detectors, limits: Limits) -> Iterator[Violation]:
    """Congestion at hours at which there is none: a clock in another zone, or another unit."""
    grid, zone = detectors.grid, detectors.zone
    if zone is None:
        return
    speed, hour = detectors.believed, grid.local_hour(zone)
    first, last = limits.night_h
    night = (hour >= first) & (hour < last)
    some = np.isfinite(speed).any(axis=0)
    if not night.any() or not some.any():
        return
    free = np.nanquantile(speed[:, some], limits.free_quantile, axis=0)
    with np.errstate(invalid="ignore"):
        jam = speed[night][:, some] < limits.congested * free
    known = np.isfinite(speed[night][:, some])
    share = float(jam.sum() / max(known.sum(), 1))
    if share > limits.night_share:
        worst = int(np.flatnonzero(some)[int((jam.sum(axis=0)).argmax())])
        yield Violation(
            "LK277",
            f"is congested between {first} and {last} h in over {limits.night_share:.0%} of "
            f"readings: {share:.0%}",
            "readings",
            "speed_kmh",
            Severity.WARNING,
            int(jam.sum()),
            int(known.sum()),
            (grid.ids[worst],),
            "check the zone of event_at and tz in sensors: nights are usually empty",
        )


__all__ = ["network_violations"]
