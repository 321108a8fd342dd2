"""Every kind of rule on a table as a whole, and what a contract's rules of these kinds find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pandas as pd

from lepton.contracts.model import Contract, Rule, Violation
from lepton.contracts.sensor_shape import SENSOR_SHAPES
from lepton.contracts.shape import SHAPES, Shape

ALL_SHAPES: Final[Mapping[str, Shape]] = {**SHAPES, **SENSOR_SHAPES}
_NAMES: Final = frozenset({"column", "columns", "earlier", "later", "at", "target"})


def shape_violations(contract: Contract, rows: pd.DataFrame) -> Iterator[Violation]:
    """One violation for each of the contract's rules on the whole table that `rows` break."""
    for rule in contract.rules:
        kind = ALL_SHAPES.get(rule.expectation)
        if kind is None or not _columns(rule) <= set(map(str, rows.columns)):
            continue
        odd = kind.find(rows, _given(rule))
        if odd is not None:
            yield Violation(
                "LK238",
                odd.about,
                contract.table,
                odd.column,
                rule.severity,
                0,
                0,
                odd.examples,
                rule.about or "see the contract",
            )


def _given(rule: Rule) -> dict[str, Any]:
    """The rule's arguments, limits as numbers: YAML is read without guessing at types."""
    return {
        key: value if key in _NAMES else float(str(value)) for key, value in rule.arguments.items()
    }


def _columns(rule: Rule) -> set[str]:
    """The columns that a rule reads; without them it does not apply."""
    given = [rule.arguments.get(key) for key in ("column", "earlier", "later", "at", "target")]
    several = rule.arguments.get("columns")
    return {str(name) for name in (*given, *(several if isinstance(several, list) else ())) if name}


__all__ = ["ALL_SHAPES", "shape_violations"]
