"""Tables on disk and in memory: reading as it stands, writing atomically, order, fingerprints.

Nothing is guessed: a CSV is read as text (types come from the contract), `NA` and `007` stay
what they are, and a file that is damaged, ragged or empty is refused by name.
"""

from __future__ import annotations

import codecs
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from lepton.errors import DataError, nearest
from lepton_edge.atomic import write_bytes

_TEXT_SUFFIXES = {".csv", ".tsv", ".txt"}
_PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class Dialect:
    """How a customer's text file is written; parquet needs none of it.

    decimal: the mark inside numbers; thousands: the one between groups of three digits, if any;
    columns: names in file order, for a file without header.
    """

    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    quote: str = '"'
    header: bool = True
    columns: tuple[str, ...] = ()


DEFAULT_DIALECT = Dialect()


def read_raw(path: Path, dialect: Dialect = DEFAULT_DIALECT) -> pd.DataFrame:
    """The table in the file (parquet, CSV) or folder of parquet parts at `path`, as it stands.

    Parquet keeps its types (decimals become text where they have no fraction, else float64);
    every column of a CSV is text, "" where nothing stood.
    Raises DataError LK202 (no file), LK203 (no rows), LK204 (a column name twice), LK205
    (ragged rows), LK206 (corrupt), LK207 (encoding), LK208 (kind of file), LK209 (nested
    columns that are no lists of numbers), LK210 (parts that differ).
    """
    if path.is_dir():
        table = _read_parts(path)
    elif not path.is_file():
        raise _no_such_file(path)
    elif path.suffix.lower() == ".parquet":
        table = _read_parquet_table(path)
    elif path.suffix.lower() in _TEXT_SUFFIXES:
        table = _read_csv(path, dialect)
    else:
        raise DataError(
            "LK208",
            where=str(path),
            found=f"'{path.suffix}' is not a kind of table that is read",
            remedy="deliver parquet or CSV (.parquet, .csv, .tsv, .txt)",
        )
    return _to_pandas(table, path)


def read_parquet(path: Path) -> pd.DataFrame:
    """The frame that `write_parquet` wrote; page checksums are verified (LK206)."""
    frame: pd.DataFrame = _open_parquet(path).to_pandas()
    return frame


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Replace the file at `path` with `frame`, without its index: zstd, page checksums."""
    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    write_bytes(path, sink.getvalue())


def canonical_order(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The rows sorted by `columns` (those that the frame has), ties in their present order.

    A column is looked at only among rows that tie on those before it, so that long texts after
    an instant cost little.
    """
    present = [column for column in columns if column in frame]
    ordered = frame
    if present and not frame[present[0]].is_monotonic_increasing:
        ordered = frame.sort_values(present[0], kind="stable")
    ordered = ordered.reset_index(drop=True)
    same = np.ones(max(len(ordered) - 1, 0), dtype=bool)
    for place in range(1, len(present)):
        # sorted up to here, so that rows that tie are neighbours
        same &= _as_before(ordered[present[place - 1]])
        rows = np.flatnonzero(np.append(same, False) | np.append(False, same))
        tied = ordered[present[: place + 1]].iloc[rows]
        order = tied.sort_values(present[: place + 1], kind="stable").index.to_numpy()
        if not np.array_equal(order, rows):
            index = np.arange(len(ordered))
            index[rows] = order
            ordered = ordered.iloc[index].reset_index(drop=True)
    return ordered


def _as_before(column: pd.Series) -> np.ndarray:
    """Whether each value but the first equals the one before it; missing ones are equal."""
    if column.isna().any():
        codes = pd.factorize(column)[0]
        return np.asarray(codes[1:] == codes[:-1])
    values = column.array
    return np.asarray(values[1:] == values[:-1], dtype=bool)


def fingerprint(frame: pd.DataFrame) -> str:
    """sha256 of column names, dtypes and values in their order; the index is left out.

    Independent of file, compression and of how pandas stores text; NaN equals NaN.
    """
    digest = hashlib.sha256()
    for name in frame.columns:
        column = frame[name]
        digest.update(f"{name}\0{column.dtype}\0{len(column)}\0".encode())
        digest.update(_content(column))
    return digest.hexdigest()


def _content(column: pd.Series) -> bytes:
    """Bytes that equal columns share: fixed-width values, or lengths and text."""
    missing: np.ndarray = column.isna().to_numpy()
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufbmM":
        values = column.to_numpy(copy=True)
        if column.dtype.kind == "f":
            values[missing] = np.nan
        return bytes(missing.tobytes() + values.tobytes())
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        ticks = column.to_numpy(dtype="datetime64[ns]").astype("datetime64[us]")
        return bytes(missing.tobytes() + ticks.tobytes())
    texts = pa.array(column.astype("str"), type=pa.large_string(), from_pandas=True).fill_null("")
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    return bytes(missing.tobytes() + lengths.tobytes() + "".join(texts.to_pylist()).encode())


def _read_parts(folder: Path) -> pa.Table:
    paths = sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))
    if not paths:
        raise DataError(
            "LK202", where=str(folder), found="no .parquet file in it", remedy="name another folder"
        )
    parts = [_read_parquet_table(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        differing = _differences(parts[0].schema, part.schema)
        if differing:
            raise DataError(
                "LK210",
                where=str(path),
                found=f"its columns differ from those of {paths[0].name}",
                remedy="deliver all parts with one schema",
                details=differing,
            )
    return pa.concat_tables(parts)


def _differences(left: pa.Schema, right: pa.Schema) -> list[str]:
    one, other = ({field.name: str(field.type) for field in schema} for schema in (left, right))
    return [
        f"'{name}': {one.get(name, 'missing')} there, {other.get(name, 'missing')} here"
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]


def _read_parquet_table(path: Path) -> pa.Table:
    table = _open_parquet(path).replace_schema_metadata(None)
    nested = [field.name for field in table.schema if _is_nested(field.type)]
    if nested:
        raise DataError(
            "LK209",
            where=str(path),
            found=f"{len(nested)} nested column(s): {', '.join(nested[:3])}",
            remedy="deliver flat columns, one value a cell; a waveform is a list of numbers",
        )
    return table.cast(pa.schema([(field.name, _plain(field.type)) for field in table.schema]))


def _is_nested(kind: pa.DataType) -> bool:
    """Whether a cell is more than a value or a list of numbers."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if is_list or pa.types.is_fixed_size_list(kind):
        return not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))
    return bool(pa.types.is_nested(kind))


def _no_such_file(path: Path) -> DataError:
    """LK202, with the tables that stand where the file was looked for."""
    folder, kinds = path.parent, {".parquet", *_TEXT_SUFFIXES}
    if folder.is_dir():
        tables = sorted(one.name for one in folder.iterdir() if one.suffix.lower() in kinds)
        there = f"the tables there: {', '.join(tables[:5]) or 'none'}"
    else:
        tables, there = [], f"the folder {folder} does not exist either"
    return DataError(
        "LK202",
        where=str(path),
        found=f"no such file{nearest(path.name, tables)}",
        remedy=f"name an existing file; {there}",
    )


def _open_parquet(path: Path) -> pa.Table:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True).read()
    except FileNotFoundError as error:
        raise _no_such_file(path) from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            "LK206",
            where=str(path),
            found=f"file corrupt, or not parquet: {str(error).splitlines()[0][:200]}",
            remedy="deliver the file again and compare its checksum",
        ) from error


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type a column is read as: text for decimals without fraction, float64 for the rest."""
    if pa.types.is_decimal(kind):
        return pa.float64() if kind.scale else pa.string()
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.timestamp("us") if pa.types.is_date(kind) else kind


def _read_csv(path: Path, dialect: Dialect) -> pa.Table:
    raw = path.read_bytes()
    body = raw.removeprefix(codecs.BOM_UTF8)
    if not body.strip():
        raise _no_rows(path, "empty file" if not raw else "nothing but a mark or white space")
    if raw.startswith(_PARQUET_MAGIC):
        raise DataError("LK208", where=str(path), found="a parquet file", remedy="name it .parquet")
    text = _decoded(path, body, dialect.encoding)
    names = list(dialect.columns) or _header(text, dialect)
    _refuse_twice(path, names)
    return _parse(path, text, dialect, names)


def _decoded(path: Path, body: bytes, encoding: str) -> bytes:
    """The file's content as UTF-8; raises LK207 with the byte that is not `encoding`."""
    try:
        text = body.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        place = f" at byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
        raise DataError(
            "LK207",
            where=str(path),
            found=f"not {encoding}{place}",
            remedy="write the file's encoding into the mapping: dialect: {encoding: latin-1}",
        ) from error
    if "\0" in text:
        raise DataError(
            "LK207",
            where=str(path),
            found=f"a NUL character at character {text.index(chr(0)):,}",
            remedy="export the file again as text",
        )
    return text.encode()


def _header(text: bytes, dialect: Dialect) -> list[str]:
    if not dialect.header:
        first = pacsv.read_csv(
            io.BytesIO(text), _reading(autogenerate_column_names=True), _parsing(dialect)
        )
        return [f"column_{place + 1}" for place in range(first.num_columns)]
    with pacsv.open_csv(io.BytesIO(text), _reading(), _parsing(dialect)) as reader:
        return list(reader.schema.names)


def _reading(**options: Any) -> pacsv.ReadOptions:
    # one thread: only then does a refused row know its number
    return pacsv.ReadOptions(use_threads=False, block_size=1 << 24, **options)


def _parsing(dialect: Dialect, ragged: list[Any] | None = None) -> pacsv.ParseOptions:
    def skip(row: Any) -> str:
        if ragged is not None:
            ragged.append(row)
        return "skip"

    return pacsv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char=dialect.quote,
        newlines_in_values=True,
        invalid_row_handler=skip,
    )


def _parse(path: Path, text: bytes, dialect: Dialect, names: list[str]) -> pa.Table:
    ragged: list[Any] = []
    reading = _reading(column_names=names, skip_rows=1 if dialect.header else 0)
    converting = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    try:
        table = pacsv.read_csv(io.BytesIO(text), reading, _parsing(dialect, ragged), converting)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise _no_rows(path, "a header and nothing below it") from error
        raise DataError(
            "LK205",
            where=str(path),
            found=str(error).splitlines()[0][:200],
            remedy="compare delimiter and quotes with the mapping's dialect",
        ) from error
    if ragged:
        raise _ragged(path, ragged, len(names))
    return table


def _ragged(path: Path, rows: list[Any], width: int) -> DataError:
    shown = [f"line {row.number}: {row.actual_columns} values" for row in rows[:3]]
    return DataError(
        "LK205",
        where=str(path),
        found=f"{len(rows):,} ragged row(s), {width} values expected ({'; '.join(shown)})",
        remedy="compare delimiter and quotes with the mapping's dialect, or mend these lines",
    )


def _no_rows(path: Path, what: str) -> DataError:
    return DataError(
        "LK203", where=str(path), found=f"0 rows: {what}", remedy="deliver a file with rows"
    )


def _refuse_twice(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            "LK204",
            where=str(path),
            found=f"{len(twice)} column name(s) more than once: {', '.join(map(repr, twice[:3]))}",
            remedy="give every column a name of its own",
        )


def _to_pandas(table: pa.Table, path: Path) -> pd.DataFrame:
    _refuse_twice(path, table.column_names)
    if not table.num_rows:
        raise _no_rows(path, "columns and nothing below them")
    # integers with gaps keep their digits: float64 would round ids above 2**53
    frame: pd.DataFrame = table.to_pandas(types_mapper=_nullable_integers(table))
    return frame


def _nullable_integers(table: pa.Table) -> Any:
    holed = {
        column.type
        for column in table.columns
        if column.null_count and (pa.types.is_integer(column.type))
    }
    kinds = {
        kind: pd.Series([], dtype=str(kind).replace("int", "Int").replace("uI", "UI")).dtype
        for kind in holed
    }
    return kinds.get
