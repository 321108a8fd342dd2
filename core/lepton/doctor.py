"""Whether machine, libraries, project and registries are as they should be, and what to do."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata, util
from pathlib import Path

import lepton
from lepton.errors import LeptonError
from lepton.registry.machine import preflight
from lepton.registry.store import Registry
from lepton.solution import Project
from lepton_edge import atomic

_PACKAGES = (
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "scikit-learn",
    "lightgbm",
    "onnx",
    "onnxruntime",
    "pydantic",
    "dagster",
    "great-expectations",
)
_LEAST_MEMORY_BYTES = 2e9
_LEAST_DISK_BYTES = 1e9
# The kernel's way to say "no limit" in cgroup v1 is a number near 2**63.
_NO_LIMIT = 1 << 60


class Level(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, what was found, what to do about it."""

    level: Level
    what: str
    found: str
    remedy: str = ""


def examine(project: Project) -> list[Finding]:
    """Every finding, in the order machine, libraries, project, solutions.

    Removes temporary entries of dead writers on the way; a check that breaks is a FAIL.
    """
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _packages,
        _machine,
        _accelerators,
        lambda: _project(project),
    ]
    for name in project.solutions:
        checks.append(lambda name=name: _contracts(project, name))  # type: ignore[misc]
        checks.append(lambda name=name: _registry(project, name))  # type: ignore[misc]
    return [finding for check in checks for finding in _guarded(check)]


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Processors that this process may use: the smaller of affinity and the group's quota."""
    allowed = getattr(os, "sched_getaffinity", None)
    count = float(len(allowed(0))) if allowed else float(os.cpu_count() or 1)
    return min(count, _quota(cgroup))


def memory_bytes(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory that this process may use: the smaller of the machine's and the group's limit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_number(cgroup / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return min([total, *(limit for limit in limits if limit is not None and limit < _NO_LIMIT)])


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except LeptonError as error:
        yield Finding(Level.FAIL, f"{error.code} {error.where}", error.found, error.remedy)
    except Exception as error:
        yield Finding(Level.FAIL, type(error).__name__, str(error), "tell us, with this line")


def _python() -> Iterator[Finding]:
    level = Level.OK if sys.version_info >= (3, 11) else Level.FAIL
    remedy = "" if level is Level.OK else "install Python 3.11 or newer"
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding(level, "python", found, remedy)
    yield Finding(Level.OK, "lepton-kit", lepton.__version__)


def _packages() -> Iterator[Finding]:
    missing = []
    present = []
    for name in _PACKAGES:
        try:
            present.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    yield Finding(Level.OK, "packages", ", ".join(present))
    if missing:
        yield Finding(
            Level.FAIL, "packages", f"missing: {', '.join(missing)}", "pip install lepton-kit"
        )


def _machine() -> Iterator[Finding]:
    yield Finding(Level.OK, "cores", f"{cores():g}")
    memory = memory_bytes()
    enough = memory >= _LEAST_MEMORY_BYTES
    yield Finding(
        Level.OK if enough else Level.WARN,
        "memory",
        f"{memory / 1e9:.1f} GB",
        "" if enough else "large tables need 2 GB and more",
    )


def _accelerators() -> Iterator[Finding]:
    import onnxruntime

    yield Finding(Level.OK, "onnxruntime", ", ".join(onnxruntime.get_available_providers()))
    if util.find_spec("torch") is None:
        yield Finding(Level.OK, "gpu", "torch is not installed; nothing here needs it")
        return
    torch = importlib.import_module("torch")
    found = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; torch uses cores"
    yield Finding(Level.OK, "gpu", found)


def _project(project: Project) -> Iterator[Finding]:
    yield Finding(Level.OK, "project", f"{project.root}: {', '.join(project.solutions)}")
    home = project.workspace.home
    preflight(home)
    free = shutil.disk_usage(home).free
    level = Level.OK if free >= _LEAST_DISK_BYTES else Level.WARN
    remedy = "" if level is Level.OK else "free space: a run writes data, models and reports"
    yield Finding(level, "disk", f"{free / 1e9:.1f} GB free at {home}", remedy)
    settings = project.workspace.dagster_home / "dagster.yaml"
    if settings.is_file():
        yield Finding(Level.OK, "dagster", f"home {settings.parent}")
    else:
        yield Finding(
            Level.WARN, "dagster", f"no {settings}", "`lepton run` makes it, telemetry off"
        )


def _contracts(project: Project, name: str) -> Iterator[Finding]:
    from lepton.contracts.odcs import load_contracts

    found = load_contracts(project.workspace.contracts(name))
    missing = sorted(set(project.solutions[name].tables) - set(found))
    if missing:
        yield Finding(
            Level.FAIL,
            f"{name} contracts",
            f"no contract of {', '.join(missing)}",
            "restore data_contracts/ from the kit",
        )
    versions = ", ".join(f"{table} {contract.version}" for table, contract in found.items())
    yield Finding(Level.OK, f"{name} contracts", versions)


def _registry(project: Project, name: str) -> Iterator[Finding]:
    registry = Registry(project.workspace.registry(name))
    swept = (*registry.sweep(), *_sweep_assets(project.workspace.assets(name)))
    if swept:
        yield Finding(Level.OK, f"{name} registry", f"{len(swept)} temporary entries removed")
    for number in registry.versions():
        yield from _guarded(lambda number=number: _version(registry, number, name))  # type: ignore[misc]
    pointers = registry.pointers()
    told = f"candidate {pointers.candidate}, current {pointers.current}"
    yield Finding(Level.OK, f"{name} registry", f"{told}, previous {pointers.previous}")
    registry.current()


def _version(registry: Registry, number: int, name: str) -> Iterator[Finding]:
    registry.verify(number)
    yield Finding(Level.OK, f"{name} version {number}", "whole")


def _sweep_assets(assets: Path) -> tuple[str, ...]:
    folders = [assets, *(path for path in assets.glob("*") if path.is_dir())]
    return tuple(name for folder in folders for name in atomic.sweep(folder))


def _quota(cgroup: Path) -> float:
    """Processors that the group's quota is worth, in cgroup v2 or v1; infinity without one."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        limit = _number(cgroup / "cpu" / "cpu.cfs_quota_us")
        width = _number(cgroup / "cpu" / "cpu.cfs_period_us")
        return limit / width if limit and width and limit > 0 else float("inf")
    return float("inf") if quota == "max" else int(quota) / int(period)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


__all__ = ["Finding", "Level", "cores", "examine", "memory_bytes"]
