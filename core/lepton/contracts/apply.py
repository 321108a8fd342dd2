"""A mapping applied to a table: operations, casts, extras, and everything that did not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.cast import (
    OF_CLOCK,
    Cast,
    TimeFormat,
    as_text,
    to_boolean,
    to_instant,
    to_integer,
    to_number,
    to_text,
)
from lepton.contracts.expression import evaluate, names, parse
from lepton.contracts.mapping import UNITS, Ids, Matrix, Operation, TableMapping, ZoneOf
from lepton.contracts.matrices import none_of, pairs_of
from lepton.contracts.model import (
    CastFault,
    Column,
    ColumnType,
    Contract,
    Mapped,
    Severity,
    Violation,
    extra_name,
)
from lepton.contracts.waveforms import holds_blocks, is_block, reduce_blocks
from lepton.errors import nearest
from lepton_edge.waveform import WavePlan

_REMEDIES = {
    "is not a number": "write `decimal:` or `thousands:` into the mapping, or deliver numbers",
    "is not among the enum's values": "add these values to the mapping's enum",
}
_CLOCK_REMEDY = (
    "export with an offset or in UTC, or write `ambiguous: order` for the hour that comes twice"
)
_DEFAULT_REMEDY = "mend these cells, or the column's entry in the mapping"


DEFAULT_LABEL_DELAY_DAYS = 7.0


def apply_mapping(
    raw: pd.DataFrame,
    mapping: TableMapping,
    contract: Contract,
    *,
    label_delay_days: float | None = None,
    others: Mapping[str, pd.DataFrame] | None = None,
) -> Mapped:
    """`raw` in the contract's columns and types; what does not fit is told, never repaired.

    label_delay_days: for a table without label time, label_at is event_at and so many days
    (`DEFAULT_LABEL_DELAY_DAYS` where None) wherever the target is known.
    others: canonical tables in which `zone_of` looks up zones, and a matrix its names.
    """
    work = _Work(raw.reset_index(drop=True), mapping, contract, others or {})
    work.reshape()
    work.filter_rows()
    for column in contract.columns:
        operation = work.operations.get(column.name)
        if operation is not None and operation.after is None:
            work.make(column, operation)
    for column in contract.columns:
        operation = work.operations.get(column.name)
        if operation is not None and operation.after is not None:
            work.shift(column.name, operation.after.column, operation.after.days)
    delay = DEFAULT_LABEL_DELAY_DAYS if label_delay_days is None else label_delay_days
    work.default_label_time(delay)
    work.add_extras()
    return work.done()


@dataclass
class _Work:
    """One table being mapped: what has been made so far, and what could not be."""

    raw: pd.DataFrame
    mapping: TableMapping
    contract: Contract
    others: Mapping[str, pd.DataFrame]
    made: dict[str, pd.Series] = field(default_factory=dict)
    faults: list[CastFault] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The mapping's operations; without any, each canonical column that the file has."""
        if self.mapping.columns:
            return self.mapping.columns
        present = [column.name for column in self.contract.columns if column.name in self.raw]
        return {name: Operation.model_validate({"from": name}) for name in present}

    def reshape(self) -> None:
        """Times for rows that only follow each other, and a wide file or a matrix made long."""
        clock, melt = self.mapping.clock, self.mapping.melt
        if clock is not None:
            step = pd.Timedelta(seconds=clock.step_s)
            at = pd.date_range(pd.Timestamp(clock.start), periods=len(self.raw), freq=step)
            self.raw = self.raw.assign(**{clock.name: at})
        if melt is not None and all(self.source(name, name) is not None for name in melt.keep):
            self.raw = self.raw.melt(
                id_vars=list(melt.keep), var_name=melt.name, value_name=melt.value
            )
            self.notes.append(f"a wide file became {len(self.raw):,} rows")
        if self.mapping.matrix is not None:
            self.unfold(self.mapping.matrix)

    def unfold(self, matrix: Matrix) -> None:
        """A row for each pair of a square matrix; told as one fault where it is none."""
        ids = None if matrix.ids is None else self.names(matrix.source, matrix.ids)
        if ids == [] or (matrix.rows and self.source(matrix.rows, matrix.source) is None):
            self.raw = none_of(matrix)
            return
        dialect = self.mapping.dialect
        is_headed = dialect.header or bool(dialect.columns)
        pairs = pairs_of(self.raw, matrix, ids=ids, is_headed=is_headed, marks=self.marks())
        for about in pairs.faults:
            self.refuse("LK211", matrix.value, about, pairs.remedy)
        self.raw = pairs.rows
        self.notes += [pairs.note] if pairs.note else []

    def names(self, wanted_by: str, ids: Ids) -> list[str]:
        """Names as another table tells them, none after telling that it does not."""
        told = self.others.get(ids.table)
        found: list[str] = []
        if told is not None and ids.column in told:
            found = as_text(told[ids.column]).dropna().unique().tolist()
        if not found:
            about = f"{ids.table} does not tell the names of rows and columns"
            self.refuse("LK211", wanted_by, about, f"deliver {ids.column} in it")
        return found

    def filter_rows(self) -> None:
        """Keep and drop rows by their codes."""
        mask = np.ones(len(self.raw), dtype=bool)
        chosen = [(one, True) for one in self.mapping.keep]
        chosen += [(one, False) for one in self.mapping.drop]
        for one, keeps in chosen:
            source = self.source(one.column, one.column)
            if source is not None:
                mask &= as_text(source).isin(one.values).to_numpy() == keeps
        if not mask.all():
            self.notes.append(f"{int(mask.sum()):,} of {len(mask):,} rows kept by the mapping")
            self.raw = self.raw.loc[mask].reset_index(drop=True)

    def source(self, name: str, wanted_by: str) -> pd.Series | None:
        """The source column, or None after telling that there is none."""
        self.used.add(name)
        if name in self.raw:
            return self.raw[name]
        present = ", ".join(map(repr, list(self.raw.columns)[:30]))
        close = nearest(name, map(str, self.raw.columns))
        remedy = f"the file has {present}"
        self.refuse("LK211", wanted_by, f"source column '{name}' is missing{close}", remedy)
        return None

    def refuse(self, code: str, column: str, rule: str, remedy: str) -> None:
        """A column that cannot be made at all."""
        self.violations.append(
            Violation(code, rule, self.contract.table, column, Severity.TABLE, 0, 0, (), remedy)
        )

    def make(self, column: Column, operation: Operation) -> None:
        """One canonical column from its operation."""
        source = self.values(column.name, operation)
        if source is None:
            return
        if operation.enum is not None:
            source = self.translated(column.name, source, operation.enum)
        cast = self.casting(column, operation)(source)
        if cast.refusal is not None:
            code, found, remedy = cast.refusal
            self.refuse(code, column.name, found, remedy)
            return
        self.keep(column.name, cast, source)
        self.made[column.name] = _scaled(cast.values, operation)

    def values(self, name: str, operation: Operation) -> pd.Series | None:
        """What the operation starts from, one value a row."""
        rows = len(self.raw)
        if operation.source is not None:
            return self.source(operation.source, name)
        if operation.constant is not None:
            return pd.Series([operation.constant] * rows, dtype="str")
        if operation.expression is not None:
            return self.computed(name, operation)
        self.notes.append(f"'{name}' is the row's number: it changes with the order of the file")
        return pd.Series(np.char.zfill(np.arange(1, rows + 1).astype("U12"), 12), dtype="str")

    def computed(self, name: str, operation: Operation) -> pd.Series | None:
        """The value of an expression over source columns."""
        tree = parse(operation.expression or "")
        columns: dict[str, np.ndarray] = {}
        for wanted in names(tree):
            source = self.source(wanted, name)
            if source is None:
                return None
            cast = to_number(source, *self.marks(operation))
            self.keep(name, cast, source)
            columns[wanted] = cast.values.to_numpy()
        return pd.Series(np.broadcast_to(evaluate(tree, columns), len(self.raw)).copy())

    def translated(self, name: str, source: pd.Series, enum: Mapping[str, str]) -> pd.Series:
        """Codes replaced by the enum; those that it does not have are faults."""
        text = as_text(source).reset_index(drop=True)
        unknown = text.notna().to_numpy() & ~text.isin(list(enum)).to_numpy()
        self.tell(name, "is not among the enum's values", unknown, text)
        return text.map(enum).astype("str")

    def casting(self, column: Column, operation: Operation) -> Callable[[pd.Series], Cast]:
        """How a source column becomes the canonical type."""
        marks = self.marks(operation)
        if column.type is ColumnType.STRING:
            return to_text
        if column.type is ColumnType.TIMESTAMP:
            how = self.time_format(column.name, operation)
            return lambda source: to_instant(source, how)
        if column.type is ColumnType.BOOLEAN:
            return to_boolean
        if column.type is ColumnType.INTEGER:
            return lambda source: to_integer(source, *marks)
        return lambda source: to_number(source, *marks)

    def time_format(self, name: str, operation: Operation) -> TimeFormat:
        """How a column's instants are written, and what each row's own zone is."""
        origin = pd.Timestamp(operation.origin or "1970-01-01T00:00:00Z").tz_convert("UTC")
        return TimeFormat(
            operation.format,
            operation.zone,
            operation.ambiguous,
            operation.epoch,
            origin,
            None if operation.zone_of is None else self.zones(name, operation.zone_of),
            None if operation.by is None else self.source(operation.by, name),
        )

    def zones(self, name: str, zone_of: ZoneOf) -> pd.Series | None:
        """The zone of each row, missing where it is not told."""
        own = self.source(zone_of.column, name)
        if own is None or zone_of.table is None:
            return None if own is None else as_text(own)
        told = self.others.get(zone_of.table)
        if told is None or not {zone_of.key, zone_of.zone} <= set(told.columns):
            remedy = "deliver it with both columns, or write `zone:` in place of `zone_of:`"
            about = f"{zone_of.table} does not tell the zone of each {zone_of.key}"
            self.refuse("LK211", name, about, remedy)
            return None
        known = told.dropna(subset=[zone_of.key]).drop_duplicates(zone_of.key)
        return as_text(own).map(known.set_index(zone_of.key)[zone_of.zone])

    def marks(self, operation: Operation | None = None) -> tuple[str, str]:
        """Decimal and thousands mark: the operation's own, else those of the file."""
        file = self.mapping.dialect
        if operation is None or (operation.decimal, operation.thousands) == (None, None):
            return file.decimal, file.thousands
        # a column with its own decimal mark does not inherit the file's other one
        return operation.decimal or file.decimal, operation.thousands or ""

    def keep(self, name: str, cast: Cast, source: pd.Series) -> None:
        """Remember the faults of one cast."""
        for about, mask in cast.faults.items():
            self.tell(name, about, mask, source)

    def tell(self, name: str, about: str, mask: np.ndarray, source: pd.Series) -> None:
        """Remember the cells under `mask` as faults."""
        if mask.any():
            values = tuple(source.loc[mask].astype("str").fillna("").tolist())
            of_clock = about.startswith(OF_CLOCK)
            remedy = _CLOCK_REMEDY if of_clock else _REMEDIES.get(about, _DEFAULT_REMEDY)
            rows = np.flatnonzero(mask)
            self.faults.append(CastFault("LK212", name, rows, values, about, remedy))

    def shift(self, name: str, base: str, days: float) -> None:
        """A column that lies `days` after another."""
        if base in self.made:
            self.made[name] = self.made[base] + pd.Timedelta(days=days)

    def default_label_time(self, days: float) -> None:
        """Label time from event time, where the mapping has none."""
        (label,), (event,), (target,) = (
            [column.name for column in self.contract.with_role(role)][:1] or [""]
            for role in (roles.LABEL_AT, roles.EVENT_AT, roles.TARGET)
        )
        wanted = label and label not in self.operations
        if wanted and event in self.made and target in self.made:
            self.shift(label, event, days)
            self.made[label] = self.made[label].where(self.made[target].notna())
            self.notes.append(f"'{label}' is taken as {event} and {days:g} days")

    def add_extras(self) -> None:
        """The customer's own columns under safe names."""
        marks = self.marks()
        wanted = [(name, True) for name in self.mapping.extras.numeric]
        wanted += [(name, False) for name in self.mapping.extras.category]
        for name, numeric in wanted:
            source = self.source(name, extra_name(name))
            if source is not None:
                cast = to_number(source, *marks) if numeric else to_text(source)
                self.keep(extra_name(name), cast, source)
                self.made[extra_name(name)] = cast.values
        for name, expression in self.mapping.extras.derived.items():
            made = self.computed(extra_name(name), Operation(expression=expression))
            if made is not None:
                self.made[extra_name(name)] = made
        for name, plan in zip(self.mapping.extras.waveform, self.mapping.extras.waves, strict=True):
            self.add_waveform(name, plan)
        for name in [] if self.mapping.columns else self.canonical_extras():
            source = self.raw[name]
            self.used.add(name)
            numeric = pd.api.types.is_numeric_dtype(source)
            cast = to_number(source, *marks) if numeric else to_text(source)
            self.keep(name, cast, source)
            self.made[name] = cast.values

    def add_waveform(self, name: str, plan: WavePlan) -> None:
        """The numbers that a column of blocks becomes."""
        source = self.source(name, plan.column)
        if source is None:
            return
        if not is_block(source):
            found = f"source column '{name}' holds no lists of numbers"
            self.refuse("LK211", plan.column, found, "deliver it as a parquet list column")
            return
        rate_hz = None
        if isinstance(plan.rate, str):
            rates = self.source(plan.rate, plan.column)
            if rates is None:
                return
            cast = to_number(rates, *self.marks())
            self.keep(plan.column, cast, rates)
            rate_hz = cast.values.to_numpy()
        self.made.update(reduce_blocks(plan, source, rate_hz))

    def canonical_extras(self) -> list[str]:
        """Columns of a canonical file that bear an extra's canonical name already."""
        names = [str(name) for name in self.raw.columns]
        own = [n for n in names if n.startswith(extra_name("")) and n not in self.made]
        return [name for name in own if not holds_blocks(self.raw[name])]

    def done(self) -> Mapped:
        """The table in the contract's order, extras behind, sorted by name."""
        canonical = [column.name for column in self.contract.columns if column.name in self.made]
        extras = sorted(set(self.made) - set(canonical))
        # a table without a single made column still has its rows
        frame = pd.DataFrame(
            {name: self.made[name].reset_index(drop=True) for name in (*canonical, *extras)},
            index=pd.RangeIndex(len(self.raw)),
        )
        left = {str(name) for name in self.raw.columns} - self.used - set(self.mapping.ignore)
        for name in self.mapping.ignore:
            if name not in self.raw:
                self.notes.append(f"'{name}' is to be ignored and is not there")
        if left:
            self.notes.append(f"ignored: {', '.join(sorted(left))}")
        return Mapped(
            frame,
            tuple(self.faults),
            tuple(self.violations),
            tuple(sorted(left)),
            tuple(self.notes),
        )


def _scaled(values: pd.Series, operation: Operation) -> pd.Series:
    if operation.unit is not None:
        factor = UNITS[operation.unit.source, operation.unit.to]
        return values * factor.numerator / factor.denominator
    return values if operation.scale is None else values * operation.scale
