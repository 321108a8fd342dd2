"""A bundle on disk: opened only where every byte is the one its manifest names."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lepton_edge.errors import BundleError
from lepton_edge.onnx_guard import external_tensors
from lepton_edge.seal import SEAL, is_sealed
from lepton_edge.strict_json import parse

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MODEL: Final = "model.onnx"
GOLDEN: Final = "golden.json"
FORECAST: Final = "forecast"
"""Field of the manifest by which a bundle of forecasts is told from one that scores rows."""
RECOMMEND: Final = "recommend"
"""Field of the manifest by which a bundle that recommends is told."""
MAX_MANIFEST_BYTES: Final = 1 << 20
MAX_FILE_BYTES: Final = 1 << 30
MAX_FILES: Final = 1000

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RESTORE: Final = "copy the whole bundle again, or go back to the previous version"
_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "format": int,
    "kit_version": str,
    "solution": str,
    "run_id": str,
    "contracts": dict,
    "inputs": dict,
    "key": str,
    "outputs": list,
    "threshold": (int, float),
    "opset": dict,
    "model_fingerprint": str,
    "family": str,
    "timing": dict,
    "files": dict,
    SEAL: str,
}
_OPTIONAL: Final[Mapping[str, type | tuple[type, ...]]] = {
    "stream": dict,
    "rules": dict,
    FORECAST: dict,
    RECOMMEND: dict,
}
"""What not every bundle says: those of the first kits, those without rules or forecasts."""
_OF_SCORES: Final = "threshold"
"""What a bundle of forecasts, or of recommendations, has not."""


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    numeric, categorical: names of the features, in the order of the model's inputs;
    key: the field that names a row, "" where there is none; threshold: NaN for forecasts and
    recommendations;
    files: name -> (sha256, bytes); content: the whole of it but its seal.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    key: str
    threshold: float
    files: Mapping[str, tuple[str, int]]
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Opened:
    """A bundle whose every file is there, is alone there and has its sha256.

    model: the bytes of the ONNX file that were hashed, so that nothing can change between.
    """

    path: Path
    manifest: Manifest
    model: bytes

    def read(self, name: str) -> bytes:
        """The bytes of the bundle's file `name`, hashed again on the way."""
        return _read_verified(self.path, name, *self.manifest.files[name])


def open_bundle(path: Path) -> Opened:
    """The bundle in the folder `path`, verified whole before anything in it is parsed.

    Raises BundleError: LK601 no manifest, LK602 manifest not understood, LK603 newer format,
    LK604 a file is missing or extra, LK605 a file is changed (the manifest is asked first),
    LK606 a link or special file, LK607 a name that leaves the folder, LK608 the model's data
    lie outside it.
    """
    path = Path(path)
    present = _files_in(path)
    manifest = _manifest(path, present)
    _same_names(path, present, set(manifest.files))
    for name, (digest, size) in sorted(manifest.files.items()):
        if name != MODEL:
            content = _read_verified(path, name, digest, size)
            if name.endswith(".onnx"):
                _nothing_outside(path / name, content)
    model = _read_verified(path, MODEL, *manifest.files[MODEL])
    _nothing_outside(path / MODEL, model)
    return Opened(path, manifest, model)


def _files_in(path: Path) -> set[str]:
    if path.is_symlink() or not path.is_dir():
        raise _refuse("LK601", path, "not a folder", "give the folder of a bundle")
    found: set[str] = set()
    waiting = [path]
    while waiting:
        for entry in sorted(os.scandir(waiting.pop()), key=lambda entry: entry.name):
            mode, name = entry.stat(follow_symlinks=False), Path(entry.path).relative_to(path)
            if stat.S_ISDIR(mode.st_mode):
                waiting.append(Path(entry.path))
                continue
            _plain(path, name.as_posix(), mode)
            if not _is_bytecode(name):
                found.add(name.as_posix())
            if len(found) > MAX_FILES:
                raise _refuse("LK604", path, f"more than {MAX_FILES} files")
    return found


def _is_bytecode(name: Path) -> bool:
    """Whether Python itself left it there when a device ran the bundle's own runtime."""
    cache = name.parent.as_posix() == "runtime/lepton_edge/__pycache__"
    return cache and name.suffix == ".pyc"


def _plain(path: Path, name: str, mode: os.stat_result) -> None:
    if not stat.S_ISREG(mode.st_mode):
        raise _refuse("LK606", path / name, "a link or special file, where only files may be")
    if mode.st_nlink > 1:
        raise _refuse("LK606", path / name, "a hard link: it could be changed from elsewhere")
    if mode.st_size > MAX_FILE_BYTES:
        raise _refuse("LK606", path / name, f"{mode.st_size:,} bytes, more than 1 GiB")


def _manifest(path: Path, present: set[str]) -> Manifest:
    place = path / MANIFEST
    if MANIFEST not in present:
        raise _refuse("LK601", place, "no manifest: this is not a bundle, or not a whole one")
    if place.stat().st_size > MAX_MANIFEST_BYTES:
        raise _refuse("LK602", place, f"more than {MAX_MANIFEST_BYTES:,} bytes")
    raw = place.read_bytes()
    if not is_sealed(raw):
        raise _refuse("LK605", place, "changed: its own sha256 does not match its bytes")
    try:
        content: dict[str, Any] = parse(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refuse("LK602", place, f"not valid JSON: {error}") from error
    _known_format(place, content)
    _fields(place, content)
    return Manifest(
        numeric=_names(place, content["inputs"], "numeric"),
        categorical=_names(place, content["inputs"], "categorical"),
        key=content["key"],
        threshold=float(content.get("threshold", "nan")),
        files=_files(place, content["files"]),
        content={name: value for name, value in content.items() if name != SEAL},
    )


def _known_format(place: Path, content: Mapping[str, Any]) -> None:
    made = content.get("format")
    if type(made) is int and made > FORMAT:
        kit = str(content.get("kit_version", "?"))[:20]
        raise _refuse(
            "LK603",
            place,
            f"format {made}, made by kit {kit}; this runtime reads format {FORMAT}",
            "install the runtime that comes with the bundle, or one at least as new",
        )
    if made != FORMAT:
        raise _refuse("LK602", place, f"format {made!r}, where {FORMAT} is known")


def _fields(place: Path, content: Mapping[str, Any]) -> None:
    absent = [_OF_SCORES] if FORECAST in content or RECOMMEND in content else []
    wrong = [name for name in _FIELDS if name not in content and name not in absent]
    known = {**_FIELDS, **_OPTIONAL}
    wrong += [name for name in content if name not in known]
    wrong += [
        name
        for name, kind in known.items()
        if name in content
        and (not isinstance(content[name], kind) or isinstance(content[name], bool))
    ]
    if wrong:
        raise _refuse("LK602", place, f"missing, unknown or wrong fields: {', '.join(wrong[:5])}")


def _names(place: Path, inputs: Mapping[str, Any], side: str) -> tuple[str, ...]:
    names = inputs.get(side)
    texts = [name for name in names if isinstance(name, str)] if isinstance(names, list) else None
    if texts is None or texts != names or len(set(texts)) != len(texts):
        raise _refuse("LK602", place, f"'{side}' is not a list of different names")
    return tuple(texts)


def _files(place: Path, listed: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for name, entry in listed.items():
        parts = name.split("/")
        if len(parts) > 5 or not all(_NAME.fullmatch(part) for part in parts):
            raise _refuse("LK607", place, f"the file name {name[:60]!r} could leave the folder")
        if not isinstance(entry, dict) or set(entry) != {"sha256", "bytes"}:
            raise _refuse("LK602", place, f"the entry of {name} is not sha256 and bytes")
        digest, size = entry["sha256"], entry["bytes"]
        if not (isinstance(digest, str) and _SHA256.fullmatch(digest) and type(size) is int):
            raise _refuse("LK602", place, f"the entry of {name} is not sha256 and bytes")
        found[name] = (digest, size)
    for needed in (MODEL, GOLDEN):
        if needed not in found:
            raise _refuse("LK604", place, f"{needed} is not listed")
    return found


def _same_names(path: Path, present: set[str], listed: set[str]) -> None:
    missing = sorted(listed - present)
    extra = sorted(present - listed - {MANIFEST})
    if missing or extra:
        told = [f"{len(missing)} missing ({', '.join(missing[:3])})"] if missing else []
        told += [f"{len(extra)} not in the manifest ({', '.join(extra[:3])})"] if extra else []
        raise _refuse("LK604", path, "; ".join(told))


def _read_verified(path: Path, name: str, digest: str, size: int) -> bytes:
    place = path / name
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(os.open(place, flags), "rb") as file:  # noqa: PTH123 - a descriptor
            content = file.read(size + 1)
    except OSError as error:
        raise _refuse("LK605", place, f"cannot be read: {error.strerror}") from error
    if len(content) != size:
        bigger = "more" if len(content) > size else f"{len(content):,}"
        raise _refuse("LK605", place, f"{bigger} bytes, where the manifest says {size:,}")
    seen = hashlib.sha256(content).hexdigest()
    if seen != digest:
        raise _refuse("LK605", place, f"sha256 {seen[:12]}..., the manifest says {digest[:12]}...")
    return content


def _nothing_outside(place: Path, model: bytes) -> None:
    try:
        outside = external_tensors(model)
    except ValueError as error:
        raise _refuse("LK605", place, f"not an ONNX file: {error}") from error
    if outside:
        found = f"{outside} places where tensor data lie outside the file"
        raise _refuse("LK608", place, found, "export the model again with `lepton run`")


def _refuse(code: str, where: Path, found: str, remedy: str = _RESTORE) -> BundleError:
    return BundleError(code, where=str(where), found=found, remedy=remedy)


__all__ = ["FORMAT", "BundleError", "Manifest", "Opened", "open_bundle"]
