"""A contract and what breaking it looks like, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

import numpy as np
import pandas as pd

from lepton_edge.waveform import WavePlan


class ColumnType(StrEnum):
    """Logical types of ODCS v3.1 that a column may have."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


class Severity(StrEnum):
    """ROWS: the rows go to quarantine; TABLE: the table is refused; WARNING: told only."""

    ROWS = "rows"
    TABLE = "table"
    WARNING = "warning"


@dataclass(frozen=True)
class Column:
    """One canonical column.

    present: the customer must have it; nullable: single values may be missing.
    lost_without: what a customer who lacks it gives up, for DATA.md and the report.
    """

    name: str
    type: ColumnType
    present: bool
    nullable: bool
    unique: bool = False
    roles: tuple[str, ...] = ()
    unit: str | None = None
    description: str = ""
    lost_without: str = ""
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    pattern: str | None = None
    max_null_share: float = 1.0


@dataclass(frozen=True)
class Rule:
    """One rule beside the columns' own: GX expectation type, its arguments, how it is told."""

    name: str
    expectation: str
    arguments: Mapping[str, object]
    severity: Severity
    about: str
    mostly: float = 1.0


@dataclass(frozen=True)
class Contract:
    """One table: columns with roles, rules, least number of rows, share that quarantine may take.

    fingerprint: sha256 of the canonical content of its file.
    """

    solution: str
    table: str
    version: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    min_rows: int
    max_quarantine_share: float
    closed: bool
    fingerprint: str

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError where there is none."""
        return {column.name: column for column in self.columns}[name]

    def with_role(self, role: str) -> tuple[Column, ...]:
        """Columns that have the role, in the contract's order."""
        return tuple(column for column in self.columns if role in column.roles)


@dataclass(frozen=True)
class Waveform:
    """How blocks of samples are reduced.

    rate: samples a second, or the customer's column that tells them; bands_hz: rising edges of
    bands, none for octaves of half the rate.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    rate: float | str | None = None
    bands_hz: tuple[float, ...] = ()


@dataclass(frozen=True)
class Extras:
    """Customer's columns beyond the contract that pass through as features, by their own names.

    In the canonical frame each stands under `extra_name(name)`: numeric ones as float64,
    categories as str. derived: name -> expression over the customer's columns, float64 too;
    waveform: column that holds a block of samples a row -> how it is reduced to numbers.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    numeric: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    waveform: Mapping[str, Waveform] = field(default_factory=dict)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Canonical names of the numeric ones."""
        of_waves = (name for wave in self.waves for name in wave.names)
        return (*map(extra_name, (*self.numeric, *self.derived)), *of_waves)

    @property
    def waves(self) -> tuple[WavePlan, ...]:
        """How blocks are reduced; ValueError where one does not fit together."""
        return tuple(
            WavePlan(extra_name(name), told.rate, told.bands_hz)
            for name, told in self.waveform.items()
        )


def extra_name(source: str) -> str:
    """Canonical name of the extra column `source`: `x_`, then its letters and digits."""
    return "x_" + re.sub(r"[^0-9a-z]+", "_", source.casefold()).strip("_")


@dataclass(frozen=True)
class Violation:
    """One broken rule: where, how many of how many rows, up to three examples, what to do."""

    code: str
    rule: str
    table: str
    column: str | None
    severity: Severity
    count: int
    total: int
    examples: tuple[str, ...]
    remedy: str

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}" if self.column else self.table
        shown = f" (e.g. {', '.join(self.examples)})" if self.examples else ""
        share = f": {self.count:,} of {self.total:,} rows" if self.total else ""
        return f"{self.code} {place} {self.rule}{share}{shown}; {self.remedy}"


@dataclass(frozen=True)
class CastFault:
    """Cells of one canonical column that could not be read as its type.

    rows: positions in the mapped frame (int64); values: what stood there, as text, one a row;
    about: what is wrong ("is not a number"); remedy: what to write into the mapping.
    """

    code: str
    column: str
    rows: np.ndarray
    values: tuple[str, ...]
    about: str
    remedy: str


@dataclass(frozen=True)
class Mapped:
    """One table in canonical columns, and all that did not fit; `validate` judges it.

    frame: canonical dtypes (timestamps datetime64[us, UTC], text str, every number float64),
    rows in the file's order; faults: cells that could not be cast (missing in `frame`);
    violations: columns that could not be made at all; unused: source columns left over;
    notes: one line each.
    """

    frame: pd.DataFrame
    faults: tuple[CastFault, ...] = ()
    violations: tuple[Violation, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def head(self, rows: int) -> Mapped:
        """The first `rows` rows, and what did not fit of them."""
        faults = []
        for fault in self.faults:
            inside = fault.rows < rows
            values = tuple(v for v, kept in zip(fault.values, inside, strict=True) if kept)
            if inside.any():
                faults.append(replace(fault, rows=fault.rows[inside], values=values))
        return replace(self, frame=self.frame.head(rows), faults=tuple(faults))


@dataclass(frozen=True)
class Validated:
    """Tables that keep their contracts, and all that did not.

    tables: canonical name -> valid rows, canonical dtypes, in canonical order (event time, key).
    quarantine: canonical name -> refused rows as they came, with a column `__reasons`.
    notes: one line each: extra columns ignored, optional columns missing.
    """

    tables: Mapping[str, pd.DataFrame]
    violations: tuple[Violation, ...]
    quarantine: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...] = ()
