"""How fits share the machine: cores, threads of linear algebra, warnings."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


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


__all__ = ["available_workers", "quiet_and_single_threaded"]
