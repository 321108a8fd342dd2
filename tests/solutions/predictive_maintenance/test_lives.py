"""Lives and targets from tables whose answer is known by construction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Extras
from lepton.contracts.odcs import load_contracts
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from solutions.predictive_maintenance.features import FEATURES
from solutions.predictive_maintenance.lives import (
    SETTINGS,
    assemble,
    copies,
    drawn_in,
    share_of,
    wide,
)

START = pd.Timestamp("2024-01-01", tz="UTC")


def hours(*values: float) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(np.array(values), unit="h")).dt.as_unit("us")


def readings(*values: float, asset: str = "a") -> pd.DataFrame:
    """One reading of `asset` at each of these hours."""
    return pd.DataFrame(
        {
            "reading_id": [f"{asset}{value:g}" for value in values],
            "asset_id": asset,
            "event_at": hours(*values),
            "x_temperature": np.arange(len(values), dtype=np.float64),
        }
    )


def failures(*values: float, asset: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"asset_id": asset, "failed_at": hours(*values)})


def replaced(*values: float, kind: str = "replace") -> pd.DataFrame:
    return pd.DataFrame({"asset_id": "a", "done_at": hours(*values), "kind": kind})


def assembled(
    tables: Mapping[str, pd.DataFrame], horizon_h: float = 10, **more: float
) -> pd.DataFrame:
    settings = {**SETTINGS, "horizon_h": horizon_h, "cap_h": 100.0, **more}
    return assemble(tables, settings).set_index("reading_id")


def test_a_reading_is_positive_where_its_life_fails_within_the_horizon() -> None:
    rows = assembled({"telemetry": readings(0, 85, 95), "failures": failures(100)})
    assert rows["failed"].tolist() == [0.0, 0.0, 1.0]
    assert rows["remaining"].tolist() == pytest.approx(drawn_in(np.array([1.0, 0.15, 0.05])))


def test_a_label_is_known_after_the_horizon_or_at_the_failure() -> None:
    rows = assembled({"telemetry": readings(0, 95), "failures": failures(100)})
    assert rows["label_at"].tolist() == hours(10, 100).tolist()


def test_the_last_horizon_of_a_life_that_did_not_fail_has_no_target() -> None:
    rows = assembled({"telemetry": readings(0, 85, 95), "failures": failures(asset="b")})
    assert rows["failed"].tolist()[:1] == [0.0]
    assert rows["failed"].isna().tolist() == [False, True, True]
    assert rows["remaining"].isna().all()


def test_a_life_that_lasted_longer_than_the_cap_is_known_to_have() -> None:
    rows = assembled({"telemetry": readings(0, 150), "failures": failures(asset="b")})
    assert rows["remaining"].iloc[0] == pytest.approx(0.9)
    assert share_of(np.array([0.9, 0.1, 0.95])).tolist() == pytest.approx([1.0, 0.0, 1.0])


def test_a_replacement_ends_a_life_without_a_failure() -> None:
    tables = {
        "telemetry": readings(0, 45, 55),
        "failures": failures(200),
        "maintenance": replaced(50),
    }
    rows = assembled(tables)
    assert rows["life_id"].tolist() == ["a#0", "a#0", "a#1"]
    assert rows["failed"].tolist()[0] == 0.0
    assert np.isnan(rows["failed"].iloc[1])
    assert rows["remaining"].isna().tolist() == [True, True, False]


def test_an_inspection_ends_no_life_and_starts_the_clock_since_service() -> None:
    tables = {"telemetry": readings(0, 45, 55), "maintenance": replaced(50, kind="inspect")}
    rows = assembled(tables)
    assert rows["life_id"].nunique() == 1
    assert rows["since_service_h"].tolist()[2] == 5.0
    assert rows["since_service_h"].isna().tolist() == [True, True, False]


def test_data_run_to_failure_end_each_asset_with_its_failure() -> None:
    tables = {"telemetry": pd.concat([readings(0, 20), readings(0, 5, asset="b")])}
    rows = assembled(tables, run_to_failure=1.0)
    assert rows["failed"].tolist() == [0.0, 1.0, 1.0, 1.0]


def test_each_reading_says_of_what_its_life_failed_where_failures_do() -> None:
    told = failures(50.0, 90.0).assign(mode=pd.Series(["wear", None], dtype="str"))
    tables = {
        "telemetry": readings(10, 49, 60, 95),
        "failures": told,
        "maintenance": replaced(120),
    }
    rows = assembled(tables)
    assert rows["failure_mode"].fillna("none").tolist() == ["wear", "wear", "none", "none"]
    assert rows["failing_mode"].fillna("none").tolist() == [
        "wear" if failed else "none" for failed in rows["near_failure"]
    ]
    assert rows["near_failure"].tolist()[0] == 0.0
    bare = assembled({"telemetry": readings(10), "failures": failures(50)})
    assert "failure_mode" not in bare


def test_assets_do_not_share_failures() -> None:
    tables = {
        "telemetry": pd.concat([readings(0, 50), readings(0, 50, asset="b")]),
        "failures": failures(55, asset="b"),
    }
    rows = assembled(tables)
    assert rows.loc[["b0", "b50"], "failed"].tolist() == [0.0, 1.0]
    assert rows.loc["a0", "failed"] == 0.0


def test_the_order_of_rows_changes_nothing() -> None:
    tables = {"telemetry": readings(*range(0, 100, 7)), "failures": failures(33, 99)}
    shuffled = {**tables, "telemetry": tables["telemetry"].sample(frac=1, random_state=0)}
    expected = assembled(tables).sort_index()
    pd.testing.assert_frame_equal(assembled(shuffled).sort_index(), expected)


def test_rows_without_an_asset_are_each_their_own_and_keep_their_target() -> None:
    table = pd.DataFrame({"reading_id": ["p", "q"], "failed": [0.0, 1.0], "x_torque": [1.0, 2.0]})
    rows = assemble({"telemetry": table}, SETTINGS)
    assert rows["asset_id"].tolist() == ["p", "q"]
    assert rows["failed"].tolist() == [0.0, 1.0]
    assert "life_id" not in rows
    assert rows["event_at"].is_monotonic_increasing


def test_rows_without_time_are_taken_in_their_order() -> None:
    table = readings(0, 1, 2).drop(columns="event_at")
    rows = assembled({"telemetry": table}, run_to_failure=1.0, horizon_h=1)
    assert rows["failed"].tolist() == [0.0, 1.0, 1.0]


def test_the_long_form_becomes_one_column_a_sensor_without_bad_values() -> None:
    table = pd.DataFrame(
        {
            "reading_id": list("abcd"),
            "asset_id": "m",
            "event_at": hours(0, 0, 1, 1),
            "sensor": ["Oil Temp", "rpm", "Oil Temp", "rpm"],
            "value": [50.0, 900.0, 51.0, 0.0],
            "quality": ["good", "good", "good", "bad"],
        }
    )
    found = wide(table)
    assert found["x_oil_temp"].tolist() == [50.0, 51.0]
    assert found["x_rpm"].isna().tolist() == [False, True]
    assert found["reading_id"].tolist() == ["a", "c"]


def test_rows_without_an_asset_are_learnt_from_by_what_was_measured_and_derived() -> None:
    root = Path(__file__).parents[3]
    contract = load_contracts(root / "data_contracts" / "predictive_maintenance")["telemetry"]
    table = pd.DataFrame(
        {"reading_id": ["p", "q"], "failed": [0.0, 1.0], "x_torque": [1.0, 2.0], "x_power": 3.0}
    )
    rows = assemble({"telemetry": table}, SETTINGS)
    spec = fit_spec(FEATURES, without_features(rows, contract, "failed"))
    extras = Extras(numeric=("torque",), derived={"power": "torque * 2"})
    found = compute(rows, contract, spec, extras, target="failed")
    assert found.numeric == ("x_torque", "x_power")
    assert "sensors" in {off.feature for off in found.switched_off}


def test_copies_are_for_remaining_lives_alone_as_often_as_the_settings_say() -> None:
    settings = {**SETTINGS, "copies": 2.0, "lost_share": 0.3}
    assert copies(settings, "remaining_life") == (2.0, 0.3)
    assert copies(settings, "failure")[0] == 0.0
    assert copies({**SETTINGS, "copies": 0.0}, "remaining_life")[0] == 0.0
