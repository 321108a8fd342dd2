"""What every benchmark protocol needs: a customer of its own, and what it was run with."""

from __future__ import annotations

import platform
import resource
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lepton.context import Context, make_context
from lepton.solution import BenchRequest, Project, Solution

RUN_ID: Final = "bench"
_PACKAGES: Final = ("lepton-kit", "lightgbm", "numpy", "pandas", "polars", "scikit-learn")


def customer(
    request: BenchRequest,
    solution: Solution,
    root: Path,
    scratch: Path,
    *,
    settings: str,
    mapping: str | None = None,
) -> Context:
    """The context of a customer with these settings and mapping (both YAML), as any other's.

    root: of the project that `solution` and its contracts belong to; scratch: folder for the two
    files and all that the customer's runs write.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    if mapping is not None:
        (scratch / "mapping.yaml").write_text(mapping, encoding="utf-8")
    path = scratch / "solution.yaml"
    path.write_text(settings, encoding="utf-8")
    return make_context(
        Project(root, {solution.name: solution}, state=scratch),
        solution.name,
        run_id=RUN_ID,
        config_path=path,
        progress=request.progress,
    )


def cpu_s() -> float:
    """CPU seconds of this process and of those that it has started and seen end."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def versions() -> dict[str, str]:
    """Python's version and those of the packages that decide results."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


__all__ = ["cpu_s", "customer", "versions"]
