"""`.lepton/lock.json`: what a project was made from, and each file as it was then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lepton.errors import CloneError

PATH = ".lepton/lock.json"
_FORMAT = 1


@dataclass(frozen=True)
class Lock:
    """kit: its version; name and solutions: the answers; files: path -> sha256 when made."""

    kit: str
    name: str
    solutions: tuple[str, ...]
    files: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal locks give equal bytes."""
        content = {"format": _FORMAT, **asdict(self)}
        return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode("utf-8")

    def edited(self, root: Path) -> tuple[str, ...]:
        """Files of the project at `root` that are gone or differ from when they were made."""
        return tuple(
            path
            for path, expected in sorted(self.files.items())
            if _sha256(root / path) != expected
        )


def make_lock(kit: str, name: str, solutions: tuple[str, ...], files: Mapping[str, bytes]) -> Lock:
    """The lock of a project with these files."""
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    return Lock(kit, name, solutions, hashes)


def read_lock(root: Path) -> Lock:
    """The lock of the project at `root`; raises CloneError LK806 where it cannot be used."""
    try:
        content = json.loads((root / PATH).read_text(encoding="utf-8"))
        if content.pop("format") != _FORMAT:
            raise ValueError("another format")
        return Lock(**{**content, "solutions": tuple(content["solutions"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CloneError(
            "LK806",
            where=str(root / PATH),
            found=f"no lock that can be used: {error}",
            remedy="restore the file from version control",
        ) from error


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
