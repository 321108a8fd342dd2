"""What interactions look like along time: days without any, weeks unlike the others, history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.model import Severity, Violation
from solutions.retail_recommendation.findings import when
from solutions.retail_recommendation.limits import Limits

DAY: Final = pd.Timedelta(days=1)
CLOSED: Final = 0.9
"""Share of days without events from which the shop counts as closed on that weekday."""
FEW_A_DAY: Final = 5.0
"""Events of a median day below which single days say nothing."""
WEEKS: Final = 8


def time_violations(rows: pd.DataFrame, limits: Limits) -> Iterator[Violation]:
    """Days in a row without events, the newest whole week, and the length of the history."""
    counts = by_day(rows["event_at"])
    if not len(counts):
        return
    yield from _silence(counts, limits)
    yield from _week(counts, limits)
    yield from _span(rows["event_at"], limits)


def by_day(at: pd.Series) -> pd.Series:
    """Events of each day (UTC) from the first to the last."""
    days: pd.Series = at.dt.floor("D").value_counts()
    if days.empty:
        return days
    every = pd.date_range(days.index.min(), days.index.max(), freq="D")
    return pd.Series(days.reindex(every).fillna(0.0))


def closed_weekdays(counts: pd.Series) -> frozenset[int]:
    """Weekdays (0 is Monday) on which nothing happens, as a rule."""
    empty = (counts == 0).groupby(pd.DatetimeIndex(counts.index).day_of_week).agg(["mean", "size"])
    return frozenset(empty.index[(empty["mean"] >= CLOSED) & (empty["size"] >= 4)].tolist())


def _silence(counts: pd.Series, limits: Limits) -> Iterator[Violation]:
    weekday = pd.DatetimeIndex(counts.index).day_of_week
    open_days = counts[~weekday.isin(closed_weekdays(counts))]
    if not len(open_days) or open_days.median() < FEW_A_DAY:
        return
    silent = (open_days == 0).to_numpy()
    run = np.cumsum(~silent)[silent]
    if not len(run):
        return
    lengths = np.bincount(run)
    longest = int(lengths.max())
    warn, fail = limits.silent_d
    if longest <= warn:
        return
    first = open_days.index[silent][run == lengths.argmax()][0]
    yield Violation(
        "LK2175",
        f"lacks all events on {longest} days in a row, at most {fail if longest > fail else warn:g}"
        " are usual",
        "interactions",
        "event_at",
        Severity.TABLE if longest > fail else Severity.WARNING,
        longest,
        0,
        (f"from {when(first)}",),
        "deliver what is missing; days on which the shop is always closed do not count",
    )


def _week(counts: pd.Series, limits: Limits) -> Iterator[Violation]:
    """The newest seven whole days by the mean of the weeks before; the last day may be a part."""
    whole = counts.iloc[:-1]
    weeks = np.array([whole.iloc[-7 * n - 7 : -7 * n or None].sum() for n in range(WEEKS + 1)])
    usual = float(weeks[1:].mean())
    if len(whole) < 7 * (WEEKS + 1) or usual < 7 * FEW_A_DAY:
        return
    change = float(weeks[0]) / usual - 1
    warn, fail = limits.week
    # twice as much is as far from usual as half of it, which is how Christmas comes
    apart = change if change < 0 else 1 - usual / float(weeks[0])
    if abs(apart) <= warn:
        return
    yield Violation(
        "LK2175",
        f"has {change:+.0%} events in the newest week against the {WEEKS} before",
        "interactions",
        "event_at",
        Severity.TABLE if abs(apart) > fail else Severity.WARNING,
        int(weeks[0]),
        0,
        (f"{weeks[0]:,.0f}, {usual:,.0f} are usual",),
        "look for a delivery that is a part, or sent twice",
    )


def _span(at: pd.Series, limits: Limits) -> Iterator[Violation]:
    days = (at.max() - at.min()) / DAY
    warn, fail = (spans * limits.horizon_d for spans in limits.spans)
    if days >= warn:
        return
    yield Violation(
        "LK2179",
        f"has {days:.0f} days of history, {fail if days < fail else warn:g} are needed"
        f"{'' if days < fail else ' for choices that hold'}",
        "interactions",
        "event_at",
        Severity.TABLE if days < fail else Severity.WARNING,
        len(at),
        0,
        (f"from {when(at.min())} to {when(at.max())}",),
        "deliver a longer history",
    )


__all__ = ["by_day", "closed_weekdays", "time_violations"]
