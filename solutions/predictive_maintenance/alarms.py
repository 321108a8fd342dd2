"""When a reading's risk becomes an alarm of its asset, and when the alarm goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lepton.solution import AlarmRule

ALARM_SETTINGS: Final[Mapping[str, float]] = {
    "alarm_m": 3.0,
    "alarm_n": 5.0,
    "alarm_hold_off_h": 48.0,
    "alarm_dwell_h": 24.0,
    "alarm_gap_h": 0.0,
    "alarm_lo": 0.5,
    "alarm_plan": 3.0,
    "alarm_stop": 10.0,
    "alarm_false_a_month": 0.1,
}
"""alarm_m of alarm_n: so many of an asset's last readings must be alerted; alarm_hold_off_h: hours
without one before an alarm is cleared, alarm_dwell_h: and at least so many after it was raised;
alarm_gap_h: hours without a reading after which nothing is known, 0 for six of the usual times
between readings; alarm_lo, alarm_plan, alarm_stop: times the odds at the model's threshold below
which an alarm may clear, and from which it asks to plan the work or to stop;
alarm_false_a_month: alarms of a healthy asset a month that are put up with where only oddness is
judged."""
ALARM_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "alarm_m": (1.0, 1_000.0),
    "alarm_n": (1.0, 1_000.0),
    "alarm_hold_off_h": (0.0, 1e5),
    "alarm_dwell_h": (0.0, 1e5),
    "alarm_gap_h": (0.0, 1e5),
    "alarm_lo": (1e-6, 1.0),
    "alarm_plan": (1.0, 1e6),
    "alarm_stop": (1.0, 1e6),
    "alarm_false_a_month": (1e-4, 1e3),
}


def alarm_rule(settings: Mapping[str, float]) -> AlarmRule:
    """The rule that the settings name."""
    return AlarmRule(
        m=round(settings["alarm_m"]),
        n=round(settings["alarm_n"]),
        hold_off_h=settings["alarm_hold_off_h"],
        dwell_h=settings["alarm_dwell_h"],
        lo=settings["alarm_lo"],
        plan=settings["alarm_plan"],
        stop=settings["alarm_stop"],
        max_gap_h=settings["alarm_gap_h"] or None,
        false_per_month=settings["alarm_false_a_month"],
    )


REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "several sensors drift as in wear": ("drift_*",),
    "sensors that do not fit together": ("pca_*", "health"),
    "sensors without a value": ("n_missing",),
    "age": ("age_h",),
    "time since the last work": ("since_service_h",),
    "kind of asset and of operation": ("asset_type", "operating_mode"),
}
"""What an alarm says of features that belong to no single sensor."""

__all__ = ["ALARM_BOUNDS", "ALARM_SETTINGS", "REASONS", "alarm_rule"]
