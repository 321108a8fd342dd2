"""Weather and events beside the detectors: from when on each was known, and where it counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.panel import PanelDataset
from lepton_edge.near_beside import NearKnown
from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.beside import columns_of
from solutions.traffic_forecasting.events import AHEAD
from solutions.traffic_forecasting.panel import panel
from tests.solutions.traffic_forecasting.roads import FIRST, IDS, Tables, sensors, usual

HOURS = pd.date_range(FIRST, periods=24, freq="h")
SEEN = pd.DataFrame({"valid_at": HOURS, "precip_mm_h": np.arange(24.0)})
MINUTE = pd.Timedelta(minutes=1)


def of(tables: Tables) -> PanelDataset:
    return panel(tables, SOLUTION.settings)


def known(made: PanelDataset, column: str, minute: int, at: int, sensor: str = "s0") -> float:
    """A column of the interval that begins so many minutes after the first, as it stood at another
    minute."""
    told = made.histories[sensor].known[column]
    first = int(FIRST.timestamp())
    step = np.array([[(first + 60 * minute) // 300]])
    return float(told.as_of(step, np.array([first + 60 * at]))[0, 0])


def test_what_was_only_seen_is_known_from_the_end_of_its_hour_on() -> None:
    made = of(usual(weather=SEEN))
    assert not made.is_known_perfectly
    assert made.known_columns == ("precip_mm_h",)
    assert np.isnan(known(made, "precip_mm_h", 125, 179))
    assert known(made, "precip_mm_h", 125, 180) == 2.0


def test_what_was_seen_takes_the_place_of_what_was_foreseen() -> None:
    foreseen = SEEN.assign(issued_at=FIRST, provider="model", precip_mm_h=50.0)
    seen = SEEN.assign(issued_at=HOURS + 70 * MINUTE, provider="obs")
    made = of(usual(weather=pd.concat([seen, foreseen])))
    assert known(made, "precip_mm_h", 60, 129) == 50.0
    assert known(made, "precip_mm_h", 60, 130) == 1.0


def test_every_detector_has_the_weather_of_its_station() -> None:
    weather = pd.concat([SEEN.assign(station_id="a"), SEEN.assign(station_id="b", precip_mm_h=9.0)])
    told = sensors().assign(station_id=["a", "b", np.nan, "c", "a", "a"])
    made = of(usual(weather=weather, sensors=told))
    assert [known(made, "precip_mm_h", 60, 200, name) for name in IDS[:4]] == [1.0, 9.0, 5.0, 5.0]
    assert columns_of(made, made.end_s) == (NearKnown("precip_mm_h"),)


def test_without_stations_of_detectors_all_have_the_mean_of_stations() -> None:
    weather = pd.concat([SEEN.assign(station_id="a"), SEEN.assign(station_id="b", precip_mm_h=9.0)])
    for told in (sensors(), sensors().assign(station_id="elsewhere")):
        made = of(usual(weather=weather, sensors=told))
        assert known(made, "precip_mm_h", 60, 200) == 5.0
        assert columns_of(made, made.end_s) == (NearKnown("precip_mm_h", is_shared=True),)


def test_only_columns_that_differ_may_be_looked_at() -> None:
    made = of(usual(weather=SEEN.assign(snow_mm_h=0.0, wind_ms=np.nan)))
    assert columns_of(made, made.end_s) == (NearKnown("precip_mm_h", is_shared=True),)


def test_a_column_that_differs_only_later_is_none() -> None:
    snow = np.where(np.arange(24) == 20, 1.0, 0.0)
    made = of(usual(weather=SEEN.assign(snow_mm_h=snow)))
    first = int(FIRST.timestamp())
    assert [one.name for one in columns_of(made, first + 20 * 3_600)] == ["precip_mm_h"]
    assert len(columns_of(made, first + 21 * 3_600)) == 2


def test_without_tables_nothing_is_known() -> None:
    made = of(usual())
    assert made.known is None
    assert columns_of(made, made.end_s) == ()


def event(**told: Any) -> pd.DataFrame:
    """An incident behind s3, 2.4 km along, from minute 60 to 100, told at 67."""
    row = {
        "event_id": "e1",
        "type": "incident",
        "started_at": FIRST + 60 * MINUTE,
        "ended_at": FIRST + 100 * MINUTE,
        "reported_at": FIRST + 67 * MINUTE,
        "road_id": "R1",
        "direction": "N",
        "km": 2.4,
        "severity": 0.8,
        **told,
    }
    return pd.DataFrame([{name: value for name, value in row.items() if value is not None}])


def test_an_event_is_unknown_before_its_report_and_counts_less_the_farther_it_is() -> None:
    made = of(usual(events=event()))
    assert np.isnan(known(made, AHEAD, 60, 66, "s3"))
    assert known(made, AHEAD, 60, 67, "s3") == 0.8
    assert known(made, AHEAD, 65, 67, "s0") == pytest.approx(0.8 * (1 - 2.4 / 8))
    assert np.isnan(known(made, AHEAD, 65, 67, "s4"))


def test_the_end_of_an_incident_is_unknown_until_then_and_that_of_works_is_planned() -> None:
    made = of(usual(events=event()))
    assert known(made, AHEAD, 95, 95, "s3") == 0.8
    assert np.isnan(known(made, AHEAD, 100, 99, "s3"))
    assert known(made, AHEAD, 100, 100, "s3") == 0.0
    made = of(usual(events=event(type="roadwork")))
    assert known(made, AHEAD, 95, 67, "s3") == 0.8
    assert known(made, AHEAD, 100, 67, "s3") == 0.0


def test_another_end_of_an_incident_changes_nothing_before_it() -> None:
    one, other = (of(usual(events=event(ended_at=FIRST + m * MINUTE))) for m in (100, 300))
    for minute in range(60, 100, 5):
        assert known(one, AHEAD, minute, 99, "s2") == pytest.approx(
            known(other, AHEAD, minute, 99, "s2"), nan_ok=True
        )


def test_an_event_without_an_end_lasts_two_hours() -> None:
    made = of(usual(events=event(ended_at=None)))
    assert known(made, AHEAD, 175, 175, "s3") == 0.8
    assert known(made, AHEAD, 180, 180, "s3") == 0.0


def test_works_of_many_years_are_told_of_while_there_are_readings() -> None:
    years = event(
        type="closure",
        started_at=FIRST - pd.Timedelta(days=4_000),
        reported_at=FIRST - pd.Timedelta(days=4_001),
        ended_at=pd.Timestamp("2099-12-31T23:00Z"),
    )
    made = of(usual(events=years))
    assert made.known is not None
    assert len(made.known) < 4 * 288 * 60
    assert [known(made, AHEAD, minute, 0, "s3") for minute in (0, 57_000)] == [0.8, 0.8]
    before = event(started_at=FIRST - pd.Timedelta(days=9), ended_at=FIRST - pd.Timedelta(days=8))
    assert of(usual(events=before)).known is None


def test_of_several_events_the_worst_that_is_known_counts() -> None:
    worse = event(event_id="e2", severity=0.9, reported_at=FIRST + 80 * MINUTE)
    made = of(usual(events=pd.concat([event(), worse])))
    assert known(made, AHEAD, 70, 79, "s3") == 0.8
    assert known(made, AHEAD, 70, 80, "s3") == 0.9


def test_events_without_a_report_and_crowds_are_not_looked_at() -> None:
    assert of(usual(events=event(reported_at=None))).known is None
    assert of(usual(events=event(type="event"))).known is None


@pytest.mark.parametrize(
    "place",
    [
        {"sensor_id": "s3", "road_id": None, "km": None},
        {"direction": None},
        {"road_id": None, "km": None, "lat": 34.03, "lon": -118.0},
    ],
)
def test_a_place_is_told_by_detector_by_road_or_on_the_map(place: dict[str, Any]) -> None:
    told = sensors().assign(lat=34.0 + 0.01 * np.arange(6), lon=-118.0)
    made = of(usual(events=event(**place), sensors=told))
    assert known(made, AHEAD, 70, 70, "s3") == pytest.approx(0.8)
    assert known(made, AHEAD, 70, 70, "s1") == pytest.approx(0.8 * (1 - 1.6 / 8))
    assert np.isnan(known(made, AHEAD, 70, 70, "s5"))


def test_where_kilometres_are_not_told_an_event_counts_at_its_own_detector_alone() -> None:
    told = sensors().drop(columns="postmile_km")
    made = of(usual(events=event(sensor_id="s3", road_id=None, km=None), sensors=told))
    assert known(made, AHEAD, 70, 70, "s3") == pytest.approx(0.8)
    assert all(np.isnan(known(made, AHEAD, 70, 70, name)) for name in ("s0", "s2", "s4"))


def test_on_a_road_whose_kilometres_fall_the_way_vehicles_go_it_lies_the_other_way() -> None:
    made = of(usual(events=event(), sensors=sensors().assign(direction_sign=-1.0)))
    assert known(made, AHEAD, 70, 70, "s5") == pytest.approx(0.8 * (1 - 1.6 / 8))
    assert np.isnan(known(made, AHEAD, 70, 70, "s0"))


def test_weather_for_all_and_events_by_detector_go_together() -> None:
    made = of(usual(weather=SEEN, events=event()))
    assert known(made, "precip_mm_h", 60, 200, "s3") == 1.0
    assert known(made, AHEAD, 70, 70, "s3") == 0.8
    wanted = (NearKnown("precip_mm_h", is_shared=True), NearKnown(AHEAD, otherwise=0.0))
    assert columns_of(made, made.end_s) == wanted


def test_how_bad_an_untold_event_is_comes_from_those_reported_before_it() -> None:
    untold = event(event_id="e2", severity=np.nan)
    before = event(event_id="e0", km=50.0, severity=0.4, reported_at=FIRST)
    after = event(event_id="e3", km=50.0, severity=9.0, reported_at=FIRST + 400 * MINUTE)
    made = of(usual(events=pd.concat([after, untold, before])))
    assert known(made, AHEAD, 70, 79, "s3") == 0.4
    assert known(of(usual(events=untold)), AHEAD, 70, 79, "s3") == 1.0
