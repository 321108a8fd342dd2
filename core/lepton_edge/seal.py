"""What is checked before anything else: the manifest's own hash, then the runtime's own files.

A manifest that knows its own hash is never taken at its word about another file once it is
changed; a runtime that does so for its files is not run once it is damaged.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
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


def refuse_damaged_runtime(package: Path) -> None:
    """Refuse to import `package` where it lies in a bundle and one of its files is changed.

    Exits with code 6 under `python -m`, raises ImportError LK605 elsewhere. A manifest that is
    missing or changed is left to `open_bundle`.
    """
    changed = damaged_file(package)
    if changed is None:
        return
    told = f"LK605 {changed}: not the runtime's file that the manifest names\n"
    told += "  remedy: copy the whole bundle again, or go back to the previous version"
    if sys.argv[:1] == ["-m"]:
        sys.stderr.write(told + "\n")
        raise SystemExit(6)
    raise ImportError(told)


def damaged_file(package: Path) -> Path | None:
    """The first module of the runtime in `package` that its bundle's manifest does not name so."""
    bundle = package.parent.parent
    try:
        manifest = (bundle / "manifest.json").read_bytes()
        if package.parent.name != "runtime" or not is_sealed(manifest):
            return None
        files = json.loads(manifest)["files"]
        for path in sorted(package.glob("*.py")):
            entry = files[path.relative_to(bundle).as_posix()]
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                return path
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


__all__ = ["SEAL", "damaged_file", "is_sealed", "refuse_damaged_runtime", "sealed"]
