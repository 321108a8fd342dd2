"""The files of a customer's project: copies of a project's own folders, and a few templates."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from lepton.errors import CloneError
from lepton.solution import Project

_TEMPLATES = Path(__file__).parent / "templates"
_RENDERED = {
    "pyproject.toml": "pyproject.toml.in",
    "README.md": "README.md.in",
    "Makefile": "Makefile.in",
    "CHANGELOG.md": "CHANGELOG.md.in",
}
_PLAIN = {
    ".env": "env",
    ".gitignore": "gitignore",
    "tests/test_project.py": "tests/test_project.py",
}
_SHARED = (".ci/run", ".dagster/dagster.yaml", "solutions/__init__.py")
_LEFT_OUT = {"__pycache__"}
_CUSTOMER = re.compile(r"^customer:.*$", re.MULTILINE)


def project_files(
    name: str, solutions: Sequence[str], project: Project, version: str
) -> dict[str, bytes]:
    """Path -> content of every file of the project `name` but the kit's wheel and the lock.

    Raises CloneError LK805 where `project` lacks something that a clone needs.
    """
    values = _values(name, solutions, project, version)
    files = {path: _render(source, values) for path, source in _RENDERED.items()}
    files |= {path: (_TEMPLATES / source).read_bytes() for path, source in _PLAIN.items()}
    files |= {path: _read(project.root, path) for path in _SHARED}
    files["LICENSE"] = _licence()
    for folder in _folders(solutions):
        files |= {path: _read(project.root, path) for path in _below(project.root, folder)}
    for solution in solutions:
        settings = f"solutions/{solution}/solution.yaml"
        files[settings] = _for_customer(_read(project.root, settings), name)
    return dict(sorted(files.items()))


def _values(
    name: str, solutions: Sequence[str], project: Project, version: str
) -> Mapping[str, str]:
    return {
        "name": name,
        "first": solutions[0],
        "solutions": ", ".join(solutions),
        "titles": ", ".join(project.solution(one).title for one in solutions),
        "version": version,
    }


def _render(source: str, values: Mapping[str, str]) -> bytes:
    template = Template((_TEMPLATES / source).read_text(encoding="utf-8"))
    return template.substitute(values).encode("utf-8")


def _licence() -> bytes:
    text = importlib.metadata.distribution("lepton-kit").read_text("licenses/LICENSE")
    return (text or "").encode("utf-8")


def _folders(solutions: Sequence[str]) -> Iterator[str]:
    yield "pipelines"
    for solution in solutions:
        yield f"solutions/{solution}"
        yield f"data_contracts/{solution}"
        yield f"sample_data/{solution}"


def _below(root: Path, folder: str) -> list[str]:
    """Files below `folder` relative to `root`; no caches, nothing hidden, no links."""
    files = (path for path in (root / folder).rglob("*") if path.is_file())
    kept = sorted(path.relative_to(root) for path in files if not path.is_symlink())
    found = [path.as_posix() for path in kept if not _is_left_out(path)]
    if not found:
        raise _lacking(root, folder)
    return found


def _is_left_out(path: Path) -> bool:
    return any(part in _LEFT_OUT or part.startswith(".") for part in path.parts)


def _read(root: Path, path: str) -> bytes:
    try:
        return (root / path).read_bytes()
    except OSError as error:
        raise _lacking(root, path) from error


def _lacking(root: Path, path: str) -> CloneError:
    return CloneError(
        "LK805",
        where=str(root),
        found=f"'{path}' is missing, which every project needs",
        remedy="call `lepton new` from a complete checkout, clone or installation of the kit",
    )


def _for_customer(settings: bytes, name: str) -> bytes:
    """solution.yaml with this customer's name in it."""
    text, count = _CUSTOMER.subn(f"customer: {name}", settings.decode("utf-8"), count=1)
    return (text if count else f"{text.rstrip()}\ncustomer: {name}\n").encode("utf-8")
