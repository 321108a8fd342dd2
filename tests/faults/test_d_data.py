"""Group D of the reliability catalogue: shape and content of data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Mapped, Validated
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.errors import ContractViolation, DataError
from lepton.frames import Dialect, read_parquet, read_raw, write_parquet
from lepton.task import TaskKind, TaskSpec

ROOT = Path(__file__).parents[2]
NOW = pd.Timestamp("2025-01-01", tz="UTC")
TASK = TaskSpec("fraud", TaskKind.BINARY, "transactions", "is_fraud", "ap", min_positives=40)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]


def transactions(rows: int = 1000) -> pd.DataFrame:
    """A sound table: one row a minute, one fraud in 21, shuffled."""
    number = np.arange(rows)
    frame = pd.DataFrame(
        {
            "transaction_id": pd.Series([f"{n:05d}" for n in number], dtype="str"),
            "event_at": pd.date_range("2024-01-01", periods=rows, freq="min", tz="UTC"),
            "customer_id": pd.Series([f"c{n % 7}" for n in number], dtype="str"),
            "amount": 1.0 + number % 100,
            "is_fraud": (number % 21 == 0).astype(float),
        }
    )
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def judged(
    raw: pd.DataFrame, contract: Contract, task: TaskSpec | None = TASK, **mapping: Any
) -> Validated:
    mapped = apply_mapping(raw, TableMapping.model_validate(mapping), contract)
    tables: dict[str, Mapped] = {"transactions": mapped}
    return validate(tables, {"transactions": contract}, task=task, docs=None, now=NOW)


def refusal(
    raw: pd.DataFrame, contract: Contract, task: TaskSpec | None = TASK, **mapping: Any
) -> str:
    with pytest.raises(ContractViolation) as caught:
        judged(raw, contract, task, **mapping)
    assert caught.value.code == "LK201"
    return str(caught.value)


def test_sound_table_passes_whole_in_canonical_order(contract: Contract) -> None:
    found = judged(transactions(), contract)
    rows = found.tables["transactions"]
    assert len(rows) == 1000
    assert not found.violations
    assert rows["event_at"].is_monotonic_increasing


def test_d01_zero_rows_refused(contract: Contract) -> None:
    assert "0 rows, contract needs ≥ 500" in refusal(transactions().iloc[:0], contract)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"transaction_id,amount\n"])
def test_d02_empty_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "delivery.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"LK203 .*delivery\.csv: 0 rows"):
        read_raw(path)


def test_d03_missing_required_column_is_named_with_the_nearest(contract: Contract) -> None:
    raw = transactions().rename(columns={"amount": "amount_eur"})
    message = refusal(raw, contract)
    assert "required column 'amount' is missing; did you mean 'amount_eur'?" in message
    assert "'customer_id'" in message


def test_d04_trailing_space_is_told_and_not_stripped(contract: Contract) -> None:
    raw = transactions().rename(columns={"amount": "Amount "})
    assert "required column 'amount' is missing; did you mean 'Amount '?" in refusal(raw, contract)
    columns = {name: name for name in transactions()} | {"amount": "Amount"}
    message = refusal(raw, contract, columns=columns)
    assert "source column 'Amount' is missing; did you mean 'Amount '?" in message


def test_d05_extra_column_is_ignored_and_told_once(contract: Contract) -> None:
    found = judged(transactions().assign(colour="red"), contract)
    assert "colour" not in found.tables["transactions"]
    assert found.notes.count("ignored: colour") == 1


def test_d05_extra_column_refused_where_the_contract_is_closed(contract: Contract) -> None:
    closed = replace(contract, closed=True)
    message = refusal(transactions().assign(colour="red"), closed)
    assert "LK232 transactions has 1 columns beyond its contract: colour" in message
    assert "list them under `ignore` in the mapping" in message
    columns = {name: name for name in transactions()}
    named = judged(transactions().assign(colour="red"), closed, columns=columns, ignore=["colour"])
    assert len(named.tables["transactions"]) == 1000
    assert len(judged(transactions(), closed).tables["transactions"]) == 1000


def test_d06_reordered_columns_give_the_same_frame(contract: Contract) -> None:
    raw = transactions()
    one = judged(raw, contract).tables["transactions"]
    other = judged(raw[raw.columns[::-1]], contract).tables["transactions"]
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_d07_duplicate_column_name_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("a,b,a\n1,2,3\n")
    with pytest.raises(DataError, match=r"LK204 .*more than once: 'a'"):
        read_raw(path)


@pytest.mark.parametrize("written", ["1,234.5", "12,5"])
def test_d08_numbers_with_foreign_marks_refused_with_count(
    contract: Contract, written: str
) -> None:
    message = refusal(transactions().assign(amount=written).astype({"amount": "str"}), contract)
    assert "transactions.amount is not a number: 1,000 of 1,000 rows" in message
    assert f"row 1: '{written}'" in message
    assert "`decimal:`" in message


def test_d08_declared_decimal_comma_is_read(contract: Contract) -> None:
    raw = transactions().assign(amount="12,5").astype({"amount": "str"})
    found = judged(raw, contract, dialect={"decimal": ","})
    assert set(found.tables["transactions"]["amount"]) == {12.5}


def test_d09_ids_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("id\n007\n12345678901234567890\n+49\n")
    assert read_raw(path)["id"].tolist() == ["007", "12345678901234567890", "+49"]


def test_d09_ids_come_back_equal_through_mapping_and_disk(
    contract: Contract, tmp_path: Path
) -> None:
    raw = transactions().astype({"customer_id": "str"})
    odd = ["007", "12345678901234567890", "+49", "1e5", "0x1F", " 7 "]
    raw["customer_id"] = pd.Series(odd * (len(raw) // len(odd) + 1), dtype="str").head(len(raw))
    raw.to_csv(tmp_path / "ids.csv", index=False)
    rows = judged(read_raw(tmp_path / "ids.csv"), contract).tables["transactions"]
    write_parquet(rows, tmp_path / "rows.parquet")
    again = read_parquet(tmp_path / "rows.parquet")
    expected = raw.set_index("transaction_id")["customer_id"].sort_index()
    found = again.set_index("transaction_id")["customer_id"].sort_index()
    assert found.tolist() == expected.tolist()
    assert set(found) == set(odd)


def test_d10_na_is_a_country(tmp_path: Path) -> None:
    path = tmp_path / "countries.csv"
    path.write_text("country\nNA\nnull\nNone\n")
    frame = read_raw(path)
    assert frame["country"].tolist() == ["NA", "null", "None"]
    assert not frame["country"].isna().any()


def test_d12_column_without_any_value_refused(contract: Contract) -> None:
    message = refusal(transactions().assign(lat=np.nan), contract)
    assert "transactions.lat has no value in any of 1,000 rows" in message


def test_d13_infinite_rows_are_quarantined_large_and_tiny_pass(contract: Contract) -> None:
    raw = transactions().assign(balance_before=1.0)
    raw.loc[[3, 8], "balance_before"] = [np.inf, -np.inf]
    raw.loc[[4, 5], "balance_before"] = [1e308, 5e-324]
    found = judged(raw, contract)
    (violation,) = found.violations
    assert violation.count == 2
    assert violation.examples == ("row 4: 'inf'", "row 9: '-inf'")
    assert found.quarantine["transactions"]["__row"].tolist() == [4, 9]
    assert "is infinite" in found.quarantine["transactions"]["__reasons"].iloc[0]
    assert len(found.tables["transactions"]) == 998


def test_d15_too_few_positives_refused(contract: Contract) -> None:
    raw = transactions()
    raw["is_fraud"] = (raw.index < 3).astype(float)
    assert "3 positives found, 40 needed" in refusal(raw, contract)
    assert "0 positives found, 40 needed" in refusal(raw.assign(is_fraud=0.0), contract)


def test_d16_category_that_learning_never_saw_is_accepted_at_scoring(contract: Contract) -> None:
    learnt = transactions().assign(mcc="5411", merchant_country="DE", merchant_id="m1")
    assert not judged(learnt, contract).violations
    unseen = transactions(3).drop(columns="is_fraud")
    unseen = unseen.assign(mcc="9999", merchant_country="ZZ", merchant_id="m-new")
    found = judged(unseen, contract, task=None)
    rows = found.tables["transactions"]
    assert len(rows) == 3
    assert not found.violations
    assert not found.quarantine
    assert set(rows["mcc"]) == {"9999"}
    assert set(rows["merchant_country"]) == {"ZZ"}


def test_d16_code_outside_a_closed_set_is_set_aside_and_the_other_rows_are_scored(
    contract: Contract,
) -> None:
    rows = transactions(40).drop(columns="is_fraud").assign(channel="ecom")
    rows.loc[0, "channel"] = "teleport"
    found = judged(rows, contract, task=None)
    assert len(found.tables["transactions"]) == 39
    assert "is none of chip" in found.quarantine["transactions"]["__reasons"].iloc[0]


def test_d18_identical_copies_are_quarantined_behind_the_first(contract: Contract) -> None:
    raw = transactions()
    found = judged(pd.concat([raw, raw.iloc[:4]]), contract)
    assert len(found.tables["transactions"]) == 1000
    assert found.quarantine["transactions"]["__row"].tolist() == [1001, 1002, 1003, 1004]


def test_d19_conflicting_rows_of_one_key_are_all_quarantined(contract: Contract) -> None:
    raw = transactions()
    found = judged(pd.concat([raw, raw.iloc[:1].assign(amount=9999.0)]), contract)
    assert len(found.tables["transactions"]) == 999
    assert "stands on rows that differ" in str(found.violations[0])


def test_d24_ragged_rows_refused_with_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a;b\n1;2\n3\n4;5;6\n")
    with pytest.raises(DataError, match=r"LK205 .*2 ragged .*line 3: 1 values; line 4: 3 values"):
        read_raw(path, Dialect(delimiter=";"))


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "csv"])
def test_d25_damaged_parquet_is_named_corrupt(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "part.parquet"
    write_parquet(transactions(), path)
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    damaged = {"cut": content[:-9], "flip": content, "empty": b"", "csv": b"a,b\n1,2\n"}
    path.write_bytes(bytes(damaged[damage]))
    with pytest.raises(DataError, match=r"LK206 .*part\.parquet: file corrupt"):
        read_raw(path)


def test_d25_one_damaged_part_refuses_the_folder_by_its_name(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_parquet(transactions(), tmp_path / f"{name}.parquet")
    content = bytearray((tmp_path / "b.parquet").read_bytes())
    content[len(content) // 3] ^= 0x10
    (tmp_path / "b.parquet").write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"LK206 .*b\.parquet: file corrupt"):
        read_raw(tmp_path)


def test_card_numbers_refuse_the_table_and_are_never_printed(contract: Contract) -> None:
    raw = transactions()
    raw.loc[0, "customer_id"] = "4111 1111 1111 1111"
    message = refusal(raw, contract)
    assert "holds a card number: 1 of 1,000 rows (e.g. row 1)" in message
    assert "4111" not in message


@pytest.mark.parametrize("shape", ["hex", "uuid", "prefixed", "card"])
def test_digests_of_tokens_are_no_card_numbers(contract: Contract, shape: str) -> None:
    rows = transactions()
    digests = [f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}" for n in range(1, len(rows) + 1)]
    digests[0] = "4111111111111111"  # one digest in 2,000 has no letter
    whole = {
        "hex": digests,
        "uuid": [f"{d[:8]}-{d[8:12]}-4222-9333-{d[4:]}" for d in digests],
        "prefixed": [f"cust_{d}" for d in digests],
        "card": ["4111111111111111", *(f"{n:016d}" for n in range(len(rows) - 1))],
    }[shape]
    rows["customer_id"] = pd.Series(whole, dtype="str")
    if shape == "card":
        assert "holds a card number" in refusal(rows, contract)
    else:
        judged(rows, contract)


def test_scoring_needs_no_target_and_takes_one_row(contract: Contract) -> None:
    found = judged(transactions(1).drop(columns="is_fraud"), contract, task=None)
    assert len(found.tables["transactions"]) == 1


def test_one_row_to_score_may_miss_what_any_row_may_miss(contract: Contract) -> None:
    row = transactions(1).assign(customer_id="", os="")
    extras = {"category": ["os"]}
    columns = {name: name for name in ("transaction_id", "event_at", "amount", "customer_id")}
    found = judged(row, contract, task=None, columns=columns, extras=extras)
    assert found.tables["transactions"]["customer_id"].isna().all()
    without_amount = row.assign(amount=np.nan)
    assert "amount" in refusal(without_amount, contract, task=None, columns=columns)


def test_data_docs_and_summary_are_written_even_when_refused(
    contract: Contract, tmp_path: Path
) -> None:
    mapped = apply_mapping(transactions().assign(amount=-1.0), TableMapping(), contract)
    with pytest.raises(ContractViolation, match=r"is outside \(0, 1e\+07\]"):
        validate(
            {"transactions": mapped}, {"transactions": contract}, task=TASK, docs=tmp_path, now=NOW
        )
    assert (tmp_path / "index.html").is_file()
    assert "FAILED transactions.amount is outside" in (tmp_path / "summary.txt").read_text()


def test_every_kind_of_broken_row_is_quarantined_with_its_reason(contract: Contract) -> None:
    raw = transactions().assign(currency="EUR", mcc="0742", channel="ecom", lat=1.0)
    raw["ingested_at"] = raw["event_at"] + pd.Timedelta(minutes=1)
    raw["label_at"] = raw["event_at"] + pd.Timedelta(days=1)
    early = pd.Timestamp("2020-01-01", tz="UTC")
    broken: list[tuple[str, Any, str]] = [
        ("currency", "eur", "does not match"),
        ("mcc", "42", "does not match"),
        ("channel", "web", "is none of"),
        ("lat", 99.0, "is outside [-90, 90]"),
        ("ingested_at", early, "lies before event_at by over 300 s"),
        ("label_at", early, "lies before event_at"),
        ("is_fraud", 2.0, "is none of 0, 1"),
        ("transaction_id", None, "is missing"),
        ("amount", np.nan, "is missing"),
    ]
    for row, (column, value, _) in enumerate(broken):
        raw.loc[row, column] = value
    found = judged(raw, contract)
    quarantine = found.quarantine["transactions"]
    assert quarantine["__row"].tolist() == list(range(1, len(broken) + 1))
    for told, (column, _, reason) in zip(quarantine["__reasons"], broken, strict=True):
        assert reason in told, column
    assert {violation.code for violation in found.violations} == {
        *("LK222", "LK224", "LK225", "LK226", "LK234")
    }
