"""The page of signals: judged by what came, never by what was not known, always a suggestion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.spec import Story
from solutions.traffic_forecasting.signal_flows import counts_of
from solutions.traffic_forecasting.signal_page import signal_pages
from solutions.traffic_forecasting.signal_worth import (
    BUSY,
    KNOWN,
    MEAN,
    SUGGESTED,
    forecast_quarters,
    worths,
)
from tests.solutions.traffic_forecasting.crossing import DAYS, crossing
from tests.solutions.traffic_forecasting.roads import FIRST, STEP, Tables, sensors

JUDGED = FIRST + pd.Timedelta(days=6)


def story(tables: Tables, begin: pd.Timestamp = JUDGED) -> Story:
    rows = pd.DataFrame({"event_at": [begin, FIRST + pd.Timedelta(days=DAYS)]})
    return Story(tables, rows, rows, 300)


def test_the_page_shows_every_signal_and_says_that_nothing_is_switched() -> None:
    (page,) = signal_pages(story(crossing()))
    assert page.anchor == "signals"
    assert "a person decides on" in page.text
    assert "nothing is switched" in page.text
    titles = [title for title, _, _ in page.pieces]
    assert titles == ["x: suggestions over a day", "Delay by timing", "How flows are forecast"]
    figure: Any = page.pieces[0][2]
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "flow ratio Y", "cycle, s", "delay, s a vehicle"
    ]  # fmt: skip
    assert len(page.found) == 2


def test_without_signals_flows_or_days_before_there_is_no_page() -> None:
    tables = crossing()
    assert signal_pages(story({**tables, "sensors": sensors()})) == ()
    bare = tables["readings"].drop(columns="flow_vph")
    assert signal_pages(story({**tables, "readings": bare})) == ()
    assert signal_pages(story(tables, FIRST + pd.Timedelta(days=2))) == ()
    silent = tables["readings"][tables["readings"]["sensor_id"] != "x-east"]
    assert signal_pages(story({**tables, "readings": silent})) == ()


def test_flows_beat_the_latest_quarter_and_their_errors_are_those_of_what_came() -> None:
    counts = counts_of(crossing())
    assert counts is not None
    made = forecast_quarters(counts, 6 * 288)
    told = made.errors(counts.grid.ids)
    assert told["approach"].tolist() == ["x-east", "x-north", "x-south", "all"]
    every = told.iloc[-1]
    assert every["told"] < every["latest"]
    np.testing.assert_allclose(every["usual"], np.abs(made.usual - made.came).mean())
    first = counts.row(made.at[0])
    np.testing.assert_allclose(made.came[0], counts.flow[first : first + 3].mean(axis=0))


def test_no_forecast_of_a_quarter_knows_what_came_in_the_fifteen_minutes_before_it() -> None:
    tables = crossing()
    counts = counts_of(tables)
    assert counts is not None
    made = forecast_quarters(counts, 6 * 288)
    at = made.at[100]
    later = tables["readings"]["event_at"] >= at - 2 * STEP
    rows = tables["readings"].assign(flow_vph=tables["readings"]["flow_vph"].mask(later, 0.0))
    spoilt = counts_of({**tables, "readings": rows})
    assert spoilt is not None
    again = forecast_quarters(spoilt, 6 * 288)
    for name in ("told", "usual", "latest"):
        np.testing.assert_array_equal(getattr(again, name)[:101], getattr(made, name)[:101])
    assert (again.came[100] < made.came[100]).all()


def test_known_flows_wait_least_and_fixed_timings_are_set_by_the_days_before() -> None:
    tables = crossing()
    counts = counts_of(tables)
    assert counts is not None
    made = forecast_quarters(counts, 6 * 288)
    (one,) = worths(counts, made, 6 * 288)
    assert one.delay(KNOWN) <= min(one.delay(way) for way in (MEAN, BUSY))
    assert one.delay(SUGGESTED) == pytest.approx(one.delay(KNOWN), rel=0.1)
    less = one.delay(one.best_fixed) - one.delay(SUGGESTED)
    vehicles = one.flow.sum() / 4
    assert one.saved_h_a_day == pytest.approx(less * vehicles / 3_600 / (len(one.flow) / 96))
    later = tables["readings"]["event_at"] >= FIRST + pd.Timedelta(days=6)
    flow = tables["readings"]["flow_vph"]
    spoilt = counts_of({**tables, "readings": tables["readings"].assign(
        flow_vph=flow.where(~later, 12.0 + flow))})  # fmt: skip
    assert spoilt is not None
    (other,) = worths(spoilt, made, 6 * 288)
    for way in (MEAN, BUSY):
        np.testing.assert_array_equal(other.delays[way], one.delays[way])


def test_a_signal_that_no_cycle_passes_keeps_its_fixed_timing_and_the_page_says_so() -> None:
    tables = crossing()
    flow = tables["readings"]["flow_vph"]
    arms = tables["readings"]["speed_kmh"].isna()
    rows = tables["readings"].assign(flow_vph=flow.where(~arms, 2 * flow))
    counts = counts_of({**tables, "readings": rows})
    assert counts is not None
    (one,) = worths(counts, forecast_quarters(counts, 6 * 288), 6 * 288)
    none = np.array([told.timing is None for told in one.suggestions])
    assert none.any()
    np.testing.assert_array_equal(one.delays[SUGGESTED][none], one.delays[BUSY][none])
    (page,) = signal_pages(story({**tables, "readings": rows}))
    assert f"In {none.sum()} quarters of an hour nothing could be suggested" in page.found[0]


def test_only_the_busiest_signals_are_judged() -> None:
    tables = crossing()
    counts = counts_of(tables)
    assert counts is not None
    two = counts.arms["sensor_id"].map({"x-north": "a", "x-south": "b", "x-east": "b"})
    split = replace(counts, arms=counts.arms.assign(signal_id=two))
    made = forecast_quarters(split, 6 * 288)
    assert [one.signal for one in worths(split, made, 6 * 288)] == ["b", "a"]
    assert [one.signal for one in worths(split, made, 6 * 288, most=1)] == ["b"]
