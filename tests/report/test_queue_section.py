"""The picture of alarms shows congestion where it lasted and a frame for each stay."""

from __future__ import annotations

import pandas as pd
from matplotlib.patches import Rectangle

from lepton.report.queue_section import alarm_map, leads

FIRST = pd.Timestamp("2025-03-24T06:00Z")
NETWORK = pd.DataFrame(
    {"series": ["a", "b"], "road": ["R1", "R2"], "km": [1.0, 2.0], "free": [100.0, 100.0]}
)


def scored() -> pd.DataFrame:
    """a is slow for three intervals, b for a single one; Berlin's clock is an hour ahead."""
    at = FIRST + pd.Timedelta(minutes=5) * pd.Series(range(12))
    parts = []
    for name, slow in (("a", {4, 5, 6}), ("b", {2})):
        target = [40.0 if place in slow else 95.0 for place in range(12)]
        for lead in (0, 1):
            rows = pd.DataFrame({"entity": name, "event_at": at, "target": target})
            parts.append(rows.assign(lead_h=lead / 12))
    found = pd.concat(parts, ignore_index=True)
    return found.assign(
        local_at=found["event_at"].dt.tz_localize(None) + pd.Timedelta(hours=1),
    )


def stays() -> pd.DataFrame:
    at = FIRST + pd.Timedelta(minutes=15)
    until = FIRST + pd.Timedelta(minutes=40)
    return pd.DataFrame(
        {"alarm": [3, 3], "series": ["a", "a"], "from_at": [at, until], "until": [until, until]}
    )


def test_congestion_that_lasts_is_red_and_each_stay_has_a_frame_and_one_number() -> None:
    figure = alarm_map(scored(), stays(), NETWORK)
    assert figure is not None
    (axes,) = figure.axes
    patches = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [patch.get_fill() for patch in patches] == [True] * 3 + [False] * 2
    assert [text.get_text().strip() for text in axes.texts] == ["1"]
    assert axes.get_title() == "24 Mar 2025, local time"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a"]


def test_without_alarms_there_is_no_picture() -> None:
    assert alarm_map(scored(), stays().iloc[:0], NETWORK) is None
    assert leads(pd.DataFrame({"lead_min": [float("nan")]})) is None
    assert leads(pd.DataFrame({"lead_min": [10.0, 60.0]})) is not None
