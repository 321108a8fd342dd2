"""Fault injectors: broken disk operations, full disks, kills, damaged files. For tests only."""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from unittest import mock

if TYPE_CHECKING:
    pass

Operation = Literal["open", "write", "sendfile", "fsync", "replace", "rename"]
OPERATIONS: tuple[Operation, ...] = ("open", "write", "sendfile", "fsync", "replace", "rename")


@dataclass
class Fault:
    """Whether the fault of `fail_at` has fired, and how often its operation was asked for."""

    fired: bool = False
    calls: int = 0


@contextmanager
def fail_at(
    operation: Operation, n: int, error: Callable[[], OSError] | None = None
) -> Iterator[Fault]:
    """Let the n-th call (from 1) of a disk operation raise, by default "no space left".

    open counts only openings for writing; write is `os.write`, sendfile what shutil copies by.
    """
    fault = Fault()
    make = error or (lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with ExitStack() as stack:
        for owner, name in _targets(operation):
            broken = _broken(getattr(owner, name), operation, n, fault, make)
            stack.enter_context(mock.patch.object(owner, name, broken))
        yield fault


@contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a full disk (EFBIG)."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, handler)


def kill_at_random(
    argv: Sequence[str], times: int, rng: random.Random, longest_s: float
) -> Iterator[bool]:
    """Start `argv` again and again, SIGKILL it within `longest_s`; yields whether it was killed.

    The clock starts when the child writes its first byte to stdout, so that start-up is not
    what is killed. A child that ended before is yielded as False.
    """
    for _ in range(times):
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert child.stdout is not None
        with child, child.stdout:
            child.stdout.read(1)
            try:
                child.wait(timeout=rng.uniform(0.0, longest_s))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
            yield child.wait() == -signal.SIGKILL


def corrupt(path: Path, mode: Literal["flip", "truncate", "empty", "append"]) -> None:
    """Damage the file at `path`: one bit in its middle, its second half, all of it, or one byte."""
    data = bytearray(path.read_bytes())
    if mode == "flip":
        data[len(data) // 2] ^= 1
    elif mode == "append":
        data.append(0)
    else:
        del data[len(data) // 2 if mode == "truncate" else 0 :]
    path.write_bytes(bytes(data))


def _targets(operation: Operation) -> list[tuple[Any, str]]:
    if operation == "open":
        return [(builtins, "open"), (io, "open"), (os, "open")]
    return [(os, operation)]


def _broken(
    real: Callable[..., Any],
    operation: Operation,
    n: int,
    fault: Fault,
    make: Callable[[], OSError],
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if operation == "open" and not _for_writing(*args, **kwargs):
            return real(*args, **kwargs)
        fault.calls += 1
        if fault.calls == n:
            fault.fired = True
            raise make()
        return real(*args, **kwargs)

    return call


def _for_writing(_: object, mode: str | int = "r", *__: object, **more: Any) -> bool:
    mode = more.get("flags", mode)
    if isinstance(mode, int):
        return bool(mode & (os.O_WRONLY | os.O_RDWR))
    return bool(set(mode) & set("wax+"))
