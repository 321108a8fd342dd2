"""Writing so that a reader sees the old content or the new, never a mixture or a part.

The recipe: write beside the target, fsync every file and folder, rename, fsync the parent.
Whatever is killed on the way leaves at most an entry `.tmp-...`, which `sweep` removes.
Every fault of the disk is raised as the OSError that it is.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".tmp-"
POINTER = "current"
_FOREIGN_AGE_S = 24 * 3600.0
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


def write_bytes(path: Path, data: bytes) -> None:
    """Replace the file at `path` with `data`; its folders are made where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = _temp_beside(path)
    try:
        _write_new(temp, data)
        os.replace(temp, path)  # noqa: PTH105 - looked up at call time, so that tests can break it
    except BaseException:
        with suppress(OSError):
            temp.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace the file at `path` with `text` in UTF-8, newlines as they are."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` at the end and vanishes on any exception.

    Raises FileExistsError where `target` is already there (a lost race): nothing is overwritten.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temp = _temp_beside(target)
    try:
        temp.mkdir()
        yield temp
        fsync_tree(temp)
        _move_to_free(temp, target)
    except BaseException:
        shutil.rmtree(temp, ignore_errors=True)
        raise
    fsync_folder(target.parent)


@contextmanager
def replace_directory(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes the value that `resolve(target)` finds.

    `target` is a folder of values and the file `current`, which names one of them. The value
    before the new one stays for those who are reading it; older ones are removed. One writer
    at a time: the run's lock sees to that.
    """
    former = _pointed(target)
    value = target / uuid.uuid4().hex
    with atomic_directory(value) as temp:
        yield temp
    write_text(target / POINTER, value.name + "\n")
    _remove_others(target, {POINTER, value.name, former})
    sweep(target)


def resolve(target: Path) -> Path:
    """The folder that `replace_directory(target)` wrote last.

    Raises FileNotFoundError where there is none, ValueError where the pointer is damaged.
    """
    name = _pointed(target)
    if name is None:
        raise FileNotFoundError(errno.ENOENT, "nothing has been written here", str(target))
    if len(name) != 32 or set(name) - set("0123456789abcdef"):
        raise ValueError(f"{target / POINTER} does not name a value: {name[:40]!r}")
    value = target / name
    if not value.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the value named by the pointer is gone", str(value))
    return value


def sweep(folder: Path, *, locked: bool = False) -> tuple[str, ...]:
    """Names of the orphaned temporary entries of `folder` that were removed.

    An orphan is one whose maker on this machine is dead, or that another machine left a day
    ago. With `locked` the caller says that nobody else can be writing: then every one is.
    """
    if not folder.is_dir():
        return ()
    found = sorted(path for path in folder.iterdir() if path.name.startswith(PREFIX))
    orphans = [path for path in found if locked or _is_orphan(path)]
    for path in orphans:
        _remove(path)
    return tuple(path.name for path in orphans)


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power loss; does nothing on Windows."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_tree(folder: Path) -> None:
    """fsync every file below `folder`, then every folder from the deepest up, `folder` last."""
    for place, _, files in os.walk(folder, topdown=False):
        for name in files:
            _fsync_file(Path(place, name))
        fsync_folder(Path(place))


def _temp_beside(path: Path) -> Path:
    return path.parent / f"{PREFIX}{_host()}-{os.getpid()}-{uuid.uuid4().hex}"


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _write_new(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _fsync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move_to_free(temp: Path, target: Path) -> None:
    try:
        os.rename(temp, target)  # noqa: PTH104 - looked up at call time, as os.replace above
    except OSError as error:
        if error.errno in _TAKEN:
            raise FileExistsError(errno.EEXIST, "already there", str(target)) from error
        raise


def _pointed(target: Path) -> str | None:
    try:
        return (target / POINTER).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def _remove_others(target: Path, kept: set[str | None]) -> None:
    for path in target.iterdir():
        if path.name not in kept and not path.name.startswith(PREFIX):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _is_orphan(path: Path) -> bool:
    parts = path.name.removeprefix(PREFIX).split("-")
    if len(parts) == 3 and parts[0] == _host() and parts[1].isdigit():
        return not is_alive(int(parts[1]))
    try:
        return time.time() - path.lstat().st_mtime > _FOREIGN_AGE_S
    except FileNotFoundError:
        return False


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs on this machine; always said of it on Windows."""
    if os.name == "nt":  # there signal 0 would reach the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


__all__ = [
    "atomic_directory",
    "fsync_folder",
    "fsync_tree",
    "is_alive",
    "replace_directory",
    "resolve",
    "sweep",
    "write_bytes",
    "write_text",
]
