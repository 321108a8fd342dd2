"""Operations of mapping.yaml, each with a known answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lepton.config import parse_model
from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Extras, Mapped, extra_name
from lepton.contracts.odcs import load_contracts
from lepton.contracts.read import read_tables
from lepton.errors import ConfigError, DataError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]


def column(name: str, values: list[Any], operation: Any, contract: Contract) -> list[Any]:
    mapping = TableMapping.model_validate({"columns": {name: operation}})
    found = apply_mapping(pd.DataFrame({"a": values, "b c": 2.0}), mapping, contract)
    assert not found.faults
    assert not found.violations
    return list(found.frame[name])


def test_enum_translates_codes(contract: Contract) -> None:
    how = {"from": "a", "enum": {"Y": "1", "N": "0"}}
    assert column("is_fraud", ["Y", "N", "Y"], how, contract) == [1.0, 0.0, 1.0]


def test_enum_without_a_code_is_a_fault(contract: Contract) -> None:
    how = {"columns": {"is_fraud": {"from": "a", "enum": {"Y": "1", "N": "0"}}}}
    raw = pd.DataFrame({"a": ["Y", "?", None]})
    (fault,) = apply_mapping(raw, TableMapping.model_validate(how), contract).faults
    assert (fault.rows.tolist(), fault.values) == ([1], ("?",))


def test_booleans_are_zero_and_one(contract: Contract) -> None:
    assert column("is_fraud", [True, False], "a", contract) == [1.0, 0.0]


def test_cents_become_euros_exactly(contract: Contract) -> None:
    how = {"from": "a", "unit": {"from": "cent", "to": "EUR"}}
    assert column("amount", [1999, 7], how, contract) == [19.99, 0.07]


@pytest.mark.parametrize(
    ("decimal", "thousands", "texts"),
    [
        (",", ".", ["1.234.567,50", "12,5", "1234"]),
        (".", ",", ["1,234,567.50", "12.5", "1234"]),
        (".", "'", ["1'234'567.50", "12.5", "1234"]),
        (",", "\u202f", ["1\u202f234\u202f567,50", "12,5", "1234"]),
    ],
)
def test_thousands_are_read_as_they_are_declared(
    contract: Contract, decimal: str, thousands: str, texts: list[str]
) -> None:
    how = {"from": "a", "decimal": decimal, "thousands": thousands}
    assert column("amount", texts, how, contract) == [1_234_567.5, 12.5, 1234.0]
    mapping = {
        "dialect": {"decimal": decimal, "thousands": thousands},
        "columns": {"amount": "a"},
    }
    raw = pd.DataFrame({"a": [*texts, f"1{thousands}23", f"1234{thousands}567"]})
    found = apply_mapping(raw, TableMapping.model_validate(mapping), contract)
    assert [fault.rows.tolist() for fault in found.faults] == [[3, 4]]
    assert "`thousands:`" in found.faults[0].remedy


def test_one_mark_cannot_mean_both(tmp_path: Path) -> None:
    for given in (
        {"columns": {"amount": {"from": "a", "decimal": ".", "thousands": "."}}},
        {"dialect": {"thousands": "."}},
    ):
        with pytest.raises(ConfigError, match="the same mark"):
            parse_model(TableMapping, given, where="mapping.yaml")


@pytest.mark.parametrize(("epoch", "value"), [("d", 2), ("h", 48), ("min", 2880), ("s", 172_800)])
def test_steps_of_any_length_count_from_the_origin(
    contract: Contract, epoch: str, value: int
) -> None:
    how = {"from": "a", "epoch": epoch, "origin": "2024-01-01T00:00:00Z"}
    times = column("event_at", [value, str(value)], how, contract)
    assert times == [pd.Timestamp("2024-01-03", tz="UTC")] * 2


def test_scale_multiplies(contract: Contract) -> None:
    assert column("amount", [2.0], {"from": "a", "scale": "0.5"}, contract) == [1.0]


def test_constant_fills_the_column(contract: Contract) -> None:
    assert column("currency", [1, 2], {"constant": "EUR"}, contract) == ["EUR", "EUR"]


def test_expression_computes_from_columns(contract: Contract) -> None:
    how = {"expression": '(a + 1) * -"b c" / 4'}
    assert column("amount", [1, 3], how, contract) == [-1.0, -2.0]


@pytest.mark.parametrize("code", ["__import__('os')", "a.b", "a if 1 else 2", "[a]", "a ** 9", "("])
def test_expression_is_arithmetic_only(code: str) -> None:
    with pytest.raises(ConfigError, match=r"not allowed|not arithmetic"):
        parse_model(TableMapping, {"columns": {"amount": {"expression": code}}}, where="m")


def test_seconds_since_a_start_become_instants(contract: Contract) -> None:
    how = {"from": "a", "epoch": "s", "origin": "2018-04-01T00:00:00Z"}
    (found,) = column("event_at", [31], how, contract)
    assert found == pd.Timestamp("2018-04-01T00:00:31Z")


def test_format_and_zone_read_local_times(contract: Contract) -> None:
    how = {"from": "a", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}
    (found,) = column("event_at", ["01.07.2024 12:30"], how, contract)
    assert found == pd.Timestamp("2024-07-01T10:30Z")


def test_whole_numbers_as_ids_have_no_point(contract: Contract) -> None:
    assert column("card_id", [7.0, 8.0], "a", contract) == ["7", "8"]


def test_keep_and_drop_choose_rows_by_code(contract: Contract) -> None:
    raw = pd.DataFrame({"id": ["1", "2", "3", "4"], "s": ["ok", "ok", "no", None]})
    how = {
        "columns": {"transaction_id": "id"},
        "keep": {"column": "s", "values": ["ok"]},
        "drop": {"column": "id", "values": ["2"]},
    }
    found = apply_mapping(raw, TableMapping.model_validate(how), contract)
    assert found.frame["transaction_id"].tolist() == ["1"]
    assert "1 of 4 rows kept by the mapping" in found.notes


def test_extras_pass_under_safe_names(contract: Contract) -> None:
    raw = pd.DataFrame({"V 1": ["1.5"], "os": ["linux"]})
    how = {"columns": {}, "extras": {"numeric": ["V 1"], "category": ["os"]}}
    mapping = TableMapping.model_validate(how)
    assert mapping.extras == Extras(("V 1",), ("os",))
    found = apply_mapping(raw, mapping, contract).frame
    assert found.to_dict("list") == {"x_os": ["linux"], "x_v_1": [1.5]}
    assert extra_name("V 1") == "x_v_1"


def labelled(contract: Contract, **columns: Any) -> Mapped:
    raw = pd.DataFrame({"t": ["2024-01-01T00:00:00Z"] * 2, "y": ["1", ""]})
    given = {"event_at": "t", "is_fraud": "y", **columns}
    return apply_mapping(
        raw, TableMapping.model_validate({"columns": given}), contract, label_delay_days=3
    )


def test_label_time_defaults_to_the_delay_where_the_label_is_known(contract: Contract) -> None:
    found = labelled(contract)
    assert found.frame["label_at"].iloc[0] == pd.Timestamp("2024-01-04T00:00Z")
    assert pd.isna(found.frame["label_at"].iloc[1])
    assert "'label_at' is taken as event_at and 3 days" in found.notes


def test_after_shifts_a_mapped_column(contract: Contract) -> None:
    found = labelled(contract, label_at={"after": {"column": "event_at", "days": "30"}})
    assert found.frame["label_at"].iloc[0] == pd.Timestamp("2024-01-31T00:00Z")


def test_one_way_to_make_a_column() -> None:
    with pytest.raises(ConfigError, match="give one of from, constant"):
        parse_model(
            TableMapping, {"columns": {"amount": {"from": "a", "constant": "1"}}}, where="m"
        )


def test_missing_source_file_is_named(contract: Contract, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"LK202 .*gone\.csv: no such file"):
        read_tables(
            tmp_path,
            {"transactions": "gone.csv"},
            {"transactions": TableMapping()},
            {"transactions": contract},
        )


def test_source_names_the_contracts_tables(contract: Contract, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no contract for 'transaction'; did you mean"):
        read_tables(tmp_path, {"transaction": "a.csv"}, {}, {"transactions": contract})
