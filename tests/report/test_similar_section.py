"""What a report says of the past lives that alarms name, and whether it was so."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from lepton.evaluation.results import Evaluation
from lepton.report.blocks import Section
from lepton.report.content import DataFacts, ModelFacts, ReportContent
from lepton.report.similar_section import similar

START = pd.Timestamp("2026-01-01T00:00Z").as_unit("us")
RAISES = pd.DataFrame(
    {
        "group": ["a1", "a2", "a3", "a4"],
        "life": ["a1#0", "a2#0", "a3#0", "a4#1"],
        "raised_at": START + pd.to_timedelta([4, 3, 2, 1], unit="D"),
        "mode": ["wear", "wear", "crack", None],
        "left_h": [100.0, 20.0, 30.0, 900.0],
        "failed": [True, True, True, False],
        "similar": ["b1#0 (wear), 90 h left", "b2#0 (crack), 3 days left", "", "b1#0, 2 h left"],
        "told_mode": ["wear", "crack", None, "wear"],
        "share": [0.8, 0.6, np.nan, 0.5],
        "told_left_h": [90.0, 50.0, np.nan, 2.0],
    }
)


def _section(frame: pd.DataFrame) -> Section | None:
    scored = pd.DataFrame({"target": [0.0, 1.0], "group": ["a1", "a2"]})
    evaluation = Evaluation((), {}, (), (), scored, similar=frame)
    made_at = datetime(2026, 1, 1, tzinfo=UTC)
    content = ReportContent(
        "t", "s", "c", "r", "0", made_at, DataFacts(), ModelFacts("ap"), evaluation
    )
    return similar(content)


def _rows(section: Section | None, title: str) -> list[list[str]]:
    assert section is not None
    [table] = [one.table for one in section.blocks if one.title == title]
    assert table is not None
    return [[str(cell) for cell in row] for row in table.rows]


def test_each_alarm_stands_with_its_past_lives_its_mode_and_what_happened() -> None:
    rows = _rows(_section(RAISES), "Newest alarms")
    assert [row[0] for row in rows] == ["a1", "a2", "a3", "a4"]
    assert rows[0][2:] == ["b1#0 (wear), 90 h left", "wear (80 %)", "failed after 4 days of wear"]
    assert rows[2][2:] == ["none", "not told", "failed after 30 h of crack"]
    assert rows[3][-1] == "no failure in 38 days"


def test_numbers_count_only_lives_that_failed_beside_the_most_frequent_mode() -> None:
    rows = {row[0]: row for row in _rows(_section(RAISES), "In numbers")}
    assert rows["has a similar past life"][-1].endswith("(2 of 3)")
    assert rows["typical error of the closest life"][1] == "20 h"
    assert rows["likeliest mode is the right one"][-1].endswith("(1 of 2)")
    assert rows["the same by the most frequent mode"][-1].endswith("(2 of 2)")


def test_without_a_past_failure_the_report_says_none_and_without_lives_nothing() -> None:
    told = _section(RAISES[["group", "raised_at"]])
    assert told is not None
    assert "No entity has failed among those learnt from" in told.blocks[0].missing
    assert _section(pd.DataFrame()) is None


def test_alarms_of_lives_that_did_not_fail_and_modes_nobody_told_leave_no_share() -> None:
    section = _section(RAISES[~RAISES["failed"]].drop(columns="mode"))
    assert section is not None
    assert [one.missing for one in section.blocks][1].startswith("No life whose alarm was raised")
    none = _section(RAISES.iloc[:0])
    assert none is not None
    assert none.blocks[0].missing.startswith("No alarm was raised")
    untold = RAISES.assign(told_mode=None)
    assert "likeliest mode is the right one" not in {
        row[0] for row in _rows(_section(untold), "In numbers")
    }
