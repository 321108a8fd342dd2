"""How fits share the machine: cores, threads of linear algebra, warnings."""

from __future__ import annotations

import ctypes
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""Linux's prctl(2): the signal this process gets when its parent ends."""


def available_workers() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def quiet_and_single_threaded() -> Iterator[None]:
    """One thread a linear algebra call, so that sums have one order; no convergence warnings:
    a regression that has not converged is judged by its score like any other."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def die_with_parent() -> None:
    """Make this forked child end when its parent does, and be the first to go where memory is
    short; both are kindnesses that a machine may refuse."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("900", encoding="ascii")


__all__ = ["available_workers", "die_with_parent", "quiet_and_single_threaded"]
