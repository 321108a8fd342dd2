"""How a history is cut, and when forecasts are issued."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Column, ColumnType
from lepton.forecast.panel import PanelDataset
from lepton.forecast.spec import SETTINGS, cuts_of, daily_issues
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.readings import Reading
from solutions.energy_load import SOLUTION as ENERGY
from solutions.traffic_forecasting import SOLUTION as TRAFFIC

HOUR, DAY = 3_600, 86_400


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def history(days: int) -> PanelDataset:
    ts = pd.date_range("2025-01-01", periods=24 * days, freq="h", tz="UTC")
    rows = pd.DataFrame({"series_id": "a", "ts": ts, "y": 1.0})
    return PanelDataset(rows, pd.DataFrame({"series_id": ["a"]}), HOUR)


def test_a_long_history_keeps_what_the_settings_say_apart() -> None:
    cuts = cuts_of(history(400), SETTINGS)
    assert (cuts.end_s - cuts.holdout_s, cuts.holdout_s - cuts.selection_s) == (56 * DAY, 56 * DAY)


def test_of_a_short_history_most_is_learnt_from() -> None:
    cuts = cuts_of(history(50), SETTINGS)
    assert cuts.end_s - cuts.holdout_s == 10 * DAY
    assert cuts.selection_s - cuts.start_s == 30 * DAY


def test_intervals_without_a_value_are_no_history() -> None:
    panel = history(60)
    rows = panel.rows.assign(y=np.where(np.arange(len(panel.rows)) < 24 * 50, 1.0, np.nan))
    assert cuts_of(PanelDataset(rows, panel.series, HOUR), SETTINGS).end_s == seconds("2025-02-20")


@pytest.mark.parametrize(
    ("first", "last", "gaps"),
    [
        ("2025-03-28T00:00", "2025-04-02T00:00", [24, 23, 24, 24]),
        ("2025-10-24T00:00", "2025-10-29T00:00", [24, 25, 24, 24]),
    ],
)
def test_issues_follow_the_wall_clock_through_its_changes(
    first: str, last: str, gaps: list[int]
) -> None:
    spec = AsOfSpec(HOUR, "Europe/Berlin", 24)
    at = daily_issues(spec, seconds(first), seconds(last), 0.0)
    assert (np.diff(at) // HOUR).tolist() == gaps
    local = pd.to_datetime(at, unit="s", utc=True).tz_convert("Europe/Berlin")
    assert set(local.hour) == {0}


def test_an_issue_stands_at_the_begin_of_an_interval() -> None:
    spec = AsOfSpec(HOUR, "Asia/Kolkata", 24)
    at = daily_issues(spec, seconds("2025-03-01T00:00"), seconds("2025-03-09T00:00"), 6.0)
    assert len(at) == 8
    assert not (at % HOUR).any()


def column(name: str) -> Column:
    return Column(name, ColumnType.NUMBER, present=True, nullable=True, minimum=0.0, maximum=200.0)


def test_a_device_takes_for_measurements_what_rows_are_validated_by() -> None:
    traffic, energy = TRAFFIC.forecast, ENERGY.forecast
    assert traffic is not None
    assert energy is not None
    panel = history(30)
    known = replace(panel, series=panel.series.assign(speed_limit_kmh=[100.0]))
    found = traffic.reading_of(known, column("speed_kmh"))
    assert (found.missing, found.lowest, found.highest) == ((0.0,), 0.0, 200.0)
    assert (found.most, found.late, found.stale) == ({"a": 160.0}, 2, 6)
    plain = Column("load_kw", ColumnType.NUMBER, present=True, nullable=True)
    assert energy.reading_of(panel, plain) == Reading()
