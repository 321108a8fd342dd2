"""A customer's project is whole, its own, and never at the cost of what was there."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from lepton.clone import new
from lepton.clone.lock import read_lock
from lepton.clone.new import create
from lepton.clone.wheel import kit_version
from lepton.errors import CloneError, ConfigError
from lepton.solution import Project

EXPECTED = [
    ".ci/run",
    ".dagster/dagster.yaml",
    ".env",
    ".gitignore",
    ".lepton/lock.json",
    ".lepton/wheels/lepton_kit-0.1.0-py3-none-any.whl",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "data_contracts/demo/rows.odcs.yaml",
    "pipelines/__init__.py",
    "pyproject.toml",
    "sample_data/demo/rows.parquet",
    "solutions/__init__.py",
    "solutions/demo/__init__.py",
    "solutions/demo/solution.yaml",
    "tests/test_project.py",
]


def listing(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_clone_has_one_solution_and_nothing_of_the_others(
    project: Project, tmp_path: Path
) -> None:
    made = create("acme", ["demo"], tmp_path / "acme", project)
    assert made == tmp_path / "acme"
    assert listing(made) == EXPECTED


def test_a_clone_may_have_several_solutions(project: Project, tmp_path: Path) -> None:
    made = create("acme", ["demo", "other"], tmp_path / "acme", project)
    assert (made / "solutions/other/solution.yaml").read_text() == (
        "solution: other\ncustomer: acme\n"
    )
    assert read_lock(made).solutions == ("demo", "other")


def test_a_clone_carries_its_customers_name_and_the_kits_version(
    project: Project, tmp_path: Path
) -> None:
    made = create("acme", ["demo"], tmp_path / "acme", project)
    settings = tomllib.loads((made / "pyproject.toml").read_text())
    assert settings["project"]["name"] == "acme-solutions"
    assert settings["project"]["dependencies"] == [f"lepton-kit=={kit_version()}"]
    assert settings["tool"]["dagster"]["module_name"] == "pipelines.definitions"
    assert "customer: acme" in (made / "solutions/demo/solution.yaml").read_text()
    assert (made / "README.md").read_text().startswith("# Demonstration for acme\n")
    assert "$" not in (made / "README.md").read_text()


def test_a_clones_makefile_is_one_that_make_reads(project: Project, tmp_path: Path) -> None:
    made = create("acme", ["demo"], tmp_path / "acme", project)
    told = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=made, capture_output=True, text=True, check=True
    )
    assert ".venv/bin/lepton run demo" in told.stdout
    assert "--find-links .lepton/wheels" in told.stdout


def test_the_lock_holds_the_hash_of_every_file(project: Project, tmp_path: Path) -> None:
    made = create("acme", ["demo"], tmp_path / "acme", project)
    lock = read_lock(made)
    assert sorted([*lock.files, ".lepton/lock.json"]) == EXPECTED
    assert lock.edited(made) == ()
    (made / "Makefile").write_text("demo:\n")
    (made / "README.md").unlink()
    assert lock.edited(made) == ("Makefile", "README.md")


def test_the_same_answers_give_the_same_bytes(project: Project, tmp_path: Path) -> None:
    one, two = (create("acme", ["demo"], tmp_path / to, project) for to in ("one", "two"))
    assert all((one / path).read_bytes() == (two / path).read_bytes() for path in EXPECTED)


def test_a_clone_can_be_cloned(project: Project, tmp_path: Path) -> None:
    made = create("acme", ["demo"], tmp_path / "acme", project)
    again = create("beta", ["demo"], tmp_path / "beta", Project(made, project.solutions))
    assert listing(again) == EXPECTED
    assert "customer: beta" in (again / "solutions/demo/solution.yaml").read_text()


def test_an_empty_folder_may_be_the_target(project: Project, tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    assert listing(create("acme", ["demo"], tmp_path / "acme", project)) == EXPECTED


def test_a_folder_with_content_is_refused_without_force(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "acme"
    target.mkdir()
    (target / "README.md").write_text("mine")
    with pytest.raises(CloneError, match=r"LK803 .*1 entries already \(README.md\)") as refused:
        create("acme", ["demo"], target, project)
    assert "--force" in refused.value.remedy
    assert listing(target) == ["README.md"]


def test_force_writes_over_and_leaves_what_is_not_its_own(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "acme"
    (target / "notes").mkdir(parents=True)
    (target / "README.md").write_text("old")
    (target / "notes/mine.md").write_text("mine")
    create("acme", ["demo"], target, project, force=True)
    assert listing(target) == sorted([*EXPECTED, "notes/mine.md"])
    assert (target / "README.md").read_text() != "old"


def test_force_does_not_follow_links_out_of_the_target(project: Project, tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "acme"
    outside.mkdir()
    target.mkdir()
    (target / "solutions").symlink_to(outside)
    with pytest.raises(CloneError, match=r"LK807 .*lead out of it"):
        create("acme", ["demo"], target, project, force=True)
    assert listing(outside) == []
    assert [path.name for path in target.iterdir()] == ["solutions"]


def test_a_disk_that_refuses_leaves_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def refuse_the_fifth(path: Path, content: bytes, *, executable: bool) -> None:
        written.append(path)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    monkeypatch.setattr(new, "_write_file", refuse_the_fifth)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(CloneError, match=r"LK804 .*No space left"):
        create("acme", ["demo"], tmp_path / "acme", project)
    assert sorted(tmp_path.iterdir()) == before


def test_an_unknown_solution_is_named_with_the_nearest(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LK111 .*did you mean 'demo'"):
        create("acme", ["demoo"], tmp_path / "acme", project)


@pytest.mark.parametrize("solutions", [[], ["demo", "demo"]])
def test_each_solution_is_named_once(
    project: Project, tmp_path: Path, solutions: list[str]
) -> None:
    with pytest.raises(CloneError, match="LK802"):
        create("acme", solutions, tmp_path / "acme", project)


def test_a_project_that_lacks_a_folder_is_told_so(project: Project, tmp_path: Path) -> None:
    (project.root / "sample_data/demo/rows.parquet").unlink()
    with pytest.raises(CloneError, match=r"LK805 .*'sample_data/demo' is missing"):
        create("acme", ["demo"], tmp_path / "acme", project)
    assert not (tmp_path / "acme").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1}'])
def test_a_lock_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".lepton").mkdir()
    (tmp_path / ".lepton/lock.json").write_text(text)
    with pytest.raises(CloneError, match="LK806"):
        read_lock(tmp_path)


def test_the_lock_is_json_that_a_person_can_read(project: Project, tmp_path: Path) -> None:
    made = create("acme", ["demo"], tmp_path / "acme", project)
    content = json.loads((made / ".lepton/lock.json").read_text())
    assert content["name"] == "acme"
    assert content["kit"] == kit_version()
