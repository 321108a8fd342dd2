"""Cases of the reliability catalogue on the tables of a network, through the product's own path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.local_time import count_by_day, intervals_a_day
from lepton.contracts.model import Contract, Mapped, Severity, Validated
from lepton.contracts.odcs import load_contracts
from lepton.errors import ContractViolation
from solutions.energy_load import SOLUTION
from solutions.energy_load.calendar_days import holidays_of
from solutions.energy_load.load_checks import delivery_checks, unfit_meters
from solutions.energy_load.plan import BERLIN, MELBOURNE, Place, Plan
from solutions.energy_load.simulate import simulate_all
from tests.faults import cases
from tests.faults.cases import Tables, mapped, refusal

ROOT = Path(__file__).parents[2]
HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def contracts() -> Mapping[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "energy_load")


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Seven meters over fourteen months, none of them at fault."""
    return simulate_all(np.random.default_rng(5), Plan(7, 410, faults=False)).tables


def checked(
    tables: Tables, contracts: Mapping[str, Contract], **changed: pd.DataFrame
) -> Validated:
    return cases.checked(SOLUTION, contracts, {**tables, **changed})


def codes(found: Validated) -> set[str]:
    return {one.code for one in found.violations}


def applied(at: list[Any], contract: Contract, **how: Any) -> Mapped:
    """A customer's table with these times, mapped."""
    frame = pd.DataFrame({"M": "a", "T": at, "P": np.arange(len(at), dtype=np.float64)})
    columns = {"meter_id": "M", "event_at": {"from": "T", **how}, "power_kw": "P"}
    return mapped(frame, contract, columns)


def test_t01_naive_interval_times_refused_asking_for_a_zone(
    contracts: Mapping[str, Contract],
) -> None:
    made = applied(["2024-05-01 12:00"], contracts["load"])
    message = refusal(made, contracts["load"])
    assert "1 times without zone" in message
    assert "write `zone: Europe/Berlin`" in message


def test_t02_naive_among_aware_interval_times_refused_with_counts(
    contracts: Mapping[str, Contract],
) -> None:
    made = applied(["2024-05-01T12:00Z", "2024-05-01 13:00"], contracts["load"], zone="UTC")
    assert "1 times without zone among 1 with one" in refusal(made, contracts["load"])


def autumn_export() -> tuple[pd.DatetimeIndex, list[str]]:
    """The night of the changing clock, hourly, and how a local export writes it."""
    utc = pd.date_range("2024-10-26T22:00Z", "2024-10-27T22:00Z", freq="h")
    local = utc.tz_convert("Europe/Berlin").tz_localize(None)
    return utc, [f"{at:%Y-%m-%d %H:%M}" for at in local]


def test_t03_autumn_hour_that_comes_twice_follows_its_order(
    contracts: Mapping[str, Contract],
) -> None:
    utc, told = autumn_export()
    made = applied(told, contracts["load"], zone="Europe/Berlin", ambiguous="order", by="M")
    assert made.faults == ()
    assert made.frame["event_at"].tolist() == utc.tolist()


def test_t03_autumn_hour_without_a_rule_is_a_fault_and_never_shifted(
    contracts: Mapping[str, Contract],
) -> None:
    _, told = autumn_export()
    (fault,) = applied(told, contracts["load"], zone="Europe/Berlin").faults
    assert fault.values == ("2024-10-27 02:00", "2024-10-27 02:00")
    assert "exists twice" in fault.about


def test_t03_an_autumn_hour_that_was_collapsed_is_told(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    # in Melbourne the clock went back at 16:00 UTC
    fold = load["event_at"] == pd.Timestamp("2024-04-06T16:00Z")
    (told,) = [
        one
        for one in checked(tables, contracts, load=load[~fold]).violations
        if one.code == "LK245" and "one of the two hours" in one.rule
    ]
    assert "2024-04-07 in Australia/Melbourne has 24 of 25 intervals" in str(told)


ZONES = [
    ("Europe/Berlin", "DE", 52.5, 23, 25),
    ("Europe/London", "GB", 51.5, 23, 25),
    ("America/New_York", "US", 40.7, 23, 25),
    ("Australia/Melbourne", "AU", -37.8, 23, 25),
    ("America/Santiago", "CL", -33.4, 23, 25),
    ("Asia/Kolkata", "IN", 19.1, 24, 24),
]


@pytest.mark.parametrize(("zone", "country", "lat", "short", "long"), ZONES)
def test_t04_days_of_23_24_and_25_hours_are_right_in_six_zones(
    zone: str, country: str, lat: float, short: int, long: int, contracts: Mapping[str, Contract]
) -> None:
    place = Place(zone, country, None, lat, 0.0, 12.0, 6.0, (3.0, 4.0))
    made = simulate_all(np.random.default_rng(0), Plan(3, 400, place, faults=False))
    load = made.tables["load"].query("meter_id == 'system'")
    counts = count_by_day(pd.DatetimeIndex(load["event_at"]), zone, HOUR)
    assert (counts["found"] == counts["expected"]).all()
    assert (counts["found"].min(), counts["found"].max()) == (short, long)
    assert not codes(checked(made.tables, contracts)) & {"LK243", "LK244", "LK245"}


def test_t04_a_spring_hour_that_lacks_in_utc_is_a_local_clock_read_as_utc(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    local = pd.DatetimeIndex(load["event_at"]).tz_convert("Australia/Melbourne")
    wrong = load.assign(event_at=local.tz_localize(None).tz_localize("UTC").as_unit("us"))
    wrong = wrong.drop_duplicates(["meter_id", "event_at"])
    with pytest.raises(ContractViolation, match=r"LK244 .*local times were read as UTC"):
        checked(tables, contracts, load=wrong)


def test_t05_shuffled_rows_give_the_same_verdict_and_the_same_rows(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    mixed = {name: rows.sample(frac=1, random_state=1) for name, rows in tables.items()}
    one, other = checked(tables, contracts), checked(mixed, contracts)
    assert [str(told) for told in one.violations] == [str(told) for told in other.violations]
    pd.testing.assert_frame_equal(SOLUTION.rows(one.tables), SOLUTION.rows(other.tables))


def test_t06_gaps_are_counted_with_their_place_and_nothing_is_filled(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    begin = pd.Timestamp("2024-02-10T03:00Z")
    gone = (load["meter_id"] == "m001") & load["event_at"].between(begin, begin + 10 * HOUR)
    found = checked(tables, contracts, load=load[~gone])
    told = [one for one in found.violations if one.code == "LK243"]
    assert any("m001: 11 h from 2024-02-10T03:00Z" in str(one) for one in told)
    assert len(found.tables["load"]) == len(load) - 11


def test_t07_an_interval_told_twice_is_set_aside_conflicts_on_both_sides(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    other = load.head(1).assign(power_kw=-1.0)
    twice = pd.concat([load, load.tail(2), other], ignore_index=True)
    found = checked(tables, contracts, load=twice)
    reasons = found.quarantine["load"]["__reasons"]
    assert reasons.str.contains("copies an earlier row of the same meter_id, event_at").sum() == 2
    assert reasons.str.contains("differs from other rows of the same").sum() == 2
    assert len(found.tables["load"]) == len(load) - 1


def test_t08_implausible_interval_times_refused_with_examples(
    contracts: Mapping[str, Contract],
) -> None:
    made = applied(["1970-01-01T00:00Z", "9999-01-01T00:00Z"], contracts["load"])
    message = refusal(made, contracts["load"])
    assert "before 1990 or in the future: 2 of 2 rows" in message
    assert "1970-01-01" in message


def test_t09_epochs_follow_their_unit_and_the_wrong_one_is_caught(
    contracts: Mapping[str, Contract],
) -> None:
    at = pd.Timestamp("2024-05-01T12:00Z")
    seconds = applied([int(at.timestamp())], contracts["load"], epoch="s")
    assert seconds.frame["event_at"].tolist() == [at]
    wrong = applied([int(at.timestamp())], contracts["load"], epoch="ms")
    assert "before 1990" in refusal(wrong, contracts["load"])
    bare = applied([int(at.timestamp())], contracts["load"])
    assert "write `epoch: s`" in refusal(bare, contracts["load"])


def test_t10_leap_day_year_end_and_week_53_are_days_like_others() -> None:
    days = pd.DatetimeIndex(["2024-02-29", "2020-12-31", "2021-01-01", "2021-01-03"])
    assert days.isocalendar().week.tolist() == [9, 53, 53, 53]
    for zone in (BERLIN.zone, MELBOURNE.zone):
        assert intervals_a_day(days, zone, HOUR).tolist() == [24] * 4
    at = pd.date_range("2024-02-27T23:00Z", "2024-03-02T22:00Z", freq="h")
    assert count_by_day(at, BERLIN.zone, HOUR)["found"].tolist() == [24] * 4
    new_year = holidays_of("DE", None, [2023, 2024])["day"]
    assert {pd.Timestamp("2023-01-01"), pd.Timestamp("2024-01-01")} <= set(new_year)


def test_t11_a_meter_that_stands_still_is_told_by_name_and_time(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    begin = pd.Timestamp("2024-02-10T03:00Z")
    still = (load["meter_id"] == "m001") & load["event_at"].between(begin, begin + 40 * HOUR)
    stuck = load.assign(power_kw=load["power_kw"].mask(still, 1_234.5))
    told = [one for one in checked(tables, contracts, load=stuck).violations if one.code == "LK246"]
    assert any("m001: 40 from 2024-02-10T04:00Z at 1234.5 kW" in str(one) for one in told)
    assert any("stands still for 24 h or more" in one.rule for one in told)


def test_t13_a_meter_with_a_short_history_is_unfit_and_others_go_on(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load, meters = tables["load"], tables["meters"]
    last = load["event_at"].max()
    young = load[(load["meter_id"] == "m001") & (load["event_at"] > last - 10 * 24 * HOUR)]
    both = pd.concat([load, young.assign(meter_id="young")])
    known = meters[meters["meter_id"] == "m001"].assign(meter_id="young", parent_id=None)
    more = {"load": both, "meters": pd.concat([meters, known], ignore_index=True)}
    found = checked(tables, contracts, **more)
    (told,) = [one for one in found.violations if one.code == "LK258"]
    assert told.severity is Severity.WARNING
    assert "has less than 28 days of history: a forecast cannot be fitted" in told.rule
    assert "young: 10.0 days" in str(told)
    assert list(unfit_meters({**tables, **more})) == ["young"]


def test_t13_a_table_that_is_too_short_as_a_whole_is_refused(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    short = load[load["event_at"] < load["event_at"].min() + 20 * 24 * HOUR]
    with pytest.raises(ContractViolation, match=r"LK258 .*less than 28 days"):
        checked(tables, contracts, load=short)


def test_t14_weather_that_ends_before_the_horizon_is_told(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    weather, last = tables["weather"], tables["load"]["event_at"].max()
    short = weather[weather["valid_at"] <= last + 5 * HOUR]
    told = [str(one) for one in checked(tables, contracts, weather=short).violations]
    assert any("LK256" in one and "does not reach 24 h beyond the last load" in one for one in told)


def test_t14_weather_that_was_only_seen_is_called_perfect(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    seen = tables["weather"].query("provider == 'obs'")
    told = [str(one) for one in checked(tables, contracts, weather=seen).violations]
    assert any("results are those of perfect weather" in one for one in told)


def test_t14_without_weather_and_without_a_register_load_alone_is_valid(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"].query("meter_id == 'system'").drop(columns="meter_id")
    found = checked({"load": load}, {"load": contracts["load"]})
    assert len(found.tables["load"]) == len(load)
    assert "no 'meter_id': The whole table is one series." in found.notes


def test_d11_power_that_is_mostly_missing_is_refused_with_its_share(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    thin = load.assign(power_kw=load["power_kw"].where(np.arange(len(load)) % 4 > 0))
    with pytest.raises(ContractViolation) as caught:
        checked(tables, contracts, load=thin)
    assert f"missing in more than 20% of rows: {(len(load) + 3) // 4:,} of" in str(caught.value)


def test_d12_power_without_any_value_is_refused(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    empty = tables["load"].assign(power_kw=np.nan)
    with pytest.raises(ContractViolation, match=r"LK230 load\.power_kw has no value in any"):
        checked(tables, contracts, load=empty)


def test_d12_temperature_without_any_value_is_refused(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    empty = tables["weather"].assign(temp_C=np.nan)
    with pytest.raises(ContractViolation, match=r"LK230 weather\.temp_C has no value in any"):
        checked(tables, contracts, weather=empty)


def test_d18_a_delivery_that_holds_everything_twice_is_refused_with_the_count(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    with pytest.raises(ContractViolation) as caught:
        checked(tables, contracts, load=pd.concat([load, load]))
    rule = "LK227 load.event_at copies an earlier row of the same meter_id, event_at"
    assert f"{rule}: {len(load):,} of {2 * len(load):,} rows" in str(caught.value)


def test_d21_power_in_another_unit_stops_a_table_and_a_delivery(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    late = load["event_at"] > pd.Timestamp("2024-03-01", tz="UTC")
    mixed = load.assign(power_kw=load["power_kw"].mask(late, load["power_kw"] / 1_000))
    with pytest.raises(ContractViolation, match=r"LK252 .*as a change of unit does"):
        checked(tables, contracts, load=mixed)
    before, now = load[~late], load[late]
    thousand = now.assign(power_kw=now["power_kw"] * 1_000)
    (told,) = delivery_checks({"load": before}, {"load": thousand})
    assert (told.code, told.severity) == ("LK252", Severity.TABLE)
    assert "a thousand times" in str(told)
    assert list(delivery_checks({"load": before}, {"load": now})) == []


def test_d21_degrees_fahrenheit_are_refused_with_their_range(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    weather = tables["weather"]
    hot = weather.assign(temp_C=weather["temp_C"] * 1.8 + 32)
    with pytest.raises(ContractViolation, match=r"LK224 weather\.temp_C is outside \[-55, 55\]"):
        checked(tables, contracts, weather=hot)


def test_d22_load_of_the_wrong_sign_is_told_and_makes_the_meter_unfit(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    meters = tables["meters"].assign(type=["system", "feeder", "feeder", "losses", "building",
                                           "building", "building"])  # fmt: skip
    load = tables["load"]
    mine = load["meter_id"] == "m002"
    flipped = load.assign(power_kw=load["power_kw"].mask(mine, -load["power_kw"]))
    (told,) = [
        one
        for one in checked(tables, contracts, load=flipped, meters=meters).violations
        if one.code == "LK259"
    ]
    assert "is negative, though nothing there gives anything back" in told.rule
    assert "check the sign: consumption is positive" in told.remedy
    assert "m002" in unfit_meters({**tables, "load": flipped, "meters": meters})


def test_d22_a_sign_that_flips_is_seen_in_the_sum_of_the_feeder(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    load = tables["load"]
    mine = load["meter_id"] == "m002"
    flipped = load.assign(power_kw=load["power_kw"].mask(mine, -load["power_kw"]))
    told = [str(one) for one in checked(tables, contracts, load=flipped).violations]
    assert any("LK253" in one and "feeder_1" in one for one in told)
