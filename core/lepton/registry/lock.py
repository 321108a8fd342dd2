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
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(handle, path, time.monotonic() + wait_s)
        with clear_faults(path.parent):
            _sign(handle, run)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise _held(path) from error
            time.sleep(_POLL_S)
        else:
            return


def _sign(handle: int, run: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    os.ftruncate(handle, 0)
    os.write(handle, json.dumps({"run": run, "pid": os.getpid(), "since": since}).encode())


def _held(path: Path) -> MachineError:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        told = f"run {holder['run']} (process {holder['pid']}) holds the lock since "
        told += str(holder["since"])
    except (OSError, ValueError, KeyError, TypeError):
        told = "another run is taking the lock at this moment"
    return MachineError(
        "LK905",
        where=str(path),
        found=told,
        remedy="wait until it ends, or end that process; the lock of a dead one frees itself",
    )
