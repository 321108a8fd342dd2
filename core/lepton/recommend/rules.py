"""Commercial rules of lists: a strict YAML file, checked against the catalogue before its use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from lepton.config import Strict, parse_model
from lepton.errors import ConfigError, nearest
from lepton.strict_yaml import load_yaml
from lepton_edge.shelf import AVAILABLE, BOOST, CAP, KINDS, MODES, PIN, WAIT, Catalogue, Rule

_NEED_AMOUNT: Final = (BOOST, CAP, PIN, WAIT)
NUMERIC: Final = ("price", "on_hand", "margin_rate")
"""Columns of the catalogue that are numbers: no rule can name their values."""


class RuleConfig(Strict):
    """One rule as it is written; see `lepton_edge.shelf` for what each kind does."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    kind: Literal["exclude", "available", "boost", "cap", "pin", "wait"]
    where: dict[str, list[str]] = Field(default_factory=dict)
    amount: float | None = None
    by: str = ""
    start: date | None = None
    until: date | None = None
    modes: list[Literal["all", "new"]] = Field(default=["all", "new"])
    owner: str = Field(default="", max_length=80)


class RulesConfig(Strict):
    """A file of rules; its version is what people call it by."""

    version: int = Field(ge=1)
    rules: list[RuleConfig]


def load_shelf_rules(path: Path, catalogue: Catalogue) -> tuple[Rule, ...]:
    """The rules in the file at `path`, in its order.

    Raises ConfigError LK101 to LK108 where the file breaks a rule of YAML or of its schema, LK133
    with every rule that cannot be used with this catalogue.
    """
    file = parse_model(RulesConfig, load_yaml(path), where=str(path))
    names = [rule.id for rule in file.rules]
    faults = [f"'{name}' stands twice" for name in sorted({n for n in names if names.count(n) > 1})]
    faults += [f"'{rule.id}': {why}" for rule in file.rules for why in _faults(rule, catalogue)]
    if faults:
        raise ConfigError(
            "LK133",
            where=str(path),
            found=f"{len(faults)} rule(s) cannot be used",
            remedy=f"mend them; kinds are {', '.join(KINDS)}",
            details=faults,
        )
    return tuple(_rule(rule) for rule in file.rules)


def _faults(rule: RuleConfig, catalogue: Catalogue) -> Iterator[str]:
    for name in rule.where:
        if name != "item_id" and name not in catalogue.columns:
            yield f"the catalogue has no column '{name}'{nearest(name, catalogue.columns)}"
    if rule.kind in _NEED_AMOUNT and rule.amount is None:
        yield f"a {rule.kind} needs an amount"
    if rule.kind == CAP and rule.by not in catalogue.columns:
        yield f"a cap needs `by`, a column of the catalogue{nearest(rule.by, catalogue.columns)}"
    if rule.kind == CAP and (rule.amount or 0) < 1:
        yield "a cap below 1 would exclude: write an exclude"
    if rule.kind in (PIN, WAIT) and (rule.amount or 0) < 0:
        yield f"a {rule.kind} cannot be below 0"
    if rule.start and rule.until and rule.start > rule.until:
        yield "it ends before it starts"


def _rule(told: RuleConfig) -> Rule:
    return Rule(
        told.id,
        told.kind,
        {name: tuple(values) for name, values in told.where.items()},
        told.amount or 0.0,
        told.by,
        told.start or date.min,
        told.until or date.max,
        tuple(mode for mode in MODES if mode in told.modes),
        told.owner,
    )


def catalogue_of(items: Sequence[str] | np.ndarray, told: pd.DataFrame) -> Catalogue:
    """What is told of the named items, in their order; "" for what is not."""
    names = np.asarray(items, dtype="U")
    if "item_id" not in told:
        return Catalogue(tuple(names.tolist()), {})
    by_item = told.drop_duplicates("item_id").set_index("item_id").reindex(names)
    columns = {
        str(name): by_item[name].astype("str").where(by_item[name].notna(), "").to_numpy(dtype="U")
        for name in by_item.columns
        if name not in NUMERIC
    }
    return Catalogue(tuple(names.tolist()), columns)


def on_hand_of(items: Sequence[str] | np.ndarray, told: pd.DataFrame) -> np.ndarray | None:
    """Pieces of each named item, None where nobody counts; what is not told counts as there."""
    if "on_hand" not in told:
        return None
    by_item = told.drop_duplicates("item_id").set_index("item_id")["on_hand"]
    found = by_item.reindex(np.asarray(items, dtype="U")).to_numpy(dtype=np.float64)
    return np.where(np.isnan(found), 1.0, found)


__all__ = [
    "AVAILABLE",
    "NUMERIC",
    "RulesConfig",
    "catalogue_of",
    "load_shelf_rules",
    "on_hand_of",
]
