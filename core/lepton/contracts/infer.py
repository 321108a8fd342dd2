"""A first mapping.yaml drafted from a customer's table: what is sure, and why the rest is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.cast import as_text, to_number
from lepton.contracts.dialects import find_dialect, with_points
from lepton.contracts.model import Column, ColumnType, Contract
from lepton.contracts.similar import (
    auc,
    fits,
    holds_cards,
    is_minor_unit,
    is_naive,
    is_time,
    likeness,
    time_formats,
    two_codes,
)
from lepton.frames import DEFAULT_DIALECT, Dialect, read_raw

_ENOUGH = 0.45
_SAMPLE_ROWS = 100_000
# a single column that ranks the target so well was written after the outcome (specs: > 0.995)
_LEAK_AUC = 0.995
_SHOWN = 10
_SPELLED = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_LASTING = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_TRUE = {"1", "y", "yes", "true", "t", "fraud", "j", "ja"}


def draft_from_file(path: Path, contract: Contract) -> str:
    """YAML text of a mapping for the file at `path`; the dialect of a text file is looked up."""
    dialect = find_dialect(path)
    return draft_mapping(read_raw(path, dialect), contract, path, dialect)


def draft_mapping(
    raw: pd.DataFrame, contract: Contract, path: Path, dialect: Dialect = DEFAULT_DIALECT
) -> str:
    """YAML text of a mapping for the table `raw` that was read from `path`.

    Columns are matched by name, then checked by type and values (on the first 100,000 rows);
    what could not be decided is a comment that says why.
    """
    sample = raw.head(_SAMPLE_ROWS)
    cards = [str(name) for name in sample.columns if holds_cards(sample[name])]
    rows = with_points(sample.drop(columns=cards), dialect)
    matched = _match(rows, contract)
    lines = [
        f"# How {path.name} becomes the contract's {contract.table}. Check every line.",
        "tables:",
        f"  {contract.table}:",
        *(f"    {line}" for line in _dialect(dialect)),
        "    columns:",
    ]
    for column in contract.columns:
        lines += [f"      {line}" for line in _lines(column, matched.get(column.name), rows)]
    left = [str(name) for name in rows.columns if name not in matched.values()]
    lines += [f"    {line}" for line in _leftover(rows, left, _target(rows, contract, matched))]
    if cards:
        names = ", ".join(map(_quoted, cards))
        lines.append(f"# card numbers, refused wherever they are mapped: {names}; ask for tokens")
    missing = [c.name for c in contract.columns if not c.present and c.name not in matched]
    if missing:
        lines.append(f"# optional, not found: {', '.join(missing)}")
    return "\n".join(lines) + "\n"


def _dialect(dialect: Dialect) -> Iterator[str]:
    """The dialect's keys that are not the default."""
    changed = [
        f"{key}: {json.dumps(value)}"
        for key, value in asdict(dialect).items()
        if value != getattr(DEFAULT_DIALECT, key)
    ]
    if changed:
        yield f"dialect: {{{', '.join(changed)}}}  # as it looks: check"


def _match(rows: pd.DataFrame, contract: Contract) -> dict[str, str]:
    """Canonical column -> source column, the likeliest pairs first, each source once."""
    scores = sorted(
        (
            (-likeness(str(source), column), place, str(source), column)
            for place, column in enumerate(contract.columns)
            for source in rows.columns
            if likeness(str(source), column) >= _ENOUGH
        ),
        key=lambda one: one[:3],
    )
    found: dict[str, str] = {}
    for _, _, source, column in scores:
        free = column.name not in found and source not in found.values()
        if free and fits(rows[source], column):
            found[column.name] = source
    return found


def _lines(column: Column, source: str | None, rows: pd.DataFrame) -> Iterator[str]:
    if source is not None:
        yield from _operation(column, source, rows[source])
    elif roles.KEY in column.roles:
        yield f"{column.name}: {{row_number: true}}  # no column names a row: the file's order does"
    elif column.present:
        yield f"# {column.name}: required, no column found; {column.description}"


def _operation(column: Column, source: str, values: pd.Series) -> Iterator[str]:
    name, quoted = column.name, _quoted(source)
    present = values.loc[as_text(values).notna()]
    if roles.VALUE in column.roles and is_minor_unit(source):
        cents = f"unit: {{from: cent, to: {column.unit or 'EUR'}}}"
        yield f"{name}: {{from: {quoted}, {cents}}}  # assumed: check"
    elif column.type is ColumnType.TIMESTAMP:
        yield from _instant(name, source, present)
    elif column.allowed == ("0", "1") and not _is_zero_one(present):
        yield f"{name}: {{from: {quoted}, enum: {_enum(present)}}}"
    elif column.type is ColumnType.STRING and column.allowed:
        yield from _codes(column, source, present)
    else:
        yield f"{name}: {quoted}"


def _codes(column: Column, source: str, values: pd.Series) -> Iterator[str]:
    """The operation for a set of codes: those that differ by case alone are translated."""
    found = sorted(set(as_text(values)))
    known = {code.casefold(): code for code in column.allowed}
    foreign = [code for code in found if code.casefold() not in known]
    if not foreign and set(found) <= set(column.allowed):
        yield f"{column.name}: {_quoted(source)}"
        return
    if foreign:
        shown = ", ".join(map(_quoted, foreign[:_SHOWN])) + (", ..." if foreign[_SHOWN:] else "")
        yield f"# give each of {shown} one of {', '.join(column.allowed)} in this enum"
    same = ((code, known[code.casefold()]) for code in found if code.casefold() in known)
    pairs = ", ".join(f"{_quoted(code)}: {canonical}" for code, canonical in same)
    yield f"{column.name}: {{from: {_quoted(source)}, enum: {{{pairs}}}}}"


def _instant(name: str, source: str, values: pd.Series) -> Iterator[str]:
    """The operation for a time: ISO 8601, another format, or numbers."""
    quoted = _quoted(source)
    if is_time(values):
        naive = f"{{from: {quoted}, zone: UTC}}  # assumed: check"
        yield f"{name}: {naive if is_naive(values) else quoted}"
    elif formats := time_formats(values):
        if len(formats) > 1:
            yield f"# {source} can be read in {len(formats)} ways: keep the right one"
        mark = "# " if len(formats) > 1 else ""
        for form in formats:
            yield f'{mark}{name}: {{from: {quoted}, format: "{form}", zone: UTC}}  # assumed: check'
    else:
        unit, since = _epoch(source, to_number(values, ".").values.dropna())
        if since:
            yield f"# {source} holds numbers: {_SPELLED[unit]} since when? write the true origin"
        yield f"{name}: {{from: {quoted}, epoch: {unit}{since}}}  # assumed: check"


def _epoch(source: str, numbers: pd.Series) -> tuple[str, str]:
    """Unit of numbers that are times, and their origin where it is not 1970."""
    middle = float(numbers.median()) if len(numbers) else 0.0
    # between 1990 and 2100
    for unit, per_second in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if 6.3e8 < middle / per_second < 4.1e9:
            return unit, ""
    said = [unit for unit, spelled in _SPELLED.items() if spelled[:-1] in source.casefold()]
    spans = {unit: float(numbers.max() - numbers.min()) * s for unit, s in _LASTING.items()}
    # a step's length is not in its name: the shortest that makes a history of days
    long_enough = [unit for unit, span in spans.items() if span > 7 * 86_400]
    guessed = long_enough[:1] if "step" in source.casefold() else []
    return (*said, *guessed, "s")[0], ", origin: 2020-01-01T00:00:00Z"


def _is_zero_one(values: pd.Series) -> bool:
    return set(two_codes(values)) == {"0", "1"}


def _enum(values: pd.Series) -> str:
    """The two codes with 1 for the one that says yes; the rarer one where neither does."""
    codes = two_codes(values)
    said = [code for code in codes if code.casefold() in _TRUE]
    positive = said[0] if len(said) == 1 else codes[-1]
    pairs = ", ".join(f"{_quoted(code)}: {int(code == positive)}" for code in sorted(codes))
    return f"{{{pairs}}}"


def _target(
    rows: pd.DataFrame, contract: Contract, matched: Mapping[str, str]
) -> np.ndarray | None:
    """The target as 0 and 1 on the sampled rows."""
    names = [column.name for column in contract.with_role(roles.TARGET) if column.name in matched]
    if not names:
        return None
    text = as_text(rows[matched[names[0]]])
    rarer = text.value_counts().index[-1]
    return np.where(text.isna(), np.nan, (text == rarer).astype(float))


def _leftover(rows: pd.DataFrame, left: Sequence[str], target: np.ndarray | None) -> Iterator[str]:
    """Columns that nothing was made of: leaks to ignore, the others offered as extras."""
    kinds: dict[str, list[str]] = {"numeric": [], "category": [], "rest": []}
    leaks = []
    for name in left:
        kind, values = _kind(rows[name])
        if target is not None and values is not None and auc(values, target) > _LEAK_AUC:
            leaks.append(name)
        else:
            kinds[kind].append(name)
    if leaks:
        yield "# these alone tell the target: written after the outcome? never make them extras"
        yield f"ignore: [{', '.join(map(_quoted, leaks))}]"
    if kinds["numeric"] or kinds["category"]:
        yield "# columns that may help: drop what is known only after the event, then uncomment"
        yield "# extras:"
        for kind in ("numeric", "category"):
            if kinds[kind]:
                yield f"#   {kind}: [{', '.join(map(_quoted, kinds[kind]))}]"
    if kinds["rest"]:
        yield f"# neither numbers nor a few categories: {', '.join(map(_quoted, kinds['rest']))}"


def _kind(values: pd.Series) -> tuple[str, np.ndarray | None]:
    """What an extra could be, and numbers that rank its rows."""
    present = values.loc[as_text(values).notna()]
    if not len(present) or is_time(present):
        return "rest", None
    numbers = to_number(values, ".").values if not is_time(values) else None
    if numbers is not None and numbers.notna().mean() > 0.9 * len(present) / len(values):
        return "numeric", numbers.to_numpy()
    if present.nunique() <= max(50, len(present) // 100):
        codes = as_text(values).astype("category").cat.codes
        return "category", codes.to_numpy(dtype=np.float64)
    return "rest", None


def _quoted(name: str) -> str:
    """The name as a YAML scalar: quoted where it is not a plain word."""
    plain = name.replace("_", "a").isalnum() and name.isascii()
    return name if plain and name.casefold() != "null" else json.dumps(name, ensure_ascii=False)
