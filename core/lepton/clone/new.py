"""`lepton new`: a customer's own project, whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from lepton.clone.lock import PATH as LOCK
from lepton.clone.lock import make_lock
from lepton.clone.tree import project_files
from lepton.clone.wheel import kit_version, kit_wheel
from lepton.errors import CloneError
from lepton.names import check_id
from lepton.solution import Project

_EXECUTABLE = {".ci/run"}


def create(
    name: str, solutions: Sequence[str], target: Path, project: Project, *, force: bool = False
) -> Path:
    """The folder `target` as the project of customer `name`, with these solutions of `project`.

    force: write over a folder that has content; files that a new project does not have stay.
    Raises ConfigError LK110 or LK111 for a name that is no id or no solution's, CloneError
    LK801 to LK811 where the folder is taken or something is missing; then nothing is written.
    """
    _check_names(name, solutions)
    for solution in solutions:
        project.solution(solution)
    target = target.resolve()
    _check_target(target, force=force)
    version = kit_version()
    files = project_files(name, tuple(solutions), project, version)
    wheel, content = kit_wheel(project)
    files[f".lepton/wheels/{wheel}"] = content
    files[LOCK] = make_lock(version, name, tuple(solutions), files).to_bytes()
    try:
        _write(files, target)
    except OSError as error:
        raise CloneError(
            "LK804",
            where=str(target),
            found=f"the project could not be written: {error.strerror or error}",
            remedy="check space and permissions of the folder above, then call again",
        ) from error
    return target


def _check_names(name: str, solutions: Sequence[str]) -> None:
    check_id(name, "customer")
    if not name[0].isalpha() or not name[-1].isalnum():
        raise CloneError(
            "LK801",
            where="customer",
            found=f"'{name}' cannot name a project",
            remedy="begin with a letter and end with a letter or digit",
        )
    if not solutions or len(set(solutions)) != len(solutions):
        raise CloneError(
            "LK802",
            where="--solution",
            found=f"{len(solutions)} solution(s), {len(set(solutions))} different",
            remedy="name each solution once, at least one",
        )


def _check_target(target: Path, *, force: bool) -> None:
    """Refuse a folder with content unless forced, and links that lead out of it."""
    if target.exists() and not target.is_dir():
        raise _taken(target, "a file of this name is there")
    content = sorted(path.name for path in target.iterdir()) if target.is_dir() else []
    if content and not force:
        raise _taken(target, f"it has {len(content)} entries already ({', '.join(content[:3])})")


def _taken(target: Path, found: str) -> CloneError:
    return CloneError(
        "LK803",
        where=str(target),
        found=found,
        remedy="name an empty or new folder with --to, or write over it with --force",
    )


def _write(files: Mapping[str, bytes], target: Path) -> None:
    """Everything into a folder beside `target`, then moved there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temp = target.parent / f".tmp-{target.name}-{uuid.uuid4().hex}"
    try:
        for path, content in files.items():
            _write_file(temp / path, content, executable=path in _EXECUTABLE)
        if target.is_dir() and any(target.iterdir()):
            _move_over(temp, target, files)
        else:
            temp.replace(target)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def _write_file(path: Path, content: bytes, *, executable: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if executable else 0o644)


def _move_over(temp: Path, target: Path, files: Mapping[str, bytes]) -> None:
    """Each file over the one before it; refused before the first where a link leads outside."""
    outside = [path for path in files if not (target / path).resolve().is_relative_to(target)]
    if outside:
        raise CloneError(
            "LK807",
            where=str(target),
            found=f"{len(outside)} path(s) lead out of it through links (e.g. {outside[0]})",
            remedy="remove these links",
        )
    for path in files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (temp / path).replace(target / path)
