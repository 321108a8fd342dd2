"""Writes a bundle: a folder that scores, checks and explains itself on a device."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton import roles
from lepton.export.alarm import alarm_files
from lepton.export.cases import Exportable
from lepton.export.context import BundleContext
from lepton.export.decision import decision_files
from lepton.export.edge import edge_faults
from lepton.export.golden import golden_rows
from lepton.export.model_card import model_card
from lepton.export.parts import (
    as_json,
    contract_entry,
    file_entries,
    licence,
    read_contract,
    runtime_files,
    timing_entry,
    write_whole,
)
from lepton.export.reference import reference_statistics
from lepton.export.static_check import check_static
from lepton.graph.emit import OPSETS
from lepton_edge import atomic
from lepton_edge.bundle import FORMAT, GOLDEN, MANIFEST, MODEL, open_bundle

_STREAMED = (roles.KEY, roles.EVENT_AT, roles.INGESTED_AT, roles.LABEL_AT, roles.TARGET)


@dataclass(frozen=True)
class Bundle:
    """A whole, verified bundle: its folder, what its manifest says, its size in bytes."""

    path: Path
    manifest: Mapping[str, Any]
    n_bytes: int

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """The bundle in the folder `path`, verified; IntegrityError where it is not whole."""
        with edge_faults():
            opened = open_bundle(path)
        sizes = [size for _, size in opened.manifest.files.values()]
        return cls(path, opened.manifest.content, (path / MANIFEST).stat().st_size + sum(sizes))


def write_bundle(out: Path, model: Exportable, context: BundleContext) -> Bundle:
    """The bundle of `model` in the new folder `out`: complete, verified, or not there at all.

    Raises ExportError LK501 to LK504 where the model has no exact graph, LK506 where `out`
    is taken, IntegrityError where what was written does not read back.
    """
    files = _files(model, context)
    manifest = _manifest(model, context, files)
    return Bundle(out, manifest, write_whole(out, manifest, files))


def zip_bundle(bundle: Path, path: Path) -> Path:
    """The whole bundle as one zip at `path`; the same bundle gives the same bytes.

    Raises IntegrityError where the bundle is not whole.
    """
    with edge_faults():
        opened = open_bundle(bundle)
        names = [*sorted(opened.manifest.files), MANIFEST]
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
                whole = bundle / MANIFEST
                archive.writestr(
                    entry, whole.read_bytes() if name == MANIFEST else opened.read(name)
                )
    atomic.write_bytes(path, memory.getvalue())
    return path


def _files(model: Exportable, context: BundleContext) -> dict[str, bytes]:
    graph = model.graph()
    onnx_file = graph.to_onnx(
        {"lepton.solution": context.solution, "lepton.fingerprint": model.fingerprint}
    )
    check_static(onnx_file)
    texts = {
        "features.json": as_json(context.features.to_json()),
        "reference.json": as_json(reference_statistics(model, context.sample)),
        GOLDEN: json.dumps(golden_rows(model, context.sample), allow_nan=False),
        "model-card.md": model_card(model, context),
        "LICENSE": licence(),
    }
    told = decision_files(model, context) | alarm_files(model, context)
    texts |= {name: as_json(content) for name, content in told.items()}
    files = {MODEL: onnx_file, **{name: text.encode() for name, text in texts.items()}}
    for table, path in context.contracts.items():
        files[f"contracts/{table}.odcs.yaml"] = read_contract(path)
    return files | runtime_files()


def _manifest(
    model: Exportable, context: BundleContext, files: Mapping[str, bytes]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kit_version": context.kit_version,
        "solution": context.solution,
        "run_id": context.run_id,
        "contracts": {table: contract_entry(path) for table, path in context.contracts.items()},
        "inputs": {"numeric": list(model.numeric), "categorical": list(model.categorical)},
        "key": context.sample.roles.get(roles.KEY, ""),
        "stream": _stream(context),
        "outputs": ["score", "decision"],
        "threshold": model.threshold,
        **_rules(context),
        "opset": {domain or "ai.onnx": version for domain, version in OPSETS.items()},
        "model_fingerprint": model.fingerprint,
        "family": model.family,
        "timing": timing_entry(context.timing),
        "files": file_entries(files),
    }


def _stream(context: BundleContext) -> dict[str, Any]:
    """Which column plays which role in an arriving event, and how late events may come."""
    found = context.sample.roles
    columns = {role: found[role] for role in _STREAMED if role in found}
    return {
        "columns": columns,
        "lateness_s": context.lateness_s,
        "ahead_s": context.ahead_s,
        **({"waves": [one.to_json() for one in context.waves]} if context.waves else {}),
    }


def _rules(context: BundleContext) -> dict[str, Any]:
    """Version and sha256 of the file of rules that the bundle carries, where it carries one."""
    rules = None if context.decisions is None else context.decisions.rules
    return {} if rules is None else {"rules": {"version": rules.version, "sha256": rules.sha256}}


__all__ = ["Bundle", "write_bundle", "zip_bundle"]
