"""Rules beside a model: conditions on a row's features as data, read without running any code.

A condition is a nested list, `["and", [">", ["name", "amount"], 500], ["==", ["name", "channel"],
["text", "ecom"]]]`, and becomes functions once. The same functions take a row's values or whole
columns. A rule hits only where all that it reads is known: a missing value never hits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

SHADOW: Final = "shadow"
ACTIVE: Final = "active"
MODES: Final = (SHADOW, ACTIVE)
MAX_DEPTH: Final = 30

Values = Mapping[str, Any]
Function = Callable[[Values], Any]

_TWO: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    "and": operator.and_,
    "or": operator.or_,
}
OPERATORS: Final = (*_TWO, "not")


@dataclass(frozen=True)
class Rule:
    """One rule: its name, condition as data, and what it would have done with a row.

    reads, texts: names of the numeric and of the categorical features it reads; mode: shadow
    rules are written down and change nothing; action: the mildest action that an active rule
    allows; reason: in plain words.
    """

    name: str
    when: Any
    reads: tuple[str, ...]
    texts: tuple[str, ...]
    action: str
    mode: str
    reason: str


class RuleBook:
    """Rules ready to be held against rows that have the columns `known`.

    actions: names from the mildest to the strictest. off: name of a rule -> features that it
    reads and the rows lack. Raises ValueError where a rule is not understood.
    """

    def __init__(self, rules: Sequence[Rule], actions: Sequence[str], known: Sequence[str]) -> None:
        missing = {rule.name: sorted({*rule.reads, *rule.texts} - {*known}) for rule in rules}
        self.off = {name: tuple(names) for name, names in missing.items() if names}
        self.rules = tuple(rule for rule in rules if rule.name not in self.off)
        self._hits = [_hits(rule) for rule in self.rules]
        self._floors = [_floor(rule, actions) for rule in self.rules]

    def of_row(self, values: Values) -> tuple[int, ...]:
        """Places of the rules that hit the row `values`."""
        return tuple(at for at, hit in enumerate(self._hits) if hit(values))

    def of_rows(self, columns: Values, n_rows: int) -> np.ndarray:
        """Whether each rule hits each row of `columns`, bool (rows, rules)."""
        found = np.zeros((n_rows, len(self.rules)), dtype=bool)
        for at, hit in enumerate(self._hits):
            found[:, at] = hit(columns)
        return found

    def floor(self, hits: Sequence[int]) -> int:
        """The mildest action that the active ones among the rules `hits` allow."""
        return max((self._floors[at] for at in hits), default=0)

    def names(self, hits: Sequence[int]) -> tuple[str, ...]:
        """Names of the rules at the places `hits`."""
        return tuple(self.rules[at].name for at in hits)

    def reasons(self, hits: Sequence[int]) -> tuple[str, ...]:
        """What the active ones among the rules `hits` say of why."""
        return tuple(self.rules[at].reason for at in hits if self.rules[at].mode == ACTIVE)


def read_rules(told: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules that a bundle carries; KeyError or ValueError where they are not understood."""
    return tuple(
        Rule(
            str(one["name"]),
            one["when"],
            tuple(map(str, one["reads"])),
            tuple(map(str, one["texts"])),
            str(one["action"]),
            str(one["mode"]),
            str(one["reason"]),
        )
        for one in told
    )


def _floor(rule: Rule, actions: Sequence[str]) -> int:
    if rule.mode not in MODES or rule.action not in actions:
        raise ValueError(f"rule {rule.name!r:.60}: mode or action is not known")
    return list(actions).index(rule.action) if rule.mode == ACTIVE else 0


def _hits(rule: Rule) -> Function:
    """The condition of `rule`, false where one of the values that it reads is missing."""
    condition = _function(rule.when, 0)

    def hits(values: Values) -> Any:
        found = condition(values)
        for name in rule.reads:
            value = values[name]
            # NaN is the one number that differs from itself
            found = found & (value == value)
        for name in rule.texts:
            found = found & (values[name] != "")
        return found

    return hits


def _function(node: Any, depth: int) -> Function:
    """The function of one node of a condition."""
    if depth > MAX_DEPTH:
        raise ValueError("a condition is nested too deeply")
    if isinstance(node, (int, float)) and not isinstance(node, bool):
        return lambda values: node
    if isinstance(node, list) and len(node) >= 2:
        kind, *parts = node
        if kind == "text" and len(parts) == 1 and isinstance(parts[0], str):
            return lambda values: parts[0]
        if kind == "name" and len(parts) == 1 and isinstance(parts[0], str):
            return operator.itemgetter(parts[0])
        if kind == "not" and len(parts) == 1:
            inner = _function(parts[0], depth + 1)
            return lambda values: inner(values) ^ True
        if kind in _TWO and len(parts) == 2:
            operation = _TWO[kind]
            left, right = (_function(part, depth + 1) for part in parts)
            return lambda values: operation(left(values), right(values))
    raise ValueError(f"{node!r:.60} is no part of a condition")


__all__ = ["ACTIVE", "MODES", "OPERATORS", "SHADOW", "Rule", "RuleBook", "read_rules"]
