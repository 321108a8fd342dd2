"""What the disk refuses, told as what a person can do about it."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lepton.errors import MachineError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_SPARE_BYTES = 1_000_000


@contextmanager
def clear_faults(place: Path, needs_bytes: int = 0) -> Iterator[None]:
    """Turn an OSError inside into a MachineError about `place`.

    LK902: no room for the `needs_bytes`; LK903: not permitted; LK904: anything else.
    """
    try:
        yield
    except OSError as error:
        raise _told(error, place, needs_bytes) from error


def preflight(place: Path, needs_bytes: int = 0) -> None:
    """Raise MachineError LK902 to LK904 where `needs_bytes` cannot be written below `place`.

    Writes and removes one empty file, so that it is known before hours of work and not after.
    """
    with clear_faults(place, needs_bytes):
        place.mkdir(parents=True, exist_ok=True)
        probe = place / f".tmp-probe-{uuid.uuid4().hex}"
        try:
            probe.write_bytes(b"")
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
        if shutil.disk_usage(place).free < needs_bytes + _SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))


def size_of(folder: Path) -> int:
    """Bytes in all files below `folder`."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _told(error: OSError, place: Path, needs_bytes: int) -> MachineError:
    if error.errno in _FULL:
        return MachineError(
            "LK902",
            where=str(place),
            found=f"disk full: needs about {_mb(needs_bytes)}, {_free(place)}",
            remedy="free space or raise the quota, then run the same command again",
        )
    if error.errno in _DENIED:
        return MachineError(
            "LK903",
            where=str(error.filename or place),
            found=f"cannot be written: {error.strerror}",
            remedy="give this user the right to write there, or choose another project folder",
        )
    return MachineError(
        "LK904",
        where=str(error.filename or place),
        found=f"the disk refuses: {error.strerror or error}",
        remedy="mend what stands at this path, then run the same command again",
    )


def _mb(size: int) -> str:
    return f"{max(size + _SPARE_BYTES, 0) / 1e6:,.0f} MB"


def _free(place: Path) -> str:
    with suppress(OSError):
        return f"{shutil.disk_usage(place).free / 1e6:,.0f} MB are free"
    return "what is free is not known"
