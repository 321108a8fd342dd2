"""The kit's wheel can be had wherever the kit runs."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lepton.clone import wheel
from lepton.errors import CloneError
from lepton.solution import Project, kit_root


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    name, content = wheel.kit_wheel(Project(kit_root(), {}))
    (folder / name).write_bytes(content)
    return folder / name


def installed(built: Path, folder: Path) -> importlib.metadata.Distribution:
    """The wheel unpacked as pip does, with the files that pip adds."""
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder)
    (info,) = folder.glob("*.dist-info")
    (info / "INSTALLER").write_text("pip\n")
    (found,) = importlib.metadata.distributions(path=[str(folder)])
    return found


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_all_that_a_clone_copies(built: Path) -> None:
    names = set(contents(built))
    assert {
        "lepton/_kit/solutions/fraud_detection/__init__.py",
        "lepton/_kit/pipelines/definitions.py",
        "lepton/_kit/.dagster/dagster.yaml",
        "lepton/_kit/.ci/run",
        "lepton/clone/templates/pyproject.toml.in",
        "lepton/clone/templates/env",
        "lepton_edge/atomic.py",
    } <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if ".dist-info" not in top} == {"lepton", "lepton_edge"}


def test_a_wheel_packed_from_its_installation_equals_the_one_installed(
    built: Path, tmp_path: Path
) -> None:
    name, content = wheel._repacked(installed(built, tmp_path / "site"))
    (tmp_path / name).write_bytes(content)
    assert name == built.name
    before, after = contents(built), contents(tmp_path / name)
    assert {path for path in before if not path.endswith("RECORD")} == {
        path for path in after if not path.endswith("RECORD")
    }
    assert all(before[path] == after[path] for path in before if not path.endswith("RECORD"))


def test_pip_takes_the_packed_wheel(built: Path, tmp_path: Path) -> None:
    name, content = wheel._repacked(installed(built, tmp_path / "site"))
    (tmp_path / name).write_bytes(content)
    told = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--dry-run",
         "--ignore-installed", "--disable-pip-version-check", str(tmp_path / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Would install lepton-kit" in told.stdout, told.stderr


def test_an_edited_installation_is_not_packed(built: Path, tmp_path: Path) -> None:
    found = installed(built, tmp_path / "site")
    (tmp_path / "site/lepton/errors.py").write_text("edited = True\n")
    with pytest.raises(CloneError, match=r"LK811 .*1 of \d+ file\(s\) differ"):
        wheel._repacked(found)


def test_a_kept_wheel_serves_where_the_kit_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / ".lepton/wheels" / f"lepton_kit-{wheel.kit_version()}-py3-none-any.whl"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"PK")
    monkeypatch.setattr(wheel, "kit_root", lambda: tmp_path / "site-packages/lepton/_kit")
    assert wheel.kit_wheel(Project(tmp_path, {})) == (kept.name, b"PK")


def test_a_checkout_that_does_not_build_is_told_with_pips_last_words(tmp_path: Path) -> None:
    content = '[build-system]\nrequires = []\nbuild-backend = "nowhere_to_be_found"\n'
    (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(CloneError, match=r"LK810 .*could not build") as refused:
        wheel._built(tmp_path)
    assert refused.value.details
