"""Dirty histories: what is no measurement is marked, gaps are bridged, each change is told.

A spike lies far from what the neighbouring days say, a stuck meter repeats itself, a zero where
there never is one is a gap. Nothing is deleted: a value gets a quality and, where the past is
needed whole, a stand-in that nobody learns from or is judged by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.forecast.panel import IMPUTED, MISSING, OK, SUSPECT, PanelDataset, steps_of

_AROUND_H: Final = (-168, -48, -24, 24, 48, 168)
_TO_SIGMA: Final = 1.4826
"""Scales the median absolute deviation to a normal sigma (Rousseeuw & Croux 1993)."""


@dataclass(frozen=True)
class CleanSpec:
    """spike_sigma, spike_share: a spike is further from the median of its neighbours' days than so
    many robust deviations, and than this share of the level; stuck_h: hours of one unchanging
    value other than 0; fewest_zeros: share of zeros up to which zeros are gaps; longest_h: gaps up
    to so many hours are bridged."""

    spike_sigma: float = 6.0
    spike_share: float = 0.25
    stuck_h: float = 4.0
    fewest_zeros: float = 0.02
    longest_h: float = 72.0


@dataclass(frozen=True, eq=False)
class Cleaned:
    """The panel with qualities and stand-ins; audit: series_id, ts, reason, before, after of each
    changed value, after is NaN where nothing stands in."""

    panel: PanelDataset
    audit: pd.DataFrame


def clean(panel: PanelDataset, spec: CleanSpec | None = None) -> Cleaned:
    """Mark and bridge each series by itself.

    It looks at days on both sides, so it is for the history that is learnt from; what a running
    forecast sees is judged by the past alone.
    """
    spec = spec or CleanSpec()
    rows, audits = [], []
    for name, own in panel.rows.groupby("series_id", sort=False):
        made, audit = _cleaned(_in_time(own), panel.step_s, spec)
        rows.append(made)
        audits.append(audit.assign(series_id=str(name)))
    columns = ["series_id", "ts", "reason", "before", "after"]
    if not rows:
        return Cleaned(panel, pd.DataFrame(columns=columns))
    whole = pd.concat(rows, ignore_index=True)
    audit = pd.concat(audits, ignore_index=True)[columns]
    return Cleaned(replace(panel, rows=whole), audit)


def _cleaned(rows: pd.DataFrame, step_s: int, spec: CleanSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of one series on a full grid, and what was changed."""
    told, start = _gridded(rows, step_s)
    reason = np.full(len(told), "", dtype=object)
    reason[np.isnan(told)] = "missing"
    kept = told.copy()
    for name, found in (
        ("zero", is_false_zero(kept, spec)),
        ("stuck", is_stuck(kept, step_s, spec)),
    ):
        reason[found & (reason == "")] = name
        kept[found] = np.nan
    found = is_spike(kept, step_s, spec)
    reason[found & (reason == "")] = "spike"
    kept[found] = np.nan
    filled = bridged(kept, step_s, spec)
    ts = pd.to_datetime((start + np.arange(len(told))) * step_s, unit="s", utc=True)
    quality = np.where(np.isfinite(kept), OK, np.where(reason == "missing", MISSING, SUSPECT))
    quality = np.where((quality != OK) & np.isfinite(filled), IMPUTED, quality)
    made = pd.DataFrame(
        {"series_id": str(rows["series_id"].iloc[0]), "ts": ts, "y": filled}
    ).assign(quality=quality.astype(np.int8))
    if "available_at" in rows:
        # the latest edition counts; what was bridged was there when the interval ended
        last = rows.drop_duplicates("ts", keep="last").set_index("ts")["available_at"]
        made["available_at"] = last.reindex(made["ts"]).to_numpy()
    changed = reason != ""
    audit = pd.DataFrame(
        {
            "ts": ts[changed],
            "reason": reason[changed].astype("str"),
            "before": told[changed],
            "after": filled[changed],
        }
    )
    return made, audit


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


def is_false_zero(values: np.ndarray, spec: CleanSpec) -> np.ndarray:
    """Zeros of a series that hardly ever is 0 and never below."""
    known = values[np.isfinite(values)]
    zero = values == 0
    if not len(known) or known.min() < 0 or (known == 0).mean() > spec.fewest_zeros:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(zero)


def is_stuck(values: np.ndarray, step_s: int, spec: CleanSpec) -> np.ndarray:
    """Values of runs of one number other than 0 that last too long, the first of each excepted."""
    same = np.concatenate([[False], (values[1:] == values[:-1]) & (values[1:] != 0)])
    run = np.cumsum(~same)
    length = np.bincount(run)[run]
    return np.asarray(same & (length * step_s >= spec.stuck_h * 3_600))


def is_spike(values: np.ndarray, step_s: int, spec: CleanSpec) -> np.ndarray:
    """Values far from the median of the same hour on neighbouring days."""
    around = _median_around(values, step_s)
    off = values - around
    known = off[np.isfinite(off)]
    if len(known) < len(_AROUND_H):
        return np.zeros(len(values), dtype=bool)
    sigma = _TO_SIGMA * float(np.median(np.abs(known - np.median(known))))
    level = float(np.nanmedian(np.abs(values)))
    far = np.abs(off - np.median(known)) > max(spec.spike_sigma * sigma, spec.spike_share * level)
    return np.asarray(far & np.isfinite(off))


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


__all__ = ["CleanSpec", "Cleaned", "bridged", "clean", "is_false_zero", "is_spike", "is_stuck"]
