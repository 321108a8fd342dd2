"""A square matrix made long: a row for each pair of names that the matrix says something of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lepton.contracts.cast import as_text, to_number
from lepton.contracts.mapping import Matrix

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Pairs:
    """rows: the pairs in the matrix's order, none where there are faults; note: what was left out;
    faults: why it is no matrix of these names, and the remedy of the first."""

    rows: pd.DataFrame
    note: str = ""
    faults: tuple[str, ...] = ()
    remedy: str = ""


def pairs_of(
    raw: pd.DataFrame,
    matrix: Matrix,
    *,
    ids: Sequence[str] | None,
    is_headed: bool,
    marks: tuple[str, str],
) -> Pairs:
    """Row i and column j of the file as a row of names i and j and their number.

    ids: names of rows and columns in their order where the file's own headings are none, or which
    those have to be among; is_headed: whether the file has headings; marks: decimal and thousands.
    Cells of 0, of infinity (as far as can be) and of a name and itself are left out.
    """
    inner = raw if matrix.rows is None else raw.drop(columns=matrix.rows)
    names, fault = _names(raw, inner, matrix, ids, is_headed=is_headed)
    if fault is not None:
        return _refused(matrix, fault)
    if len(inner) != inner.shape[1]:
        found = f"{len(inner):,} rows and {inner.shape[1]:,} columns are no square"
        remedy = "deliver a row and a column for each name; `dialect: {header: false}` where the"
        return _refused(
            matrix, (found, f"{remedy} first row is no heading, `rows:` for a column of names")
        )
    values, faults = _cells(inner, names, marks)
    if faults:
        remedy = "write 0 where two have nothing to do with each other, and mend the other cells"
        return Pairs(_long(matrix, names, np.zeros_like(values)), faults=faults, remedy=remedy)
    rows = _long(matrix, names, values)
    own = int((np.diag(values) != 0).sum())
    note = f"a matrix of {len(names):,} names became {len(rows):,} rows"
    return Pairs(rows, note + (f"; {own:,} of a name and itself are left out" if own else ""))


def _refused(matrix: Matrix, fault: tuple[str, str]) -> Pairs:
    return Pairs(none_of(matrix), faults=(fault[0],), remedy=fault[1])


def none_of(matrix: Matrix) -> pd.DataFrame:
    """No pair at all."""
    return _long(matrix, (), np.zeros((0, 0)))


def _names(
    raw: pd.DataFrame,
    inner: pd.DataFrame,
    matrix: Matrix,
    ids: Sequence[str] | None,
    *,
    is_headed: bool,
) -> tuple[list[str], tuple[str, str] | None]:
    """Names in the order of the columns, and what is wrong with them."""
    if not is_headed:
        if ids is None:
            remedy = "write `ids: {table: ..., column: ...}`, or `dialect: {columns: [...]}`"
            return [], ("rows and columns have no names", remedy)
        if len(ids) != inner.shape[1]:
            remedy = "deliver the matrix of the same names in the same order, or write its columns"
            return [], (f"{inner.shape[1]:,} columns for {len(ids):,} names", remedy)
        return list(ids), None
    names = [str(name) for name in inner.columns]
    strange = [] if ids is None else sorted(set(names) - set(ids))
    if strange:
        remedy = "leave them out of rows and columns, or deliver them in that table too"
        return [], (f"{len(strange):,} unknown name(s): {_some(strange)}", remedy)
    if matrix.rows is not None and as_text(raw[matrix.rows]).tolist() != names:
        remedy = "sort rows and columns alike"
        return [], (f"'{matrix.rows}' does not name the rows as the columns are named", remedy)
    return names, None


def _cells(
    inner: pd.DataFrame, names: Sequence[str], marks: tuple[str, str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The matrix, and which of its cells cannot be."""
    columns = [to_number(inner[name], *marks) for name in inner.columns]
    values = np.stack([cast.values.to_numpy() for cast in columns], axis=1)
    faults = [
        f"{int(mask.sum()):,} of {mask.size:,} cells {about}, first at {_places(mask, names)}"
        for about, mask in (("are no number", np.isnan(values)), ("are below 0", values < 0))
        if mask.any()
    ]
    return values, tuple(faults)


def _places(mask: np.ndarray, names: Sequence[str]) -> str:
    return _some([f"{names[row]}, {names[column]}" for row, column in np.argwhere(mask)[:_SHOWN]])


def _long(matrix: Matrix, names: Sequence[str], values: np.ndarray) -> pd.DataFrame:
    kept = (values > 0) & np.isfinite(values) & ~np.eye(len(names), dtype=bool)
    row, column = np.nonzero(kept)
    known = np.asarray(names, dtype=object)
    return pd.DataFrame(
        {
            matrix.source: pd.Series(known[row], dtype="str"),
            matrix.to: pd.Series(known[column], dtype="str"),
            matrix.value: values[row, column],
        }
    )


def _some(texts: Sequence[str]) -> str:
    return "; ".join(texts[:_SHOWN]) + ("; ..." if len(texts) > _SHOWN else "")


__all__ = ["Pairs", "none_of", "pairs_of"]
