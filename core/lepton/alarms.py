"""When a solution's scores become an alarm, said in terms that outlive a model's threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from lepton_edge.alarm import AlarmSpec

HOUR_S: Final = 3_600.0
GAP_READINGS: Final = 6.0
"""Usual times between two readings after which nothing is known, where nobody says."""


@dataclass(frozen=True)
class AlarmRule:
    """How alarms follow from the scores of an asset's readings, which are probabilities.

    An alarm is raised where `m` of the last `n` scores reach the model's threshold, and cleared
    where all scores of `hold_off_h` hours lie below `lo` times the threshold's odds, at least
    `dwell_h` hours after it was raised. plan, stop: times the threshold's odds, from which it
    escalates; None for no such level. max_gap_h: hours without a score after which the condition
    is unknown; None for `GAP_READINGS` of the usual times between readings. false_per_month:
    raises of a healthy asset a month by which the threshold of an anomaly is set; of a thousand
    rows where rows stand alone.
    """

    m: int = 1
    n: int = 1
    hold_off_h: float = 0.0
    dwell_h: float = 0.0
    lo: float = 1.0
    plan: float | None = None
    stop: float | None = None
    max_gap_h: float | None = None
    false_per_month: float = 0.1

    def spec(self, threshold: float, usual_s: float) -> AlarmSpec:
        """The rule for a model with this `threshold`, in (0, 1), and readings each `usual_s`
        seconds; ValueError where its parts do not fit together."""
        gap_s = GAP_READINGS * usual_s if self.max_gap_h is None else self.max_gap_h * HOUR_S
        return AlarmSpec(
            hi=threshold,
            lo=_times(threshold, self.lo),
            m=self.m,
            n=self.n,
            hold_off_s=self.hold_off_h * HOUR_S,
            dwell_s=self.dwell_h * HOUR_S,
            max_gap_s=gap_s if gap_s > 0 else math.inf,
            plan=None if self.plan is None else _times(threshold, self.plan),
            stop=None if self.stop is None else _times(threshold, self.stop),
        )


def _times(p: float, odds: float) -> float:
    """The probability whose odds are `odds` times those of `p`."""
    return p if odds == 1.0 else odds * p / (odds * p + (1.0 - p))


__all__ = ["GAP_READINGS", "AlarmRule"]
