"""Faults of artifacts, store and registry: what is deployed is whole and changes only by word."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lepton.cli.main import app
from lepton.config import SolutionConfig, parse_model
from lepton.errors import ConfigError, IntegrityError, MachineError
from lepton.registry.pointers import Pointers
from lepton.registry.store import Registry
from lepton.testing import (
    OPERATIONS,
    Operation,
    corrupt,
    fail_at,
    kill_at_random,
    limit_file_size,
    tiny_bundle,
)
from lepton.workspace import Workspace

KILLS = 200
CHILD = """
import hashlib, sys
from pathlib import Path
from lepton.registry.store import Registry
registry = Registry(Path(sys.argv[1]))
bundle = Path(sys.argv[2 + len(registry.versions()) % 2])
model = hashlib.sha256((bundle / "model.onnx").read_bytes()).hexdigest()
sys.stdout.write("."); sys.stdout.flush()
registry.publish(bundle, {"model": model})
registry.promote()
"""
BAD_NAMES = [
    "../x",
    "/x",
    "x/../../y",
    "%2e%2e%2f",
    "a\\b",
    "CON",
    "x" * 300,
    "x\0y",
    "frаud",  # a Cyrillic a
    "fraud\n",
    "",
    ".",
]
VERBS: list[Callable[[str], list[str]]] = [
    lambda name: ["run", name],
    lambda name: ["validate", name],
    lambda name: ["validate", name, "--contracts"],
    lambda name: ["map", name, "--data", "x.csv"],
    lambda name: ["simulate", name, "--rows", "10", "--out", "out"],
    lambda name: ["score", name, "--out", "x.csv"],
    lambda name: ["parity", name],
    lambda name: ["promote", name],
    lambda name: ["rollback", name],
    lambda name: ["new", name, "--solution", "fraud_detection", "--to", "out"],
    lambda name: ["new", "acme", "--solution", name, "--to", "out"],
]


def model_of(bundle: Path) -> str:
    return hashlib.sha256((bundle / "model.onnx").read_bytes()).hexdigest()


def deploy(registry: Registry, bundle: Path) -> int:
    registry.publish(bundle, {"model": model_of(bundle)})
    return registry.promote().number


@pytest.fixture
def bundles(tmp_path: Path) -> tuple[Path, Path]:
    return tiny_bundle(tmp_path / "a", b"a" * 300_000), tiny_bundle(tmp_path / "b", b"b" * 200_000)


@pytest.fixture
def registry(tmp_path: Path, bundles: tuple[Path, Path]) -> Registry:
    """A registry with version 2 deployed, 1 before it."""
    registry = Registry(tmp_path / "registry", wait_s=0.0)
    for bundle in bundles:
        deploy(registry, bundle)
    return registry


def deployed(registry: Registry) -> int:
    """Number of the deployed version, after a look at whether it is whole and not mixed."""
    found = registry.current()
    assert found is not None
    assert found.facts["model"] == model_of(found.path)
    return found.number


def refusal(action: Callable[[], object]) -> MachineError | None:
    try:
        action()
    except MachineError as error:
        return error
    return None


def temporary(registry: Registry) -> list[Path]:
    return list(registry.root.rglob(".tmp-*"))


@pytest.mark.slow
def test_a01_sigkill_at_a_random_moment_of_publish(
    registry: Registry, bundles: tuple[Path, Path]
) -> None:
    argv = [sys.executable, "-c", CHILD, str(registry.root), *map(str, bundles)]
    began = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    longest_s = time.monotonic() - began
    before = deployed(registry)
    outcomes = {"old": 0, "new": 0}
    for _ in kill_at_random(argv, KILLS, random.Random(1), longest_s):
        now = deployed(registry)
        assert now >= before
        outcomes["old" if now == before else "new"] += 1
        before = now
    assert sum(outcomes.values()) == KILLS
    assert min(outcomes.values()) > 0, outcomes
    registry.sweep()
    assert temporary(registry) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a02_exception_from_the_nth_operation(
    registry: Registry, bundles: tuple[Path, Path], operation: Operation
) -> None:
    n, fired = 0, True
    while fired:
        n += 1
        before = deployed(registry)
        with fail_at(operation, n) as fault:
            refused = refusal(lambda bundle=bundles[n % 2]: deploy(registry, bundle))  # type: ignore[misc]
        assert (refused is not None) == fault.fired
        assert refused is None or "disk full: needs about" in str(refused)
        fired = fault.fired
        assert deployed(registry) == before or deployed(registry) == max(registry.versions())
        registry.sweep()
        assert temporary(registry) == []
    assert n > 1, f"{operation} never happened"
    assert deployed(registry) == max(registry.versions())


@pytest.mark.parametrize("size", [0, 60, 300, 1_000, 100_000, 250_000])
def test_a03_disk_full_is_told_and_the_old_version_stays(
    registry: Registry, bundles: tuple[Path, Path], size: int
) -> None:
    with (
        limit_file_size(size),
        pytest.raises(MachineError, match=r"LK902 .*disk full: needs about 1 MB, [\d,]+ MB are"),
    ):
        deploy(registry, bundles[0])
    assert deployed(registry) == 2
    assert deploy(registry, bundles[0]) == 3
    assert temporary(registry) == []


def test_a03_too_little_space_is_told_before_anything_is_written(registry: Registry) -> None:
    with pytest.raises(MachineError, match=r"needs about 1,000,000,000,000,001 MB"):
        registry.preflight(10**21)


def test_a04_a_file_in_place_of_the_store_is_told_by_the_preflight(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match=r"LK904 .*file.*: the disk refuses: Not a directory"):
        Registry(tmp_path / "file" / "registry").preflight()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a04_permission_denied_is_told_by_the_preflight(registry: Registry, number: int) -> None:
    with (
        fail_at("open", 1, lambda: OSError(number, os.strerror(number))),
        pytest.raises(MachineError, match=r"LK903 .*cannot be written"),
    ):
        registry.preflight()


@pytest.mark.parametrize("name", ["model.onnx", "golden.json", "manifest.json"])
@pytest.mark.parametrize("mode", ["flip", "truncate", "empty"])
def test_a05_a_bit_flip_is_named_and_only_a_rollback_changes_versions(
    registry: Registry, name: str, mode: str
) -> None:
    current = registry.current()
    assert current is not None
    corrupt(current.path / name, mode)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
        registry.current()
    assert registry.pointers() == Pointers(candidate=2, current=2, previous=1)
    assert registry.rollback().number == 1
    assert deployed(registry) == 1


def test_a05_a_damaged_previous_version_is_not_rolled_back_to(registry: Registry) -> None:
    corrupt(registry.verify(1).path / "model.onnx", "flip")
    with pytest.raises(IntegrityError, match=r"LK605 .*model\.onnx"):
        registry.rollback()
    assert deployed(registry) == 2


def test_a06_a_missing_or_an_extra_file_is_refused(registry: Registry) -> None:
    current = registry.current()
    assert current is not None
    (current.path / "extra").write_text("")
    with pytest.raises(IntegrityError, match="extra"):
        registry.current()
    (current.path / "extra").unlink()
    (current.path / "golden.json").unlink()
    with pytest.raises(IntegrityError, match=r"golden\.json"):
        registry.current()


def test_a09_of_two_publishers_at_once_none_is_lost(
    registry: Registry, bundles: tuple[Path, Path]
) -> None:
    patient = Registry(registry.root, wait_s=60.0)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(patient.publish, bundles[i % 2], {"i": i}) for i in range(10)]
    numbers = {job.result().number: job.result().facts["i"] for job in found}
    assert sorted(numbers) == list(range(3, 13))
    assert sorted(numbers.values()) == list(range(10))
    assert deployed(registry) == 2


def test_a11_rollback_with_no_previous_is_told(tmp_path: Path, bundles: tuple[Path, Path]) -> None:
    registry = Registry(tmp_path / "fresh")
    with pytest.raises(IntegrityError, match=r"LK636 .*no previous version to roll back") as caught:
        registry.rollback()
    assert "`lepton promote fresh --version N`" in caught.value.remedy
    deploy(registry, bundles[0])
    with pytest.raises(IntegrityError, match=r"no previous version .*; there are versions 1"):
        registry.rollback()
    assert deployed(registry) == 1


def test_a12_a_pointer_to_a_missing_version_is_told(registry: Registry) -> None:
    (registry.root / "versions/00002").rename(registry.root / "versions/away")
    with pytest.raises(IntegrityError, match=r"LK633 .*version 2 is missing; there are versions 1"):
        registry.current()
    assert registry.promote(1).number == 1


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "fifo"])
def test_a13_a_link_or_pipe_in_the_store_is_refused(registry: Registry, kind: str) -> None:
    current = registry.current()
    assert current is not None
    model = current.path / "model.onnx"
    aside = model.rename(registry.root / "aside")
    make = {"symlink": model.symlink_to, "hardlink": model.hardlink_to}
    os.mkfifo(model) if kind == "fifo" else make[kind](aside)
    with pytest.raises(IntegrityError, match=r"LK6(06|37) .*model\.onnx"):
        registry.current()


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a14_a_bad_name_is_refused_on_the_command_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in VERBS:
        error = CliRunner().invoke(app, verb(name)).exception
        assert isinstance(error, ConfigError), (verb(name), error)
        assert error.code in {"LK110", "LK111"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a14_a_bad_name_is_refused_in_settings_and_paths(name: str, tmp_path: Path) -> None:
    good = {"solution": "fraud_detection", "source": {}}
    for key in ("solution", "customer"):
        with pytest.raises(ConfigError, match="LK110"):
            parse_model(SolutionConfig, {**good, key: name}, where="solution.yaml")
    workspace = Workspace(tmp_path)
    for folder in (workspace.registry, workspace.assets, workspace.journal, workspace.contracts):
        with pytest.raises(ConfigError, match="LK110"):
            folder(name)
    with pytest.raises(ConfigError, match="LK110"):
        workspace.run("fraud_detection", name)


def test_a15_versions_are_ordered_by_number_not_by_clock(
    registry: Registry, bundles: tuple[Path, Path]
) -> None:
    os.utime(registry.root / "versions/00002", (0, 0))
    os.utime(registry.root / "versions/00001", (4e9, 4e9))
    assert registry.versions() == (1, 2)
    assert registry.publish(bundles[0], {}).number == 3
