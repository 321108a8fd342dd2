"""JSON that means one thing: no duplicate keys, no NaN or Infinity, bounded depth and size."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 40


def parse(text: str) -> Any:
    """The value of `text`; ValueError, saying what is wrong, on anything that is not strict."""
    if _depth(text) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} brackets")
    return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _constant(token: str) -> NoReturn:
    raise ValueError(f"{token} is not a JSON number; write null for a missing value")


def _float(token: str) -> float:
    value = float(token)
    if math.isinf(value):
        raise ValueError(f"{token[:40]} is beyond the largest number")
    return value


def _depth(text: str) -> int:
    """Most brackets open at once outside strings; json itself recurses without a bound."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


__all__ = ["MAX_DEPTH", "parse"]
