"""What a text file's dialect looks like: a proposal for a draft, never used for reading data."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from lepton.contracts.cast import to_number
from lepton.frames import Dialect

_SAMPLE_BYTES = 256 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_COMMA_NUMBER = r"^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+$"
# groups of three, and the other mark behind them: 1.234,56 can be read in one way only
_THOUSANDS = {
    ",": "^[+-]?\\d{1,3}(?:([.' \u00a0\u202f])\\d{3})+,\\d+$",
    ".": "^[+-]?\\d{1,3}(?:([,' \u00a0\u202f])\\d{3})+[.]\\d+$",
}


def find_dialect(path: Path) -> Dialect:
    """Delimiter, decimal mark and encoding of the text file at `path`; the default for others."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
        return Dialect()
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    encoding = _encoding(sample)
    lines = sample.decode(encoding, errors="ignore").lstrip("\ufeff").splitlines()[:-1][:100]
    delimiter = max(_DELIMITERS, key=lambda mark: _columns(lines, mark))
    cells = _cells(lines, delimiter)
    decimal = _decimal(cells, delimiter)
    return Dialect(delimiter, decimal, _thousands(cells, decimal), encoding)


def with_points(rows: pd.DataFrame, dialect: Dialect) -> pd.DataFrame:
    """The rows with a decimal point wherever the dialect writes numbers with a comma."""
    if (dialect.decimal, dialect.thousands) == (".", ""):
        return rows
    return pd.DataFrame({name: _pointed(rows[name], dialect) for name in rows.columns})


def _pointed(column: pd.Series, dialect: Dialect) -> pd.Series:
    """The column as numbers where nearly every cell is one, else as it stands."""
    numbers = to_number(column, dialect.decimal, dialect.thousands).values
    present = int((column != "").sum())
    return numbers if present and numbers.notna().sum() > 0.9 * present else column


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


def _cells(lines: list[str], delimiter: str) -> pd.Series:
    """Every cell below the header."""
    rows = csv.reader(lines[1:], delimiter=delimiter)
    return pd.Series([cell for row in rows for cell in row], dtype="str")


def _decimal(cells: pd.Series, delimiter: str) -> str:
    if delimiter == ",":
        return "."
    return "," if cells.str.contains(_COMMA_NUMBER).any() else "."


def _thousands(cells: pd.Series, decimal: str) -> str:
    """The mark between groups of three digits; "" where no number has one."""
    marks = cells.str.extract(_THOUSANDS[decimal], expand=False).dropna()
    return str(marks.iloc[0]) if len(marks) else ""
