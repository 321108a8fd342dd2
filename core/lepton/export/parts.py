"""What every bundle has, whatever its model does: runtime, licence, contracts, hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import lepton
import lepton_edge
from lepton import strict_yaml
from lepton.errors import ExportError
from lepton.export.edge import edge_faults
from lepton.graph.timing import Timing
from lepton_edge import atomic
from lepton_edge.bundle import MANIFEST, open_bundle
from lepton_edge.device import device_name
from lepton_edge.seal import sealed


def runtime_files() -> dict[str, bytes]:
    """The source of `lepton_edge`: a device needs nothing else but numpy and onnxruntime."""
    source = Path(lepton_edge.__file__).parent
    modules = sorted(source.glob("*.py"))
    return {f"runtime/lepton_edge/{path.name}": path.read_bytes() for path in modules}


def file_entries(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """sha256 and size of every file, in the order of their names."""
    return {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in sorted(files.items())
    }


def write_whole(out: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
    """Bytes of the bundle written as the new folder `out`: complete, verified, or not at all.

    Raises ExportError LK506 where `out` is taken, IntegrityError where it does not read back.
    """
    content = sealed(manifest)
    try:
        with atomic.atomic_directory(out) as folder:
            for name, data in files.items():
                atomic.write_bytes(folder / name, data)
            atomic.write_bytes(folder / MANIFEST, content)
            with edge_faults():
                open_bundle(folder)
    except FileExistsError as error:
        raise ExportError(
            "LK506",
            where=str(out),
            found="there is a bundle already",
            remedy="a bundle is never overwritten: export under another run id",
        ) from error
    return len(content) + sum(len(data) for data in files.values())


def contract_entry(path: Path) -> dict[str, str]:
    """Which contract a file is, and its sha256."""
    raw = read_contract(path)
    content = strict_yaml.parse_yaml(raw, where=str(path))
    return {
        "id": str(content.get("id", "")),
        "version": str(content.get("version", "")),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def timing_entry(timing: Timing | None) -> dict[str, Any]:
    """What a call costs, where it was measured."""
    if timing is None:
        return {}
    return {
        "cpu_us_batch_1": timing.row_us,
        "cpu_us_per_row_batch_1024": timing.batch_us_per_row,
        "device": device_name(),
    }


def licence() -> str:
    """The text of the kit's licence."""
    beside = Path(lepton.__file__).parents[2] / "LICENSE"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    return metadata.distribution("lepton-kit").read_text("licenses/LICENSE") or "Apache-2.0\n"


def read_contract(path: Path) -> bytes:
    """The bytes of a contract; ExportError LK507 where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(
            "LK507",
            where=str(path),
            found=f"the contract cannot be read: {error.strerror}",
            remedy="restore it, or run `lepton doctor`",
        ) from error


def as_json(content: object) -> str:
    """JSON for people, with a newline at the end."""
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


__all__ = [
    "as_json",
    "contract_entry",
    "file_entries",
    "licence",
    "read_contract",
    "runtime_files",
    "timing_entry",
    "write_whole",
]
