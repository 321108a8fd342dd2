"""A square matrix made edges: which cells become rows, and what is said where it is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping, load_mappings
from lepton.contracts.model import Contract, Mapped
from lepton.contracts.odcs import load_contracts
from lepton.contracts.read import read_tables
from lepton.errors import ConfigError
from lepton.frames import read_raw

ROOT = Path(__file__).parents[2]
BARE = "0.5,1,inf\n0,0,2e2\n0,7.5,9\n"
HOW: dict[str, Any] = {
    "dialect": {"header": False},
    "matrix": {
        "from": "A",
        "to": "B",
        "value": "D",
        "ids": {"table": "readings", "column": "sensor_id"},
    },
    "columns": {"from_id": "A", "to_id": "B", "distance_m": "D"},
}


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "traffic_forecasting")


def readings(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"sensor_id": pd.Series([*ids, *ids], dtype="str")})


def mapped(
    text: str, folder: Path, contracts: dict[str, Contract], ids: tuple[str, ...], **how: Any
) -> Mapped:
    path = folder / "matrix.csv"
    path.write_text(text)
    mapping = TableMapping.model_validate({**HOW, **how})
    raw = read_raw(path, mapping.dialect.to_dialect())
    return apply_mapping(raw, mapping, contracts["edges"], others={"readings": readings(*ids)})


def rows(found: Mapped) -> list[list[Any]]:
    return found.frame.to_numpy().tolist()


def test_a_bare_matrix_becomes_edges_by_the_order_of_another_table(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    """Row to column; 0, what is infinitely far and the way to oneself are none."""
    found = mapped(BARE, tmp_path, contracts, ("9", "007", "x"))
    assert (found.faults, found.violations) == ((), ())
    assert rows(found) == [["9", "007", 1.0], ["007", "x", 200.0], ["x", "007", 7.5]]
    assert any("3 names became 3 rows; 2 of a name and itself" in note for note in found.notes)


def test_headings_and_a_column_of_names_name_a_matrix_themselves(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    text = "id;b;a\nb;0;0,5\na;1,5;0\n"
    how = {"from": "A", "to": "B", "value": "D", "rows": "id"}
    dialect = {"delimiter": ";", "decimal": ","}
    found = mapped(text, tmp_path, contracts, (), dialect=dialect, matrix=how)
    assert rows(found) == [["b", "a", 0.5], ["a", "b", 1.5]]
    bare = {name: value for name, value in how.items() if name != "rows"}
    found = mapped("b,a\n0,2\n3,0\n", tmp_path, contracts, (), dialect={}, matrix=bare)
    assert rows(found) == [["b", "a", 2.0], ["a", "b", 3.0]]


@pytest.mark.parametrize(
    ("text", "ids", "how", "said"),
    [
        ("0,1\n1,0\n0,0\n", ("a", "b"), {}, "3 rows and 2 columns are no square"),
        ("0,1\n1,0\n", ("a", "b", "c"), {}, "2 columns for 3 names"),
        ("0,-1\n-2,0\n", ("a", "b"), {}, "2 of 4 cells are below 0, first at a, b; b, a"),
        ("0,\n1,0\n", ("a", "b"), {}, "1 of 4 cells are no number, first at a, b"),
        ("0,nan\n1,0\n", ("a", "b"), {}, "1 of 4 cells are no number, first at a, b"),
        ("a,z\n0,1\n1,0\n", ("a", "b"), {"dialect": {}}, "1 unknown name(s): z"),
        (
            "0,1\n1,0\n",
            (),
            {"matrix": {"from": "A", "to": "B", "value": "D"}},
            "rows and columns have no names",
        ),
        (
            "id,a,b\nb,0,1\na,1,0\n",
            ("a", "b"),
            {"dialect": {}, "matrix": {**HOW["matrix"], "rows": "id"}},
            "'id' does not name the rows as the columns are named",
        ),
    ],
)
def test_what_is_no_matrix_of_these_names_is_told_once_with_a_remedy(
    tmp_path: Path,
    contracts: dict[str, Contract],
    text: str,
    ids: tuple[str, ...],
    how: dict[str, Any],
    said: str,
) -> None:
    found = mapped(text, tmp_path, contracts, ids, **how)
    assert [one.code for one in found.violations] == ["LK211"]
    assert said in str(found.violations[0])
    assert found.violations[0].remedy
    assert len(found.frame) == 0


def test_a_heading_taken_for_none_is_named_as_the_reason(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    found = mapped("0,1,2\n1,0,3\n2,3,0\n", tmp_path, contracts, ("0", "1", "2"), dialect={})
    assert "2 rows and 3 columns are no square" in str(found.violations[0])
    assert "dialect: {header: false}" in found.violations[0].remedy


def test_names_that_another_table_does_not_tell_are_asked_for(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    found = mapped(BARE, tmp_path, contracts, ())
    assert "readings does not tell the names" in str(found.violations[0])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"matrix": {**HOW["matrix"], "to": "A"}}, "different columns"),
        ({"melt": {"name": "n", "value": "v"}}, "a matrix has no times"),
    ],
)
def test_shapes_that_cannot_be_are_refused(how: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TableMapping.model_validate({**HOW, **how})


def test_names_of_a_table_or_column_that_is_none_are_refused(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(
        "tables:\n  edges:\n"
        "    matrix: {from: A, to: B, value: D, ids: {table: reading, column: x}}\n"
    )
    with pytest.raises(ConfigError, match="no table 'reading'"):
        load_mappings(path, contracts)
    path.write_text(path.read_text().replace("reading,", "readings,"))
    with pytest.raises(ConfigError, match="readings has no column 'x'"):
        load_mappings(path, contracts)


def test_the_table_that_names_a_matrix_is_read_before_it(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    """Whatever the order of the source, and from a wide file without times."""
    (tmp_path / "speed.csv").write_text("b,a\n60,50\n61,0\n")
    (tmp_path / "near.csv").write_text("1,0.4\n0,1\n")
    (tmp_path / "mapping.yaml").write_text(
        "tables:\n"
        "  readings:\n"
        "    clock: {name: AT, start: 2012-03-01T00:00:00-08:00, step_s: 300}\n"
        "    melt: {keep: [AT], name: S, value: V}\n"
        "    columns: {event_at: AT, sensor_id: S, speed_kmh: V}\n"
        "  edges:\n"
        "    dialect: {header: false}\n"
        "    matrix: {from: A, to: B, value: W, ids: {table: readings, column: sensor_id}}\n"
        "    columns: {from_id: A, to_id: B, weight: W}\n"
    )
    asked = {name: contracts[name] for name in ("edges", "readings")}
    mappings = load_mappings(tmp_path / "mapping.yaml", asked)
    source = {"edges": "near.csv", "readings": "speed.csv"}
    found = read_tables(tmp_path, source, mappings, asked)
    assert list(found) == ["edges", "readings"]
    edges = found["edges"].frame
    assert edges[["from_id", "to_id", "weight"]].to_numpy().tolist() == [["b", "a", 0.4]]
    assert found["readings"].frame["event_at"].iloc[0] == pd.Timestamp("2012-03-01T08:00Z")
