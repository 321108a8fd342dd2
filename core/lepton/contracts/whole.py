"""What can be wrong with a table as a whole, whatever its rows say."""

from __future__ import annotations

from collections.abc import Iterator, Set

import pandas as pd

from lepton import roles
from lepton.contracts.model import Contract, Mapped, Severity, Violation
from lepton.errors import nearest
from lepton.task import TaskSpec


def table_violations(
    contract: Contract, mapped: Mapped, spared: Set[str], min_rows: int
) -> Iterator[Violation]:
    """Columns that cannot be made, are missing, empty or too many; too few rows.

    spared: columns that may be missing because nothing is learnt from this table.
    """
    yield from (one for one in mapped.violations if one.column not in spared)
    yield from _rows(contract, len(mapped.frame), min_rows)
    yield from _missing(contract, mapped, spared)
    yield from _empty(contract, mapped, spared)
    if contract.closed and mapped.unused:
        yield _whole(
            contract,
            "LK232",
            None,
            f"has {len(mapped.unused)} columns beyond its contract: {', '.join(mapped.unused[:3])}",
            "list them under `ignore` in the mapping, or add them to the contract",
        )


def _rows(contract: Contract, found: int, needed: int) -> Iterator[Violation]:
    if found < needed:
        rule = f"{found:,} rows, contract needs ≥ {needed:,}"
        yield _whole(contract, "LK220", None, rule, "deliver more rows")


def _missing(contract: Contract, mapped: Mapped, spared: Set[str]) -> Iterator[Violation]:
    told = {one.column for one in mapped.violations}
    for column in contract.columns:
        if not column.present or column.name in mapped.frame or column.name in {*spared, *told}:
            continue
        left = ", ".join(map(repr, (*mapped.frame.columns, *mapped.unused)[:30]))
        close = nearest(column.name, mapped.unused)
        rule = f"required column '{column.name}' is missing{close}"
        remedy = f"map one of the present columns to it: {left}"
        yield _whole(contract, "LK221", column.name, rule, remedy)


def _empty(contract: Contract, mapped: Mapped, spared: Set[str]) -> Iterator[Violation]:
    """Columns without a single value, unless that is because no cell could be cast.

    Where nothing is learnt from the table, a column that may be missing in a row may be missing
    in the only one.
    """
    told = {fault.column for fault in mapped.faults} | spared
    if spared:
        told |= {column.name for column in contract.columns if column.nullable}
        told |= set(map(str, mapped.frame.columns)) - {one.name for one in contract.columns}
    for name in map(str, mapped.frame.columns):
        if name in told or not len(mapped.frame):
            continue
        if mapped.frame[name].isna().all():
            yield _whole(
                contract,
                "LK230",
                name,
                f"has no value in any of {len(mapped.frame):,} rows",
                "deliver it, or leave it out of the mapping: its features are then off",
            )


def too_few_positives(
    contract: Contract, rows: pd.DataFrame, task: TaskSpec
) -> Iterator[Violation]:
    """A target from which nothing can be learnt: one class only, or hardly any positives."""
    if task.target not in rows or not contract.with_role(roles.TARGET):
        return
    positives = int((rows[task.target] == 1).sum())
    negatives = int((rows[task.target] == 0).sum())
    for found, kind in ((positives, "positives"), (negatives, "negatives")):
        if found < task.min_positives:
            rule = f"{found:,} {kind} found, {task.min_positives:,} needed"
            remedy = "deliver a longer history, or check the enum of the target in the mapping"
            yield _whole(contract, "LK231", task.target, rule, remedy)


def _whole(contract: Contract, code: str, column: str | None, rule: str, remedy: str) -> Violation:
    return Violation(code, rule, contract.table, column, Severity.TABLE, 0, 0, (), remedy)
