"""Shipped helpers for tests: tiny tables with known shape, fault injectors, the solution contract.

Only what a light child process needs is imported at the top; the rest where it is used.
"""

from __future__ import annotations

import builtins
import errno
import hashlib
import io
import json
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


def tiny_bundle(folder: Path, content: bytes = b"model", **facts: Any) -> Path:
    """The smallest folder that `lepton_edge.bundle.open_bundle` takes; it cannot score."""
    folder.mkdir(parents=True)
    files = {"model.onnx": _onnx_doc(content), "golden.json": b'{"rows": []}'}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
    }
    manifest = {**_MANIFEST, **facts, "files": listed}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


_MANIFEST: dict[str, Any] = {
    "format": 1,
    "kit_version": "0.1.0",
    "solution": "tiny",
    "run_id": "r1",
    "contracts": {},
    "inputs": {"numeric": ["amount"], "categorical": []},
    "key": "transaction_id",
    "outputs": ["score", "decision"],
    "threshold": 0.5,
    "opset": {},
    "model_fingerprint": "0" * 64,
    "family": "none",
    "timing": {},
}


def _onnx_doc(content: bytes) -> bytes:
    """A ModelProto that holds nothing but its doc_string (field 6)."""
    length, size = b"", len(content)
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return b"\x32" + length + bytes([size]) + content


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
