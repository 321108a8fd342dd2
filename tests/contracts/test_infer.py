"""Drafted mappings: what is decided, what is left open, and that nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.infer import Draft, draft_from_file, draft_mapping
from lepton.contracts.mapping import load_mappings
from lepton.contracts.model import Contract
from lepton.contracts.odcs import load_contracts

ROOT = Path(__file__).parents[2]
N = 400


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]


def plain(draft: Draft) -> str:
    """The draft's text without the weights behind its lines."""
    return re.sub(r"  # (?:(assumed: check); )?[01]\.\d\d: .*", r"  # \1", draft.text).replace(
        "  # \n", "\n"
    )


def drafted(raw: pd.DataFrame, contract: Contract, path: Path) -> str:
    return plain(draft_mapping(raw, contract, path))


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
    draft = drafted(handbook(), contract, Path("handbook.parquet"))
    assert "transaction_id: TRANSACTION_ID" in draft
    assert "event_at: {from: TX_DATETIME, zone: UTC}  # assumed: check" in draft
    assert "amount: TX_AMOUNT" in draft
    assert "is_fraud: TX_FRAUD\n" in draft
    assert "ignore: [TX_FRAUD_SCENARIO]" in draft
    path = tmp_path / "mapping.yaml"
    path.write_text(draft)
    assert set(load_mappings(path, {"transactions": contract})["transactions"].columns) == {
        *("transaction_id", "event_at", "amount", "is_fraud", "customer_id", "terminal_id"),
        "label_at",
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
    draft = drafted(raw, contract, Path("creditcard.csv"))
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
    draft = plain(draft_from_file(path, contract))
    assert 'dialect: {delimiter: ";", decimal: ","}' in draft
    assert "transaction_id: trans_num" in draft
    assert "amount: amt" in draft
    assert 'is_fraud: {from: "Is Fraud?", enum: {No: 0, Yes: 1}}' in draft
    assert "# event_at: required, no column found" in draft


def test_date_that_could_be_read_twice_is_not_guessed(contract: Contract) -> None:
    days = [f"{1 + n % 12:02d}/{1 + n // 12 % 12:02d}/2024" for n in range(N)]
    raw = pd.DataFrame({"event_at": pd.Series(days, dtype="str")})
    draft = drafted(raw, contract, Path("days.csv"))
    assert "# event_at: event_at can be read in 2 ways: keep the right one" in draft
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
    draft = drafted(raw, contract, Path("dirt.csv"))
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
    draft = drafted(pd.DataFrame({source: values}), contract, Path("some.csv"))
    assert f"\n      {line}" in draft


def test_numbers_without_a_word_of_time_are_no_instants(contract: Contract) -> None:
    raw = pd.DataFrame({"target": np.arange(N) % 9, "Time": np.arange(N)})
    draft = drafted(raw, contract, Path("some.csv"))
    for name in ("label_at", "ingested_at"):
        assert f"\n      {name}:" not in draft


def test_card_numbers_are_named_and_never_mapped(contract: Contract) -> None:
    raw = pd.DataFrame({"cc_num": [4111111111111111, 5500005555555559] * 9, "amount": 1.5})
    draft = drafted(raw, contract, Path("some.csv"))
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
    draft = plain(draft_from_file(path, contract))
    assert 'dialect: {delimiter: ";", decimal: ",", thousands: "."}' in draft
    assert 'event_at: {from: Buchungszeit, format: "%d.%m.%Y %H:%M", zone: UTC}' in draft
    for line in ("transaction_id: Buchungsnr", "amount: Betrag", "customer_id: Kundennr"):
        assert f"\n      {line}\n" in draft
    assert "is_fraud: {from: Betrug, enum: {J: 1, N: 0}}" in draft


def test_codes_in_another_case_are_translated_and_foreign_ones_asked_for(
    contract: Contract,
) -> None:
    codes = ["ECOM", "chip", "POS"] * 50
    draft = drafted(pd.DataFrame({"channel": codes}), contract, Path("some.csv"))
    assert "# channel: give each of POS one of chip, contactless," in draft
    assert "\n      channel: {from: channel, enum: {ECOM: ecom, chip: chip}}\n" in draft
    same = drafted(pd.DataFrame({"channel": ["chip"] * 9}), contract, Path("some.csv"))
    assert "\n      channel: channel\n" in same


def test_no_column_of_a_customer_is_taken_wrongly_and_none_is_missed(
    customer: Any, contract: Contract, tmp_path: Path
) -> None:
    draft = draft_from_file(customer.write(tmp_path), contract)
    shown = [line for line in draft.lines if line.weight is not None]
    taken = {line.column: line.source for line in shown if not line.source.endswith("?")}
    left = {line.column for line in shown if line.source.endswith("?")}
    wrong = {name: source for name, source in taken.items() if source not in customer.truth[name]}
    assert wrong == {}
    assert set(customer.truth) - set(taken) - left == set()


def test_what_only_the_customer_knows_is_asked(
    customer: Any, contract: Contract, tmp_path: Path
) -> None:
    draft = draft_from_file(customer.write(tmp_path), contract)
    asked = {question.partition(":")[0] for question in draft.questions}
    assert customer.asked <= asked
    assert all(f"# {question}" in draft.text for question in draft.questions)


def test_every_draft_can_be_read_as_a_mapping(
    customer: Any, contract: Contract, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(draft_from_file(customer.write(tmp_path), contract).text, encoding="utf-8")
    mapping = load_mappings(path, {"transactions": contract})["transactions"]
    extras = {*mapping.extras.numeric, *mapping.extras.category}
    assert not extras
    assert set(mapping.columns) <= {column.name for column in contract.columns}


def test_two_amounts_that_are_as_likely_are_left_open(contract: Contract) -> None:
    numbers = np.random.default_rng(0).lognormal(3, 1, N)
    raw = pd.DataFrame({"payment_amount": numbers, "total_eur": 2 * numbers, "sum_eur": numbers})
    draft = draft_mapping(raw, contract, Path("some.csv"))
    question = "amount: payment_amount, sum_eur are about as likely: keep one"
    assert question in draft.questions
    assert "\n      amount:" not in draft.text
    assert "\n      # amount: payment_amount  # 1.00: name 1.00, values 1.00, " in draft.text


def test_cents_are_asked_for_where_only_the_numbers_look_so(contract: Contract) -> None:
    numbers = np.random.default_rng(0).integers(100, 90_000, N)
    draft = draft_mapping(pd.DataFrame({"amount": numbers}), contract, Path("some.csv"))
    assert any("cents, or EUR? keep one" in question for question in draft.questions)
    assert "\n      amount:" not in draft.text
    assert "# amount: {from: amount, unit: {from: cent, to: EUR}}" in draft.text


def test_comma_numbers_in_a_comma_file_are_asked_for(contract: Contract, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("id,amount\n" + "".join(f'{n},"{n},50"\n' for n in range(N)))
    draft = draft_from_file(path, contract)
    assert any("amount: numbers with a decimal comma?" in text for text in draft.questions)


def test_three_digits_behind_every_mark_are_asked_for(contract: Contract, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("id;amount\n" + "".join(f"{n};{1 + n % 9}.{n:03d}\n" for n in range(N)))
    draft = draft_from_file(path, contract)
    assert any("amount: always three digits behind the mark" in text for text in draft.questions)


def test_outcome_is_known_a_delay_after_the_event_where_no_column_says_when(
    contract: Contract,
) -> None:
    draft = draft_mapping(handbook(), contract, Path("handbook.parquet"))
    line = "label_at: {after: {column: event_at, days: 7}}  # assumed: check"
    assert f"\n      {line}\n" in draft.text
    told = [one for one in draft.lines if one.column == "label_at"]
    assert [one.source for one in told] == ["(event_at + 7 d)"]


def test_values_speak_where_names_do_not_and_decide_nothing(contract: Contract) -> None:
    raw = pd.DataFrame({"kol7": ["EUR", "USD", "CHF"] * 50, "kol8": ["chip", "ecom", "atm"] * 50})
    draft = draft_mapping(raw, contract, Path("some.csv"))
    assert (
        "# currency: kol7  # 0.40: name 0.00, values 1.00, 100% are codes of ISO 4217" in draft.text
    )
    assert "# channel: kol8  # 0.40" in draft.text
    assert "\n      currency:" not in draft.text


@pytest.mark.parametrize(
    ("name", "line", "asked"),
    [
        ("Leistung_kW", "power_kw: Leistung_kW", ""),
        ("load_MW", "power_kw: {from: load_MW, unit: {from: MW, to: kW}}", "is read as MW"),
        ("Demand", "power_kw: Demand", "Demand names no unit; kW is assumed"),
        ("Verbrauch_kWh", "energy_kwh: Verbrauch_kWh", ""),
        ("energy_MWh", "energy_kwh: {from: energy_MWh, unit: {from: MWh, to: kWh}}", "as MWh"),
    ],
)
def test_a_unit_in_a_columns_name_is_converted_and_a_missing_one_asked_for(
    name: str, line: str, asked: str
) -> None:
    at = [f"2024-01-01T{hour:02d}:00Z" for hour in range(24)]
    frame = pd.DataFrame({"Zeitstempel": at, name: [float(n) + 0.5 for n in range(24)]})
    contract = load_contracts(ROOT / "data_contracts" / "energy_load")["load"]
    draft = draft_mapping(frame, contract, Path("load.csv"))
    assert f"      {line}" in draft.text
    assert "event_at: Zeitstempel" in draft.text
    told = [question for question in draft.questions if name in question]
    assert bool(told) == bool(asked)
    assert all(asked in question for question in told)
