"""Jobs in forked processes: one that hangs or breaks its interpreter is killed, and no other falls.

A child inherits the rows without a copy. It uses one thread and only what is safe after a fork
(numpy, LightGBM and scikit-learn on one thread); it answers with bytes and is gone.
"""

from __future__ import annotations

import faulthandler
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lepton.automl.machine import die_with_parent

Job = Callable[[], bytes]


@dataclass(frozen=True)
class Died:
    """Why a job gave no answer."""

    reason: str


@dataclass(eq=False)
class _Child:
    """A running job: its process, the end of its pipe that is read, what came so far."""

    pid: int
    pipe: int
    ends_at: float
    limit_s: float
    content: bytes = b""
    was_killed: bool = False


def can_fork() -> bool:
    """Whether jobs may run in forked processes here; elsewhere threads have to do."""
    return sys.platform == "linux"


def run_jobs(jobs: Sequence[Job], limits_s: Sequence[float], workers: int) -> list[bytes | Died]:
    """The answers of `jobs` in their order, at most `workers` of them at a time.

    limits_s: wall seconds after which a job is killed. Whatever ends this call ends them all.
    """
    answers: dict[int, bytes | Died] = {}
    waiting = list(enumerate(zip(jobs, limits_s, strict=True)))
    running: dict[int, _Child] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max(1, workers):
                number, (job, limit_s) = waiting.pop(0)
                running[number] = _start(job, limit_s)
            for number in _ended(running):
                answers[number] = _answer(running.pop(number))
    finally:
        for child in running.values():
            _kill(child)
            _answer(child)
    return [answers[number] for number in range(len(jobs))]


def _start(job: Job, limit_s: float) -> _Child:
    ends_at = time.monotonic() + limit_s
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_child(job, reads, writes)
    os.close(writes)
    return _Child(pid, reads, ends_at, limit_s)


def _be_child(job: Job, reads: int, writes: int) -> None:
    """Do the job, answer and end, whatever happens: never return into the parent's code."""
    code = 1
    try:
        os.close(reads)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what a Ctrl-C ends
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        faulthandler.disable()  # the parent tells of a crash, in one line
        die_with_parent()
        _write(writes, job())
        code = 0
    except MemoryError:
        code = 2
    finally:
        os._exit(code)


def _write(pipe: int, content: bytes) -> None:
    while content:
        content = content[os.write(pipe, content) :]


def _ended(running: dict[int, _Child]) -> list[int]:
    """Numbers of children whose pipe is closed; waits for the next event, and kills who is late."""
    with selectors.DefaultSelector() as selector:
        for number, child in running.items():
            selector.register(child.pipe, selectors.EVENT_READ, number)
        soonest = min(child.ends_at for child in running.values())
        ready = selector.select(max(soonest - time.monotonic(), 0.0))
    ended = []
    for key, _ in ready:
        child = running[key.data]
        part = os.read(child.pipe, 1 << 16)
        child.content += part
        if not part:
            ended.append(key.data)
    now = time.monotonic()
    for number, child in running.items():
        if number not in ended and now >= child.ends_at:
            _kill(child)
            ended.append(number)
    return ended


def _kill(child: _Child) -> None:
    child.was_killed = True
    try:
        os.kill(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _answer(child: _Child) -> bytes | Died:
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    if child.was_killed:
        return Died(f"killed at its limit of {child.limit_s:.3g} s")
    if os.WIFSIGNALED(status):
        return Died(f"its process died of {_named(os.WTERMSIG(status))}")
    code = os.WEXITSTATUS(status)
    if code == 2:
        return Died("its process ran out of memory")
    return child.content if code == 0 else Died("its process ended without an answer")


def _named(number: int) -> str:
    name = signal.Signals(number).name
    return f"{name}, likely for want of memory" if number == signal.SIGKILL else name


__all__ = ["Died", "Job", "can_fork", "run_jobs"]
