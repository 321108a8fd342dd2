"""Each check finds what was put in, names where, and says nothing of a road that is right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Severity, Violation
from solutions.traffic_forecasting.limits import Limits
from solutions.traffic_forecasting.traffic_checks import health, traffic_checks, unfit_detectors
from tests.solutions.traffic_forecasting.crossing import DAYS, crossing
from tests.solutions.traffic_forecasting.roads import (
    FIRST,
    IDS,
    STEP,
    ZONE,
    Tables,
    readings,
    sensors,
    spoilt,
    usual,
    without,
)

NOON = "2024-03-12T19:00Z"


def found(tables: Tables) -> dict[str, Violation]:
    """The rules that are broken, by code and what they are about."""
    return {f"{one.code} {one.rule}": one for one in traffic_checks(tables)}


def only(tables: Tables, code: str) -> Violation:
    """The one violation there is, of this code."""
    told = list(traffic_checks(tables))
    assert [one.code for one in told] == [code], [str(one) for one in told]
    return told[0]


def test_a_road_that_is_right_breaks_nothing() -> None:
    assert found(usual()) == {}
    assert found({"readings": readings()}) == {}


def test_a_zero_that_no_vehicle_explains_is_told_and_counted() -> None:
    told = only(
        spoilt(lambda rows: rows.assign(speed_kmh=0.0, flow_vph=0.0, occupancy=0.0), "s2", NOON, 4),
        "LK273",
    )
    assert (told.count, told.examples) == (4, ("s2: 4",))
    assert told.severity is Severity.WARNING


def test_a_zero_of_vehicles_that_stand_is_a_speed() -> None:
    def standing(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(speed_kmh=0.0, flow_vph=60.0, occupancy=0.8)

    assert "LK273" not in " ".join(found(spoilt(standing, "s2", NOON, 2)))


def test_readings_between_intervals_are_told_from_a_thousandth_on() -> None:
    late = pd.Timedelta(seconds=100)
    told = only(
        spoilt(lambda rows: rows.assign(event_at=rows["event_at"] + late), "s2", NOON, 20), "LK268"
    )
    assert "has over 0.1% of its readings between two intervals" in told.rule
    assert told.count == 20
    worse = only(
        spoilt(lambda rows: rows.assign(event_at=rows["event_at"] + late), "s2", NOON, 200), "LK268"
    )
    assert "over 1.0%" in worse.rule


def test_a_clock_that_is_wrong_by_seconds_is_on_its_grid() -> None:
    late = pd.Timedelta(seconds=20)
    assert found(spoilt(lambda rows: rows.assign(event_at=rows["event_at"] + late))) == {}


@pytest.mark.parametrize(("n", "least"), [(3, 2), (7, 6)])
def test_a_gap_of_the_whole_network_warns_in_the_past(n: int, least: int) -> None:
    told = only(without(None, NOON, n), "LK269")
    assert told.severity is Severity.WARNING
    assert f"for over {least} intervals" in told.rule
    assert told.examples == (f"{n} from 2024-03-12T19:00Z",)


def test_a_network_that_is_silent_at_the_end_is_refused() -> None:
    rows = readings()
    last = rows["event_at"].max()
    silent = rows.assign(speed_kmh=rows["speed_kmh"].where(rows["event_at"] <= last - 10 * STEP))
    told = found(usual(readings=silent))
    (one,) = [v for name, v in told.items() if name.startswith("LK269")]
    assert one.severity is Severity.TABLE
    assert "nothing can be forecast from its end" in one.rule


def test_a_detector_that_lacks_much_of_a_day_is_told_and_one_dead_at_the_end_is_unfit() -> None:
    told = only(without("s2", "2024-03-12T08:00Z", 100), "LK270")
    assert "lacked over 20% of 24 h" in told.rule
    told = only(without("s2", "2024-03-12T08:00Z", 200), "LK270")
    assert "lacked over 50% of 24 h and was set aside until it was back" in told.rule
    begin = f"{FIRST + pd.Timedelta(days=39, hours=6):%Y-%m-%dT%H:%MZ}"
    dead = without("s2", begin, 400)
    assert list(unfit_detectors(dead)) == ["s2"]
    assert "and is so at the end" in " ".join(found(dead))
    row = health(dead).iloc[0]
    assert (row["sensor_id"], bool(row["is_dead"])) == ("s2", True)


def test_a_network_of_which_a_third_is_dead_at_the_end_is_refused() -> None:
    rows = readings()
    late = rows["event_at"] > rows["event_at"].max() - pd.Timedelta(hours=20)
    for dead, severity in ((("s1",), Severity.WARNING), (("s1", "s2"), Severity.TABLE)):
        gone = rows["sensor_id"].isin(dead) & late
        told = found(usual(readings=rows[~gone]))
        (one,) = [v for name, v in told.items() if name.startswith("LK271")]
        assert one.severity is severity
        assert one.examples == dead


def still(value: float, n: int) -> Tables:
    return spoilt(lambda rows: rows.assign(speed_kmh=value), "s2", NOON, n)


def test_a_speed_that_stands_still_while_others_move_is_told_with_its_begin() -> None:
    told = only(still(88.0, 20), "LK272")
    assert told.count == 9
    assert told.examples == ("s2: 9 from 2024-03-12T19:55Z at 88 km/h",)
    assert found(still(88.0, 11)) == {}


def test_a_speed_that_stands_still_where_all_stand_still_is_none() -> None:
    calm = spoilt(lambda rows: rows.assign(speed_kmh=100.0), None, NOON, 20)
    assert not [name for name in found(calm) if "one speed" in name]


def test_a_flow_that_stands_still_is_told() -> None:
    told = only(spoilt(lambda rows: rows.assign(flow_vph=1_111.0), "s2", NOON, 30), "LK272")
    assert (told.column, "repeats one flow 6 times or more" in told.rule) == ("flow_vph", True)


def test_no_vehicle_for_half_an_hour_of_the_day_is_told_and_at_night_is_none() -> None:
    day = spoilt(lambda rows: rows.assign(flow_vph=0.0), "s2", NOON, 6)
    told = only(day, "LK273")
    assert "counts no vehicle for 30 min or more between 6 and 22 h" in told.rule
    night = spoilt(lambda rows: rows.assign(flow_vph=0.0), "s2", "2024-03-12T10:00Z", 6)
    assert found(night) == {}


def test_speeds_and_flows_that_no_road_has_are_told() -> None:
    told = only(spoilt(lambda rows: rows.assign(speed_kmh=190.0), "s2", NOON, 1), "LK274")
    assert told.examples == ("s2: 1 from 2024-03-12T19:00Z at 190 km/h",)
    told = only(spoilt(lambda rows: rows.assign(flow_vph=12_000.0), "s2", NOON, 1), "LK274")
    assert told.examples == ("s2: 12000 veh/h on 4 lanes",)
    told = only(spoilt(lambda rows: rows.assign(occupancy=0.97), "s2", NOON, 1), "LK274")
    assert "stays covered" in told.rule


def test_miles_read_as_kilometres_break_the_law_of_flow_density_and_speed() -> None:
    wrong = spoilt(lambda rows: rows.assign(occupancy=rows["occupancy"] / 3))
    told = only(wrong, "LK275")
    assert "apart from density times speed" in told.rule
    assert told.examples == ("s2: 100% of readings",)


def test_a_detector_far_from_its_neighbours_three_times_in_a_row_is_told() -> None:
    assert found(spoilt(lambda rows: rows.assign(speed_kmh=20.0), "s2", NOON, 2)) == {}
    rng = np.random.default_rng(1)
    slow = spoilt(lambda rows: rows.assign(speed_kmh=20 + rng.random(len(rows))), "s2", NOON, 5)
    told = only(slow, "LK276")
    assert told.count == 3
    assert "over 60 km/h apart from the detectors within 1 km" in told.rule


def test_a_day_whose_mean_has_shifted_is_told() -> None:
    day = "2024-04-05T07:00Z"
    told = only(
        spoilt(lambda rows: rows.assign(speed_kmh=rows["speed_kmh"] - 12), None, day, 288), "LK277"
    )
    assert told.examples[0].startswith("2024-04-05:")


def test_congestion_at_night_points_to_the_zone() -> None:
    shifted = sensors().assign(tz="Asia/Tokyo")
    told = found(usual(sensors=shifted.astype({"tz": "str"})))
    assert not [name for name in told if "congested between" in name]
    slow = readings()
    local = slow["event_at"].dt.tz_convert(ZONE)
    slow["speed_kmh"] = slow["speed_kmh"].where(local.dt.hour != 2, 30.0 + local.dt.minute / 60)
    (one,) = [v for name, v in found(usual(readings=slow)).items() if "congested between" in name]
    assert one.code == "LK277"
    assert "check the zone" in one.remedy


def test_a_day_of_the_changing_clock_that_lacks_the_skipped_hour_in_utc_is_refused() -> None:
    rows = readings()
    local = pd.DatetimeIndex(rows["event_at"]).tz_convert(ZONE)
    as_utc = rows.assign(event_at=local.tz_localize(None).tz_localize("UTC").as_unit("us"))
    (one,) = [v for v in traffic_checks(usual(readings=as_utc)) if v.code == "LK278"]
    assert one.severity is Severity.TABLE
    assert "local times were read as UTC" in one.rule
    assert f"write `zone: {ZONE}`" in one.remedy


def test_a_short_history_makes_unfit_one_of_weeks_only_warns() -> None:
    two_weeks = readings(days=14)
    told = only({"readings": two_weeks}, "LK280")
    assert "profiles of weekdays cannot be learnt" in told.rule
    assert told.severity is Severity.WARNING
    told = only({"readings": readings(days=3)}, "LK280")
    assert told.severity is Severity.TABLE


def test_names_that_the_register_lacks_and_zones_that_are_none_are_told() -> None:
    few = sensors().iloc[:-1]
    told = only(usual(sensors=few), "LK279")
    assert (told.column, told.examples) == ("sensor_id", (IDS[-1],))
    wrong = sensors().assign(tz=pd.Series(["America/Los_Angles"] * len(IDS), dtype="str"))
    (one,) = [v for v in traffic_checks(usual(sensors=wrong)) if v.column == "tz"]
    assert one.severity is Severity.TABLE
    assert "America/Los_Angeles" in one.rule
    edges = pd.DataFrame({"from_id": ["s1", "s1"], "to_id": ["s1", "x"]}, dtype="str")
    rules = found(usual(edges=edges))
    assert any("leads to where it begins" in name for name in rules)
    assert any("names detectors that the register does not have" in name for name in rules)


def test_an_approach_that_counts_only_is_no_fault_and_its_counts_are_checked() -> None:
    tables = crossing()
    enough = {"readings": readings(days=DAYS)}
    same = {one.code: one.count for one in traffic_checks({**tables, **enough})}
    assert {one.code: one.count for one in traffic_checks(tables)} == same
    rows = tables["readings"].copy()
    noon = (rows["sensor_id"] == "x-east") & (rows["event_at"] >= pd.Timestamp("2024-03-06T20:00Z"))
    rows.loc[noon[noon].index[:12], "flow_vph"] = 0.0
    (told,) = [one for one in traffic_checks({**tables, "readings": rows}) if one.code == "LK273"]
    assert told.examples[0].startswith("x-east: 12 from 2024-03-06T20:00Z")
    assert told.severity is Severity.WARNING


def test_a_detector_that_only_counts_and_is_no_approach_is_unfit() -> None:
    rows = readings()
    rows.loc[rows["sensor_id"] == "s2", "speed_kmh"] = np.nan
    told = only(usual(readings=rows), "LK280")
    assert "never tells a speed" in told.rule
    assert (told.examples, told.severity) == (("s2: no speed at all",), Severity.WARNING)
    assert list(unfit_detectors(usual(readings=rows))) == ["s2"]
    rows.loc[rows["sensor_id"].isin(["s1", "s3"]), "speed_kmh"] = np.nan
    assert only(usual(readings=rows), "LK280").severity is Severity.TABLE


def test_limits_are_a_customers_to_set() -> None:
    strict = Limits(jump_kmh=20.0)
    rng = np.random.default_rng(1)
    slow = spoilt(lambda rows: rows.assign(speed_kmh=70 + rng.random(len(rows))), "s2", NOON, 5)
    assert found(slow) == {}
    assert [one.code for one in traffic_checks(slow, strict)] == ["LK276"]
