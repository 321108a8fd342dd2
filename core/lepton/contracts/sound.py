"""Whether a contract agrees with itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from lepton import roles
from lepton.contracts.model import Column, ColumnType, Contract, Rule, Severity
from lepton.contracts.shapes import ALL_SHAPES
from lepton.errors import nearest

_ROW_RULES = {
    "order": ("earlier", "later", "tolerance_s"),
    "no_card_numbers": ("except",),
    "unique_together": ("columns", "max_share"),
}
OWN_RULES = {**_ROW_RULES, **{name: shape.arguments for name, shape in ALL_SHAPES.items()}}
"""Rules beside those of GX -> their arguments (see `checks` and `shape`)."""
_ONCE = (roles.KEY, roles.EVENT_AT, roles.INGESTED_AT, roles.LABEL_AT, roles.TARGET, roles.VALUE)
_COLUMN_KEYS = ("column", "column_A", "column_B", "earlier", "later", "at", "target")
_TIMES = {roles.EVENT_AT, roles.INGESTED_AT, roles.LABEL_AT}


def contradictions(contract: Contract) -> Iterator[str]:
    """One sentence for each thing in the contract that cannot be."""
    counts = Counter(column.name for column in contract.columns)
    yield from (f"column '{name}' stands twice" for name, count in counts.items() if count > 1)
    for role in _ONCE:
        holders = [column.name for column in contract.with_role(role)]
        if len(holders) > 1:
            yield f"role '{role}' has {len(holders)} columns: {', '.join(holders)}"
    if not 0 <= contract.max_quarantine_share < 1:
        yield f"maxQuarantineShare {contract.max_quarantine_share} is not within 0..1"
    if contract.min_rows < 1:
        yield f"minRows {contract.min_rows} would accept an empty table"
    for column in contract.columns:
        yield from _of_column(column)
    for rule in contract.rules:
        yield from _of_rule(rule, contract)


def _of_column(column: Column) -> Iterator[str]:
    name = column.name
    for role in column.roles:
        if role not in roles.ROLES:
            yield f"{name}: role '{role}' is unknown{nearest(role, roles.ROLES)}"
    if column.minimum is not None and column.maximum is not None:
        low, high = column.minimum, column.maximum
        if low > high or (low == high and column.exclusive_minimum):
            yield f"{name}: minimum {low:g} leaves nothing below maximum {high:g}"
    if column.pattern is not None and not _compiles(column.pattern):
        yield f"{name}: pattern {column.pattern!r} is not a regular expression"
    if roles.KEY in column.roles and (column.nullable or not column.unique):
        yield f"{name}: a key is required and unique"
    if _TIMES.intersection(column.roles) and column.type is not ColumnType.TIMESTAMP:
        yield f"{name}: an instant has logicalType timestamp, not {column.type}"
    numeric = column.type in (ColumnType.NUMBER, ColumnType.INTEGER)
    if not numeric and (column.minimum is not None or column.maximum is not None):
        yield f"{name}: bounds need a number, not {column.type}"


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _of_rule(rule: Rule, contract: Contract) -> Iterator[str]:
    known = [column.name for column in contract.columns]
    own = OWN_RULES.get(rule.expectation)
    if own is None and not rule.expectation.startswith("expect_"):
        options = [*OWN_RULES, "expect_..."]
        yield f"rule '{rule.name}': type '{rule.expectation}' is none of {', '.join(options)}"
    if rule.expectation not in _ROW_RULES and rule.severity is Severity.ROWS:
        yield f"rule '{rule.name}': severity rows is for {', '.join(_ROW_RULES)} only"
    if rule.expectation in ALL_SHAPES:
        yield from _of_shape(rule, known)
    for key, value in rule.arguments.items():
        if own is not None and key not in own:
            yield f"rule '{rule.name}': argument '{key}' is unknown{nearest(key, own)}"
        if (
            key in ("column", "column_A", "column_B", "earlier", "later", "at", "target")
            and value not in known
        ):
            yield f"rule '{rule.name}': no column '{value}'{nearest(str(value), known)}"
    if rule.expectation == "unique_together":
        yield from _of_columns(rule, known)
        most = rule.arguments.get("max_share", 1.0)
        if not _is_number(most) or not 0 < float(str(most)) <= 1:
            yield f"rule '{rule.name}': max_share {most} is not within 0..1"
    if not 0 < rule.mostly <= 1:
        yield f"rule '{rule.name}': mostly {rule.mostly:g} is not within 0..1"


def _of_shape(rule: Rule, known: list[str]) -> Iterator[str]:
    """What a rule on the whole table lacks: it has no defaults."""
    missing = [key for key in ALL_SHAPES[rule.expectation].arguments if key not in rule.arguments]
    if missing:
        yield f"rule '{rule.name}': argument {', '.join(missing)} is missing"
    for key, value in rule.arguments.items():
        if key not in (*_COLUMN_KEYS, "columns") and not _is_number(value):
            yield f"rule '{rule.name}': argument '{key}' must be a number, not {value}"
    yield from _of_columns(rule, known)


def _of_columns(rule: Rule, known: list[str]) -> Iterator[str]:
    several = rule.arguments.get("columns", [])
    for name in several if isinstance(several, list) else []:
        if name not in known:
            yield f"rule '{rule.name}': no column '{name}'{nearest(str(name), known)}"
