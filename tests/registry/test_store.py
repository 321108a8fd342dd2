"""The registry: what is deployed is whole, and changes only when it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lepton.errors import IntegrityError, MachineError
from lepton.registry.lock import hold
from lepton.registry.pointers import Pointers
from lepton.registry.store import Registry
from lepton.testing import corrupt, tiny_bundle


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry", wait_s=0.0)


def publish(registry: Registry, tmp_path: Path, text: str) -> int:
    bundle = tiny_bundle(tmp_path / f"bundle_{text}", text.encode())
    return registry.publish(bundle, {"metrics": {"ap": 0.5}, "text": text}).number


def test_versions_are_numbered_and_promoted_by_word(registry: Registry, tmp_path: Path) -> None:
    assert (registry.current(), registry.versions()) == (None, ())
    assert publish(registry, tmp_path, "a") == 1
    assert registry.current() is None
    registry.promote()
    assert publish(registry, tmp_path, "b") == 2
    assert registry.pointers() == Pointers(candidate=2, current=1, previous=None)
    registry.promote(2)
    assert registry.pointers() == Pointers(candidate=2, current=2, previous=1)
    found = registry.current()
    assert found is not None
    assert (found.number, found.facts["text"]) == (2, "b")
    assert (found.path / "model.onnx").read_bytes().endswith(b"b")


def test_promoting_what_is_current_keeps_the_previous(registry: Registry, tmp_path: Path) -> None:
    for text in "ab":
        publish(registry, tmp_path, text)
        registry.promote()
    registry.promote(2)
    assert registry.pointers().previous == 1


def test_rollback_is_one_step_and_does_not_swing_back(registry: Registry, tmp_path: Path) -> None:
    for text in "ab":
        publish(registry, tmp_path, text)
        registry.promote()
    assert registry.rollback().number == 1
    assert registry.pointers() == Pointers(candidate=2, current=1, previous=None)


def test_nothing_to_promote_is_told(registry: Registry) -> None:
    with pytest.raises(IntegrityError, match="no candidate to promote; there are no versions yet"):
        registry.promote()


def test_a_missing_version_is_told_with_those_there_are(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "a")
    with pytest.raises(IntegrityError, match="version 7 is missing; there are versions 1"):
        registry.promote(7)


def test_facts_that_are_not_finite_become_null(registry: Registry, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    version = registry.publish(bundle, {"ap": float("nan"), "all": [float("inf"), 1.5]})
    assert version.facts == {"ap": None, "all": [None, 1.5]}


def test_a_damaged_bundle_is_not_published(registry: Registry, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    corrupt(bundle / "model.onnx", "flip")
    with pytest.raises(IntegrityError, match=r"LK605 .*model\.onnx"):
        registry.publish(bundle, {})
    assert registry.versions() == ()


def test_another_bundle_under_the_same_number_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    publish(registry, tmp_path, "a")
    folder = registry.promote().path
    for path in tiny_bundle(tmp_path / "other", b"other").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(IntegrityError, match="not the manifest that was published"):
        registry.current()


@pytest.mark.parametrize("name", ["pointers.json", "versions/00001/version.json"])
def test_damaged_records_are_refused(registry: Registry, tmp_path: Path, name: str) -> None:
    publish(registry, tmp_path, "a")
    registry.promote()
    path = registry.root / name
    path.write_text(path.read_text().replace("1", "2"))
    with pytest.raises(IntegrityError, match=r"LK63[89]"):
        registry.current()


def test_damaged_pointers_are_mended_by_a_promotion_by_number(
    registry: Registry, tmp_path: Path
) -> None:
    publish(registry, tmp_path, "a")
    registry.promote()
    corrupt(registry.root / "pointers.json", "truncate")
    with pytest.raises(IntegrityError, match="LK638"):
        registry.promote()
    assert registry.promote(1).number == 1
    assert registry.pointers().current == 1


def test_records_of_a_newer_kit_are_refused(registry: Registry, tmp_path: Path) -> None:
    from lepton.registry.sealed import write_sealed

    write_sealed(registry.root / "pointers.json", 2, {"current": 1})
    with pytest.raises(IntegrityError, match=r"LK639 .*format 2, this kit knows 1"):
        registry.current()


def test_temporary_entries_are_swept_at_the_next_start(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "a")
    (registry.root / "versions" / ".tmp-gone").mkdir()
    (registry.root / ".tmp-gone").write_text("")
    assert registry.sweep() == (".tmp-gone", ".tmp-gone")
    assert Registry(tmp_path / "absent").sweep() == ()


def test_a_busy_lock_names_its_holder(registry: Registry, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    with (
        hold(registry.root / "lock", "r20260101"),
        pytest.raises(MachineError, match=r"run r20260101 \(process \d+\) holds the lock since 20"),
    ):
        registry.publish(bundle, {})


def test_versions_are_plain_json(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "a")
    content = json.loads((registry.root / "versions/00001/version.json").read_text())
    assert sorted(content) == ["facts", "format", "manifest_sha256", "number", "sha256"]
