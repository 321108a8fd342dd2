"""Drafted mappings of three shapes of table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.infer import draft_from_file, draft_mapping
from lepton.contracts.mapping import load_mappings
from lepton.contracts.model import Contract
from lepton.contracts.odcs import load_contracts

ROOT = Path(__file__).parents[2]
N = 400


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]


def handbook() -> pd.DataFrame:
    number = np.arange(N)
    fraud = (number % 20 == 0).astype(int)
    return pd.DataFrame(
        {
            "TRANSACTION_ID": number,
            "TX_DATETIME": pd.date_range("2018-04-01", periods=N, freq="min"),
            "CUSTOMER_ID": number % 9,
            "TERMINAL_ID": number % 11,
            "TX_AMOUNT": 1.5 + number % 13,
            "TX_TIME_SECONDS": number * 60,
            "TX_TIME_DAYS": number // 1440,
            "TX_FRAUD": fraud,
            "TX_FRAUD_SCENARIO": fraud * (1 + number % 3),
        }
    )


def test_handbook_columns_are_found_and_the_leak_is_ignored(
    contract: Contract, tmp_path: Path
) -> None:
    draft = draft_mapping(handbook(), contract, Path("handbook.parquet"))
    assert "transaction_id: TRANSACTION_ID" in draft
    assert "event_at: {from: TX_DATETIME, zone: UTC}  # assumed: check" in draft
    assert "amount: TX_AMOUNT" in draft
    assert "is_fraud: TX_FRAUD\n" in draft
    assert "ignore: [TX_FRAUD_SCENARIO]" in draft
    path = tmp_path / "mapping.yaml"
    path.write_text(draft)
    assert set(load_mappings(path, {"transactions": contract})["transactions"].columns) == {
        *("transaction_id", "event_at", "amount", "is_fraud", "customer_id", "terminal_id")
    }


def test_table_without_ids_gets_row_numbers_and_an_origin(contract: Contract) -> None:
    rng = np.random.default_rng(0)
    raw = pd.DataFrame(
        {
            "Time": np.arange(N, dtype=float),
            **{f"V{n}": rng.normal(size=N) for n in range(1, 29)},
            "Amount": rng.lognormal(size=N),
            "Class": (np.arange(N) % 20 == 0).astype(int),
        }
    )
    draft = draft_mapping(raw, contract, Path("creditcard.csv"))
    assert "transaction_id: {row_number: true}" in draft
    assert "event_at: {from: Time, epoch: s, origin:" in draft
    assert "is_fraud: Class" in draft
    assert "#   numeric: [V1, V2, " in draft
    assert len(draft.splitlines()) <= 40


def test_file_with_semicolons_and_decimal_commas_is_drafted(
    contract: Contract, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    lines = ["Wann;trans_num;amt;Is Fraud?"]
    lines += [
        f"2024-01-01 00:{n // 60:02d}:{n % 60:02d};k{n};{n},5;{'Yes' if n % 9 == 0 else 'No'}"
        for n in range(N)
    ]
    path.write_text("\n".join(lines) + "\n")
    draft = draft_from_file(path, contract)
    assert 'dialect: {delimiter: ";", decimal: ","}' in draft
    assert "transaction_id: trans_num" in draft
    assert "amount: amt" in draft
    assert 'is_fraud: {from: "Is Fraud?", enum: {No: 0, Yes: 1}}' in draft
    assert "# event_at: required, no column found" in draft


def test_date_that_could_be_read_twice_is_not_guessed(contract: Contract) -> None:
    days = [f"{1 + n % 12:02d}/{1 + n // 12 % 12:02d}/2024" for n in range(N)]
    raw = pd.DataFrame({"event_at": pd.Series(days, dtype="str")})
    draft = draft_mapping(raw, contract, Path("days.csv"))
    assert "# event_at can be read in 2 ways: keep the right one" in draft
    assert '# event_at: {from: event_at, format: "%d/%m/%Y", zone: UTC}' in draft
    assert "\n      event_at:" not in draft


def test_dirt_does_not_hide_a_column(contract: Contract) -> None:
    number = np.arange(1000)
    dirty = number % 100 == 7
    raw = pd.DataFrame(
        {
            "transaction_id": [f"t{n - n % 100 // 99}" for n in number],
            "event_at": np.where(dirty, "", "2024-05-01T12:00:00Z"),
            "amount": np.where(dirty, "n/a", "12.50"),
            "is_fraud": np.where(dirty, "maybe", np.where(number % 9 == 0, "1", "0")),
            "label_at": np.where(number % 9 == 0, "2024-06-01T12:00:00Z", ""),
        }
    ).astype("str")
    draft = draft_mapping(raw, contract, Path("dirt.csv"))
    for name in raw.columns:
        assert f"\n      {name}: {name}\n" in draft


@pytest.mark.parametrize(
    ("source", "values", "line"),
    [
        ("step", np.arange(N), "event_at: {from: step, epoch: h, origin: 2020-01-01T00:00:00Z}"),
        ("unix_time", 1_700_000_000 + np.arange(N), "event_at: {from: unix_time, epoch: s}"),
        ("TransactionDT", np.arange(N) * 900, "event_at: {from: TransactionDT, epoch: s, origin:"),
        ("amount_cents", np.arange(N) + 1, "amount: {from: amount_cents, unit: {from: cent, to:"),
        ("AmountEUR", np.arange(N) + 1, "amount: AmountEUR"),
        ("value", np.arange(N) + 1, "amount: value"),
        ("nameOrig", [f"C{n % 9}" for n in range(N)], "customer_id: nameOrig"),
        ("nameDest", [f"M{n % 9}" for n in range(N)], "merchant_id: nameDest"),
        ("oldbalanceOrg", np.arange(N) * 0.5, "balance_before: oldbalanceOrg"),
        ("custid", [f"C{n % 9}" for n in range(N)], "customer_id: custid"),
        ("Händlernr", [f"M{n % 9}" for n in range(N)], 'merchant_id: "Händlernr"'),
    ],
)
def test_usual_names_and_units_are_known(
    contract: Contract, source: str, values: list[str] | np.ndarray, line: str
) -> None:
    draft = draft_mapping(pd.DataFrame({source: values}), contract, Path("some.csv"))
    assert f"\n      {line}" in draft


def test_numbers_without_a_word_of_time_are_no_instants(contract: Contract) -> None:
    raw = pd.DataFrame({"target": np.arange(N) % 9, "Time": np.arange(N)})
    draft = draft_mapping(raw, contract, Path("some.csv"))
    for name in ("label_at", "ingested_at"):
        assert f"\n      {name}:" not in draft


def test_card_numbers_are_named_and_never_mapped(contract: Contract) -> None:
    raw = pd.DataFrame({"cc_num": [4111111111111111, 5500005555555559] * 9, "amount": 1.5})
    draft = draft_mapping(raw, contract, Path("some.csv"))
    assert "card_id: cc_num" not in draft
    assert "# card numbers, refused wherever they are mapped: cc_num; ask for tokens" in draft


def test_german_file_is_drafted_with_its_marks(contract: Contract, tmp_path: Path) -> None:
    path = tmp_path / "umsaetze.csv"
    lines = ["Buchungsnr;Buchungszeit;Betrag;Kundennr;Betrug"]
    lines += [
        f"B{n};{1 + n % 28:02d}.03.2024 10:00;1.{n:03d},50;{n % 9};{'J' if n % 9 == 0 else 'N'}"
        for n in range(N)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="cp1252")
    draft = draft_from_file(path, contract)
    assert 'dialect: {delimiter: ";", decimal: ",", thousands: "."}' in draft
    assert 'event_at: {from: Buchungszeit, format: "%d.%m.%Y %H:%M", zone: UTC}' in draft
    for line in ("transaction_id: Buchungsnr", "amount: Betrag", "customer_id: Kundennr"):
        assert f"\n      {line}\n" in draft
    assert "is_fraud: {from: Betrug, enum: {J: 1, N: 0}}" in draft


def test_codes_in_another_case_are_translated_and_foreign_ones_asked_for(
    contract: Contract,
) -> None:
    codes = ["ECOM", "chip", "POS"] * 50
    draft = draft_mapping(pd.DataFrame({"channel": codes}), contract, Path("some.csv"))
    assert "# give each of POS one of chip, contactless," in draft
    assert "\n      channel: {from: channel, enum: {ECOM: ecom, chip: chip}}\n" in draft
    plain = draft_mapping(pd.DataFrame({"channel": ["chip"] * 9}), contract, Path("some.csv"))
    assert "\n      channel: channel\n" in plain
