"""Incidents in simulated histories: found near where they were, and queues of every day are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solutions.traffic_forecasting.grid import Grid, grid_of
from solutions.traffic_forecasting.incidents import (
    judged,
    slots,
    told_incidents,
    usual_of,
)
from solutions.traffic_forecasting.register import neighbours_of
from tests.solutions.traffic_forecasting.roads import STEP, ZONE, Tables, spoilt, usual

NOON = "2024-04-02T19:00Z"


def history(slow: bool) -> tuple[Grid, Tables]:
    def crawl(rows: pd.DataFrame) -> pd.DataFrame:
        speed = 25 + np.random.default_rng(2).random(len(rows))
        return rows.assign(speed_kmh=speed, occupancy=0.5)

    tables = spoilt(crawl, "s2", NOON, 12) if slow else usual()
    begin = pd.Timestamp(NOON)
    tables["events"] = pd.DataFrame(
        {
            "type": ["incident"],
            "started_at": [begin],
            "ended_at": [begin + 12 * STEP],
            "road_id": ["R1"],
            "direction": ["N"],
            "km": [2.0],
        }
    )
    return grid_of(tables["readings"]), tables


@pytest.mark.parametrize("slow", [True, False])
def test_an_incident_is_told_at_the_detector_before_it_and_nothing_where_there_is_none(
    slow: bool,
) -> None:
    grid, tables = history(slow)
    near = neighbours_of(tables, grid.ids)
    assert near is not None
    told = told_incidents(grid, grid.speed, near, ZONE, learn=slice(0, 25 * 288))
    assert {*np.flatnonzero(told.any(axis=0)).tolist()} == ({2} if slow else set())
    found = judged(told, grid, tables, 25 * 288)
    assert (found.found, found.n, found.false) == (int(slow), 1, 0)
    if slow:
        assert found.median_min <= 20


def test_what_is_told_far_from_any_event_is_false_once_for_a_stretch() -> None:
    grid, tables = history(slow=False)
    told = np.zeros(grid.speed.shape, dtype=bool)
    told[30 * 288 : 30 * 288 + 20, 2:4] = True
    found = judged(told, grid, tables, 25 * 288)
    assert (found.found, found.false) == (0, 1)
    days = (grid.n_steps - 25 * 288) / 288 * len(grid.ids)
    assert found.false_per_100_days == pytest.approx(100 / days)


def test_what_is_usual_is_a_median_and_never_no_deviation_at_all() -> None:
    slot = np.tile(np.arange(10), 21)
    values = np.where(slot == 5, 40.0, 90.0)[:, None] * np.ones((1, 2))
    values[5, 0] = 0.0
    values[:, 1] = np.nan
    made = usual_of(values, slot, 10, least=3.0)
    assert made.spread.min() == 3.0
    away = made.deviations(values, slot)
    assert away[5, 0] < -10
    assert np.isnan(away[:, 1]).all()


def test_the_clock_is_that_of_the_road_and_weekends_are_days_of_their_own() -> None:
    grid, _ = history(slow=False)
    slot, n = slots(grid.at, grid.step_s, ZONE)
    assert n == 2 * 288
    local = grid.at.tz_convert(ZONE)
    assert slot[0] == (local[0].hour * 60 + local[0].minute) // 5
    assert (np.asarray(slot >= 288) == np.asarray(local.day_of_week >= 5)).all()
