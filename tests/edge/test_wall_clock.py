"""Wall clocks through clock changes, against the standard library's own arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton_edge.wall_clock import DAY_S, WallClock, day_of_year, weekday

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Pacific/Auckland",
)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall time


def shown(utc_s: int, zone: str) -> int:
    at = datetime.fromtimestamp(utc_s, tz=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return int((at - EPOCH).total_seconds())


@given(st.sampled_from(ZONES), st.integers(0, 2_000_000_000))
def test_the_wall_shows_what_the_standard_library_says(zone: str, utc_s: int) -> None:
    assert int(WallClock(zone).wall(np.array([utc_s]))[0]) == shown(utc_s, zone)


@given(st.sampled_from(ZONES), st.integers(10**9, 2 * 10**9), st.integers(0, 40))
def test_a_lag_shows_the_same_wall_time_unless_a_change_skipped_it(
    zone: str, utc_s: int, days: int
) -> None:
    clock = WallClock(zone)
    then = clock.earlier(np.array([utc_s]), days)
    wanted = shown(utc_s, zone) - days * DAY_S
    got = int(clock.wall(then)[0])
    if got != wanted:
        info = ZoneInfo(zone)
        wall = datetime.fromtimestamp(wanted, tz=UTC).replace(tzinfo=info)
        back = wall.astimezone(UTC).astimezone(info)
        assert back.replace(tzinfo=None) != wall.replace(tzinfo=None), "the wall time exists"
        assert 0 < got - wanted <= 7_200


@pytest.mark.parametrize(
    ("zone", "short", "long"),
    [
        ("Europe/Berlin", "2025-03-30", "2025-10-26"),
        ("America/New_York", "2025-03-09", "2025-11-02"),
        ("Australia/Melbourne", "2025-10-05", "2025-04-06"),
        ("America/Santiago", "2025-09-07", "2025-04-05"),
        ("Pacific/Auckland", "2025-09-28", "2025-04-06"),
        ("Africa/Cairo", "2025-04-25", "2025-10-30"),
    ],
)
@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_days_of_six_zones_have_23_24_and_25_hours(
    zone: str, short: str, long: str, minutes: int
) -> None:
    clock, step_s, hour = WallClock(zone), 60 * minutes, 60 // minutes
    days = np.array([short, long, "2025-06-15"], dtype="datetime64[D]").astype(np.int64)
    assert clock.n_steps(days, step_s).tolist() == [23 * hour, 25 * hour, 24 * hour]
    year = np.arange(days.min() - 80, days.min() + 285)
    assert set(np.unique(clock.n_steps(year, step_s))) == {23 * hour, 24 * hour, 25 * hour}


def test_half_an_hour_of_change_is_half_an_hour() -> None:
    days = np.array(["2025-10-05", "2025-04-06"], dtype="datetime64[D]").astype(np.int64)
    assert WallClock("Australia/Lord_Howe").n_steps(days, 1_800).tolist() == [47, 49]


@given(st.sampled_from(ZONES), st.integers(10_000, 25_000))
def test_midnight_is_the_first_instant_of_its_date(zone: str, day: int) -> None:
    clock = WallClock(zone)
    at = clock.midnight(np.array([day]))
    assert int(clock.day(at)[0]) == day
    assert int(clock.day(at - 1)[0]) == day - 1


def test_of_a_wall_time_that_comes_twice_the_lag_keeps_the_offset() -> None:
    clock = WallClock("Europe/Berlin")
    twice = np.array([int(datetime(2025, 10, 26, h, 30, tzinfo=UTC).timestamp()) for h in (0, 1)])
    assert clock.wall(twice)[0] == clock.wall(twice)[1]
    # a week later only winter time shows 02:30; seven days back it is the second of the two
    later = int(datetime(2025, 11, 2, 1, 30, tzinfo=UTC).timestamp())
    assert clock.earlier(np.array([later]), 7)[0] == twice[1]


def test_calendar_arithmetic_agrees_with_dates() -> None:
    days = np.arange(-1_000, 30_000, 37)
    dates = [datetime.fromtimestamp(int(day) * DAY_S, tz=UTC) for day in days]
    assert weekday(days).tolist() == [date.weekday() for date in dates]
    of_year, year = day_of_year(days)
    assert of_year.tolist() == [date.timetuple().tm_yday - 1 for date in dates]
    assert year.tolist() == [date.year for date in dates]
