"""Alarms of a fleet: the lives they are judged on, and the rule of raising that fits them best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.events import (
    EventRule,
    Lives,
    RaiseCounts,
    alarm_raises,
    count_raises,
    observed_lives,
)
from lepton_edge.alarm import AlarmSpec
from solutions.predictive_maintenance.lives import REPLACED

COUNTED: Final = ((1, 1), (2, 3), (3, 5), (5, 9))
"""m of n readings that are tried."""
CLEARED: Final = ((0.0, 0.0, 1.0), (24.0, 24.0, 0.8), (72.0, 72.0, 0.6))
"""Hold-off and dwell in hours, and the level that clears as a share of the one that raises."""
LEVELS_TRIED: Final = 16
LOWEST, HIGHEST = 0.3, 0.99
"""Quantiles of the scores between which levels are tried."""
MAX_GAP_H: Final = 72.0
"""Hours without a reading after which nothing is known, where no register says more."""


@dataclass(frozen=True)
class History:
    """Scored readings of some assets, and how their lives ended.

    readings: `asset_id`, `event_at`, `score`, and what else rows are scored by; ends: `asset_id`,
    `ended_at` of every failure and replacement; lives: by asset and in order of time.
    """

    readings: pd.DataFrame
    ends: pd.DataFrame
    lives: Lives


def history(readings: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> History:
    """The history of the assets in `readings`, from the tables of failures and maintenance."""
    rows = readings.assign(asset_id=readings["asset_id"].astype("str"))
    failures, replaced = _ends(rows, tables)
    lives = observed_lives(rows, failures, replaced)
    ends = [
        part.set_axis(["asset_id", "ended_at"], axis=1)
        for part in (failures, replaced)
        if len(part)
    ]
    none = replaced.set_axis(["asset_id", "ended_at"], axis=1)
    return History(rows, pd.concat(ends, ignore_index=True) if ends else none, lives)


def _ends(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Failures and replacements of the assets in `rows`, empty where there is no such table."""
    known = rows["asset_id"].unique()
    found = []
    for table, at in (("failures", "failed_at"), ("maintenance", "done_at")):
        part = tables.get(table)
        if part is None:
            part = rows[["asset_id", "event_at"]].iloc[:0].rename(columns={"event_at": at})
        elif table == "maintenance":
            part = part[part["kind"] == REPLACED]
        names = part["asset_id"].astype("str")
        found.append(part.assign(asset_id=names).loc[names.isin(known), ["asset_id", at]])
    return found[0], found[1]


def raises(told: History, spec: AlarmSpec) -> pd.DataFrame:
    """Every raise of `spec` on these readings, as `alarm_raises` gives them."""
    return alarm_raises(told.readings, spec, told.ends)


def max_gap_s(tables: Mapping[str, pd.DataFrame]) -> float:
    """Seconds without a reading after which an asset's condition is unknown: the usual one of the
    register of sensors."""
    register = tables.get("sensors")
    if register is None or not register.get("max_gap_s", pd.Series(dtype=float)).notna().any():
        return MAX_GAP_H * 3600.0
    return float(register["max_gap_s"].median())


@dataclass(frozen=True)
class Choice:
    """A rule of raising, and what it did on the assets that it was chosen on."""

    spec: AlarmSpec
    recall: float
    false_per_month: float


def choose_alarm(
    told: History, rule: EventRule, *, most_false: float, gap_s: float, wanted: float = 0.9
) -> Choice:
    """The rule of raising that fits `told` best.

    Among those with at most `most_false` false raises an asset-month, the one that warns of most
    failures; where none has so few, the one with fewest false raises among those that reach the
    recall `wanted`, or of all. Ties go to fewer false raises.
    """
    tried = [_rated(told, spec, rule) for spec in _specs(told, gap_s)]
    allowed = [one for one in tried if one.false_per_month <= most_false]
    if allowed:
        return max(allowed, key=lambda one: (one.recall, -one.false_per_month))
    reach = [one for one in tried if one.recall >= wanted] or tried
    return min(reach, key=lambda one: one.false_per_month)


def _specs(told: History, gap_s: float) -> list[AlarmSpec]:
    score = told.readings["score"].to_numpy(dtype=np.float64)
    shares = np.linspace(LOWEST, HIGHEST, LEVELS_TRIED)
    levels = np.unique(np.quantile(score[np.isfinite(score)], shares))
    return [
        AlarmSpec(hi, hi * share, m, n, off_h * 3600.0, dwell_h * 3600.0, gap_s)
        for hi, (m, n), (off_h, dwell_h, share) in product(levels.tolist(), COUNTED, CLEARED)
    ]


def _rated(told: History, spec: AlarmSpec, rule: EventRule) -> Choice:
    found = count_raises(told.lives, raises(told, spec), rule)
    return Choice(spec, *rates(found))


def rates(found: RaiseCounts) -> tuple[float, float]:
    """Recall, and false raises an asset-month; 0 where there is nothing to divide by."""
    failures, months = found.failures.sum(), found.months.sum()
    recall = found.caught.sum() / failures if failures > 0 else 0.0
    return float(recall), float(found.false.sum() / months) if months > 0 else 0.0


__all__ = ["Choice", "History", "choose_alarm", "history", "max_gap_s", "raises", "rates"]
