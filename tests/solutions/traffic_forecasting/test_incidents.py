"""Incidents of a history: found near where they were, and what is told elsewhere is false."""

from __future__ import annotations

import pandas as pd
import pytest

from lepton.forecast.spec import Story
from solutions.traffic_forecasting.grid import grid_of
from solutions.traffic_forecasting.incident_page import incident_pages
from solutions.traffic_forecasting.incidents import judged, slots
from tests.solutions.traffic_forecasting.roads import STEP, ZONE, Tables, usual

NOON = pd.Timestamp("2024-04-02T19:00Z")
SPAN = (NOON - pd.Timedelta(days=1), NOON + pd.Timedelta(days=1))


def with_event(**changes: object) -> Tables:
    event = {
        "type": "incident",
        "started_at": NOON,
        "ended_at": NOON + 12 * STEP,
        "road_id": "R1",
        "direction": "N",
        "km": 2.0,
    }
    return {**usual(), "events": pd.DataFrame([{**event, **changes}])}


def told(series: str, after_min: float, for_min: float = 30.0) -> pd.DataFrame:
    at = NOON + pd.Timedelta(minutes=after_min)
    until = at + pd.Timedelta(minutes=for_min)
    return pd.DataFrame({"series": [series], "told_at": [at], "cleared_at": [until]})


def test_what_is_told_up_the_road_while_it_lasts_is_found_by_its_delay() -> None:
    found = judged(told("s2", 15), with_event(), SPAN)
    assert (found.found, found.n, found.false, found.median_min) == (1, 1, 0, 15.0)
    assert found.rows["real"].tolist() == [True]


@pytest.mark.parametrize(("series", "after_min"), [("s2", 200.0), ("s2", -90.0), ("s5", 15.0)])
def test_what_is_told_too_late_before_or_beyond_it_is_false(series: str, after_min: float) -> None:
    found = judged(told(series, after_min), with_event(), SPAN)
    assert (found.found, found.n, found.false) == (0, 1, 1)
    assert found.false_per_100_days == pytest.approx(100 / (2 * len(usual()["sensors"])))


@pytest.mark.parametrize(
    "place",
    [
        {"direction": None},
        {"direction": None, "road_id": None, "km": None, "sensor_id": "s2"},
        {"ended_at": pd.NaT},
    ],
)
def test_an_event_may_lack_what_the_contract_lets_it(place: dict[str, object]) -> None:
    made = with_event(**place)
    made["events"] = made["events"].dropna(axis=1, how="all")
    found = judged(told("s2", 15), made, SPAN)
    assert (found.found, found.n, found.false) == (1, 1, 0)


def test_up_the_road_lies_the_other_way_where_kilometres_fall() -> None:
    made = with_event()
    made["sensors"] = made["sensors"].assign(direction_sign=-1.0)
    assert judged(told("s4", 15), made, SPAN).found == 1
    assert judged(told("s1", 15), made, SPAN).found == 0


def test_an_event_that_lies_nowhere_is_not_asked_for() -> None:
    made = with_event(road_id="R9")
    assert judged(told("s2", 15), made, SPAN).n == 0


def test_what_touches_in_time_along_a_road_is_false_once() -> None:
    rows = pd.concat(
        [told("s1", -300, 40), told("s2", -270, 60), told("s3", -100)], ignore_index=True
    )
    assert judged(rows, with_event(), SPAN).false == 2


def test_roadworks_explain_what_is_told_and_are_no_incidents() -> None:
    found = judged(told("s2", 15), with_event(type="roadwork"), SPAN)
    assert (found.found, found.n, found.false) == (0, 0, 0)


def test_the_page_says_what_was_found_and_is_not_there_without_anything() -> None:
    at = pd.DataFrame({"event_at": list(SPAN)})
    story = Story(with_event(), at, at, 300, "km/h", told("s2", 15))
    (page,) = incident_pages(story)
    assert "1 of 1" in page.found[0]
    (_, _, table) = page.pieces[0]
    assert table["known event"].tolist() == ["yes"]
    assert incident_pages(Story(usual(), at, at, 300, "", told("s2", 15).iloc[:0])) == ()
    (plain,) = incident_pages(Story(usual(), at, at, 300, "", told("s2", 15)))
    assert list(plain.found) == []


def test_the_clock_is_that_of_the_road_and_weekends_are_days_of_their_own() -> None:
    grid = grid_of(usual()["readings"])
    slot, n = slots(grid.at, grid.step_s, ZONE)
    assert n == 2 * 288
    local = grid.at.tz_convert(ZONE)
    assert slot[0] == (local[0].hour * 60 + local[0].minute) // 5
    assert (slot >= 288).tolist() == (local.day_of_week >= 5).tolist()
