"""Rules beside the model: a strict YAML file, compiled to data that a device reads without eval.

A condition is written as one writes it in a sentence: `amount > 500 and channel in ["ecom",
"moto"]`. It may hold features, numbers, texts in quotes, + - *, comparisons, and, or, not; no call
can be written, so nothing can run. A rule hits only where all that it reads is known.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from lepton.config import Strict, parse_model
from lepton.errors import ConfigError, nearest
from lepton.strict_yaml import parse_yaml
from lepton_edge.rules import Rule

_MAX_LENGTH: Final = 500
_MOST: Final = 1e15
_COMPARE: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_ARITHMETIC: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
}
_ALLOWED: Final = "use features, numbers, texts in quotes, + - *, comparisons, in, and, or, not"
_NUMBER, _TEXT, _TRUTH = "number", "text", "truth"


class RuleConfig(Strict):
    """One rule as it is written: shadow rules are recorded, active ones make an action stricter."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    when: str = Field(min_length=1, max_length=_MAX_LENGTH)
    action: str
    mode: Literal["shadow", "active"] = "shadow"
    reason: str = Field(min_length=1, max_length=120)


class RulesConfig(Strict):
    """A file of rules; its version is what people call it by."""

    version: int = Field(ge=1)
    rules: list[RuleConfig]


@dataclass(frozen=True)
class RuleSet:
    """Rules ready for a bundle. sha256: of the file; statements: name of a rule -> its `when`."""

    version: int
    sha256: str
    rules: tuple[Rule, ...]
    statements: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """As plain data, which `lepton_edge.rules.read_rules` reads."""
        rules = [
            {
                "name": rule.name,
                "when": rule.when,
                "reads": list(rule.reads),
                "texts": list(rule.texts),
                "action": rule.action,
                "mode": rule.mode,
                "reason": rule.reason,
            }
            for rule in self.rules
        ]
        return {"version": self.version, "sha256": self.sha256, "rules": rules}


def load_rules(
    path: Path, *, actions: Sequence[str], numeric: Collection[str], categorical: Collection[str]
) -> RuleSet:
    """The rules in the file at `path`.

    actions: what may be done with a row; numeric, categorical: every feature that a project may
    have, on or off. Raises ConfigError LK101 to LK108 where the file breaks a rule of YAML or of
    its schema, LK130 with every rule that cannot be used.
    """
    raw = _read(path)
    file = parse_model(RulesConfig, parse_yaml(raw, where=str(path)), where=str(path))
    faults = [f"'{name}' stands twice" for name in _twice([rule.name for rule in file.rules])]
    rules = []
    for given in file.rules:
        try:
            rules.append(_rule(given, actions, set(numeric), set(categorical)))
        except ValueError as error:
            faults.append(f"'{given.name}': {error}")
    if faults:
        raise ConfigError(
            "LK130",
            where=str(path),
            found=f"{len(faults)} rule(s) cannot be used",
            remedy=f"mend them; {_ALLOWED}",
            details=faults,
        )
    statements = {rule.name: rule.when for rule in file.rules}
    return RuleSet(file.version, hashlib.sha256(raw).hexdigest(), tuple(rules), statements)


def compile_condition(text: str) -> tuple[Any, tuple[str, ...], tuple[str, ...]]:
    """The condition `text` as data, and the numeric and categorical features that it reads.

    Raises ValueError naming what is not allowed in it, or what does not fit together.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"{text!r:.80} is not a condition") from error
    texts: set[str] = set()
    _find_texts(tree, texts)
    kind, data = _compiled(tree, texts)
    if kind != _TRUTH:
        raise ValueError(f"{text!r:.80} is a {kind}, where a condition is expected")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return data, tuple(sorted(names - texts)), tuple(sorted(texts))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "LK131",
            where=str(path),
            found=f"the rules cannot be read: {error.strerror}",
            remedy="name an existing file under `rules` in solution.yaml, or remove that key",
        ) from error


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _rule(
    given: RuleConfig, actions: Sequence[str], numeric: set[str], categorical: set[str]
) -> Rule:
    if given.action not in actions:
        near = nearest(given.action, actions)
        raise ValueError(f"no action '{given.action}'{near}; known are {', '.join(actions)}")
    when, reads, texts = compile_condition(given.when)
    for name in (*reads, *texts):
        if name not in numeric | categorical:
            near = nearest(name, sorted(numeric | categorical))
            raise ValueError(f"no feature '{name}'{near}")
    if not set(reads) <= numeric:
        raise ValueError(f"'{sorted(set(reads) - numeric)[0]}' is a category: compare it with text")
    if not set(texts) <= categorical:
        raise ValueError(f"'{sorted(set(texts) - categorical)[0]}' is a number, not text")
    return Rule(given.name, when, reads, texts, given.action, given.mode, given.reason)


def _find_texts(tree: ast.expr, texts: set[str]) -> None:
    """Names that stand on one side of a comparison whose other side is text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(_is_text(side) for side in sides):
                texts.update(side.id for side in sides if isinstance(side, ast.Name))


def _is_text(node: ast.expr) -> bool:
    """Whether it is text, or a list of texts."""
    if isinstance(node, ast.List | ast.Tuple):
        return bool(node.elts) and all(_is_text(one) for one in node.elts)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _compiled(node: ast.expr, texts: Collection[str]) -> tuple[str, Any]:
    """Kind of value and data of one part of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        if isinstance(node.value, bool) or abs(node.value) > _MOST:
            raise ValueError(f"{node.value!r:.40} is no number that data have")
        return _NUMBER, node.value
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _TEXT, ["text", node.value]
    if isinstance(node, ast.Name):
        return _TEXT if node.id in texts else _NUMBER, ["name", node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _NUMBER, ["-", 0, _as(_NUMBER, node.operand, texts)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _TRUTH, ["not", _as(_TRUTH, node.operand, texts)]
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        sides = (_as(_NUMBER, side, texts) for side in (node.left, node.right))
        return _NUMBER, [_ARITHMETIC[type(node.op)], *sides]
    if isinstance(node, ast.BoolOp):
        word = "and" if isinstance(node.op, ast.And) else "or"
        return _TRUTH, _joined(word, [_as(_TRUTH, one, texts) for one in node.values])
    if isinstance(node, ast.Compare):
        return _TRUTH, _joined("and", list(_comparisons(node, texts)))
    raise ValueError(f"'{ast.unparse(node):.60}' is not allowed: {_ALLOWED}")


def _as(kind: str, node: ast.expr, texts: Collection[str]) -> Any:
    found, data = _compiled(node, texts)
    if found != kind:
        raise ValueError(f"'{ast.unparse(node):.60}' is a {found}, where a {kind} is expected")
    return data


def _comparisons(node: ast.Compare, texts: Collection[str]) -> Iterator[Any]:
    """`a < b < c` as a < b, b < c; `a in [b, c]` as a == b or a == c."""
    sides = [node.left, *node.comparators]
    for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
            if not right.elts:
                raise ValueError("nothing is in an empty list")
            equal = [_comparison("==", left, one, texts) for one in right.elts]
            found = _joined("or", equal)
            yield ["not", found] if isinstance(op, ast.NotIn) else found
        elif type(op) in _COMPARE:
            yield _comparison(_COMPARE[type(op)], left, right, texts)
        else:
            raise ValueError(f"'{ast.unparse(node):.60}' is not allowed: {_ALLOWED}")


def _comparison(sign: str, left: ast.expr, right: ast.expr, texts: Collection[str]) -> Any:
    (kind, first), (other, second) = _compiled(left, texts), _compiled(right, texts)
    if kind != other or kind == _TRUTH:
        raise ValueError(f"a {kind} cannot be compared with a {other}")
    if kind == _TEXT and sign not in ("==", "!="):
        raise ValueError(f"texts have no order: '{sign}' compares numbers")
    return [sign, first, second]


def _joined(word: str, parts: list[Any]) -> Any:
    """Parts under one word: a tree as flat as can be, so that long lists do not nest deeply."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return [word, _joined(word, parts[:middle]), _joined(word, parts[middle:])]


__all__ = ["RuleSet", "compile_condition", "load_rules"]
