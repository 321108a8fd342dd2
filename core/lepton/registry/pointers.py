"""Which version is candidate, current and previous: one small file, replaced as a whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lepton.registry.sealed import damaged, read_sealed, write_sealed

FORMAT = 1


@dataclass(frozen=True)
class Pointers:
    """Numbers of versions; None where there is none.

    candidate: published last; current: deployed; previous: deployed before it.
    """

    candidate: int | None = None
    current: int | None = None
    previous: int | None = None


def read_pointers(path: Path) -> Pointers:
    """What the file says, all None where there is no file; raises IntegrityError LK638, LK639."""
    if not path.exists() and not path.is_symlink():
        return Pointers()
    content = read_sealed(path, FORMAT)
    names = [field.name for field in fields(Pointers)]
    values = {name: content.get(name) for name in names}
    if not all(value is None or type(value) is int for value in values.values()):
        raise damaged(path, f"pointers that are not numbers: {json.dumps(values)[:120]}")
    return Pointers(**values)


def write_pointers(path: Path, pointers: Pointers) -> None:
    """Replace all three at once."""
    write_sealed(path, FORMAT, asdict(pointers))
