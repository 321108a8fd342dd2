"""Rows of features by name, from CSV or JSON lines, read strictly or not at all."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from lepton_edge.bundle import Manifest
from lepton_edge.errors import RowError
from lepton_edge.strict_json import parse

Format = Literal["csv", "jsonl"]
MAX_ROWS: Final = 1_000_000
MAX_LINE: Final = 1 << 20
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MISSING: Final = object()


@dataclass(frozen=True)
class Beside:
    """Fields that are read beside the model's features, where every row has them.

    numbers, texts: as features are read; raw: as they stand.
    """

    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rows:
    """numeric: float64, NaN for missing; categorical: object, "" for missing; keys: or None;
    beside: field -> its value in each row, for the fields that every row has."""

    numeric: np.ndarray
    categorical: np.ndarray
    keys: list[Any] | None
    beside: Mapping[str, list[Any]] = field(default_factory=dict)


@dataclass
class _Faults:
    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, row: int, name: str, found: str) -> None:
        self.count += 1
        if len(self.first) < 3:
            self.first.append(f"row {row}, field '{name}': {found}")


def read_rows(
    lines: Iterable[str], form: Format, manifest: Manifest, beside: Beside = Beside()
) -> Rows:
    """The features that the manifest names and the fields `beside`, of every line; other fields
    are left alone.

    An empty cell or null is missing. Raises RowError LK284 with the number of faults and the
    first three: NaN and Infinity, duplicate keys, missing fields, wrong types; LK285 on more
    than `MAX_ROWS` rows.
    """
    records = _csv_records(lines) if form == "csv" else _json_records(lines)
    number = _csv_number if form == "csv" else _json_number
    numeric: list[list[float]] = []
    texts: list[list[str]] = []
    keys: list[Any] = []
    fields: dict[str, list[Any]] = {}
    faults = _Faults()
    for row, record in records:
        _bounded_rows(row)
        if isinstance(record, str):
            faults.add(row, "*", record)
            continue
        numeric.append([number(record, name, row, faults) for name in manifest.numeric])
        texts.append([_text(record, name, row, faults) for name in manifest.categorical])
        keys.append(record.get(manifest.key, _MISSING))
        for name, value in _beside(record, beside, number, row, faults):
            fields.setdefault(name, []).append(value)
    _raise(faults)
    known = manifest.key != "" and len(keys) > 0 and _MISSING not in keys
    shape = (len(numeric), len(manifest.numeric))
    return Rows(
        np.array(numeric, dtype=np.float64).reshape(shape),
        _objects(texts, len(manifest.categorical)),
        keys if known else None,
        {name: values for name, values in fields.items() if len(values) == len(numeric)},
    )


def _beside(
    record: Mapping[str, Any],
    beside: Beside,
    number: Callable[[Mapping[str, Any], str, int, _Faults], float],
    row: int,
    faults: _Faults,
) -> Iterator[tuple[str, Any]]:
    """The fields beside the features that this row has."""
    for name in beside.numbers:
        if name in record:
            yield name, number(record, name, row, faults)
    for name in beside.texts:
        if name in record:
            yield name, _text(record, name, row, faults)
    for name in beside.raw:
        if name in record:
            yield name, record[name]


def _bounded_rows(row: int) -> None:
    if row > MAX_ROWS:
        raise RowError(
            "LK285",
            where=f"row {row:,}",
            found=f"more than {MAX_ROWS:,} rows",
            remedy="send them in parts",
        )


def _objects(texts: list[list[str]], width: int) -> np.ndarray:
    found = np.empty((len(texts), width), dtype=object)
    for row, values in enumerate(texts):
        found[row] = values
    return found


def _csv_records(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    try:
        reader = csv.reader(_bounded(lines), strict=True)
        header = next(reader, [])
        if not header:
            yield 0, "empty: a header that names the features is needed"
        if len(set(header)) != len(header):
            yield 0, "a column name stands twice in the header"
            return
        for row, cells in enumerate(reader, start=1):
            if len(cells) == len(header):
                yield row, dict(zip(header, cells, strict=True))
            elif cells:
                yield row, f"{len(cells)} cells, where the header has {len(header)}"
    except (csv.Error, ValueError) as error:
        yield 0, f"not valid CSV: {error}"


def _json_records(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for row, line in enumerate((line for line in lines if line.strip()), start=1):
        try:
            if len(line) > MAX_LINE:
                raise ValueError(f"longer than {MAX_LINE:,} characters")
            record = parse(line)
        except (ValueError, RecursionError) as error:
            yield row, f"not valid JSON: {error}"
            continue
        yield row, record if isinstance(record, dict) else "not an object"


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if len(line) > MAX_LINE:
            raise ValueError(f"a line longer than {MAX_LINE:,} characters")
        yield line


def _csv_number(record: Mapping[str, Any], name: str, row: int, faults: _Faults) -> float:
    cell = record.get(name, _MISSING)
    if cell == "":
        return math.nan
    if cell is _MISSING:
        faults.add(row, name, "is missing")
    elif not _NUMBER.fullmatch(cell) or math.isinf(float(cell)):
        faults.add(row, name, f"{cell[:40]!r} is not a finite number")
    else:
        return float(cell)
    return math.nan


def _json_number(record: Mapping[str, Any], name: str, row: int, faults: _Faults) -> float:
    value = record.get(name, _MISSING)
    if value is None:
        return math.nan
    if value is _MISSING:
        faults.add(row, name, "is missing")
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        faults.add(row, name, f"{value!r:.40} is not a number")
    else:
        try:
            return float(value)
        except OverflowError:
            faults.add(row, name, "is beyond the largest number")
    return math.nan


def _text(record: Mapping[str, Any], name: str, row: int, faults: _Faults) -> str:
    value = record.get(name, _MISSING)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    faults.add(row, name, "is missing" if value is _MISSING else f"{value!r:.40} is not text")
    return ""


def _raise(faults: _Faults) -> None:
    if faults.count:
        raise RowError(
            "LK284",
            where="rows",
            found=f"{faults.count:,} faults, nothing was scored: " + "; ".join(faults.first),
            remedy="mend these rows; an empty cell or null stands for a missing value",
        )


__all__ = ["Beside", "Format", "Rows", "read_rows"]
