"""Dirty histories: what is no measurement is marked, gaps are bridged, each change is told.

A spike lies far from what the neighbouring days say, a stuck meter repeats itself, a zero where
there never is one is a gap. Nothing is deleted: a value gets a quality and, where the past is
needed whole, a stand-in that nobody learns from or is judged by. A verdict takes days on both
sides, so it is an edition that comes a week later; until then counts what `arrivals` says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.regular import Regular, spikes
from lepton.forecast.arrivals import FEWEST_BELOW, ArrivalSpec, doubted, stand_ins
from lepton.forecast.panel import (
    IMPUTED,
    MISSING,
    OK,
    SUSPECT,
    PanelDataset,
    seconds_of,
    steps_of,
)
from lepton_edge.wall_clock import DAY_S, HOUR_S

_AROUND_H: Final = (-168, -48, -24, 24, 48, 168)
_FIRST: Final = pd.Timestamp(0, tz="UTC")
_WARM_S: Final = 28 * DAY_S
"""What deviations and shares are measured over."""
IMPOSSIBLE: Final = "impossible"
AUDIT: Final = ("series_id", "ts", "reason", "before", "after", "quality")


@dataclass(frozen=True)
class CleanSpec:
    """spike_sigma, spike_share: a spike is further from the median of its neighbours' days than so
    many robust deviations, and than this share of the level; stuck_h: hours of one unchanging
    value other than 0; fewest_zeros: share of zeros up to which zeros are gaps; longest_h: gaps up
    to so many hours are bridged; verdict_h: hours until a verdict with days on both sides;
    arrivals: what is believed until then."""

    spike_sigma: float = 6.0
    spike_share: float = 0.25
    stuck_h: float = 4.0
    fewest_zeros: float = 0.02
    longest_h: float = 72.0
    verdict_h: float = 168.0
    arrivals: ArrivalSpec = field(default_factory=ArrivalSpec)


@dataclass(frozen=True, eq=False)
class Cleaned:
    """The panel with qualities and stand-ins; audit: the columns `AUDIT` of each changed value,
    after is NaN where nothing stands in."""

    panel: PanelDataset
    audit: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Judged:
    """One series on its grid: before: as delivered; kept: NaN where it is not believed; reason: why
    a value was changed, "" for no reason; there_s: UTC seconds at which each value came."""

    start: int
    before: np.ndarray
    kept: np.ndarray
    reason: np.ndarray
    there_s: np.ndarray


def untouched(panel: PanelDataset) -> Cleaned:
    """The panel as it is, with what it says itself to be no measurement; where its rows tell
    `reason`, why."""
    rows = panel.rows
    if "quality" not in rows:
        return Cleaned(panel, pd.DataFrame(columns=list(AUDIT)))
    marked = rows[rows["quality"].isin([MISSING, SUSPECT])].reset_index(drop=True)
    plain = np.where(marked["quality"] == MISSING, "missing", "suspect")
    reason = marked["reason"] if "reason" in marked else pd.Series(plain, dtype="str")
    audit = marked.assign(reason=reason, before=marked["y"], after=np.nan)
    return Cleaned(panel, audit[list(AUDIT)])


def clean(panel: PanelDataset, spec: CleanSpec | None = None) -> Cleaned:
    """Judge and bridge each series by itself.

    Where rows carry `reason` (why `y` is not the value `before` that came, "" for no reason) and
    `quality`, that is the verdict; others are judged here. What is `impossible` is not believed
    when it comes. What a forecast sees of a value less than `spec.verdict_h` old is judged by the
    past alone; it never sees a verdict before its time.
    """
    spec = spec or CleanSpec()
    rows, firsts, audits = [], [], []
    for name, own in panel.rows.groupby("series_id", sort=False):
        own = _in_time(own)
        judged = _verdict(own, panel, spec)
        impossible = judged.reason == IMPOSSIBLE
        doubts = doubted(judged.before, panel.step_s, spec.arrivals, impossible)
        made, first, audit = _editions(panel, str(name), judged, doubts, spec)
        rows.append(made)
        firsts += [first, _earlier(own)]
        audits.append(audit)
    if not rows:
        return Cleaned(panel, pd.DataFrame(columns=list(AUDIT)))
    whole = pd.concat(rows, ignore_index=True)
    known = replace(panel, rows=whole, firsts=pd.concat(firsts, ignore_index=True))
    return Cleaned(known, pd.concat(audits, ignore_index=True))


def _verdict(rows: pd.DataFrame, panel: PanelDataset, spec: CleanSpec) -> _Judged:
    """What is to be believed of one series, with days on both sides; the latest editions count."""
    last, step_s = rows.drop_duplicates("ts", keep="last"), panel.step_s
    there_s = _there_s(last, panel)
    if "reason" in rows:
        return _told(last, step_s, there_s)
    told, start = _gridded(last, step_s)
    reason = np.full(len(told), "", dtype=object)
    reason[np.isnan(told)] = "missing"
    kept = told.copy()
    for name, found in (
        ("zero", is_false_zero(kept, step_s, spec)),
        ("stuck", is_stuck(kept, step_s, spec)),
    ):
        reason[found & (reason == "")] = name
        kept[found] = np.nan
    found = is_spike(kept, step_s, spec)
    reason[found & (reason == "")] = "spike"
    kept[found] = np.nan
    return _Judged(start, told, kept, reason, there_s)


def _told(rows: pd.DataFrame, step_s: int, there_s: np.ndarray) -> _Judged:
    """The verdict that the rows carry."""
    before, start = _gridded(rows.assign(y=rows["before"]), step_s)
    believed = rows["quality"].isin((OK, IMPUTED)) & rows["y"].notna()
    kept, _ = _gridded(rows.assign(y=rows["y"].where(believed)), step_s)
    reason = np.full(len(kept), "missing", dtype=object)
    reason[steps_of(rows["ts"], step_s) - start] = rows["reason"].to_numpy(dtype=object)
    reason[np.isnan(kept) & (reason == "")] = "missing"
    return _Judged(start, before, kept, reason, there_s)


def _there_s(rows: pd.DataFrame, panel: PanelDataset) -> np.ndarray:
    """UTC seconds at which the value of each interval of the grid came, or should have."""
    step = steps_of(rows["ts"], panel.step_s)
    latency_s = panel.latency_s.get("y", 0)
    end_s = (np.arange(step.min(), step.max() + 1) + 1) * panel.step_s + latency_s
    if "available_at" in rows:
        told = rows["available_at"]
        at = step - step.min()
        end_s[at] = np.where(told.isna(), end_s[at], seconds_of(told))
    return np.asarray(end_s)


def _earlier(rows: pd.DataFrame) -> pd.DataFrame:
    """Editions that a later one of the same interval took the place of."""
    if "available_at" not in rows:
        return rows.iloc[:0].reindex(columns=["series_id", "ts", "y", "available_at"])
    return rows[rows.duplicated("ts", keep="last")][["series_id", "ts", "y", "available_at"]]


def _editions(
    panel: PanelDataset, name: str, judged: _Judged, doubts: np.ndarray, spec: CleanSpec
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows by the verdict, what was believed until it came, and what was changed."""
    filled = bridged(judged.kept, panel.step_s, spec)
    known = np.isfinite(judged.kept)
    missing = np.where(judged.reason == "missing", MISSING, SUSPECT)
    quality = np.where(known, OK, np.where(np.isfinite(filled), IMPUTED, missing)).astype(np.int8)
    place = np.arange(len(filled))
    believed = np.where(doubts >= 0, np.nan, judged.before)
    instead = stand_ins(believed, panel.step_s, spec.arrivals)
    first = np.where((doubts == place) | np.isnan(judged.before), instead, judged.before)
    is_dropped = doubts > place
    revised = is_dropped | ~((first == filled) | (np.isnan(first) & np.isnan(filled)))
    ts = _instants((judged.start + place) * panel.step_s)
    there = _instants(judged.there_s)
    later = _instants(judged.there_s + round(spec.verdict_h * HOUR_S))
    rows = pd.DataFrame(
        {
            "series_id": pd.Series(name, index=range(len(ts)), dtype="str"),
            "ts": ts,
            "y": filled,
            "quality": quality,
            "available_at": later.where(revised, there),
        }
    )
    early = rows[["series_id", "ts"]].assign(y=first, available_at=there)
    dropped_s = judged.there_s + (doubts - place) * panel.step_s
    dropped = early.assign(y=instead, available_at=_instants(dropped_s))
    firsts = pd.concat([early[revised & np.isfinite(first)], dropped[is_dropped]])
    audit = rows.assign(reason=judged.reason.astype(str), before=judged.before, after=rows["y"])[
        list(AUDIT)
    ]
    return rows, firsts, audit[judged.reason != ""]


def _instants(seconds: np.ndarray) -> pd.DatetimeIndex:
    return pd.to_datetime(seconds, unit="s", utc=True).as_unit("us")


def _in_time(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["ts", "available_at"] if "available_at" in rows else ["ts"]
    return rows.sort_values(keys, kind="stable")


def _gridded(rows: pd.DataFrame, step_s: int) -> tuple[np.ndarray, int]:
    """Values by interval from the first to the last, NaN where there is no row."""
    step = steps_of(rows["ts"], step_s)
    start = int(step.min())
    values = np.full(int(step.max()) - start + 1, np.nan)
    values[step - start] = rows["y"].to_numpy(dtype=np.float64, na_value=np.nan)
    return values, start


def is_false_zero(values: np.ndarray, step_s: int, spec: CleanSpec) -> np.ndarray:
    """Zeros of a series that hardly ever is 0, and never below but for faults, by all until the
    verdict; by the first four weeks where it comes earlier."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    known = np.isfinite(values)
    until = np.arange(len(values)) + round(spec.verdict_h * HOUR_S) // step_s
    until = np.clip(until, min(_WARM_S // step_s, len(values) - 1), len(values) - 1)
    count, zeros, below = (
        np.cumsum(known & mask)[until] for mask in (True, values == 0, values < 0)
    )
    is_rare = (zeros <= spec.fewest_zeros * count) & (below <= FEWEST_BELOW * count)
    return np.asarray((values == 0) & is_rare)


def is_stuck(values: np.ndarray, step_s: int, spec: CleanSpec) -> np.ndarray:
    """Values of runs of one number other than 0 that last too long, the first of each excepted."""
    same = np.concatenate([[False], (values[1:] == values[:-1]) & (values[1:] != 0)])
    run = np.cumsum(~same)
    length = np.bincount(run)[run]
    return np.asarray(same & (length * step_s >= spec.stuck_h * 3_600))


def is_spike(values: np.ndarray, step_s: int, spec: CleanSpec) -> np.ndarray:
    """Values far from the same hour of neighbouring days and from the hours around."""
    series = Regular(_FIRST, pd.Timedelta(seconds=step_s), values)
    least = spec.spike_sigma, spec.spike_share, _WARM_S // DAY_S
    found = spikes(series, *least)
    # a second look without the first spikes: two in a week hide each other
    return np.asarray(found | spikes(series.without(found), *least))


def _median_around(values: np.ndarray, step_s: int) -> np.ndarray:
    moved = [_moved(values, hours * 3_600 // step_s) for hours in _AROUND_H]
    stack = np.stack(moved)
    some = np.isfinite(stack).any(axis=0)
    found = np.full(len(values), np.nan)
    found[some] = np.nanmedian(stack[:, some], axis=0)
    return found


def _moved(values: np.ndarray, steps: int) -> np.ndarray:
    """The value `steps` later, NaN outside."""
    found = np.full(len(values), np.nan)
    if abs(steps) < len(values):
        if steps > 0:
            found[:-steps] = values[steps:]
        else:
            found[-steps:] = values[:steps]
    return found


def bridged(values: np.ndarray, step_s: int, spec: CleanSpec) -> np.ndarray:
    """Gaps up to the longest, filled: short ones by a line, others by the neighbouring days."""
    missing = np.isnan(values)
    run = np.cumsum(np.concatenate([[True], missing[1:] != missing[:-1]]))
    hours = np.bincount(run)[run] * step_s / 3_600
    at = np.arange(len(values))
    filled = values.copy()
    short = missing & (hours <= 2)
    if (~missing).any():
        filled[short] = np.interp(at[short], at[~missing], values[~missing])
        filled[short & ((at < at[~missing][0]) | (at > at[~missing][-1]))] = np.nan
    long = missing & np.isnan(filled) & (hours <= spec.longest_h)
    filled[long] = _median_around(values, step_s)[long]
    return np.asarray(filled)


__all__ = [
    "CleanSpec",
    "Cleaned",
    "bridged",
    "clean",
    "is_false_zero",
    "is_spike",
    "is_stuck",
    "untouched",
]
