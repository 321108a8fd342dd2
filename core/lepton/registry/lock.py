"""One writer at a time: a file lock that the kernel frees when its holder dies.

Needs a file system whose flock works between its machines; NFS before version 4 does not.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from lepton.errors import MachineError
from lepton.registry.machine import clear_faults

_POLL_S = 0.05


@contextmanager
def hold(path: Path, run: str, *, wait_s: float = 10.0) -> Iterator[None]:
    """Hold the lock file at `path` in the name of `run`; what a dead process held is free.

    Raises MachineError LK905 "run X holds the lock since ..." after `wait_s` seconds.
    """
    with clear_faults(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    with file:
        _acquire(file, path, time.monotonic() + wait_s)
        with clear_faults(path.parent):
            _sign(file, run)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _acquire(file: IO[str], path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise _held(file, path) from error
            time.sleep(_POLL_S)
        else:
            return


def _sign(file: IO[str], run: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    file.seek(0)
    file.truncate()
    json.dump({"run": run, "pid": os.getpid(), "since": since}, file)
    file.flush()


def _held(file: IO[str], path: Path) -> MachineError:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        told = f"run {holder['run']} (process {holder['pid']}) holds the lock since "
        told += str(holder["since"])
    except (ValueError, KeyError, TypeError):
        told = "another run is taking the lock at this moment"
    return MachineError(
        "LK905",
        where=str(path),
        found=told,
        remedy="wait until it ends, or end that process; the lock of a dead one frees itself",
    )
