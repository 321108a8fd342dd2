"""Atomic writing: the old content or the new, whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_edge import atomic


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    atomic.write_text(path, "old")
    atomic.write_bytes(path, b"new")
    assert path.read_text() == "new"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_a_directory_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    with atomic.atomic_directory(tmp_path / "value") as temp:
        (temp / "part").write_text("1")
        assert not (tmp_path / "value").exists()
    assert (tmp_path / "value" / "part").read_text() == "1"


def _write_half(target: Path) -> None:
    with atomic.atomic_directory(target) as temp:
        (temp / "part").write_text("1")
        raise RuntimeError("half way")


def test_a_failing_writer_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        _write_half(tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


def test_a_taken_target_is_never_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "v"
    target.mkdir()
    (target / "theirs").write_text("1")
    with (
        pytest.raises(FileExistsError, match="already there"),
        atomic.atomic_directory(target) as t,
    ):
        (t / "ours").write_text("2")
    assert [path.name for path in tmp_path.iterdir()] == ["v"]
    assert [path.name for path in target.iterdir()] == ["theirs"]


def test_a_value_is_replaced_and_the_one_before_stays_for_its_readers(tmp_path: Path) -> None:
    target = tmp_path / "value"
    seen = []
    for number in range(3):
        with atomic.replace_directory(target) as temp:
            (temp / "n").write_text(str(number))
        seen.append(atomic.resolve(target))
        assert (seen[-1] / "n").read_text() == str(number)
    assert [path.exists() for path in seen] == [False, True, True]


def test_the_old_value_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    target = tmp_path / "value"
    with atomic.replace_directory(target) as temp:
        (temp / "n").write_text("1")
    with pytest.raises(OSError, match="broken"), atomic.replace_directory(target) as temp:
        raise OSError("broken")
    assert (atomic.resolve(target) / "n").read_text() == "1"


def test_a_damaged_or_missing_pointer_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing has been written"):
        atomic.resolve(tmp_path)
    (tmp_path / "current").write_text("../elsewhere")
    with pytest.raises(ValueError, match="does not name a value"):
        atomic.resolve(tmp_path)
    (tmp_path / "current").write_text("0" * 32)
    with pytest.raises(FileNotFoundError, match="is gone"):
        atomic.resolve(tmp_path)


def test_only_orphans_of_the_dead_are_swept(tmp_path: Path) -> None:
    with atomic.atomic_directory(tmp_path / "ours") as temp:
        host = temp.name.removeprefix(".tmp-").split("-")[0]
        dead = tmp_path / f".tmp-{host}-{2**22 + 1}-x"
        dead.mkdir()
        (tmp_path / ".tmp-elsewhere-1-x").write_text("young, of another machine")
        assert atomic.sweep(tmp_path) == (dead.name,)
    assert (tmp_path / "ours").is_dir()
    assert atomic.sweep(tmp_path, locked=True) == (".tmp-elsewhere-1-x",)
    assert atomic.sweep(tmp_path / "absent") == ()
