"""JSON lines in and out, until they end or the process is asked to stop; the state is kept."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final, Protocol

from lepton_edge.errors import RowError
from lepton_edge.strict_json import parse

MAX_LINE: Final = 1 << 20


@dataclass(frozen=True)
class Storage:
    """Where the state lies, and after how many events it is written."""

    folder: Path
    every: int = 10_000


class Service(Protocol):
    """What answers lines and keeps a state."""

    storage: Storage
    unsaved: int

    def answer(self, line: bytes) -> str:
        """The answer to one line."""

    def save(self) -> None:
        """Write the state."""


def serve(service: Service, source: IO[bytes], out: IO[str]) -> None:
    """Answer every line of `source` until it ends or the process is asked to stop (SIGTERM).

    A line that has been read is answered whole; the state is written before this returns.
    """
    with stoppable() as stop:
        for line in lines_of(source, stop):
            if line.strip():
                print(service.answer(line), file=out, flush=True)
            if service.unsaved >= service.storage.every:
                service.save()
    service.save()


def object_of(line: bytes) -> dict[str, Any]:
    """The JSON object that a line is; RowError LK291 where it is none."""
    try:
        if len(line) > MAX_LINE:
            raise ValueError(f"longer than {MAX_LINE:,} bytes")
        found = parse(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise refused("LK291", "*", f"not valid JSON: {error}", "send one object a line") from None
    if not isinstance(found, dict):
        raise refused("LK291", "*", "not an object", "send one object a line")
    return found


def told(error: RowError, row: int) -> dict[str, Any]:
    """An error as the answer to the line of that number."""
    return {
        "row": row,
        "error": error.code,
        "where": error.where,
        "found": error.found,
        "remedy": error.remedy,
    }


def refused(code: str, field: str, found: str, remedy: str) -> RowError:
    """What is wrong with one field of a line, and what to send instead."""
    return RowError(code, where=f"field '{field}'", found=found, remedy=remedy)


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The process was asked to stop while it waited for a line."""


class Stop:
    """Whether the process was asked to stop; it is interrupted only while it waits."""

    def __init__(self) -> None:
        self.asked = self.waiting = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if self.waiting:
            raise _Stopped


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Whether SIGTERM or SIGINT have come, as long as this holds."""
    stop = Stop()
    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def lines_of(source: IO[bytes], stop: Stop) -> Iterable[bytes]:
    """Lines of `source`; of one that is too long, as much as shows that it is."""
    while not stop.asked:
        stop.waiting = True
        try:
            line = source.readline(MAX_LINE + 1)
            rest = line
            while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                rest = source.readline(MAX_LINE + 1)
        except _Stopped:
            return
        finally:
            stop.waiting = False
        if not line:
            return
        yield line


__all__ = [
    "MAX_LINE",
    "Service",
    "Stop",
    "Storage",
    "lines_of",
    "object_of",
    "refused",
    "serve",
    "stoppable",
    "told",
]
