"""Arithmetic on a customer's columns, written in the mapping: `torque * speed - 3`.

A tree of + - * / over numbers and column names; nothing else can be written, so nothing else
can run. A name that is not a word stands in quotes: `"Torque [Nm]" * 2`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

import numpy as np

_OPERATIONS: dict[type[ast.operator], np.ufunc] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
_MAX_LENGTH = 500


def parse(expression: str) -> ast.expr:
    """The expression as a tree; raises ValueError naming what is not allowed in it."""
    if len(expression) > _MAX_LENGTH:
        raise ValueError(f"an expression has at most {_MAX_LENGTH} characters")
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"'{expression}' is not arithmetic") from error
    _check(tree)
    return tree


def names(tree: ast.expr) -> tuple[str, ...]:
    """Columns that the expression reads, sorted."""
    return tuple(sorted({name for node in ast.walk(tree) if (name := _name(node))}))


def evaluate(tree: ast.expr, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The expression's value on float64 columns; a division by 0 gives inf, which is refused."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(_value(tree, columns), dtype=np.float64)


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _check(node: ast.expr) -> None:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        _check(node.left)
        _check(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check(node.operand)
    elif _name(node) is None and not (
        isinstance(node, ast.Constant) and type(node.value) in (int, float)
    ):
        raise ValueError(f"'{ast.unparse(node)}' is not allowed: use + - * /, numbers and columns")


def _value(node: ast.expr, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    if isinstance(node, ast.BinOp):
        operation = _OPERATIONS[type(node.op)]
        return np.asarray(operation(_value(node.left, columns), _value(node.right, columns)))
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, columns)
    name = _name(node)
    return columns[name] if name is not None else np.asarray(ast.literal_eval(node), dtype=float)
