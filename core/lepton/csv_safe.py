"""The one writer of CSV: no cell that a spreadsheet would run as a formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from lepton_edge.atomic import write_bytes

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0")
"""First characters that start a formula (OWASP ASVS 5.0, 1.2.10); such text gets a leading `'`."""


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Replace the file at `path` with `frame`: RFC 4180, UTF-8, header, no index.

    Text is made safe, numbers stay as they are; times are ISO 8601.
    """
    # with CR LF between rows, csv quotes a cell that holds either of them
    write_bytes(path, safe(frame).to_csv(index=False, lineterminator="\r\n").encode("utf-8"))


def safe(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with every text cell and column name made safe, times as ISO 8601 text."""
    columns = {str(name): _safe_column(frame[name]) for name in frame.columns}
    return pd.DataFrame(
        {_safe_cell(name): column for name, column in columns.items()}, index=frame.index
    )


def _safe_column(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.map(lambda at: at.isoformat(), na_action="ignore").astype(object)
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.astype(object).map(_safe_cell, na_action="ignore")


def _safe_cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(DANGEROUS):
        return "'" + value.replace("\0", "")
    return value


__all__ = ["DANGEROUS", "safe", "write_csv"]
