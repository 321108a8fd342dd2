"""Flows of approaches are forecast from what was known; what they suggest says what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solutions.traffic_forecasting.grid import grid_of
from solutions.traffic_forecasting.signal_flows import (
    STATUS,
    STEADY,
    counts_of,
    forecast_flows,
    suggestion_tables,
    suggestions,
)
from tests.solutions.traffic_forecasting.crossing import DAYS, crossing
from tests.solutions.traffic_forecasting.roads import FIRST, STEP, readings, sensors

END = FIRST + pd.Timedelta(days=DAYS)


def test_flows_are_forecast_from_what_is_usual_and_how_busy_it_is_and_nothing_later() -> None:
    grid = grid_of(readings(days=10))
    assert grid.flow is not None
    slot = np.arange(grid.n_steps) % 288
    at = 8 * 288 + 100
    wanted = int(slot[at + 3])
    usual = np.array([grid.flow[slot == wanted, code][:8].mean() for code in range(6)])
    found = forecast_flows(grid, slot, at, wanted)
    np.testing.assert_allclose(found, usual, rtol=0.1)
    twice = grid.flow.copy()
    twice[at - 3 : at] *= 2
    before = np.stack([grid.flow[slot == slot[at - ago]][:8].mean(axis=0) for ago in (1, 2, 3)])
    came, expected = twice[at - 3 : at].sum(axis=0) / 12, before.sum(axis=0) / 12
    np.testing.assert_allclose(
        forecast_flows(replace(grid, flow=twice), slot, at, wanted),
        usual * (came + STEADY) / (expected + STEADY),
    )
    later = grid.flow.copy()
    later[at:] = 9_999.0
    np.testing.assert_array_equal(
        forecast_flows(replace(grid, flow=later), slot, at, wanted), found
    )
    with pytest.raises(ValueError, match="no flow is delivered"):
        forecast_flows(replace(grid, flow=None), slot, at, wanted)


def test_a_counter_that_is_silent_now_is_taken_to_be_as_usual() -> None:
    grid = grid_of(readings(days=10))
    assert grid.flow is not None
    slot, at = np.arange(grid.n_steps) % 288, 8 * 288 + 100
    gone = grid.flow.copy()
    gone[at - 3 : at] = np.nan
    usual = grid.flow[slot == slot[at]][:8].mean(axis=0)
    silent = replace(grid, flow=gone)
    np.testing.assert_allclose(forecast_flows(silent, slot, at, int(slot[at])), usual)


def test_every_signal_with_approaches_gets_a_row_and_none_where_no_flow_is_told() -> None:
    arms = sensors().assign(
        signal_id=pd.Series(["x", "x", "x", "y", np.nan, np.nan], dtype="str"),
        phase=["A", "A", "B", "A", "A", "A"],
    )
    tables = {"readings": readings(days=10), "sensors": arms}
    found = suggestions(tables)
    assert found["signal_id"].tolist() == ["x", "y"]
    assert set(found["green_s"].iloc[0]) == {"A", "B"}
    assert (found["cycle_s"] >= 30.0).all()
    assert suggestions({**tables, "sensors": sensors()}).empty
    bare = tables["readings"].drop(columns="flow_vph")
    assert suggestions({**tables, "readings": bare}).empty
    assert suggestions({"readings": tables["readings"]}).empty


def test_a_row_is_a_phase_and_says_that_a_person_decides() -> None:
    found = suggestion_tables(crossing(), {}, [END])["suggestions"]
    assert found["phase"].tolist() == ["A", "B"]
    assert set(found["status"]) == {STATUS}
    assert "person decides" in STATUS
    assert set(found["for_at"]) == {END + 2 * STEP}
    lost = found["cycle_s"] - found["green_s"].sum()
    np.testing.assert_allclose(lost, 8.0)


def test_a_signal_with_an_approach_of_unknown_flow_gets_no_timing() -> None:
    tables = crossing()
    without = tables["readings"][tables["readings"]["sensor_id"] != "x-east"]
    found = suggestion_tables({**tables, "readings": without}, {}, [END])["suggestions"]
    assert found["phase"].tolist() == [""]
    assert found["green_s"].isna().all()
    assert found["why"].tolist() == ["no flow of x-east is known"]
    early = suggestion_tables(tables, {}, [FIRST])["suggestions"]
    assert early["why"].tolist() == ["no flow of x-east, x-north, x-south is known"]


def test_without_signals_there_is_no_table() -> None:
    tables = crossing()
    assert suggestion_tables({**tables, "sensors": sensors()}, {}, [END]) == {}
    assert suggestion_tables({"readings": readings(days=2)}, {}, [END]) == {}
    assert suggestion_tables(tables, {}, []) == {}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, (DAYS - 1) * 288), st.integers(0, 3), st.integers(0, 2**31), st.booleans())
def test_nothing_that_is_told_after_an_issue_changes_its_suggestions(
    steps_before_end: int, late: int, seed: int, dropped: bool
) -> None:
    tables, latency_h = crossing(), late / 12
    issue = END - steps_before_end * STEP
    known = tables["readings"]["event_at"] + STEP * (1 + late) <= issue
    rows = tables["readings"].copy()
    rng = np.random.default_rng(seed)
    rows.loc[~known, "flow_vph"] = 12.0 * rng.integers(0, 400, int((~known).sum()))
    spoilt = rows[known] if dropped else rows
    before, after = (
        suggestion_tables({**tables, "readings": one}, {"latency_h": latency_h}, [issue])
        for one in (tables["readings"], spoilt)
    )
    pd.testing.assert_frame_equal(before["suggestions"], after["suggestions"])


def test_what_came_just_before_an_issue_does_change_them() -> None:
    tables = crossing()
    issue = END - pd.Timedelta(hours=9)
    just = tables["readings"]["event_at"].between(issue - 3 * STEP, issue - STEP)
    rows = tables["readings"].assign(
        flow_vph=tables["readings"]["flow_vph"].where(~just, 2 * tables["readings"]["flow_vph"])
    )
    told = [
        suggestion_tables({**tables, "readings": one}, {}, [issue])["suggestions"]["flow_ratio"]
        for one in (tables["readings"], rows)
    ]
    assert (told[1] > 1.1 * told[0]).all()


def test_readings_in_any_order_count_the_same() -> None:
    tables = crossing()
    mixed = tables["readings"].sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(suggestions({**tables, "readings": mixed}), suggestions(tables))
    counts = counts_of({**tables, "readings": mixed})
    assert counts is not None
    assert counts.grid.ids == ("x-east", "x-north", "x-south")
