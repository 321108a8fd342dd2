"""mapping.yaml: how a customer's columns become the contract's canonical ones, as data.

tables:
  transactions:
    dialect: {delimiter: ";", decimal: ",", thousands: "."}
    columns:
      transaction_id: TX_ID                          # a source column's name, or an operation
      event_at: {from: TX_DATETIME, zone: Europe/Berlin}
      read_at: {from: T, zone_of: {column: METER, table: meters, key: meter_id, zone: tz},
                ambiguous: order, by: METER}           # local times of meters in several zones
      amount: {from: TX_CENT, unit: {from: cent, to: EUR}}
      is_fraud: {from: CLASS, enum: {Y: 1, N: 0}}
      label_at: {after: {column: event_at, days: 7}}
    extras: {numeric: [V1, V2], category: [os], derived: {power: torque * speed},
             waveform: {swing: {rate: 25600, bands_hz: [10, 1000, 5000]}}}
    keep: {column: STATUS, values: [settled]}
  readings:
    clock: {name: AT, start: 2012-03-01T08:00:00Z, step_s: 300}  # rows that follow each other
    melt: {keep: [AT], name: SENSOR, value: SPEED}     # every other column becomes rows
  edges:
    dialect: {header: false}
    matrix: {from: A, to: B, value: W, ids: {table: readings, column: sensor_id}}  # row to column
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Self
from zoneinfo import available_timezones

import pandas as pd
from pydantic import Field, field_validator, model_validator

from lepton.config import Strict, parse_model
from lepton.contracts.cast import Ambiguous, Epoch
from lepton.contracts.expression import parse
from lepton.contracts.model import Contract, Extras, extra_name
from lepton.errors import ConfigError, nearest
from lepton.frames import Dialect
from lepton.secrets import refuse_secrets
from lepton.strict_yaml import load_yaml

UNITS: Mapping[tuple[str, str], Fraction] = {
    ("cent", "EUR"): Fraction(1, 100),
    ("cent", "USD"): Fraction(1, 100),
    ("pence", "GBP"): Fraction(1, 100),
    ("rappen", "CHF"): Fraction(1, 100),
    ("paisa", "INR"): Fraction(1, 100),
    ("W", "kW"): Fraction(1, 1000),
    ("MW", "kW"): Fraction(1000),
    ("GW", "kW"): Fraction(10**6),
    ("Wh", "kWh"): Fraction(1, 1000),
    ("MWh", "kWh"): Fraction(1000),
    ("GWh", "kWh"): Fraction(10**6),
    ("kW", "MW"): Fraction(1, 1000),
    ("m", "km"): Fraction(1, 1000),
    ("mph", "km/h"): Fraction(1609344, 1000000),
    ("ms", "s"): Fraction(1, 1000),
    ("min", "s"): Fraction(60),
    ("h", "s"): Fraction(3600),
}
"""(from, to) -> factor, as a fraction: 1999 cent are 19.99, not 19.990000000000002."""


THOUSANDS = "^[.,' \u00a0\u202f]$"
"""The marks between groups of three digits: point, comma, apostrophe, three kinds of space."""


class Unit(Strict):
    """A conversion of units that `UNITS` knows."""

    source: str = Field(alias="from")
    to: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        if (self.source, self.to) not in UNITS:
            known = ", ".join(f"{one} to {other}" for one, other in UNITS)
            raise ValueError(
                f"{self.source} to {self.to} is not known: use one of {known}, or scale"
            )
        return self


class After(Strict):
    """An instant `days` after another canonical column."""

    column: str
    days: float = Field(ge=0)


class ZoneOf(Strict):
    """The zone of each row: what stands in its source column `column`, or, with a `table`, what
    that canonical table's column `zone` says of the row whose `key` is the same."""

    column: str
    table: str | None = None
    key: str | None = None
    zone: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({self.table is None, self.key is None, self.zone is None}) > 1:
            raise ValueError("give table, key and zone, or none of them")
        return self


class Filter(Strict):
    """Rows chosen by the text in a source column."""

    column: str
    values: tuple[str, ...] = Field(min_length=1)


class Clock(Strict):
    """A column `name` of a file whose rows have no times but follow each other: the first at
    `start`, each next one `step_s` seconds later."""

    name: str
    start: str
    step_s: float = Field(gt=0, allow_inf_nan=False)

    @field_validator("start")
    @classmethod
    def _instant(cls, value: str) -> str:
        return _aware_instant("start", value)


class Melt(Strict):
    """A wide file made long: each column but those of `keep` becomes rows, its heading in the
    column `name` and its cells in the column `value`."""

    keep: tuple[str, ...] = ()
    name: str
    value: str

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if len({self.name, self.value, *self.keep}) < len(self.keep) + 2:
            raise ValueError("name, value and each of keep are different columns")
        return self


class Ids(Strict):
    """Names in the order in which they first stand in a canonical table's column."""

    table: str
    column: str


class Matrix(Strict):
    """A square file made long: the name of a row in the column `from`, that of a column in `to`,
    their cell in `value`; cells of 0, and of a name and itself, become none. Names are the file's
    headings, and `ids` where it has none; `rows`: the column that names the rows, if there is one.
    """

    source: str = Field(alias="from")
    to: str
    value: str
    rows: str | None = None
    ids: Ids | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if len({self.source, self.to, self.value}) < 3:
            raise ValueError("from, to and value are different columns")
        return self


def _aware_instant(name: str, value: str) -> str:
    if pd.Timestamp(value).tz is None:
        raise ValueError(f"{name} needs a zone, such as 2018-04-01T00:00:00Z")
    return value


class Operation(Strict):
    """How one canonical column is made: from a source column, or from nothing but a rule."""

    source: str | None = Field(default=None, alias="from")
    constant: str | None = None
    expression: str | None = None
    after: After | None = None
    row_number: bool = False
    enum: dict[str, str] | None = None
    unit: Unit | None = None
    scale: float | None = Field(default=None, allow_inf_nan=False)
    decimal: str | None = Field(default=None, pattern="^[.,]$")
    thousands: str | None = Field(default=None, pattern=THOUSANDS)
    format: str | None = None
    zone: str | None = None
    zone_of: ZoneOf | None = None
    ambiguous: Ambiguous = "refuse"
    by: str | None = None
    epoch: Epoch | None = None
    origin: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_name(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {
            "from": self.source is not None,
            "constant": self.constant is not None,
            "expression": self.expression is not None,
            "after": self.after is not None,
            "row_number": self.row_number,
        }
        if sum(ways.values()) != 1:
            raise ValueError(f"give one of {', '.join(ways)}")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same mark")
        if self.unit and self.scale is not None:
            raise ValueError("give unit or scale, not both")
        if self.origin and not self.epoch:
            raise ValueError("origin needs epoch")
        if self.zone and self.zone_of:
            raise ValueError("give zone or zone_of, not both")
        if self.by and self.ambiguous != "order":
            raise ValueError("by needs `ambiguous: order`")
        return self

    @field_validator("expression")
    @classmethod
    def _arithmetic(cls, value: str | None) -> str | None:
        if value is not None:
            parse(value)
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"'{value}' is no time zone{nearest(value, available_timezones())}")
        return value

    @field_validator("origin")
    @classmethod
    def _aware(cls, value: str | None) -> str | None:
        return None if value is None else _aware_instant("origin", value)


class DialectConfig(Strict):
    """How the table's text file is written; see `frames.Dialect`."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: str = Field(default=".", pattern="^[.,]$")
    thousands: str = Field(default="", pattern=f"^$|{THOUSANDS}")
    encoding: str = "utf-8"
    quote: str = Field(default='"', min_length=1, max_length=1)
    header: bool = True
    columns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _two_marks(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same mark")
        return self

    def to_dialect(self) -> Dialect:
        """The same for `frames.read_raw`."""
        return Dialect(**self.model_dump())


class TableMapping(Strict):
    """How one table is made; without `columns` the file's columns are canonical already."""

    dialect: DialectConfig = DialectConfig()
    clock: Clock | None = None
    melt: Melt | None = None
    matrix: Matrix | None = None
    columns: dict[str, Operation] = Field(default_factory=dict)
    extras: Extras = Extras()
    ignore: tuple[str, ...] = ()
    keep: tuple[Filter, ...] = ()
    drop: tuple[Filter, ...] = ()

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.matrix and (self.melt or self.clock):
            raise ValueError("a matrix has no times: give matrix, or melt and clock")
        return self

    @field_validator("extras")
    @classmethod
    def _arithmetic(cls, value: Extras) -> Extras:
        for expression in value.derived.values():
            parse(expression)
        _ = value.waves
        return value

    @field_validator("keep", "drop", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class MappingFile(Strict):
    """The whole of mapping.yaml."""

    tables: dict[str, TableMapping]


def load_mappings(path: Path | None, contracts: Mapping[str, Contract]) -> dict[str, TableMapping]:
    """Table -> mapping for every contract; without a file, or an entry, columns are canonical.

    Raises ConfigError LK115 for what looks like a secret, LK108 for unknown keys and operations,
    LK124 for names that the contracts do not have; all of them at once.
    """
    if path is None:
        return {table: TableMapping() for table in contracts}
    content = load_yaml(path)
    refuse_secrets(content, where=str(path), keys=False)
    given = parse_model(MappingFile, content, where=str(path)).tables
    faults = [fault for table, one in given.items() for fault in _faults(table, one, contracts)]
    if faults:
        raise ConfigError(
            "LK124",
            where=str(path),
            found=f"{len(faults)} name(s) that the contracts do not have",
            remedy="use the contract's names on the left of the colon",
            details=faults,
        )
    return {table: given.get(table, TableMapping()) for table in contracts}


def _faults(table: str, mapping: TableMapping, contracts: Mapping[str, Contract]) -> list[str]:
    if table not in contracts:
        return [f"no table '{table}'{nearest(table, contracts)}"]
    known = [column.name for column in contracts[table].columns]
    faults = [
        f"{table}: no column '{name}'{nearest(name, known)}"
        for name in mapping.columns
        if name not in known
    ]
    for name, operation in mapping.columns.items():
        base = operation.after.column if operation.after else None
        if base is not None and (base not in mapping.columns or mapping.columns[base].after):
            faults.append(f"{table}.{name}: after needs a mapped column, not '{base}'")
        if operation.zone_of is not None:
            told = (operation.zone_of.key, operation.zone_of.zone)
            faults += _unknown(f"{table}.{name}", operation.zone_of.table, told, contracts)
    if mapping.matrix is not None and mapping.matrix.ids is not None:
        ids = mapping.matrix.ids
        faults += _unknown(f"{table}.matrix", ids.table, (ids.column,), contracts)
    extras = Counter((*mapping.extras.numbers, *map(extra_name, mapping.extras.category)))
    faults += [
        f"{table}: {count} extras would be called '{name}'"
        for name, count in extras.items()
        if count > 1 or name == "x_"
    ]
    return faults


def _unknown(
    place: str, table: str | None, names: Iterable[str | None], contracts: Mapping[str, Contract]
) -> list[str]:
    """What of another table's columns is not in its contract."""
    if table is None:
        return []
    if table not in contracts:
        return [f"{place}: no table '{table}'{nearest(table, contracts)}"]
    known = [column.name for column in contracts[table].columns]
    return [
        f"{place}: {table} has no column '{name}'{nearest(str(name), known)}"
        for name in names
        if name not in known
    ]


__all__ = [
    "UNITS",
    "After",
    "Clock",
    "DialectConfig",
    "Filter",
    "Ids",
    "MappingFile",
    "Matrix",
    "Melt",
    "Operation",
    "TableMapping",
    "Unit",
    "ZoneOf",
    "load_mappings",
]
