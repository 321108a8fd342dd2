"""What alarms on a distance from health did on assets that were not learnt from."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.events import (
    EventResult,
    EventRule,
    alarm_raises,
    judge_events,
    observed_lives,
)
from lepton.evaluation.results import GateResult, MetricResult
from lepton.evaluation.shares import wilson
from lepton_edge.alarm import AlarmSpec

EVER: Final = EventRule(pd.Timedelta(days=36_500))
"""Oddness shows when it shows: an alarm is right where its life is known to have failed."""
_AFTER: Final = pd.Timedelta("1ms")
PER_MONTH: Final = "alarms_per_month"
PER_THOUSAND: Final = "alarms_per_thousand"
WARNED: Final = "failures_warned"


def watched(rows: pd.DataFrame, spec: AlarmSpec, *, rng: np.random.Generator) -> EventResult:
    """What became of the raises of `spec` on scored rows.

    rows: `asset_id`, `life` (names), `event_at`, `score`, `target` (1 before a known failure). A
    life ends with its last row; it failed where that row lies before a failure.
    """
    rows = rows.sort_values(["asset_id", "event_at"], kind="stable")
    last = rows.groupby(["asset_id", "life"], sort=False).tail(1)
    is_failure = last["target"] == 1
    failures = last.loc[is_failure, ["asset_id", "event_at"]]
    failures = failures.rename(columns={"event_at": "failed_at"})
    goes_on = last.duplicated("asset_id", keep="last")
    ended = last.loc[goes_on, ["asset_id", "event_at"]]
    lives = observed_lives(
        rows, failures, ended.rename(columns={"event_at": "done_at"})[~is_failure[goes_on]]
    )
    # a reset at the instant of the last row would take that row away
    ends = ended.assign(ended_at=ended["event_at"] + _AFTER)[["asset_id", "ended_at"]]
    return judge_events(lives, alarm_raises(rows, spec, ends), EVER, rng=rng)


def alone_metrics(rows: pd.DataFrame) -> tuple[MetricResult, ...]:
    """The same of rows that stand alone: each is an alarm by itself or is none."""
    alerted, failed = ((rows[name] == 1).to_numpy() for name in ("decision", "target"))
    about = "alarms among a thousand rows that no failure is known of"
    warned = "share of the rows of known failures that are alarms"
    return (
        _share(PER_THOUSAND, alerted[~failed], about, 1_000.0),
        _share(WARNED, alerted[failed], warned),
        _share("alert_share", alerted, "share of the rows that reach the threshold"),
    )


def _share(name: str, hits: np.ndarray, about: str, times: float = 1.0) -> MetricResult:
    """The share of `hits`, `times` so much, with Wilson's interval."""
    if not len(hits):
        return MetricResult(name, None, about=about, reason="no failure")
    rate = hits.mean()
    low, high = wilson(np.array([rate]), np.array([float(len(hits))]))
    value, least, most = (float(times * one) for one in (rate, low[0], high[0]))
    return MetricResult(name, value, least, most, about)


def watch_metrics(found: EventResult, rows: pd.DataFrame) -> tuple[MetricResult, ...]:
    """What the page and the terminal say of it."""
    about = "alarms an asset-month that no known failure followed in their life"
    warned = "share of the known failures in whose life an alarm was raised"
    lead = "median time from the first alarm of a life to its failure"
    return (
        replace(found.most_false_per_month, name=PER_MONTH, about=about),
        replace(found.recall, name=WARNED, about=warned),
        replace(found.lead_h, name="warned_ahead_h", about=lead),
        MetricResult(
            "alert_share",
            float((rows["decision"] == 1).mean()),
            about="share of the rows that reach the threshold",
        ),
    )


def watch_gates(
    metrics: tuple[MetricResult, ...], wanted: float, parity: GateResult
) -> tuple[GateResult, ...]:
    """Whether alarms are as rare as stated, and the bundle answers as the model does."""
    rate = metrics[0]
    low = rate.low if rate.low is not None else rate.value
    told = "no time to judge by" if rate.value is None else f"{rate.value:.3g}"
    if rate.low is not None and rate.high is not None:
        told += f" ({rate.low:.3g} to {rate.high:.3g})"
    return (
        GateResult(
            "alarm_rate",
            low is not None and low <= wanted,
            f"{rate.name.replace('_', ' ')} not beyond {wanted:g} with 95 % confidence",
            told,
            "on rows that were not learnt from, alarms are as rare as was asked for",
        ),
        parity,
    )


__all__ = [
    "PER_MONTH",
    "PER_THOUSAND",
    "WARNED",
    "alone_metrics",
    "watch_gates",
    "watch_metrics",
    "watched",
]
