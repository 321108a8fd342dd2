"""Our own checks: one mask of broken rows each, over whole columns at once.

Great Expectations gives a second verdict on those that it can express (see `suite`); the
masks here say which rows go to quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lepton import roles
from lepton.contracts.cards import card_numbers
from lepton.contracts.keys import repeated
from lepton.contracts.model import Column, ColumnType, Contract, Rule, Severity
from lepton.contracts.shapes import ALL_SHAPES

Mask = Callable[[pd.DataFrame], np.ndarray]
_LARGEST = float(np.finfo(np.float64).max)
_EARLIEST = pd.Timestamp("1990-01-01", tz="UTC")
# a customer's clock may run ahead, and zones are at most 14 hours off
_AHEAD = pd.Timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Check:
    """One rule: its mask of broken rows, and the same rule for GX where it can express it.

    rule: how it is told; gx: (expectation type, arguments); derived: the column, by name, that
    GX needs beside the frame's own; shows: whether broken values may be printed.
    """

    code: str
    rule: str
    column: str | None
    severity: Severity
    remedy: str
    mask: Mask | None = None
    gx: tuple[str, Mapping[str, object]] | None = None
    derived: tuple[str, Callable[[pd.DataFrame], pd.Series]] | None = None
    mostly: float = 1.0
    shows: bool = True


def checks_of(
    contract: Contract, frame: pd.DataFrame, *, now: pd.Timestamp, min_rows: int
) -> tuple[Check, ...]:
    """Every check of the contract that the frame's columns allow, the table's own first."""
    return (
        _row_count(contract, min_rows),
        *_column_checks(contract, frame, now),
        *_extra_checks(contract, frame),
        *(check for rule in contract.rules for check in _rule_check(rule, frame)),
    )


def _row_count(contract: Contract, min_rows: int) -> Check:
    return Check(
        "LK220",
        f"at least {min_rows:,} rows",
        None,
        Severity.TABLE,
        f"deliver more rows: the contract of {contract.table} needs them",
        gx=("expect_table_row_count_to_be_between", {"min_value": min_rows}),
    )


def _column_checks(contract: Contract, frame: pd.DataFrame, now: pd.Timestamp) -> Iterator[Check]:
    for column in contract.columns:
        if column.name in frame:
            yield from _missing(column)
            yield from _numbers(column)
            yield from _values(column)
            yield from _instants(column, now)


def _missing(column: Column) -> Iterator[Check]:
    name = column.name

    def mask(frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(frame[name].isna())

    kind = "expect_column_values_to_not_be_null"
    if not column.nullable:
        remedy = "fill it in at the source"
        gx = (kind, {"column": name})
        yield Check("LK222", "is missing", name, Severity.ROWS, remedy, mask, gx)
    elif column.max_null_share < 1:
        share = 1 - column.max_null_share
        rule = f"missing in more than {column.max_null_share:.0%} of rows"
        remedy = "look for a broken export, or raise maxNullShare in the contract"
        gx_mostly = (kind, {"column": name, "mostly": share})
        yield Check("LK222", rule, name, Severity.TABLE, remedy, mask, gx_mostly, mostly=share)


def _finite(name: str) -> Check:
    limits = {"column": name, "min_value": -_LARGEST, "max_value": _LARGEST}
    return Check(
        "LK223",
        "is infinite",
        name,
        Severity.ROWS,
        "look for a division by 0 at the source",
        lambda frame: np.isinf(frame[name].to_numpy(dtype=np.float64)),
        ("expect_column_values_to_be_between", limits),
    )


def _numbers(column: Column) -> Iterator[Check]:
    if column.type not in (ColumnType.NUMBER, ColumnType.INTEGER):
        return
    yield _finite(column.name)
    if column.minimum is None and column.maximum is None:
        return
    low, high, strict = column.minimum, column.maximum, column.exclusive_minimum

    def mask(frame: pd.DataFrame) -> np.ndarray:
        values = frame[column.name].to_numpy(dtype=np.float64)
        broken = np.zeros(len(values), dtype=bool)
        if low is not None:
            broken |= (values <= low) if strict else (values < low)
        return broken if high is None else broken | (values > high)

    bounds = {"min_value": low, "max_value": high, "strict_min": strict}
    given = {key: value for key, value in bounds.items() if value is not None}
    yield Check(
        "LK224",
        f"is outside {_interval(column)}",
        column.name,
        Severity.ROWS,
        f"check sign and unit ({column.unit or 'none declared'})",
        mask,
        ("expect_column_values_to_be_between", {"column": column.name, **given}),
    )


def _interval(column: Column) -> str:
    low = "-inf" if column.minimum is None else f"{column.minimum:g}"
    high = "inf" if column.maximum is None else f"{column.maximum:g}"
    return f"{'(' if column.exclusive_minimum else '['}{low}, {high}]"


def _values(column: Column) -> Iterator[Check]:
    name = column.name
    if column.allowed:
        is_text = column.type is ColumnType.STRING
        allowed = list(column.allowed) if is_text else [float(value) for value in column.allowed]

        def not_allowed(frame: pd.DataFrame) -> np.ndarray:
            return np.asarray(frame[name].notna() & ~frame[name].isin(allowed))

        yield Check(
            "LK225",
            f"is none of {', '.join(column.allowed)}",
            name,
            Severity.ROWS,
            "translate the values with `enum` in the mapping",
            not_allowed,
            ("expect_column_values_to_be_in_set", {"column": name, "value_set": allowed}),
        )
    if column.pattern is not None:
        pattern = column.pattern

        def no_match(frame: pd.DataFrame) -> np.ndarray:
            text = pa.array(frame[name], type=pa.large_string(), from_pandas=True)
            found = pc.match_substring_regex(text, pattern).fill_null(True)
            return ~np.asarray(found.to_numpy(zero_copy_only=False))

        yield Check(
            "LK226",
            f"does not match {pattern}",
            name,
            Severity.ROWS,
            f"deliver it as {column.unit or 'the contract says'}",
            no_match,
            ("expect_column_values_to_match_regex", {"column": name, "regex": pattern}),
        )


def _instants(column: Column, now: pd.Timestamp) -> Iterator[Check]:
    if column.type is not ColumnType.TIMESTAMP:
        return
    name = column.name
    happened = {roles.EVENT_AT, roles.INGESTED_AT}.intersection(column.roles)
    latest = now + _AHEAD if happened else pd.Timestamp("2200-01-01", tz="UTC")

    def mask(frame: pd.DataFrame) -> np.ndarray:
        return np.asarray((frame[name] < _EARLIEST) | (frame[name] > latest))

    yield Check(
        "LK229",
        f"is before 1990 or {'in the future' if happened else 'after 2200'}",
        name,
        Severity.ROWS,
        "check format, zone and epoch in the mapping",
        mask,
    )


def _extra_checks(contract: Contract, frame: pd.DataFrame) -> Iterator[Check]:
    known = {column.name for column in contract.columns}
    for name in map(str, frame.columns):
        if name not in known and pd.api.types.is_float_dtype(frame[name].dtype):
            yield _finite(name)


def _rule_check(rule: Rule, frame: pd.DataFrame) -> Iterator[Check]:
    if rule.expectation in ALL_SHAPES:
        return
    if rule.expectation == "order":
        yield from _order(rule, frame)
    elif rule.expectation == "unique_together":
        yield from _unique_together(rule, frame)
    elif rule.expectation == "no_card_numbers":
        spared = {str(name) for name in _listed(rule.arguments.get("except"))}
        yield Check(
            "LK235",
            "holds a card number",
            None,
            rule.severity,
            "replace card numbers by tokens before delivery; where a column only looks so, "
            "list it under `except` of the rule",
            lambda frame: card_numbers(frame.drop(columns=spared, errors="ignore")),
            shows=False,
        )
    elif str(rule.arguments.get("column", "")) in {"", *map(str, frame.columns)}:
        arguments = {**rule.arguments, **({"mostly": rule.mostly} if rule.mostly < 1 else {})}
        column = rule.arguments.get("column")
        name = None if column is None else str(column)
        remedy = rule.about or "see the contract"
        gx = (rule.expectation, arguments)
        yield Check("LK234", rule.name, name, rule.severity, remedy, gx=gx, mostly=rule.mostly)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _order(rule: Rule, frame: pd.DataFrame) -> Iterator[Check]:
    earlier, later = str(rule.arguments["earlier"]), str(rule.arguments["later"])
    tolerance_s = float(str(rule.arguments.get("tolerance_s", 0)))
    if earlier not in frame or later not in frame:
        return

    def seconds(frame: pd.DataFrame) -> pd.Series:
        return (frame[later] - frame[earlier]).dt.total_seconds()

    derived = f"{later} - {earlier} [s]"
    yield Check(
        "LK234",
        f"lies before {earlier}" + (f" by over {tolerance_s:g} s" if tolerance_s else ""),
        later,
        rule.severity,
        "check which clock and zone each of the two comes from",
        lambda frame: np.asarray(seconds(frame) < -tolerance_s),
        ("expect_column_values_to_be_between", {"column": derived, "min_value": -tolerance_s}),
        (derived, seconds),
        rule.mostly,
    )


def _unique_together(rule: Rule, frame: pd.DataFrame) -> Iterator[Check]:
    """Rows that name the same thing, by those of the rule's columns that the customer has: copies
    behind the first, and all that contradict. Over `max_share` of either the table is refused."""
    most = float(str(rule.arguments.get("max_share", 1.0)))
    columns = [str(name) for name in _listed(rule.arguments["columns"])]
    key = [name for name in columns if name in frame]
    if not key:
        return
    named = ", ".join(key)
    for code, about, place in (
        ("LK227", "copies an earlier row of the same", 0),
        ("LK228", "differs from other rows of the same", 1),
    ):

        def mask(frame: pd.DataFrame, place: int = place) -> np.ndarray:
            return repeated(frame, key)[place]

        remedy = rule.about or "look for a file sent twice"
        told = f"{about} {named}"
        yield Check(code, told, key[-1], rule.severity, remedy, mask)
        if most < 1:
            over = f"{told}, over {most:.1%} of rows"
            yield Check(code, over, key[-1], Severity.TABLE, remedy, mask, mostly=1 - most)
