"""Wide files made long, and files without times: each with a known answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Mapped
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.errors import ContractViolation
from lepton.frames import read_raw

ROOT = Path(__file__).parents[2]
COLUMNS: dict[str, Any] = {
    "event_at": "at",
    "sensor_id": "sensor",
    "speed_kmh": {"from": "speed", "unit": {"from": "mph", "to": "km/h"}},
}
CLOCK = {"name": "at", "start": "2012-03-01T08:00:00Z", "step_s": 300}
MELT = {"keep": ["at"], "name": "sensor", "value": "speed"}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "traffic_forecasting")["readings"]


def mapped(raw: pd.DataFrame, contract: Contract, **how: Any) -> Mapped:
    mapping = TableMapping.model_validate({"columns": COLUMNS, **how})
    return apply_mapping(raw, mapping, contract)


def test_a_matrix_of_speeds_without_times_becomes_readings_in_kilometres_an_hour(
    contract: Contract, tmp_path: Path
) -> None:
    path = tmp_path / "speed.csv"
    path.write_text("773869,007\n60,50\n0,25\n")
    found = mapped(read_raw(path), contract, clock=CLOCK, melt=MELT)
    assert (found.faults, found.violations) == ((), ())
    at = [pd.Timestamp("2012-03-01T08:00Z"), pd.Timestamp("2012-03-01T08:05Z")]
    assert found.frame["event_at"].tolist() == [*at, *at]
    assert found.frame["sensor_id"].tolist() == ["773869", "773869", "007", "007"]
    assert found.frame["speed_kmh"].tolist() == [96.56064, 0.0, 80.4672, 40.2336]


def test_a_wide_file_with_times_keeps_them(contract: Contract) -> None:
    raw = pd.DataFrame({"at": ["2024-05-01T12:00Z"], "a": [60.0], "b": [None]})
    found = mapped(raw, contract, melt=MELT).frame
    assert found["event_at"].nunique() == 1
    assert found.set_index("sensor_id")["speed_kmh"].isna().to_dict() == {"a": False, "b": True}


def test_a_column_to_keep_that_is_not_there_is_told(contract: Contract) -> None:
    found = mapped(pd.DataFrame({"a": [1.0]}), contract, melt=MELT)
    assert "source column 'at' is missing" in str(found.violations[0])


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"melt": {**MELT, "value": "at"}}, "different columns"),
        ({"clock": {**CLOCK, "start": "2012-03-01T08:00:00"}}, "start needs a zone"),
        ({"clock": {**CLOCK, "step_s": 0}}, "greater than 0"),
    ],
)
def test_shapes_that_cannot_be_are_refused(how: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TableMapping.model_validate(how)


def readings(n: int, contract: Contract, copies: int) -> Mapped:
    at = pd.date_range("2024-05-01", periods=n, freq="5min", tz="UTC")
    raw = pd.DataFrame({"at": at, "a": range(n)})
    whole = mapped(raw, contract, melt=MELT).frame
    whole["speed_kmh"] = 80.0
    return Mapped(pd.concat([whole, whole.tail(copies)], ignore_index=True))


def judged(readings: Mapped, contract: Contract) -> list[str]:
    found = validate(
        {"readings": readings},
        {"readings": contract},
        task=None,
        docs=None,
        now=pd.Timestamp("2030-01-01", tz="UTC"),
        with_suites=False,
    )
    return [one.code for one in found.violations]


def test_a_few_copies_are_set_aside_and_more_than_the_contracts_share_refuse_the_table(
    contract: Contract,
) -> None:
    assert judged(readings(2_000, contract, 2), contract) == ["LK227"]
    with pytest.raises(ContractViolation, match=r"LK227 .*over 0\.1% of rows: 3 of 2,003"):
        judged(readings(2_000, contract, 3), contract)
