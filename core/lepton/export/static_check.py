"""What an ONNX file may hold: known domains, bounded size, nothing that loops or lies outside."""

from __future__ import annotations

from typing import Any, Final

from lepton.errors import ExportError
from lepton_edge.onnx_guard import external_tensors

DOMAINS: Final = frozenset({"", "ai.onnx.ml"})
MAX_NODES: Final = 10_000
MAX_BYTES: Final = 256 << 20
_SUBGRAPHS: Final = frozenset({"If", "Loop", "Scan", "SequenceMap"})


def check_static(content: bytes) -> None:
    """Raise ExportError LK504 with every reason for which the ONNX file may not be shipped."""
    import onnx

    if len(content) > MAX_BYTES:
        raise _refuse([f"{len(content):,} bytes, more than {MAX_BYTES:,}"])
    try:
        outside = external_tensors(content)
    except ValueError as error:
        raise _refuse([str(error)]) from error
    model = onnx.ModelProto.FromString(content)
    faults = [f"{outside} places where tensor data lie outside the file"] if outside else []
    faults += _faults(model)
    if faults:
        raise _refuse(faults)
    onnx.checker.check_model(model, full_check=False)


def _faults(model: Any) -> list[str]:
    nodes = model.graph.node
    faults = []
    if len(nodes) > MAX_NODES:
        faults.append(f"{len(nodes):,} nodes, more than {MAX_NODES:,}")
    if model.functions:
        faults.append(f"{len(model.functions)} model-local functions, where none may be")
    declared = {item.domain for item in model.opset_import}
    foreign = sorted((declared | {node.domain for node in nodes}) - DOMAINS)
    if foreign:
        faults.append(f"operators of other domains: {', '.join(foreign[:3])}")
    loops = sorted({node.op_type for node in nodes} & _SUBGRAPHS)
    if loops:
        faults.append(f"operators with graphs inside: {', '.join(loops)}")
    return faults


def _refuse(faults: list[str]) -> ExportError:
    return ExportError(
        "LK504",
        where="model.onnx",
        found=f"{len(faults)} reason(s) why a device would not load it",
        remedy="export the model with this kit's own graph",
        details=faults,
    )


__all__ = ["DOMAINS", "MAX_BYTES", "MAX_NODES", "check_static"]
