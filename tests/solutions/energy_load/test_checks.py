"""Each check finds what was put in, names where, and says nothing of a table that is right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Severity, Violation
from solutions.energy_load.load_checks import delivery_checks, load_checks, unfit_meters
from solutions.energy_load.power import interval_h, with_power

Tables = dict[str, pd.DataFrame]
ZONE = "Europe/Berlin"
FIRST = pd.Timestamp("2023-01-09T23:00Z")
HOUR = pd.Timedelta(hours=1)
DAYS = 430


def series(step: str = "h", days: int = DAYS, level: float = 100.0, seed: int = 0) -> pd.DataFrame:
    """A meter's load by the local clock, with noise that never repeats itself."""
    at = pd.date_range(FIRST, FIRST + pd.Timedelta(days=days), freq=step, inclusive="left")
    local = at.tz_convert(ZONE)
    noise = np.random.default_rng(seed).normal(0, 0.02, len(at))
    course = 1 + 0.3 * np.sin(2 * np.pi * (local.hour + local.minute / 60 - 9) / 24)
    shape = course * np.where(local.day_of_week < 5, 1.0, 0.8) * (1 + noise)
    return pd.DataFrame({"event_at": at.as_unit("us"), "power_kw": np.round(level * shape, 4)})


def usual(**changed: pd.DataFrame) -> Tables:
    """A feeder, two meters below it that add up to it, and their register."""
    one, two = series(level=300.0, seed=1), series(level=200.0, seed=2)
    top = one.assign(power_kw=one["power_kw"] + two["power_kw"])
    load = pd.concat(
        [rows.assign(meter_id=name) for name, rows in (("top", top), ("a", one), ("b", two))],
        ignore_index=True,
    )
    meters = pd.DataFrame(
        {
            "meter_id": ["top", "a", "b"],
            "type": ["feeder", "substation", "building"],
            "parent_id": [None, "top", "top"],
            "tz": ZONE,
            "country": "DE",
            "subdiv": "BE",
            "p_max_kw": [900.0, 500.0, 400.0],
            "lat": 52.5,
            "lon": 13.4,
        }
    )
    return {"load": load, "meters": meters, **changed}


def changed(mask: pd.Series, power: pd.Series | float, tables: Tables | None = None) -> Tables:
    tables = usual() if tables is None else tables
    load = tables["load"]
    return {**tables, "load": load.assign(power_kw=load["power_kw"].mask(mask, power))}


def told(tables: Mapping[str, pd.DataFrame], code: str) -> list[Violation]:
    mixed = {name: rows.sample(frac=1, random_state=7) for name, rows in tables.items()}
    return [one for one in load_checks(mixed) if one.code == code]


def of(load: pd.DataFrame, meter: str, first: str, hours: float) -> pd.Series:
    begin = pd.Timestamp(first)
    within = (load["event_at"] >= begin) & (load["event_at"] < begin + hours * HOUR)
    return within & (load["meter_id"] == meter)


def test_a_table_that_is_right_has_nothing_told_of_it() -> None:
    assert list(load_checks(usual())) == []
    assert unfit_meters(usual()) == {}


def test_one_series_without_meters_is_enough() -> None:
    assert list(load_checks({"load": series()})) == []
    energy = series("15min", 410).rename(columns={"power_kw": "energy_kwh"})
    assert list(load_checks({"load": energy})) == []


def test_without_power_and_energy_the_table_is_refused_with_a_remedy() -> None:
    (one,) = told({"load": series()[["event_at"]]}, "LK240")
    assert one.severity is Severity.TABLE
    assert "energy_kwh (kWh of each interval)" in one.remedy


@pytest.mark.parametrize(("step", "hours"), [("15min", 0.25), ("30min", 0.5), ("h", 1.0)])
def test_energy_becomes_power_by_the_interval(step: str, hours: float) -> None:
    at = pd.date_range("2024-01-01", periods=50, freq=step, tz="UTC")
    rows = pd.DataFrame({"event_at": at, "energy_kwh": 5.0, "meter_id": "a"})
    found = with_power(rows.sample(frac=1, random_state=0))
    assert found["power_kw"].tolist() == [5.0 / hours] * 50
    np.testing.assert_allclose(found["power_kw"] * hours, found["energy_kwh"])
    assert interval_h(rows) == {"a": hours}


def test_the_register_tells_the_interval_where_rows_cannot() -> None:
    rows = pd.DataFrame(
        {"event_at": [pd.Timestamp("2024-01-01", tz="UTC")], "energy_kwh": 5.0, "meter_id": "a"}
    )
    meters = pd.DataFrame({"meter_id": ["a"], "interval_min": [15.0]})
    assert with_power(rows, meters)["power_kw"].tolist() == [20.0]
    assert with_power(rows)["power_kw"].tolist() == [5.0]


def test_power_that_is_delivered_stays_and_energy_fills_what_is_missing() -> None:
    at = pd.date_range("2024-01-01", periods=3, freq="15min", tz="UTC")
    rows = pd.DataFrame({"event_at": at, "power_kw": [8.0, np.nan, 8.0], "energy_kwh": 1.0})
    assert with_power(rows)["power_kw"].tolist() == [8.0, 4.0, 8.0]


def test_load_without_meters_is_of_the_only_one_that_the_register_knows() -> None:
    rows = pd.DataFrame({"event_at": pd.date_range("2025-01-01", periods=2, tz="UTC", freq="h")})
    rows["power_kw"] = 1.0
    one, two = pd.DataFrame({"meter_id": ["vic"]}), pd.DataFrame({"meter_id": ["a", "b"]})
    assert with_power(rows, one)["meter_id"].tolist() == ["vic"] * 2
    assert with_power(rows, two)["meter_id"].tolist() == ["load"] * 2


def test_power_and_energy_of_different_units_are_told() -> None:
    rows = series().assign(energy_kwh=lambda frame: frame["power_kw"] / 1_000)
    (one,) = told({"load": rows}, "LK241")
    assert one.severity is Severity.TABLE
    assert one.count == len(rows)
    agreed = series().assign(energy_kwh=lambda frame: frame["power_kw"] * 1.001)
    assert told({"load": agreed}, "LK241") == []


def test_rows_off_the_grid_are_counted() -> None:
    tables = usual()
    odd = tables["load"].head(5).assign(event_at=lambda rows: rows["event_at"] + HOUR / 3)
    (one,) = told({**tables, "load": pd.concat([tables["load"], odd])}, "LK242")
    assert (one.count, one.severity) == (5, Severity.WARNING)
    assert "top: 5 instants between steps of 60 min" in str(one)


def test_daily_values_are_no_load_curve() -> None:
    at = pd.date_range("2022-01-01", periods=500, freq="D", tz="UTC")
    load = pd.DataFrame({"event_at": at, "power_kw": np.arange(500.0)})
    (one,) = told({"load": load}, "LK242")
    assert one.severity is Severity.TABLE


@pytest.mark.parametrize(
    ("hours", "rules"),
    [
        (2, []),
        (3, ["has a gap of over 2 h"]),
        (30, ["has a gap of over 2 h", "lacks over 0.5% of intervals in 30 days"]),
        (50, ["has a gap of over 48 h", "lacks over 5.0% of intervals in 30 days"]),
    ],
)
def test_gaps_are_told_by_their_length_and_share(hours: int, rules: list[str]) -> None:
    tables = usual()
    load = tables["load"]
    kept = {**tables, "load": load[~of(load, "a", "2023-06-01T05:00Z", hours)]}
    found = told(kept, "LK243")
    assert sorted(one.rule.split(" (")[0] for one in found) == rules
    assert all("a: " in str(one) for one in found)
    assert list(unfit_meters(kept)) == (["a"] if hours == 50 else [])


def test_the_table_is_refused_where_too_many_meters_are_unfit() -> None:
    tables = usual()
    load = tables["load"]
    gone = of(load, "a", "2023-06-01T05:00Z", 60)
    (first, *_) = told({**tables, "load": load[~gone]}, "LK243")
    # one of three is more than a fifth
    assert first.severity is Severity.TABLE
    others = [series(seed=n).assign(meter_id=f"m{n}") for n in range(10)]
    many = pd.concat([load, *others])
    (first, *_) = told({"load": many[~of(many, "a", "2023-06-01T05:00Z", 60)]}, "LK243")
    assert first.severity is Severity.WARNING


def test_rows_to_be_forecast_and_rows_before_a_meter_began_are_no_gap() -> None:
    load = series()
    days = (load["event_at"] - FIRST) / pd.Timedelta(days=1)
    known = load["power_kw"].where((days >= 5) & (days < DAYS - 4))
    assert list(load_checks({"load": load.assign(power_kw=known)})) == []


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_a_meter_that_never_changes_is_unfit(value: float) -> None:
    (one,) = told({"load": series().assign(power_kw=value)}, "LK246")
    assert one.severity is Severity.TABLE
    assert f"{value:g} kW" in str(one)


def test_a_meter_with_a_single_row_or_none_is_unfit_and_others_go_on() -> None:
    tables = usual()
    row = tables["load"].head(1)
    more = [row.assign(meter_id="once"), row.assign(meter_id="never", power_kw=np.nan)]
    found = {**tables, "load": pd.concat([tables["load"], *more])}
    assert sorted(unfit_meters(found)) == ["never", "once"]


@pytest.mark.parametrize("zone", [ZONE, "America/Los_Angeles"])
def test_local_times_read_as_utc_are_told_by_the_hour_that_lacks(zone: str) -> None:
    tables = usual()
    load, meters = tables["load"], tables["meters"].assign(tz=zone)
    local = pd.DatetimeIndex(load["event_at"]).tz_convert(zone).tz_localize(None)
    wrong = load.assign(event_at=local.tz_localize("UTC")).drop_duplicates(["meter_id", "event_at"])
    (one,) = [
        each
        for each in told({"load": wrong, "meters": meters}, "LK244")
        if each.severity is Severity.TABLE
    ]
    assert "local times were read as UTC (3 of 3 meters)" in one.rule
    assert f"write `zone: {zone}`" in one.remedy
    shown = {
        ZONE: "2023-03-26 in Europe/Berlin has 22 of 23 intervals",
        # the hour that lacks lies in another local day
        "America/Los_Angeles": "nothing from 2023-03-12T02:00Z for 1 h",
    }
    assert shown[zone] in str(one)


def test_an_autumn_hour_that_was_dropped_or_copied_is_told_as_collapsed() -> None:
    tables = usual()
    load = tables["load"]
    fold = of(load, "a", "2023-10-29T01:00Z", 1)
    (one,) = told({**tables, "load": load[~fold]}, "LK245")
    assert "has one of the two hours that come twice" in one.rule
    assert "2023-10-29 in Europe/Berlin has 24 of 25 intervals" in str(one)
    first = load.loc[of(load, "a", "2023-10-29T00:00Z", 1), "power_kw"].iloc[0]
    (two,) = told(changed(fold, first), "LK245")
    assert "tells the same twice" in two.rule
    assert two.severity is Severity.WARNING


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
             "America/Santiago", "Asia/Beirut"],
)  # fmt: skip
def test_a_quarter_hourly_year_in_any_zone_has_no_day_of_a_wrong_length(zone: str) -> None:
    load = series("15min", 410).assign(meter_id="a")
    meters = pd.DataFrame({"meter_id": ["a"], "tz": [zone]})
    assert told({"load": load, "meters": meters}, "LK244") == []
    assert told({"load": load, "meters": meters}, "LK245") == []


def test_stuck_values_are_told_and_a_day_of_them_again() -> None:
    load = usual()["load"]
    (one,) = told(changed(of(load, "b", "2023-05-03T08:00Z", 6), 77.0), "LK246")
    assert "repeats one value for 4 h or more" in one.rule
    assert "b: 5 from 2023-05-03T09:00Z at 77 kW" in str(one)
    both = told(changed(of(load, "b", "2023-05-03T08:00Z", 30), 77.0), "LK246")
    assert [one.rule.split(" (")[0] for one in both] == [
        "repeats one value for 4 h or more",
        "stands still for 24 h or more",
    ]


def test_zeros_of_a_feeder_are_a_failed_meter_unless_an_outage_is_known() -> None:
    load = usual()["load"]
    dark = changed(of(load, "top", "2023-05-03T08:00Z", 5), 0.0)
    (one,) = told(dark, "LK247")
    assert one.count == 5
    outage = pd.DataFrame(
        {
            "event_id": ["e1"],
            "kind": ["outage"],
            "meter_id": ["top"],
            "starts_at": [pd.Timestamp("2023-05-03T07:30Z")],
            "ends_at": [pd.Timestamp("2023-05-03T13:00Z")],
        }
    )
    assert told({**dark, "events": outage}, "LK247") == []
    assert told(changed(of(load, "b", "2023-05-03T08:00Z", 3), 0.0), "LK247") == []


def test_values_beyond_what_a_connection_bears_are_told() -> None:
    load = usual()["load"]
    (one,) = told(changed(of(load, "b", "2023-05-03T08:00Z", 2), -481.0), "LK248")
    assert (one.count, one.severity) == (2, Severity.WARNING)
    assert "bound 480 kW" in str(one)


def test_a_table_whose_rows_are_mixed_up_jumps() -> None:
    tables = usual()
    load = tables["load"].copy()
    mine = load["meter_id"] == "a"
    load.loc[mine, "power_kw"] = (
        load.loc[mine, "power_kw"].sample(frac=1, random_state=1).to_numpy()
    )
    rules = [one.rule for one in told({**tables, "load": load}, "LK248")]
    assert any("changes by over 50% of its range" in rule for rule in rules)


def test_spikes_are_told_and_hot_days_are_not() -> None:
    load = usual()["load"]
    spiked = of(load, "b", "2023-05-03T08:00Z", 1) | of(load, "b", "2023-07-03T08:00Z", 1)
    (one,) = told(changed(spiked, 390.0), "LK249")
    assert one.count == 2
    hot = of(load, "b", "2023-07-03T00:00Z", 72)
    assert told(changed(hot, load["power_kw"] * 1.4), "LK249") == []


def test_a_level_that_shifts_is_told_and_a_known_shutdown_is_not() -> None:
    tables = usual()
    load = tables["load"]
    after = (load["meter_id"] == "b") & (load["event_at"] >= pd.Timestamp("2023-09-04T22:00Z"))
    (one,) = told(changed(after, load["power_kw"] * 1.6), "LK251")
    assert one.severity is Severity.WARNING
    assert "b: 1.6" in str(one)
    assert "2023-09-0" in str(one)
    month = of(load, "b", "2023-09-04T00:00Z", 21 * 24)
    closed = changed(month, load["power_kw"] * 0.3)
    assert told(closed, "LK251")
    event = pd.DataFrame(
        {
            "event_id": ["e1"],
            "kind": ["shutdown"],
            "meter_id": ["b"],
            "starts_at": [pd.Timestamp("2023-09-04T00:00Z")],
            "ends_at": [pd.Timestamp("2023-09-25T00:00Z")],
        }
    )
    assert told({**closed, "events": event}, "LK251") == []


@pytest.mark.parametrize("factor", [1_000.0, 0.001])
def test_a_unit_that_changes_inside_a_table_makes_the_meter_unfit(factor: float) -> None:
    load = series()
    after = load["event_at"] >= pd.Timestamp("2023-09-04T22:00Z")
    mixed = load.assign(power_kw=load["power_kw"].where(~after, load["power_kw"] * factor))
    (one,) = told({"load": mixed}, "LK252")
    assert one.severity is Severity.TABLE
    assert "unit: {from: MW, to: kW}" in one.remedy


@pytest.mark.parametrize(
    ("factor", "step", "n"),
    [(1_000.0, "h", 1), (0.001, "h", 1), (4.0, "15min", 1), (0.25, "15min", 1), (1.3, "h", 0),
     (4.0, "h", 0)],
)  # fmt: skip
def test_a_unit_that_changes_between_deliveries_refuses_the_new_one(
    factor: float, step: str, n: int
) -> None:
    before, now = series(step, 60), series(step, 60, seed=3)
    shifted = now.assign(
        event_at=now["event_at"] + pd.Timedelta(days=60), power_kw=now["power_kw"] * factor
    )
    found = list(delivery_checks({"load": before}, {"load": shifted}))
    assert [(one.code, one.severity) for one in found] == [("LK252", Severity.TABLE)] * n


@pytest.mark.parametrize(("factor", "rule"), [(1.03, "over 2%"), (1.2, "over 5%")])
def test_a_parent_that_is_not_the_sum_of_its_children_is_told(factor: float, rule: str) -> None:
    load = usual()["load"]
    found = told(changed(load["meter_id"] == "top", load["power_kw"] * factor), "LK253")
    assert len(found) == 1
    assert f"sum of its children by {rule}" in found[0].rule
    assert told(changed(load["meter_id"] == "top", load["power_kw"] * 1.01), "LK253") == []


def test_a_child_that_is_not_delivered_is_no_wrong_sum() -> None:
    tables = usual()
    assert told({**tables, "load": tables["load"].query("meter_id != 'b'")}, "LK253") == []


def test_faults_of_a_child_do_not_count_against_its_parent() -> None:
    tables = usual()
    load = tables["load"]
    gone = load[~of(load, "a", "2023-06-01T05:00Z", 40)]
    assert told({**tables, "load": gone}, "LK253") == []


def test_a_register_of_other_names_and_of_circles_is_told() -> None:
    tables = usual()
    meters = tables["meters"]
    stranger = {**tables, "load": tables["load"].replace({"meter_id": {"b": "c"}})}
    (one, *_) = told(stranger, "LK254")
    assert (one.table, one.column, one.severity) == ("load", "meter_id", Severity.WARNING)
    orphan = meters.assign(parent_id=pd.Series([np.nan, "top", "tip"]))
    assert "names a parent" in told({**tables, "meters": orphan}, "LK254")[0].rule
    circle = meters.assign(parent_id=["a", "top", "top"])
    (told_of,) = told({**tables, "meters": circle}, "LK254")
    assert (told_of.severity, told_of.count) == (Severity.TABLE, 2)


def test_zones_and_countries_that_are_none_are_told_with_the_nearest() -> None:
    tables = usual()
    wrong = tables["meters"].assign(tz=["Europe/Berlin", "Europe/Berlin", "Europe/Berln"])
    (zone,) = told({**tables, "meters": wrong}, "LK255")
    assert "is no IANA time zone; did you mean 'Europe/Berlin'?" in zone.rule
    assert (zone.severity, zone.examples) == (Severity.TABLE, ("Europe/Berln",))
    land = tables["meters"].assign(country="XX")
    (one,) = told({**tables, "meters": land}, "LK255")
    assert "no holidays are known of 'XX'" in one.rule
    part = tables["meters"].assign(subdiv="XX")
    assert "DE has no part 'XX'" in told({**tables, "meters": part}, "LK255")[0].rule


@pytest.mark.parametrize(
    ("days", "rule"),
    [(20, "less than 28 days of history"), (100, "less than 400 days of history"), (410, "")],
)
def test_short_histories_are_told_by_what_they_cannot_teach(days: int, rule: str) -> None:
    found = told({"load": series(days=days)}, "LK258")
    assert len(found) == (1 if rule else 0)
    assert all(rule in one.rule for one in found)
    assert all((one.severity is Severity.TABLE) == (days < 28) for one in found)


def test_power_of_the_wrong_sign_is_told_by_what_is_behind_the_meter() -> None:
    tables = usual()
    load = tables["load"]
    flipped = changed(load["meter_id"] == "b", -load["power_kw"])
    (one,) = told(flipped, "LK259")
    assert "b: 100.00% of values" in str(one)
    assert list(unfit_meters(flipped)) == ["b"]
    roof = tables["meters"].assign(pv_kwp=[np.nan, np.nan, 50.0])
    assert "LK259" not in {
        one.code for one in load_checks(changed(of(load, "b", "2023-05-03T08:00Z", 3), -9.0,
                                                {**tables, "meters": roof}))
    }  # fmt: skip
    solar = tables["meters"].assign(type=["feeder", "substation", "pv"])
    assert "is positive, though it only gives" in told({**tables, "meters": solar}, "LK259")[0].rule


def weather(last: pd.Timestamp, **columns: object) -> pd.DataFrame:
    """What was seen up to `last`, and a forecast issued six hours before of the two days after."""
    seen = pd.date_range(last - pd.Timedelta(days=30), last, freq="h")
    told_at = last - 6 * HOUR
    ahead = pd.date_range(told_at, periods=54, freq="h")
    return pd.DataFrame(
        {
            "valid_at": seen.append(ahead),
            "issued_at": (seen + HOUR).append(pd.DatetimeIndex([told_at] * len(ahead))),
            "provider": ["obs"] * len(seen) + ["model"] * len(ahead),
            "temp_C": 10.0,
            **columns,
        }
    )


def test_weather_that_is_fresh_and_reaches_far_enough_is_not_told_of() -> None:
    tables = usual()
    last = tables["load"]["event_at"].max()
    assert list(load_checks({**tables, "weather": weather(last)})) == []


def test_weather_that_is_old_or_short_or_only_seen_is_told() -> None:
    tables = usual()
    last = tables["load"]["event_at"].max()
    old = weather(last - 20 * HOUR)
    (one,) = told({**tables, "weather": old}, "LK257")
    assert "the newest is 26 h old at the last load: forecasts are degraded" in one.rule
    fresh = weather(last)
    short = fresh[fresh["valid_at"] < last + 3 * HOUR]
    (two,) = told({**tables, "weather": short}, "LK256")
    assert "does not reach 24 h beyond the last load" in two.rule
    seen = weather(last).query("provider == 'obs'")
    (three,) = told({**tables, "weather": seen}, "LK256")
    assert "results are those of perfect weather" in three.rule


def test_light_at_night_is_told_as_another_zone() -> None:
    tables = usual()
    last = tables["load"]["event_at"].max()
    hour = weather(last)["valid_at"].dt.hour
    light = np.maximum(-np.cos(2 * np.pi * hour / 24), 0) * 300
    by_day = {**tables, "weather": weather(last, ghi_Wm2=light.where((hour > 8) & (hour < 15), 0))}
    assert told(by_day, "LK256") == []
    shifted = {**tables, "weather": weather(last, ghi_Wm2=np.roll(light, 9))}
    assert "is bright while the sun is down" in told(shifted, "LK256")[0].rule


def test_a_meter_that_was_just_connected_is_new_and_not_unfit() -> None:
    whole = series(days=100).assign(meter_id="old")
    late = series(days=100, seed=4).tail(72).assign(meter_id="new")
    load, first = pd.concat([whole, late]), late["event_at"].min()

    def severities(connected_at: pd.Timestamp, rows: pd.DataFrame) -> set[Severity]:
        meters = pd.DataFrame({"meter_id": ["new"], "connected_at": [connected_at]})
        found = told({"load": rows, "meters": meters}, "LK258")
        return {one.severity for one in found if "28 days" in one.rule}

    assert severities(first, load) == {Severity.WARNING}
    assert Severity.TABLE in severities(first - pd.Timedelta(days=60), load)
    assert Severity.TABLE in severities(first, late)
