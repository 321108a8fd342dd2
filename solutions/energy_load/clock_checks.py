"""Days on which the clock changes: 23 or 25 hours long, whatever zone, and nothing else absent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from lepton.contracts.findings import Finding, when
from lepton.contracts.local_time import ClockChange, clock_changes, count_by_day, local_days
from lepton.contracts.regular import Regular
from solutions.energy_load.limits import Limits
from solutions.energy_load.meter_checks import Metered
from solutions.energy_load.power import HOUR

SELDOM: Final = 0.003
"""Share of values equal to the one before below which two equal hours are a copy, no chance."""


def clock_findings(meter: Metered, limits: Limits) -> Iterator[Finding]:
    """What is wrong with the days of a meter on which the clock of its zone changes.

    In UTC nothing is absent in spring and nothing comes twice in autumn. An hour that is absent
    just where the clock shows the skipped one tells of local times that were read as UTC.
    """
    zone, series = str(meter.known.get("tz", "")), meter.series
    # a zone that is none is told of the register
    if zone not in available_timezones():
        return
    changes = clock_changes(zone, series.first, series.first + len(series.values) * series.step)
    counts = count_by_day(series.at[~np.isnan(series.values)], zone, series.step)
    for change in changes:
        (day,) = local_days(pd.DatetimeIndex([change.at - pd.Timedelta(seconds=1)]), zone)
        whole = counts[counts.index == day]
        found, expected = (int(whole[name].sum()) for name in ("found", "expected"))
        # west of Greenwich the hour that UTC lacks lies in the local day before
        lacks = change.skips and _absent(series, _as_if_utc(change, zone), change.by)
        if found != expected or lacks:
            shown = f"{day:%Y-%m-%d} in {zone} has {found} of {expected} intervals"
            count = abs(expected - found)
            if not count:
                count = round(change.by / series.step)
                shown = f"nothing from {when(_as_if_utc(change, zone))} for {change.by / HOUR:g} h"
            yield from _wrong_length(meter, change, zone, count, shown)
        if not change.skips and _same_twice(series, change):
            yield meter.finding(
                "LK245",
                "tells the same twice in the hour that comes twice: collapsed",
                int(-change.by / series.step),
                f"{-change.by / HOUR:g} h before and after {when(change.at)}",
                "export with an offset or in UTC: one of the two hours was copied",
            )


def _wrong_length(
    meter: Metered, change: ClockChange, zone: str, count: int, shown: str
) -> Iterator[Finding]:
    series = meter.series
    if change.skips and _absent(series, _as_if_utc(change, zone), change.by):
        yield meter.finding(
            "LK244",
            "lacks the hour that a local clock skips: local times were read as UTC",
            count,
            shown,
            f"write `zone: {zone}` for event_at in the mapping",
            is_unfit=True,
        )
    elif not change.skips and _one_side_absent(series, change):
        yield meter.finding(
            "LK245",
            "has one of the two hours that come twice: collapsed",
            count,
            shown,
            "export with an offset or in UTC, or write `ambiguous: order` where both are there",
        )
    else:
        yield meter.finding(
            "LK244",
            "has another number of intervals on a day of the changing clock",
            count,
            shown,
            "look at the export of that day",
        )


def _as_if_utc(change: ClockChange, zone: str) -> pd.Timestamp:
    """The instant at which UTC shows what the local clock showed when it was changed."""
    before = (change.at - pd.Timedelta(seconds=1)).tz_convert(zone).tz_localize(None)
    return (before + pd.Timedelta(seconds=1)).tz_localize("UTC")


def _values(series: Regular, first: pd.Timestamp, span: pd.Timedelta) -> np.ndarray:
    """The values of a span; NaN beyond the series."""
    begin, count = round((first - series.first) / series.step), round(span / series.step)
    places = np.arange(begin, begin + count)
    inside = (places >= 0) & (places < len(series.values))
    return np.where(inside, series.values[np.clip(places, 0, len(series.values) - 1)], np.nan)


def _absent(series: Regular, first: pd.Timestamp, span: pd.Timedelta) -> bool:
    """Whether just this span is absent: its neighbours are there."""
    inside = _values(series, first, span)
    around = [_values(series, at, series.step) for at in (first - series.step, first + span)]
    return bool(np.isnan(inside).all() and len(inside) and not np.isnan(around).any())


def _one_side_absent(series: Regular, change: ClockChange) -> bool:
    before = np.isnan(_values(series, change.at + change.by, -change.by))
    after = np.isnan(_values(series, change.at, -change.by))
    return bool(before.all() != after.all())


def _same_twice(series: Regular, change: ClockChange) -> bool:
    """Whether both hours hold the same values, in a series that hardly ever repeats itself."""
    if float((np.diff(series.values) == 0).mean()) > SELDOM:
        return False
    before = _values(series, change.at + change.by, -change.by)
    after = _values(series, change.at, -change.by)
    same = len(before) > 0 and np.array_equal(before, after)
    return bool(same and before.any())


__all__ = ["clock_findings"]
