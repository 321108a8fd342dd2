"""What a text file's dialect looks like: a proposal for a draft, never used for reading data."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from lepton.frames import Dialect

_SAMPLE_BYTES = 256 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_COMMA_NUMBER = r"^[+-]?\d+,\d+$"


def find_dialect(path: Path) -> Dialect:
    """Delimiter, decimal mark and encoding of the text file at `path`; the default for others."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
        return Dialect()
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    encoding = _encoding(sample)
    lines = sample.decode(encoding, errors="ignore").lstrip("\ufeff").splitlines()[:-1][:100]
    delimiter = max(_DELIMITERS, key=lambda mark: _columns(lines, mark))
    return Dialect(delimiter=delimiter, decimal=_decimal(lines, delimiter), encoding=encoding)


def with_points(rows: pd.DataFrame, dialect: Dialect) -> pd.DataFrame:
    """The rows with a decimal point wherever the dialect writes numbers with a comma."""
    if dialect.decimal == ".":
        return rows
    comma = r"^([+-]?\d+),(\d+)$"
    return pd.DataFrame(
        {name: rows[name].str.replace(comma, r"\1.\2", regex=True) for name in rows.columns}
    )


def _encoding(sample: bytes) -> str:
    try:
        # the sample may end inside a character of up to four bytes
        sample[: max(len(sample) - 4, 0) or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _columns(lines: list[str], delimiter: str) -> int:
    """How many columns every line has; 0 where they differ."""
    widths = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
    return widths.pop() if len(widths) == 1 else 0


def _decimal(lines: list[str], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    cells = pd.Series([cell for row in csv.reader(lines[1:], delimiter=delimiter) for cell in row])
    return "," if len(cells) and cells.str.contains(_COMMA_NUMBER).any() else "."
