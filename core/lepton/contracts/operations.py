"""How a source column becomes a canonical one, as a line of mapping.yaml; every way if several."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pandas as pd

from lepton import roles
from lepton.contracts.cast import as_text, to_number
from lepton.contracts.evidence import (
    are_whole,
    epoch_unit,
    is_days_only,
    is_naive,
    is_time,
    time_formats,
    two_codes,
)
from lepton.contracts.mapping import UNITS
from lepton.contracts.model import Column, ColumnType
from lepton.contracts.vocabulary import is_major_unit, is_minor_unit

_SHOWN = 10
_SPELLED = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_LASTING = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_TRUE = {"1", "y", "yes", "true", "t", "fraud", "j", "ja", "s", "si", "sí", "o", "oui", "x"}
# amounts of 5.00 and more, as one number of cents
_CENTS_FROM = 500.0


@dataclass(frozen=True)
class Written:
    """Operations as YAML, one line each; `asked`: what a person has to confirm or decide.

    is_assumed: something in it was taken, not found; is_open: several ways, none of them taken.
    """

    ways: tuple[str, ...]
    asked: tuple[str, ...] = ()
    is_assumed: bool = False
    is_open: bool = False


def written(column: Column, source: str, values: pd.Series) -> Written:
    """The ways to make `column` from `source`, whose values are `values`."""
    present = values.loc[as_text(values).notna()]
    if column.type is ColumnType.TIMESTAMP:
        return _instant(column.name, source, present)
    if roles.VALUE in column.roles:
        return _money(column, source, present)
    if column.allowed == ("0", "1"):
        return _outcome(column.name, source, present)
    if column.type is ColumnType.STRING and column.allowed:
        return _codes(column, source, present)
    unit = unit_in(source)
    if unit is not None and (unit, column.unit) in UNITS:
        line = (
            f"{column.name}: {{from: {quoted(source)}, unit: {{from: {unit}, to: {column.unit}}}}}"
        )
        return Written((line,), (f"{column.name}: {source} is read as {unit} by its name",), True)
    plain = f"{column.name}: {quoted(source)}"
    if unit is None and column.unit in {to for _, to in UNITS}:
        about = f"{column.name}: {source} names no unit; {column.unit} is assumed"
        return Written((plain,), (about,), is_assumed=True)
    return Written((plain,))


def unit_in(name: str) -> str | None:
    """The unit that a column's name ends with, such as `load_MW` or `Energy (MWh)`; else None."""
    last = re.split(r"[^0-9A-Za-z/]+", name.rstrip(" )]"))[-1]
    known = {unit.casefold(): unit for pair in UNITS for unit in pair}
    return known.get(last.casefold())


def quoted(name: str) -> str:
    """The name as a YAML scalar: quoted where it is not a plain word."""
    plain = name.replace("_", "a").isalnum() and name.isascii()
    is_bare = plain and name.casefold() != "null"
    return name if is_bare else json.dumps(name, ensure_ascii=False)


def _money(column: Column, source: str, values: pd.Series) -> Written:
    """An amount: in cents where its name says so, asked where only its numbers look so."""
    name, unit = column.name, column.unit or "EUR"
    plain = f"{name}: {quoted(source)}"
    cents = f"{name}: {{from: {quoted(source)}, unit: {{from: cent, to: {unit}}}}}"
    if is_minor_unit(source):
        return Written((cents,), (f"{name}: {source} is read as hundredths of {unit}",), True)
    middle = float(to_number(values, ".").values.abs().median())
    if not is_major_unit(source) and are_whole(values) and middle >= _CENTS_FROM:
        about = f"{name}: {source} is whole numbers around {middle:g}: cents, or {unit}? keep one"
        return Written((cents, plain), (about,), is_open=True)
    return Written((plain,))


def _outcome(name: str, source: str, values: pd.Series) -> Written:
    codes = two_codes(values)
    if set(codes) == {"0", "1"}:
        return Written((f"{name}: {quoted(source)}",))
    said = [code for code in codes if code.casefold() in _TRUE]
    positive = said[0] if len(said) == 1 else codes[-1]
    pairs = ", ".join(f"{quoted(code)}: {int(code == positive)}" for code in sorted(codes))
    line = f"{name}: {{from: {quoted(source)}, enum: {{{pairs}}}}}"
    if len(said) == 1:
        return Written((line,))
    about = f"{name}: {positive} is taken for yes because it is the rarer code"
    return Written((line,), (about,), is_assumed=True)


def _codes(column: Column, source: str, values: pd.Series) -> Written:
    """The operation for a set of codes: those that differ by case alone are translated."""
    found = sorted(set(as_text(values)))
    known = {code.casefold(): code for code in column.allowed}
    foreign = [code for code in found if code.casefold() not in known]
    if not foreign and set(found) <= set(column.allowed):
        return Written((f"{column.name}: {quoted(source)}",))
    same = ((code, known[code.casefold()]) for code in found if code.casefold() in known)
    pairs = ", ".join(f"{quoted(code)}: {canonical}" for code, canonical in same)
    line = f"{column.name}: {{from: {quoted(source)}, enum: {{{pairs}}}}}"
    if not foreign:
        return Written((line,))
    shown = ", ".join(map(quoted, foreign[:_SHOWN])) + (", ..." if foreign[_SHOWN:] else "")
    options = ", ".join(column.allowed)
    about = f"{column.name}: give each of {shown} one of {options} in this enum"
    return Written((line,), (about,), is_open=not pairs)


def _instant(name: str, source: str, values: pd.Series) -> Written:
    """The operation for a time: ISO 8601, another format, or numbers."""
    start = f"{name}: {{from: {quoted(source)}"
    days = f"{name}: {source} has days only; is there a column with the time of day?"
    if is_time(values):
        asked = (days,) if is_days_only(values) else ()
        if not is_naive(values):
            return Written((f"{name}: {quoted(source)}",), asked)
        zone = f"{name}: {source} has no zone; UTC is assumed"
        return Written((f"{start}, zone: UTC}}",), (zone, *asked), is_assumed=True)
    formats = time_formats(values)
    if formats:
        ways = tuple(f'{start}, format: "{form}", zone: UTC}}' for form in formats)
        dayless = "%H" not in formats[0] and "%I" not in formats[0]
        asked = (days,) if dayless else ()
        if len(formats) > 1:
            about = f"{name}: {source} can be read in {len(formats)} ways: keep the right one"
            return Written(ways, (about, *asked), is_assumed=True, is_open=True)
        zone = f"{name}: {source} has no zone; UTC is assumed"
        return Written(ways, (zone, *asked), is_assumed=True)
    return _epoch(name, source, to_number(values, ".").values.dropna())


def _epoch(name: str, source: str, numbers: pd.Series) -> Written:
    """Numbers that are times; where they do not count from 1970, the origin is asked for."""
    start = f"{name}: {{from: {quoted(source)}"
    if unit := epoch_unit(numbers):
        return Written((f"{start}, epoch: {unit}}}",))
    said = [unit for unit, spelled in _SPELLED.items() if spelled[:-1] in source.casefold()]
    spans = {unit: float(numbers.max() - numbers.min()) * s for unit, s in _LASTING.items()}
    # a step's length is not in its name: the shortest that makes a history of days
    long_enough = [unit for unit, span in spans.items() if span > 7 * 86_400]
    guessed = long_enough[:1] if "step" in source.casefold() else []
    unit = (*said, *guessed, "s")[0]
    about = f"{name}: {source} holds numbers: {_SPELLED[unit]} since when? write the true origin"
    return Written(
        (f"{start}, epoch: {unit}, origin: 2020-01-01T00:00:00Z}}",), (about,), is_assumed=True
    )


__all__ = ["Written", "quoted", "written"]
