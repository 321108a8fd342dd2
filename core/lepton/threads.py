"""How many threads the libraries of linear algebra may start: read by them when they load."""

from __future__ import annotations

import os
from typing import Final

_NAMES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread_each() -> None:
    """One, unless the environment says otherwise; to be called before numpy is imported.

    Their threads wait by spinning: on a busy machine two of them made an evaluation five times
    as expensive. What runs in parallel here are fits.
    """
    for name in _NAMES:
        os.environ.setdefault(name, "1")


__all__ = ["one_thread_each"]
