"""Cases of the reliability catalogue on readings of detectors, through the product's own path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Contract, Mapped, Severity, Validated
from lepton.contracts.odcs import load_contracts
from lepton.errors import ContractViolation
from lepton.forecast.panel import SUSPECT
from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.plan import Plan
from solutions.traffic_forecasting.simulate import simulate_all
from solutions.traffic_forecasting.traffic_checks import unfit_detectors
from tests.faults import cases
from tests.faults.cases import Tables, mapped, refusal

ROOT = Path(__file__).parents[2]
STEP = pd.Timedelta(minutes=5)
NOON = pd.Timestamp("2024-03-12T19:00Z")


@pytest.fixture(scope="module")
def contracts() -> Mapping[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "traffic_forecasting")


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Sixteen detectors and three counters over a month, none of them at fault."""
    return simulate_all(np.random.default_rng(5), Plan(2, 4, 30, faults=False)).tables


def checked(
    tables: Tables, contracts: Mapping[str, Contract], **changed: pd.DataFrame
) -> Validated:
    return cases.checked(SOLUTION, contracts, {**tables, **changed})


def applied(at: list[Any], contract: Contract, **how: Any) -> Mapped:
    """A customer's table with these times, mapped."""
    frame = pd.DataFrame({"S": "a", "T": at, "V": np.arange(len(at), dtype=np.float64)})
    columns = {"sensor_id": "S", "event_at": {"from": "T", **how}, "speed_kmh": "V"}
    return mapped(frame, contract, columns)


def told(found: Validated, code: str) -> list[str]:
    return [str(one) for one in found.violations if one.code == code]


def test_t01_naive_reading_times_refused_asking_for_a_zone(
    contracts: Mapping[str, Contract],
) -> None:
    message = refusal(applied(["2024-05-01 12:00"], contracts["readings"]), contracts["readings"])
    assert "1 times without zone" in message
    assert "write `zone: Europe/Berlin`" in message


def test_t03_an_autumn_hour_without_fold_is_a_fault_with_a_hint_and_never_shifted(
    contracts: Mapping[str, Contract],
) -> None:
    local = ["2024-11-03 01:30", "2024-11-03 01:30"]
    zone = "America/Los_Angeles"
    (fault,) = applied(local, contracts["readings"], zone=zone).faults
    assert "exists twice" in fault.about
    assert "ambiguous" in fault.remedy
    ordered = applied(local, contracts["readings"], zone=zone, ambiguous="order", by="S")
    first, second = ordered.frame["event_at"]
    assert second - first == pd.Timedelta(hours=1)


def test_t05_shuffled_rows_give_the_same_verdict_and_the_same_panel(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    mixed = {name: rows.sample(frac=1, random_state=1) for name, rows in tables.items()}
    one, other = checked(tables, contracts), checked(mixed, contracts)
    assert [str(each) for each in one.violations] == [str(each) for each in other.violations]
    spec = SOLUTION.forecast
    assert spec is not None
    ours, theirs = (spec.panel(found.tables, SOLUTION.settings) for found in (one, other))
    pd.testing.assert_frame_equal(ours.rows, theirs.rows)
    assert ours.neighbours == theirs.neighbours


def test_t06_gaps_are_counted_with_their_place_and_nothing_is_filled(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    gone = (rows["sensor_id"] == "R1N02") & rows["event_at"].between(NOON, NOON + 99 * STEP)
    found = checked(tables, contracts, readings=rows[~gone])
    (gap,) = told(found, "LK270")
    assert "lacked over 20% of 24 h" in gap
    assert "R1N02: 35% up to 2024-03-13T03:15Z" in gap
    assert len(found.tables["readings"]) == len(rows) - 100
    spec = SOLUTION.forecast
    assert spec is not None
    panel = spec.panel(found.tables, SOLUTION.settings)
    # a lag that falls into the gap is missing, and never the value before it
    seen = panel.histories["R1N02"].y.as_of(
        np.array([(NOON + 50 * STEP).timestamp() // 300], dtype=np.int64),
        np.array([2**33]),
    )
    assert np.isnan(seen).all()


def test_t07_an_interval_told_twice_is_set_aside_conflicts_on_both_sides(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    other = rows.head(1).assign(speed_kmh=7.0)
    twice = pd.concat([rows, rows.tail(2), other], ignore_index=True)
    found = checked(tables, contracts, readings=twice)
    reasons = found.quarantine["readings"]["__reasons"]
    assert reasons.str.contains("copies an earlier row of the same sensor_id, event_at").sum() == 2
    assert reasons.str.contains("differs from other rows of the same").sum() == 2
    assert len(found.tables["readings"]) == len(rows) - 1


def test_t08_implausible_reading_times_refused_with_examples(
    contracts: Mapping[str, Contract],
) -> None:
    times = ["1970-01-01T00:00Z", "9999-01-01T00:00Z"]
    message = refusal(applied(times, contracts["readings"]), contracts["readings"])
    assert "before 1990 or in the future: 2 of 2 rows" in message
    assert "1970-01-01" in message


def test_t11_a_frozen_detector_is_told_and_what_it_repeats_is_never_looked_at(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    still = (rows["sensor_id"] == "R1N02") & rows["event_at"].between(NOON, NOON + 39 * STEP)
    frozen = rows.assign(speed_kmh=rows["speed_kmh"].mask(still, 88.8))
    found = checked(tables, contracts, readings=frozen)
    assert any("R1N02: 29 from 2024-03-12T19:55Z at 88.8 km/h" in one
               for one in told(found, "LK272"))  # fmt: skip
    spec = SOLUTION.forecast
    assert spec is not None
    panel = spec.panel(found.tables, SOLUTION.settings)
    held = panel.rows["y"].eq(88.8) & panel.rows["series_id"].eq("R1N02")
    held &= panel.rows["ts"].between(NOON + 11 * STEP, NOON + 39 * STEP)
    assert set(panel.rows.loc[held, "quality"]) == {SUSPECT}


def test_t13_a_detector_with_a_short_history_is_unfit_and_others_go_on(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    late = rows["event_at"] > rows["event_at"].max() - pd.Timedelta(days=3)
    young = rows[(rows["sensor_id"] != "R1N02") | late]
    found = checked(tables, contracts, readings=young)
    (one,) = told(found, "LK280")
    assert "has less than 7 days of history: nothing can be fitted" in one
    assert "R1N02: 3.0 days" in one
    assert list(unfit_detectors({**tables, "readings": young})) == ["R1N02"]


def test_t13_a_table_that_is_too_short_as_a_whole_is_refused(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    short = rows[rows["event_at"] < rows["event_at"].min() + pd.Timedelta(days=5)]
    with pytest.raises(ContractViolation, match=r"LK280 .*less than 7 days"):
        checked(tables, contracts, readings=short)


def test_d11_speeds_that_are_mostly_missing_are_refused_with_their_share(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    thin = rows.assign(speed_kmh=rows["speed_kmh"].where(np.arange(len(rows)) % 3 == 0))
    with pytest.raises(ContractViolation) as caught:
        checked(tables, contracts, readings=thin)
    missing = int(thin["speed_kmh"].isna().sum())
    assert f"missing in more than 50% of rows: {missing:,} of {len(rows):,}" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "column"),
    [("readings", "speed_kmh"), ("readings", "flow_vph"), ("weather", "temp_C")],
)
def test_d12_a_column_without_any_value_is_refused(
    table: str, column: str, tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    empty = tables[table].assign(**{column: np.nan})
    with pytest.raises(ContractViolation, match=rf"LK230 {table}\.{column} has no value in any"):
        checked(tables, contracts, **{table: empty})


def test_d18_a_delivery_that_holds_everything_twice_is_refused_with_the_count(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    with pytest.raises(ContractViolation) as caught:
        checked(tables, contracts, readings=pd.concat([rows, rows]))
    rule = "LK227 readings.event_at copies an earlier row of the same sensor_id, event_at"
    assert f"{rule}, over 0.1% of rows: {len(rows):,} of {2 * len(rows):,} rows" in str(
        caught.value
    )


def test_d20_a_detector_registered_twice_never_doubles_its_readings(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    sensors = tables["sensors"]
    again = sensors.head(1).assign(lanes=2.0)
    with pytest.raises(ContractViolation) as caught:
        checked(tables, contracts, sensors=pd.concat([sensors, again], ignore_index=True))
    assert "LK228 sensors.sensor_id stands on rows that differ: 2 of 20 rows" in str(caught.value)
    spec = SOLUTION.forecast
    assert spec is not None
    twice = {**tables, "sensors": pd.concat([sensors, sensors.head(1)], ignore_index=True)}
    told_speeds = int(tables["readings"]["speed_kmh"].notna().sum())
    assert len(spec.panel(twice, SOLUTION.settings).rows) == told_speeds


def test_d21_miles_where_kilometres_are_expected_are_told(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    late = rows["event_at"] > rows["event_at"].max() - pd.Timedelta(days=1)
    miles = rows.assign(speed_kmh=rows["speed_kmh"].mask(late, rows["speed_kmh"] / 1.609344))
    assert any(
        "usually" in one for one in told(checked(tables, contracts, readings=miles), "LK277")
    )


def test_d22_a_negative_speed_is_refused_with_its_range(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["readings"]
    flipped = rows.assign(speed_kmh=-rows["speed_kmh"])
    with pytest.raises(ContractViolation, match=r"LK224 readings\.speed_kmh is outside \[0, 200\]"):
        checked(tables, contracts, readings=flipped)
    one = rows.assign(speed_kmh=rows["speed_kmh"].where(np.arange(len(rows)) > 0, -5.0))
    found = checked(tables, contracts, readings=one)
    assert len(found.quarantine["readings"]) == 1
    assert all(each.severity is not Severity.TABLE for each in found.violations)
