"""Bundles that are whole and hold nothing: for tests of what keeps bundles."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from lepton_edge.seal import sealed


def tiny_bundle(folder: Path, content: bytes = b"model", **facts: Any) -> Path:
    """The smallest folder that `lepton_edge.bundle.open_bundle` takes; it cannot score."""
    folder.mkdir(parents=True)
    files = {"model.onnx": _onnx_doc(content), "golden.json": b'{"rows": []}'}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
    }
    manifest = {**_MANIFEST, **facts, "files": listed}
    (folder / "manifest.json").write_bytes(sealed(manifest))
    return folder


_MANIFEST: dict[str, Any] = {
    "format": 1,
    "kit_version": "0.1.0",
    "solution": "tiny",
    "run_id": "r1",
    "contracts": {},
    "inputs": {"numeric": ["amount"], "categorical": []},
    "key": "transaction_id",
    "outputs": ["score", "decision"],
    "threshold": 0.5,
    "opset": {},
    "model_fingerprint": "0" * 64,
    "family": "none",
    "timing": {},
}


def _onnx_doc(content: bytes) -> bytes:
    """A ModelProto that holds nothing but its doc_string (field 6)."""
    length, size = b"", len(content)
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return b"\x32" + length + bytes([size]) + content
