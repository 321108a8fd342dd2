"""A manifest that knows its own hash, so that a change in it is never blamed on another file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

SEAL: Final = "sha256"
_SEALED: Final = re.compile(rb'(.*),\n "sha256": "([0-9a-f]{64})"\n\}\n', re.DOTALL)


def sealed(content: Mapping[str, Any]) -> bytes:
    """`content` as JSON whose last field, `sha256`, is that of all bytes before the field."""
    text = json.dumps({**content, SEAL: ""}, indent=1, allow_nan=False)
    head = text[: text.rindex(f',\n "{SEAL}"')].encode()
    return head + f',\n "{SEAL}": "{hashlib.sha256(head).hexdigest()}"\n}}\n'.encode()


def is_sealed(data: bytes) -> bool:
    """Whether `data` is, byte for byte, what `sealed` wrote."""
    found = _SEALED.fullmatch(data)
    return found is not None and hashlib.sha256(found[1]).hexdigest() == found[2].decode()


__all__ = ["SEAL", "is_sealed", "sealed"]
