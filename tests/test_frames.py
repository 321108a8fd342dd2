"""Tables as they stand, whatever file they come from."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lepton.errors import DataError
from lepton.frames import (
    Dialect,
    canonical_order,
    fingerprint,
    read_parquet,
    read_raw,
    write_parquet,
)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": np.array([3.0, np.nan, 1.0]),
            "s": pd.Series(["x", None, ""], dtype="str"),
            "t": pd.to_datetime(["2024-01-01", "", "2023-01-01"], utc=True).as_unit("us"),
        }
    )


def test_written_frame_comes_back_equal(tmp_path: Path) -> None:
    write_parquet(frame(), tmp_path / "a" / "t.parquet")
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a" / "t.parquet"), frame())


def test_pages_carry_checksums(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet(frame(), path)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="LK206"):
        read_parquet(path)


def test_fingerprint_is_of_content_not_of_index_or_file(tmp_path: Path) -> None:
    write_parquet(frame(), tmp_path / "t.parquet")
    one = fingerprint(frame())
    assert one == fingerprint(read_parquet(tmp_path / "t.parquet"))
    assert one == fingerprint(frame().set_axis([7, 8, 9]))
    assert one != fingerprint(frame().iloc[::-1])
    assert one != fingerprint(frame().rename(columns={"n": "m"}))
    assert one != fingerprint(frame().fillna({"s": ""}))
    assert one != fingerprint(frame().fillna({"n": 0.0}))


def test_canonical_order_sorts_by_the_columns_that_are_there() -> None:
    found = canonical_order(frame(), ["t", "absent"])
    assert found["n"].tolist()[:2] == [1.0, 3.0]
    assert found.index.tolist() == [0, 1, 2]


def test_integers_with_gaps_keep_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "ids.parquet"
    pq.write_table(pa.table({"id": pa.array([2**53 + 1, None])}), path)
    assert read_raw(path)["id"].dropna().astype("str").tolist() == [str(2**53 + 1)]


def test_decimals_without_fraction_are_text(tmp_path: Path) -> None:
    path = tmp_path / "ids.parquet"
    wide = pa.array([Decimal(10**30 + 1)], pa.decimal128(38, 0))
    pq.write_table(pa.table({"id": wide}), path)
    assert read_raw(path)["id"].tolist() == [str(10**30 + 1)]


def test_nested_columns_refused(tmp_path: Path) -> None:
    path = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"tags": [["a"], ["b"]]}), path)
    with pytest.raises(DataError, match=r"LK209 .*nested column\(s\): tags"):
        read_raw(path)


def test_folder_of_parts_is_one_table_in_name_order(tmp_path: Path) -> None:
    for name, value in (("b", 2), ("a", 1)):
        pq.write_table(pa.table({"v": [value]}), tmp_path / f"{name}.parquet")
    assert read_raw(tmp_path)["v"].tolist() == [1, 2]


def test_parts_that_differ_are_refused_by_file_and_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"v": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"v": ["1"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"LK210 .*b\.parquet.*\n.*'v': int64 there, string here"):
        read_raw(tmp_path)


def test_header_less_file_takes_the_declared_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("1;ä\n2;b\n".encode("latin-1"))
    dialect = Dialect(delimiter=";", encoding="latin-1", header=False, columns=("n", "s"))
    assert read_raw(path, dialect).to_dict("list") == {"n": ["1", "2"], "s": ["ä", "b"]}


def test_wrong_encoding_is_told_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("s\nä\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"LK207 .*not utf-8 at byte 2"):
        read_raw(path)


def test_other_kinds_of_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04")
    with pytest.raises(DataError, match=r"LK208 .*'\.pkl' is not a kind of table"):
        read_raw(path)


def test_missing_file_is_told_with_what_stands_there(tmp_path: Path) -> None:
    (tmp_path / "transactions.csv").write_text("a\n1\n")
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(DataError, match=r"no such file; did you mean 'transactions.csv'") as caught:
        read_raw(tmp_path / "transaction.csv")
    assert caught.value.remedy == "name an existing file; the tables there: transactions.csv"
    with pytest.raises(DataError, match=r"the folder .*gone does not exist either"):
        read_raw(tmp_path / "gone" / "a.parquet")
    with pytest.raises(DataError, match=r"LK202 .*no such file"):
        read_parquet(tmp_path / "a.parquet")
