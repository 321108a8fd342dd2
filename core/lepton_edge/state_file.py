"""A state as one file: a line that names format and sha256, then an npz; never code."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lepton_edge import atomic
from lepton_edge.errors import BundleError


def write(path: Path, magic: bytes, arrays: Mapping[str, np.ndarray]) -> None:
    """Replace the file at `path` by these arrays, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    body = buffer.getvalue()
    atomic.write_bytes(path, magic + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def read(path: Path, magic: bytes, remedy: str) -> dict[str, np.ndarray]:
    """The arrays of `path`, whose bytes are those that were written; BundleError LK614 where not.

    remedy: what a person does about a damaged state.
    """
    raw = path.read_bytes()
    head, newline, body = raw.partition(b"\n")
    if not newline or not head.startswith(magic):
        found = "not the state of a stream, or of another version of the runtime"
        raise damaged(path, found, remedy)
    if hashlib.sha256(body).hexdigest().encode() != head[len(magic) :]:
        raise damaged(path, "changed: its sha256 does not match its bytes", remedy)
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise damaged(path, str(error), remedy) from error


def damaged(path: Path, found: str, remedy: str) -> BundleError:
    """A state that cannot be gone on from."""
    return BundleError("LK614", where=str(path), found=found, remedy=remedy)


__all__ = ["damaged", "read", "write"]
