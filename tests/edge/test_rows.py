"""Rows are read strictly: nothing is guessed, all faults are counted."""

from __future__ import annotations

import math

import pytest

from lepton_edge.bundle import Manifest
from lepton_edge.errors import RowError
from lepton_edge.rows import Format, read_rows

MANIFEST = Manifest(("amount",), ("card",), "id", 0.5, {}, {})


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("csv", 'id,card,amount,more\n007,visa,1e2,x\n2,"a,b",,y\n'),
        (
            "jsonl",
            '{"id": "007", "card": "visa", "amount": 100}\n\n'
            '{"id": "2", "card": "a,b", "amount": null}\n',
        ),
    ],
)
def test_fields_are_found_by_name_and_keys_stay_text(form: Format, text: str) -> None:
    rows = read_rows(text.splitlines(keepends=True), form, MANIFEST)
    assert rows.keys == ["007", "2"]
    assert rows.numeric[0, 0] == 100.0
    assert math.isnan(rows.numeric[1, 0])
    assert rows.categorical[:, 0].tolist() == ["visa", "a,b"]


@pytest.mark.parametrize("cell", ["NaN", "inf", "-Infinity", "1e999", "1_0", "0x1", " 1", "٣", "a"])
def test_csv_number_that_is_none_is_refused(cell: str) -> None:
    with pytest.raises(RowError, match=r"LK284.*row 1, field 'amount'.*not a finite number"):
        read_rows(["amount,card\n", f"{cell},x\n"], "csv", MANIFEST)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"amount": NaN, "card": ""}', "NaN is not a JSON number"),
        ('{"amount": 1e999, "card": ""}', "beyond the largest number"),
        ('{"amount": 1' + "0" * 400 + ', "card": ""}', "beyond the largest number"),
        ('{"amount": 1' + "0" * 5000 + ', "card": ""}', "not valid JSON"),
        ('{"amount": 1, "amount": 2, "card": ""}', "'amount' stands twice"),
        ('{"card": ""}', "field 'amount': is missing"),
        ('{"amount": true, "card": ""}', "True is not a number"),
        ('{"amount": "1", "card": ""}', "'1' is not a number"),
        ('{"amount": 1, "card": 5}', "5 is not text"),
        ("[" * 100_000, "nested deeper"),
        ("[1]", "not an object"),
    ],
)
def test_json_that_could_mean_two_things_is_refused(line: str, told: str) -> None:
    with pytest.raises(RowError, match=f"LK284.*1 faults.*row 1.*{told}"):
        read_rows([line], "jsonl", MANIFEST)


def test_all_faults_are_counted_and_three_are_shown() -> None:
    lines = ["amount,card\n", *["x,y\n"] * 5, "1\n"]
    with pytest.raises(RowError, match="6 faults, nothing was scored") as caught:
        read_rows(lines, "csv", MANIFEST)
    assert caught.value.found.count("row ") == 3


def test_a_header_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(RowError, match="stands twice in the header"):
        read_rows(["amount,amount,card\n", "1,2,x\n"], "csv", MANIFEST)


def test_a_csv_without_a_header_is_refused() -> None:
    with pytest.raises(RowError, match="empty: a header that names the features is needed"):
        read_rows([], "csv", MANIFEST)


def test_without_the_key_column_there_are_no_keys() -> None:
    assert read_rows(["amount,card\n", "1,x\n"], "csv", MANIFEST).keys is None
