"""Local clocks: days are as long as they are, and a local time is the instant that was meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.apply import apply_mapping
from lepton.contracts.local_time import (
    clock_changes,
    count_by_day,
    day_begins,
    first_of_two,
    intervals_a_day,
)
from lepton.contracts.mapping import TableMapping, load_mappings
from lepton.contracts.model import Contract, Mapped
from lepton.contracts.odcs import load_contracts
from lepton.contracts.read import read_tables
from lepton.errors import ConfigError

ROOT = Path(__file__).parents[2]
HOUR, QUARTER = pd.Timedelta(hours=1), pd.Timedelta(minutes=15)
# zone, day clocks go forward, hours of it, day they go back, hours of it
ZONES = [
    ("Europe/Berlin", "2024-03-31", 23, "2024-10-27", 25),
    ("Europe/Dublin", "2024-03-31", 23, "2024-10-27", 25),
    ("America/New_York", "2024-03-10", 23, "2024-11-03", 25),
    ("Australia/Melbourne", "2024-10-06", 23, "2024-04-07", 25),
    ("Australia/Lord_Howe", "2024-10-06", 23.5, "2024-04-07", 24.5),
    ("America/Sao_Paulo", "2018-11-04", 23, "2018-02-17", 25),
    ("Asia/Beirut", "2024-03-31", 23, "2024-10-26", 25),
]


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "energy_load")


@pytest.mark.parametrize(("zone", "spring", "short", "autumn", "long"), ZONES)
def test_days_of_the_changing_clock_are_as_long_as_they_are(
    zone: str, spring: str, short: float, autumn: str, long: float
) -> None:
    days = pd.DatetimeIndex([spring, autumn]).as_unit("us")
    assert intervals_a_day(days, zone, QUARTER).tolist() == [4 * short, 4 * long]
    usual = days + pd.Timedelta(days=3)
    assert intervals_a_day(usual, zone, HOUR).tolist() == [24, 24]


def test_a_zone_without_changes_has_days_of_one_length() -> None:
    days = pd.date_range("2024-01-01", "2024-12-31", freq="D")
    assert set(intervals_a_day(days, "Asia/Kolkata", QUARTER)) == {96}
    assert (
        clock_changes("UTC", pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2024", tz="UTC")) == ()
    )


def test_a_day_begins_where_the_clock_lets_it() -> None:
    days = pd.DatetimeIndex(["2018-11-04", "2018-02-18"])
    begins = day_begins(days, "America/Sao_Paulo")
    # midnight was skipped in November 2018; in February the hour before it came twice
    assert begins.tolist() == [
        pd.Timestamp("2018-11-04T03:00Z"),
        pd.Timestamp("2018-02-18T03:00Z"),
    ]


@pytest.mark.parametrize(("zone", "spring", "short", "autumn", "long"), ZONES)
def test_clock_changes_are_found_with_their_instant_and_size(
    zone: str, spring: str, short: float, autumn: str, long: float
) -> None:
    year = spring[:4]
    found = clock_changes(
        zone, pd.Timestamp(f"{year}-01-01", tz="UTC"), pd.Timestamp(f"{year}-12-31", tz="UTC")
    )
    assert sorted(one.by / HOUR for one in found) == [24 - long, 24 - short]
    for one in found:
        before, after = (
            (at.tz_convert(zone).tz_localize(None) - at.tz_localize(None))
            for at in (one.at - pd.Timedelta(seconds=1), one.at)
        )
        assert after - before == one.by
        assert one.skips == (one.by > pd.Timedelta(0))


def test_days_are_counted_by_the_local_clock_whole_ones_only() -> None:
    at = pd.date_range("2024-03-29T12:00Z", "2024-04-02T11:00Z", freq="h")
    counts = count_by_day(at, "Europe/Berlin", HOUR)
    assert counts["expected"].tolist() == [24, 23, 24]
    assert counts["found"].tolist() == [24, 23, 24]
    lacking = count_by_day(at.delete(30), "Europe/Berlin", HOUR)
    assert (lacking["expected"] - lacking["found"]).sum() == 1


def local_table(zone: str, day: str) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    """Three days around a change in UTC, and the same as a local export writes them."""
    first = pd.Timestamp(f"{day}T12:00").tz_localize(zone) - pd.Timedelta(hours=36)
    utc = pd.date_range(first.tz_convert("UTC"), periods=72 * 4, freq=QUARTER)
    local = utc.tz_convert(zone).tz_localize(None)
    return utc, pd.DataFrame(
        {"T": local.strftime("%Y-%m-%d %H:%M"), "M": "a", "P": np.arange(288.0)}
    )


def applied(raw: pd.DataFrame, contract: Contract, **how: object) -> Mapped:
    columns = {"meter_id": "M", "event_at": {"from": "T", **how}, "power_kw": "P"}
    return apply_mapping(raw, TableMapping.model_validate({"columns": columns}), contract)


@pytest.mark.parametrize(("zone", "spring", "short", "autumn", "long"), ZONES)
def test_a_local_export_in_order_comes_back_as_the_instants_that_were_meant(
    zone: str, spring: str, short: float, autumn: str, long: float, contracts: dict[str, Contract]
) -> None:
    for day in (spring, autumn):
        utc, raw = local_table(zone, day)
        for rows, meant in ((raw, utc), (raw[::-1].reset_index(drop=True), utc[::-1])):
            found = applied(rows, contracts["load"], zone=zone, ambiguous="order", by="M")
            assert found.faults == ()
            assert found.frame["event_at"].tolist() == meant.tolist()


def test_order_is_each_series_own_though_their_rows_are_mixed(
    contracts: dict[str, Contract],
) -> None:
    utc, raw = local_table("Europe/Berlin", "2024-10-27")
    both = pd.concat([raw, raw.assign(M="b")], ignore_index=True).sort_index(kind="stable")
    mixed = both.iloc[np.arange(576).reshape(2, 288).T.ravel()].reset_index(drop=True)
    found = applied(mixed, contracts["load"], zone="Europe/Berlin", ambiguous="order", by="M")
    for name in ("a", "b"):
        assert found.frame.loc[found.frame["meter_id"] == name, "event_at"].tolist() == utc.tolist()


def test_a_time_that_is_there_once_only_counts_as_the_earlier() -> None:
    times = pd.Series(pd.to_datetime(["2024-10-27 02:00", "2024-10-27 03:00"]))
    assert first_of_two(times, None).tolist() == [True, True]


def test_without_a_rule_times_that_come_twice_are_faults(contracts: dict[str, Contract]) -> None:
    _, raw = local_table("Europe/Berlin", "2024-10-27")
    (fault,) = applied(raw, contracts["load"], zone="Europe/Berlin").faults
    assert len(fault.rows) == 8
    assert "exists twice" in fault.about


def test_each_row_is_read_in_its_own_zone(contracts: dict[str, Contract]) -> None:
    raw = pd.DataFrame(
        {
            "T": ["2024-07-01 12:00"] * 3,
            "M": ["a", "b", "c"],
            "Z": ["Europe/Berlin", "America/New_York", "Middle/Earth"],
            "P": 1.0,
        }
    )
    found = applied(raw, contracts["load"], zone_of={"column": "Z"})
    assert found.frame["event_at"].tolist()[:2] == [
        pd.Timestamp("2024-07-01T10:00Z"),
        pd.Timestamp("2024-07-01T16:00Z"),
    ]
    (fault,) = found.faults
    assert (fault.rows.tolist(), fault.about) == ([2], "has no zone that is known")


def test_zones_are_looked_up_in_the_register_of_meters(
    contracts: dict[str, Contract], tmp_path: Path
) -> None:
    (tmp_path / "load.csv").write_text(
        "T,M,P\n2024-07-01 12:00,a,1\n2024-07-01 12:00,b,2\n", encoding="utf-8"
    )
    (tmp_path / "meters.csv").write_text(
        "meter_id,tz\na,Europe/Berlin\nb,Australia/Melbourne\n", encoding="utf-8"
    )
    (tmp_path / "mapping.yaml").write_text(
        "tables:\n  load:\n    columns:\n      meter_id: M\n      power_kw: P\n      event_at:\n"
        "        from: T\n        ambiguous: order\n        by: M\n"
        "        zone_of: {column: M, table: meters, key: meter_id, zone: tz}\n",
        encoding="utf-8",
    )
    two = {name: contracts[name] for name in ("load", "meters")}
    mappings = load_mappings(tmp_path / "mapping.yaml", two)
    found = read_tables(tmp_path, {"load": "load.csv", "meters": "meters.csv"}, mappings, two)
    assert list(found) == ["load", "meters"]
    assert found["load"].frame["event_at"].dt.hour.tolist() == [10, 2]


def test_a_register_that_does_not_tell_zones_is_named(contracts: dict[str, Contract]) -> None:
    raw = pd.DataFrame({"T": ["2024-07-01 12:00"], "M": ["a"], "P": [1.0]})
    lookup = {"column": "M", "table": "meters", "key": "meter_id", "zone": "tz"}
    found = applied(raw, contracts["load"], zone_of=lookup)
    assert "meters does not tell the zone of each meter_id" in str(found.violations[0])


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("{from: T, zone: UTC, zone_of: {column: Z}}", "give zone or zone_of, not both"),
        ("{from: T, zone: UTC, by: M}", "by needs `ambiguous: order`"),
        ("{from: T, zone_of: {column: M, table: meters}}", "give table, key and zone"),
        (
            "{from: T, zone_of: {column: M, table: meter, key: meter_id, zone: tz}}",
            "no table 'meter'; did you mean 'meters'?",
        ),
        (
            "{from: T, zone_of: {column: M, table: meters, key: meter_id, zone: zone}}",
            "meters has no column 'zone'",
        ),
    ],
)
def test_a_mapping_of_zones_that_cannot_work_is_refused(
    how: str, told: str, contracts: dict[str, Contract], tmp_path: Path
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(f"tables:\n  load:\n    columns:\n      event_at: {how}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_mappings(path, contracts)
    assert told.split(";")[0] in str(caught.value)
