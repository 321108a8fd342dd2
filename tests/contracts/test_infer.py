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
    lines = ["Zeit;trans_num;amt;Is Fraud?"]
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
