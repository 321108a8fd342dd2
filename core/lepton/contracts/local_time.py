"""Local clocks: when they change, how long a day is, and which instant a local time means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_DAY = pd.Timedelta(days=1)
_LOOK_EVERY = "15min"


@dataclass(frozen=True)
class ClockChange:
    """One change of a zone's clock: its instant, and by how much clocks go forward (back where
    negative)."""

    at: pd.Timestamp
    by: pd.Timedelta

    @property
    def skips(self) -> bool:
        """Whether local times are left out, as in spring; else they come twice."""
        return self.by > pd.Timedelta(0)


def clock_changes(zone: str, first: pd.Timestamp, last: pd.Timestamp) -> tuple[ClockChange, ...]:
    """Every change of the zone's clock after `first` and not after `last`, in order.

    Clocks have been changed on whole quarter hours of UTC in every zone since 1972.
    """
    if first >= last:
        return ()
    at = pd.date_range(first.floor("D"), last.ceil("D"), freq=_LOOK_EVERY)
    local = at.tz_convert(zone).tz_localize(None)
    ahead = (local - at.tz_localize(None)).to_numpy()
    changed = (np.flatnonzero(ahead[1:] != ahead[:-1]) + 1).tolist()
    found = (ClockChange(at[n], pd.Timedelta(ahead[n] - ahead[n - 1])) for n in changed)
    return tuple(one for one in found if first < one.at <= last)


def day_begins(days: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """The instant (UTC) at which each local day begins: its first, where midnight comes twice, and
    the end of the skipped time where it does not come at all. `days`: naive midnights."""
    twice = np.ones(len(days), dtype=bool)
    begins = days.tz_localize(zone, ambiguous=twice, nonexistent="shift_forward")
    return begins.tz_convert("UTC")


def intervals_a_day(days: pd.DatetimeIndex, zone: str, step: pd.Timedelta) -> np.ndarray:
    """How many intervals of `step` each local day has: 23, 24 or 25 of an hour in most zones."""
    length = day_begins(days + _DAY, zone) - day_begins(days, zone)
    return np.asarray(np.round(length / step)).astype(np.int64)


def local_days(at: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """The local day of each instant, as a naive midnight."""
    return at.tz_convert(zone).tz_localize(None).normalize()


def count_by_day(at: pd.DatetimeIndex, zone: str, step: pd.Timedelta) -> pd.DataFrame:
    """Index: each local day from the first whole to the last whole one; `expected` and `found`
    intervals of it, copies counted once."""
    if not len(at):
        return pd.DataFrame({"expected": [], "found": []})
    days = local_days(at.unique(), zone)
    counts = pd.Series(1, index=days).groupby(level=0).sum()
    whole = pd.date_range(days.min(), days.max(), freq="D")
    begins, ends = day_begins(whole, zone), day_begins(whole + _DAY, zone)
    whole = whole[(begins >= at.min()) & (ends <= at.max() + step)]
    return pd.DataFrame(
        {
            "expected": intervals_a_day(whole, zone, step),
            "found": counts.reindex(whole, fill_value=0).to_numpy(),
        },
        index=whole,
    )


def first_of_two(times: pd.Series, series: pd.Series | None) -> np.ndarray:
    """Of naive local times that a clock shows twice: True where a row has the earlier of both.

    Rows of one of `series` (all are of one where None) are in the order of time or against it; the
    first of two that tell the same time is then the earlier or the later one. A time that is there
    once only counts as the earlier.
    """
    of = pd.Series(0, index=times.index) if series is None else series.fillna("").astype("str")
    frame = pd.DataFrame({"time": times.to_numpy(), "of": of.to_numpy()})
    grouped = frame.groupby(["of", "time"], sort=False)
    place, count = grouped.cumcount().to_numpy(), grouped["time"].transform("size").to_numpy()
    step = frame.groupby("of", sort=False)["time"].diff()
    way = np.sign(step.dt.total_seconds()).groupby(frame["of"]).transform("sum")
    backwards = way.to_numpy() < 0
    return np.where(count < 2, True, np.where(backwards, place > 0, place == 0))


__all__ = [
    "ClockChange",
    "clock_changes",
    "count_by_day",
    "day_begins",
    "first_of_two",
    "intervals_a_day",
    "local_days",
]
