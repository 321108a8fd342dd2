"""A JSON file that carries the sha256 of its own content, so that a flipped bit is seen."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lepton.errors import IntegrityError
from lepton_edge.atomic import write_text

_MAX_BYTES = 1 << 20


def write_sealed(path: Path, format_version: int, content: Mapping[str, Any]) -> None:
    """Replace the file at `path`; numbers that are not finite become null."""
    body = {"format": format_version, **finite(content)}
    sealed = {**body, "sha256": _seal(body)}
    write_text(path, json.dumps(sealed, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_sealed(path: Path, format_version: int) -> dict[str, Any]:
    """The content that `write_sealed` wrote.

    Raises IntegrityError LK638 where it is damaged, LK639 where a newer kit made it.
    """
    try:
        if path.is_symlink() or path.stat().st_size > _MAX_BYTES:
            raise ValueError("a link, or too large")
        body = json.loads(path.read_bytes().decode("utf-8"))
        seal = body.pop("sha256")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if seal != _seal(body):
        raise damaged(path, "its sha256 does not fit its content")
    _check_format(path, body.pop("format", None), format_version)
    return dict(body)


def _check_format(path: Path, found: object, known: int) -> None:
    if found != known:
        raise IntegrityError(
            "LK639",
            where=str(path),
            found=f"format {found!r}, this kit knows {known}",
            remedy="use the kit that wrote it, or a newer one",
        )


def damaged(path: Path, found: str) -> IntegrityError:
    """The error LK638 for a record at `path` that is not as it was written."""
    return IntegrityError(
        "LK638",
        where=str(path),
        found=f"damaged: {found[:200]}",
        remedy="restore this file from a backup, or promote a whole version by its number",
    )


def _seal(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def finite(value: Any) -> Any:
    """`value` as JSON takes it: plain containers, null for a number that is not finite."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
