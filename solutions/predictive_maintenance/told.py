"""Scored readings of a report as lives and alarms: what its figures are drawn from.

A report's rows say of each reading whether a failure followed within the horizon, so the lives that
failed are the runs of such readings. Readings whose outcome is not known are not among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.events import EventRule, Lives, alarm_raises, observed_lives
from lepton_edge.alarm import AlarmSpec
from solutions.predictive_maintenance.alarms import ALARM_SETTINGS, alarm_rule

RULE: Final = alarm_rule({**ALARM_SETTINGS, "alarm_gap_h": 1e5})
"""A device's own rule as it stands before a customer changes it; pauses end lives here already."""
DOWN: Final = pd.Timedelta(days=1)
"""A failed machine stands still for longer than that."""


@dataclass(frozen=True)
class Told:
    """Readings in order of asset and time, with the lives that they show.

    rows: `asset_id`, `event_at`, `score`, `decision`, `target`, `life` (numbers), `began` (its
    first reading here) and `failed_at` (missing where the life is not known to have failed);
    threshold: score from which the decision is to act; horizon: longest time from a reading that
    counts as positive to its failure.
    """

    rows: pd.DataFrame
    threshold: float
    horizon: pd.Timedelta

    @property
    def failures(self) -> pd.DataFrame:
        """`asset_id`, `failed_at`: one row a failure."""
        found = self.rows.dropna(subset="failed_at").drop_duplicates("life")
        return found[["asset_id", "failed_at"]]

    @property
    def ends(self) -> pd.DataFrame:
        """`asset_id`, `ended_at`: the last reading of each life."""
        last = self.rows.groupby("life")[["asset_id", "event_at"]].last()
        return last.rename(columns={"event_at": "ended_at"}).reset_index(drop=True)

    @property
    def lives(self) -> Lives:
        """The same for counting raises."""
        replaced = self.ends.rename(columns={"ended_at": "done_at"})
        return observed_lives(self.rows, self.failures, replaced)

    @property
    def rule(self) -> EventRule:
        """An alarm is right where a failure follows within the horizon."""
        return EventRule(self.horizon)

    def spec(self, level: float) -> AlarmSpec:
        """A device's alarm, raised from `level` on."""
        return RULE.spec(level, 0.0)

    def raises(self, level: float) -> pd.DataFrame:
        """Every raise at `level`, alarms reset where a life ended."""
        # a reset at the instant of the last reading would take that reading away
        after = self.ends.assign(ended_at=lambda ends: ends["ended_at"] + pd.Timedelta("1ms"))
        return alarm_raises(self.rows, self.spec(level), after)


def told(scored: pd.DataFrame) -> Told | str:
    """The lives in the scored rows of a report, or the sentence that says why there are none."""
    if scored.empty or "group" not in scored:
        return "The readings name no asset, so there is no life to show."
    known = scored.dropna(subset="target")
    if not set(np.unique(known["target"])) <= {0.0, 1.0}:
        return "Shown where failures are predicted; this model predicts the remaining life."
    if not known["group"].duplicated().any():
        return "Each asset has one reading only, so there is no life to show."
    rows = _in_lives(known)
    if rows["failed_at"].isna().all():
        return "No failure is among these readings."
    acted = scored["decision"] == 1
    threshold = float(scored.loc[acted, "score"].min()) if acted.any() else 1.0
    longest = (rows["failed_at"] - rows["event_at"])[rows["target"] == 1].max()
    return Told(rows, threshold, max(longest, pd.Timedelta("1s")))


def _in_lives(known: pd.DataFrame) -> pd.DataFrame:
    """Rows with the life they belong to; a failure is where a run of positive readings ends.

    A life that ended otherwise leaves a pause as long as the horizon, since what its last readings
    were followed by is not known; shorter pauses are lost telemetry.
    """
    rows = known.assign(asset_id=known["group"].astype("str"))
    rows = rows.sort_values(["asset_id", "event_at"], kind="stable", ignore_index=True)
    pause = rows.groupby("asset_id")["event_at"].diff()
    before = rows.groupby("asset_id")["target"].shift()
    failed = (before == 1) & ((rows["target"] == 0) | (pause > DOWN))
    horizon = _longest(rows, (pause.isna() | failed).cumsum())
    life = (pause.isna() | failed | (pause > horizon / 2)).cumsum()
    by_life = rows.groupby(life)
    ended = by_life["target"].transform("last") == 1
    last = by_life["event_at"].transform("max")
    began = by_life["event_at"].transform("min")
    return rows.assign(life=life, began=began, failed_at=last.where(ended))


def _longest(rows: pd.DataFrame, life: pd.Series) -> pd.Timedelta:
    """Longest time from a positive reading to the last one of its life; none without positives."""
    last = rows.groupby(life)["event_at"].transform("max")
    ahead = (last - rows["event_at"])[rows["target"] == 1]
    return pd.Timedelta(0) if ahead.empty else ahead.max()


__all__ = ["Told", "told"]
