"""The doctor: every line says how it is and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton.doctor import Level, cores, examine, memory_bytes
from lepton.registry.store import Registry
from lepton.solution import Project, find_project
from lepton.testing import corrupt, tiny_bundle

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = find_project(ROOT)
    return Project(found.root, found.solutions, state=tmp_path)


def test_a_sound_machine_has_no_failures(project: Project) -> None:
    findings = examine(project)
    assert [f for f in findings if f.level is Level.FAIL] == []
    assert {"python", "packages", "cores", "memory", "onnxruntime", "gpu", "project", "disk"} <= {
        finding.what for finding in findings
    }


def test_a_damaged_version_fails_with_a_remedy_and_orphans_go(project: Project) -> None:
    registry = Registry(project.workspace.registry("fraud_detection"))
    path = registry.publish(tiny_bundle(registry.root / "bundle"), {}).path
    corrupt(path / "model.onnx", "flip")
    (registry.root / ".tmp-dead").mkdir()
    findings = examine(project)
    (failed,) = (finding for finding in findings if finding.level is Level.FAIL)
    assert "model.onnx" in failed.what
    assert failed.remedy
    assert "1 temporary entries removed" in [finding.found for finding in findings]


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "25000", "cpu/cpu.cfs_period_us": "100000"}, 0.25),
    ],
)
def test_cores_follow_the_groups_quota(tmp_path: Path, files: dict[str, str], count: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores(tmp_path) == count


def test_no_quota_leaves_the_machines_own(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000")
    assert cores(tmp_path) == cores(tmp_path / "absent") >= 1


def test_memory_follows_the_groups_limit(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path) > 1e8
    (tmp_path / "memory.max").write_text("1000000")
    assert memory_bytes(tmp_path) == 1_000_000
