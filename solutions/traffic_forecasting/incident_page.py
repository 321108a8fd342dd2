"""The page of incidents: what was told of the holdout, and how that compares with known events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from lepton.forecast.spec import Page, Story
from solutions.traffic_forecasting.incidents import LATE_MIN, NEAR_KM, Told, judged

TEXT: Final = (
    "An incident is told behind a detector where traffic has for a while been slower than usual "
    "and slower than further down the road: a jam of every day is usual, and one that comes from "
    "further down slows both sides."
)
_PLACES: Final = ({"sensor_id"}, {"road_id", "km"}, {"lat", "lon"})
"""What tells where an event is."""


def incident_pages(story: Story) -> Sequence[Page]:
    """One page where incidents were told or events have a place."""
    events = story.tables.get("events")
    is_known = events is not None and any(place <= set(events) for place in _PLACES)
    is_known = is_known and len(story.tables["events"]) > 0
    if story.judged.empty or (story.incidents.empty and not is_known):
        return ()
    at = story.judged["event_at"]
    span = (at.min(), at.max() + pd.Timedelta(seconds=story.step_s))
    found: list[str] = []
    rows = story.incidents
    if is_known:
        told = judged(rows, story.tables, span)
        found, rows = _sentences(told), told.rows
    table = _table(rows)
    missing = "No incident was told."
    pieces = (("What was told", "Newest first.", table if len(table) else missing),)
    return (Page("incidents", "Incidents", "Incidents", TEXT, found, pieces),)


def _sentences(told: Told) -> list[str]:
    made = [
        f"{told.found} of {told.n} known incidents were told within {NEAR_KM:g} km up the road, "
        f"until {LATE_MIN:.0f} minutes after they ended. Many slow nobody: what no detector feels "
        "cannot be told.",
        f"{told.false} were told near no known event, {told.false_per_100_days:.1f} in a hundred "
        "days of a detector.",
    ]
    if told.found:
        made.append(f"Half of those that were told were so within {told.median_min:.0f} minutes.")
    return made


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.sort_values("told_at", ascending=False, ignore_index=True)
    minutes = (rows["cleared_at"] - rows["told_at"]).dt.total_seconds() / 60
    table = pd.DataFrame(
        {
            "behind detector": rows["series"],
            "told at (UTC)": rows["told_at"].dt.strftime("%d %b %H:%M"),
            "stood for, min": minutes.round(),
        }
    )
    if "real" in rows:
        table["known event"] = rows["real"].map({True: "yes", False: "no"})
    return table


__all__ = ["incident_pages"]
