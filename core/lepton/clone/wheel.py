"""The kit's own wheel: built from the checkout, kept, or packed from what is installed."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from lepton.errors import CloneError
from lepton.solution import Project, kit_root

DISTRIBUTION = "lepton-kit"
_FOLDERS = ("lepton", "lepton_edge")
_NOT_PACKED = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
# a zip entry needs a time; a constant makes equal content give equal bytes
_TIME = (2020, 1, 1, 0, 0, 0)


def kit_version() -> str:
    """Version of the kit that runs."""
    return importlib.metadata.version(DISTRIBUTION)


def kit_wheel(project: Project) -> tuple[str, bytes]:
    """File name and content of the running kit's wheel.

    Built where the kit runs from a checkout, else the one kept in the project's
    `.lepton/wheels`, else packed from the installed files.
    Raises CloneError LK810 or LK811 where none of these can be done.
    """
    checkout = kit_root()
    if (checkout / "pyproject.toml").is_file():
        return _built(checkout)
    kept = sorted((project.root / ".lepton" / "wheels").glob(f"lepton_kit-{kit_version()}-*.whl"))
    if kept:
        return kept[0].name, kept[0].read_bytes()
    return _repacked(importlib.metadata.distribution(DISTRIBUTION))


def _built(checkout: Path) -> tuple[str, bytes]:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    if importlib.util.find_spec("hatchling"):
        command.append("--no-build-isolation")
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [*command, "--wheel-dir", folder, str(checkout)],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = sorted(Path(folder).glob("*.whl"))
        if told.returncode or not wheels:
            raise CloneError(
                "LK810",
                where=str(checkout),
                found="pip could not build the kit's wheel",
                remedy="pip install -e '.[dev]' in the checkout, then call again",
                details=told.stderr.strip().splitlines()[-3:],
            )
        return wheels[0].name, wheels[0].read_bytes()


def _repacked(installed: importlib.metadata.Distribution) -> tuple[str, bytes]:
    """The wheel that this installation came from, from its RECORD, each file's hash checked."""
    paths = [path for path in installed.files or () if _is_packed(path)]
    files = {path.as_posix(): path.read_binary() for path in paths}
    changed = [
        path.as_posix()
        for path in paths
        if path.hash and path.hash.value != _digest(files[path.as_posix()])
    ]
    if changed or not files:
        raise CloneError(
            "LK811",
            where=f"installed {DISTRIBUTION} {installed.version}",
            found=f"{len(changed)} of {len(files)} file(s) differ from its RECORD",
            remedy=f"pip install --force-reinstall {DISTRIBUTION}=={installed.version}",
            details=changed[:3],
        )
    return f"lepton_kit-{installed.version}-py3-none-any.whl", _zipped(files)


def _is_packed(path: importlib.metadata.PackagePath) -> bool:
    first = path.parts[0]
    if first.startswith("lepton_kit-") and first.endswith(".dist-info"):
        return path.name not in _NOT_PACKED
    return first in _FOLDERS and "__pycache__" not in path.parts


def _zipped(files: dict[str, bytes]) -> bytes:
    info = next(path for path in files if path.endswith(".dist-info/METADATA"))
    record = info.removesuffix("METADATA") + "RECORD"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(_entry(path), content)
        archive.writestr(_entry(record), _record(files, record))
    return buffer.getvalue()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, date_time=_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _record(files: dict[str, bytes], own: str) -> str:
    """A wheel's RECORD: path, hash and size of each file, its own line without."""
    lines: Iterable[tuple[str, str, str]] = (
        (path, f"sha256={_digest(content)}", str(len(content)))
        for path, content in sorted(files.items())
    )
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([*lines, (own, "", "")])
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    raw = hashlib.sha256(content).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
