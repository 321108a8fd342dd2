"""Jobs in processes of their own: whatever one of them does, the others answer."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from lepton.automl.children import Died, run_jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs are forked on Linux only")


def _hang() -> bytes:
    threading.Event().wait()
    return b"never"


def _crash() -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b"never"


def _killed() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b"never"


def _out_of_memory() -> bytes:
    raise MemoryError


def test_answers_come_in_the_order_of_the_jobs_however_many_run_at_a_time() -> None:
    jobs = [lambda n=n: str(n).encode() * 100_000 for n in range(5)]
    for workers in (1, 2, 9):
        found = run_jobs(jobs, [60.0] * 5, workers)
        assert found == [str(n).encode() * 100_000 for n in range(5)]


def test_a_job_that_hangs_is_killed_at_its_limit_and_one_that_crashes_is_named() -> None:
    jobs = [_hang, _crash, _killed, _out_of_memory, lambda: b"well"]
    found = run_jobs(jobs, [0.2, 60.0, 60.0, 60.0, 60.0], 2)
    told = [one.reason if isinstance(one, Died) else one for one in found]
    assert told == [
        "killed at its limit of 0.2 s",
        "its process died of SIGSEGV",
        "its process died of SIGKILL, likely for want of memory",
        "its process ran out of memory",
        b"well",
    ]


def test_nothing_is_left_behind_when_the_caller_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[int] = []
    real = os.fork

    def fork() -> int:
        pid = real()
        started.append(pid)
        return pid

    def interrupted() -> float:
        if started:
            raise KeyboardInterrupt
        return 0.0

    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(time, "monotonic", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_jobs([_hang], [60.0], 1)
    with pytest.raises(ChildProcessError):
        os.waitpid(started[0], os.WNOHANG)
