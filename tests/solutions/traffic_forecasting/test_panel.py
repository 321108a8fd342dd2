"""From tables to series: what counts as a speed, which intervals, and which neighbours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.errors import DataError
from lepton.forecast.cleaning import untouched
from lepton.forecast.panel import MISSING, OK, SUSPECT, PanelDataset
from lepton.forecast.prepared import Prepared
from lepton.forecast.spec import cuts_of
from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.grid import STEPS_S, grid_of, step_of
from solutions.traffic_forecasting.looks import looks
from solutions.traffic_forecasting.panel import panel
from tests.solutions.traffic_forecasting.crossing import DAYS, crossing
from tests.solutions.traffic_forecasting.roads import (
    FIRST,
    IDS,
    STEP,
    Tables,
    readings,
    sensors,
    spoilt,
    usual,
)

NOON = "2024-03-12T19:00Z"


def of(tables: Tables, **settings: float) -> PanelDataset:
    return panel(tables, {**SOLUTION.settings, **settings})


def at(made: PanelDataset, sensor: str, when: str) -> tuple[float, int]:
    rows = made.rows[(made.rows["series_id"] == sensor) & (made.rows["ts"] == pd.Timestamp(when))]
    return float(rows["y"].iloc[0]), int(rows["quality"].iloc[0])


def test_every_reading_is_a_row_and_neighbours_follow_the_road() -> None:
    made = of(usual())
    assert len(made.rows) == len(readings())
    assert set(made.rows["quality"]) == {OK}
    assert made.ids == IDS
    assert made.neighbours is not None
    assert made.neighbours.up[2][0] == 1
    assert made.neighbours.down[2][0] == 3
    assert made.neighbours.down[5] == ()
    assert made.zones[0] == "America/Los_Angeles"


def test_a_road_whose_kilometres_fall_the_way_vehicles_go_is_turned_round() -> None:
    made = of(usual(sensors=sensors().assign(direction_sign=-1.0)))
    assert made.neighbours is not None
    assert made.neighbours.down[2][0] == 1


def test_edges_come_before_roads_and_without_either_the_past_has_to_teach() -> None:
    edges = pd.DataFrame({"from_id": ["s0"], "to_id": ["s5"], "distance_m": [100.0]})
    made = of(usual(edges=edges.astype({"from_id": "str", "to_id": "str"})))
    assert made.neighbours is not None
    assert made.neighbours.down == ((5,), (), (), (), (), ())
    assert of({"readings": readings()}).neighbours is None


def test_a_zero_is_missing_unless_vehicles_stand() -> None:
    silent = spoilt(
        lambda rows: rows.assign(speed_kmh=0.0, flow_vph=0.0, occupancy=0.0), "s2", NOON, 1
    )
    value, quality = at(of(silent), "s2", NOON)
    assert np.isnan(value)
    assert quality == MISSING
    standing = spoilt(lambda rows: rows.assign(speed_kmh=0.0, occupancy=0.7), "s2", NOON, 1)
    assert at(of(standing), "s2", NOON) == (0.0, OK)


def test_a_zero_without_occupancy_is_believed_where_few_vehicles_crawl() -> None:
    for flow, believed in ((0.0, False), (240.0, True), (3_000.0, False)):
        rows = readings().drop(columns="occupancy")
        place = (rows["sensor_id"] == "s2") & (rows["event_at"] == pd.Timestamp(NOON))
        rows.loc[place, ["speed_kmh", "flow_vph"]] = (0.0, flow)
        assert at(of(usual(readings=rows)), "s2", NOON)[1] == (OK if believed else MISSING)
    bare = readings()[["event_at", "sensor_id", "speed_kmh"]]
    bare.loc[bare.index[0], "speed_kmh"] = 0.0
    assert int((of({"readings": bare}).rows["quality"] == MISSING).sum()) == 1


def test_what_is_not_believed_is_marked_and_kept() -> None:
    stuck = spoilt(lambda rows: rows.assign(speed_kmh=88.0), "s2", NOON, 20)
    made = of(stuck)
    marked = made.rows[made.rows["quality"] == SUSPECT]
    assert len(marked) == 9
    assert set(marked["y"]) == {88.0}
    told = spoilt(lambda rows: rows.assign(quality=2), "s2", NOON, 3)
    assert int((of(told).rows["quality"] == SUSPECT).sum()) == 3
    poor = spoilt(lambda rows: rows.assign(observed_pct=20.0), "s2", NOON, 3)
    assert int((of(poor).rows["quality"] == SUSPECT).sum()) == 3


def test_a_dead_detector_is_set_aside_until_its_last_24_hours_are_there_again() -> None:
    rows = readings()
    gone = (rows["sensor_id"] == "s2") & rows["event_at"].between(
        pd.Timestamp(NOON), pd.Timestamp(NOON) + 199 * STEP
    )
    made = of(usual(readings=rows[~gone]))
    own = made.rows[(made.rows["series_id"] == "s2") & (made.rows["quality"] == SUSPECT)]
    assert own["ts"].min() == pd.Timestamp(NOON) + 200 * STEP
    assert own["ts"].max() == pd.Timestamp(NOON) + (288 + 54) * STEP
    assert set(made.rows.loc[made.rows["series_id"] != "s2", "quality"]) == {OK}


def test_no_mark_depends_on_what_comes_later() -> None:
    tables = spoilt(lambda rows: rows.assign(speed_kmh=88.0), "s2", NOON, 200)
    cut = pd.Timestamp(NOON) + 50 * STEP
    early = tables["readings"][tables["readings"]["event_at"] < cut]
    known, whole = of({**tables, "readings": early}).rows, of(tables).rows
    seen = whole[whole["ts"] < cut].reset_index(drop=True)
    pd.testing.assert_frame_equal(known.reset_index(drop=True), seen)


def test_finer_readings_are_averaged_and_clocks_that_are_wrong_by_seconds_keep_their_interval() -> (
    None
):
    first = pd.Timestamp("2024-03-01T00:00Z")
    times = [first + pd.Timedelta(seconds=s) for s in (0, 60, 120, 295, 330)]
    rows = pd.DataFrame({"event_at": times, "sensor_id": "a", "speed_kmh": [60, 70, 0, 80, 90]})
    grid = grid_of(rows, {"step_min": 5})
    assert grid.speed[:, 0].tolist() == [65.0, 85.0]
    assert grid.zero[:, 0].tolist() == [True, False]
    assert grid.off_grid.tolist() == [2]


@pytest.mark.parametrize("minutes", [1, 2, 5, 10, 15])
def test_the_interval_is_that_of_the_detectors(minutes: int) -> None:
    at = pd.date_range(FIRST, periods=50, freq=f"{minutes}min")
    rows = pd.DataFrame({"event_at": at, "sensor_id": "a"}).sample(frac=1, random_state=0)
    assert step_of(rows) == 60 * minutes


def test_no_speed_at_all_is_refused() -> None:
    bare = readings(days=1)[["event_at", "sensor_id"]]
    with pytest.raises(DataError, match=r"LK264 .*no detector has a speed other than 0"):
        of({"readings": bare.assign(speed_kmh=0.0)})


def test_counters_without_a_speed_are_no_series_and_change_none() -> None:
    tables = crossing()
    assert grid_of(tables["readings"]).ids == IDS
    assert len(grid_of(tables["readings"], counters=True).ids) == len(IDS) + 3
    made = of(tables)
    assert made.ids == IDS
    alone = of({"readings": readings(days=DAYS), "sensors": sensors().assign(type="mainline")})
    pd.testing.assert_frame_equal(made.rows, alone.rows)
    pd.testing.assert_frame_equal(made.series, alone.series)


def test_a_detector_that_says_zero_all_the_time_stays_a_series() -> None:
    rows = readings(days=2)
    rows.loc[rows["sensor_id"] == "s2", "speed_kmh"] = 0.0
    assert of(usual(readings=rows)).ids == IDS


def test_neighbours_come_back_from_disk(tmp_path: Path) -> None:
    made = of(usual())
    spec = SOLUTION.forecast
    assert spec is not None
    prepared = Prepared(made, spec.looks(made, SOLUTION.settings), cuts_of(made, SOLUTION.settings))
    prepared.save(tmp_path)
    assert Prepared.load(tmp_path).panel.neighbours == made.neighbours
    bare = replace(prepared, panel=replace(made, neighbours=None))
    bare.save(tmp_path)
    assert Prepared.load(tmp_path).panel.neighbours is None


def test_neighbours_of_other_series_are_refused() -> None:
    made = of(usual())
    assert made.neighbours is not None
    with pytest.raises(DataError, match="neighbours are told of other series"):
        replace(made, neighbours=made.neighbours.of(IDS[:3]))


def test_the_audit_names_what_is_no_measurement_and_why() -> None:
    def spoil(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(speed_kmh=[0.0, 190.0, *rows["speed_kmh"].iloc[2:]], occupancy=0.01)

    found = untouched(panel(spoilt(spoil, "s2", "2024-03-20T19:00Z", 12), SOLUTION.settings))
    own = found.audit[found.audit["series_id"] == "s2"]
    assert own["reason"].tolist() == ["zero", "impossible"]
    assert own["quality"].tolist() == [MISSING, SUSPECT]
    assert np.isnan(own["before"].iloc[0])
    assert own["before"].iloc[1] == 190.0
    assert own["after"].isna().all()


@pytest.mark.parametrize("step_s", STEPS_S)
def test_of_what_is_looked_back_on_something_is_there_at_the_largest_latency(step_s: int) -> None:
    latency_h = SOLUTION.setting_bounds["latency_h"][1]
    rows = readings(days=12)
    at = rows["event_at"]
    rows = rows[at == at.dt.floor(f"{max(step_s, 300)}s")]
    made = of(usual(readings=rows), latency_h=latency_h, step_min=step_s / 60)
    look = looks(made, SOLUTION.settings)[IDS[0]]
    assert latency_h * 3_600 <= (look.n_past - 1) * step_s
