"""A small ONNX builder: tensors embedded, double precision, every operator checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from lepton.errors import ExportError

if TYPE_CHECKING:
    from onnx import ModelProto

ML: Final = "ai.onnx.ml"
OPSETS: Final = {"": 21, ML: 5}
"""Domain -> version the graphs declare; ai.onnx.ml 5 has TreeEnsemble in double."""
IR_VERSION: Final = 10
Side = Mapping[str, tuple[Any, Sequence[int | str]]]
"""Name of an input or output -> its type of number or text, and its shape."""


class Builder:
    """Collects nodes and embedded tensors of one graph; names are given by itself.

    opsets: domain -> version, `OPSETS` unless a runtime asks for older ones.
    """

    def __init__(self, opsets: dict[str, int] | None = None) -> None:
        self.opsets = dict(opsets or OPSETS)
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def add(
        self, op: str, *inputs: str, domain: str = "", output: str | None = None, **attributes: Any
    ) -> str:
        """Name of the only output of a new `op` node.

        Raises ExportError LK502 where the declared opset has no such operator.
        """
        from onnx import helper

        self._check(op, domain)
        name = output or f"{op.lower()}_{len(self.nodes)}"
        node = helper.make_node(op, list(inputs), [name], domain=domain, **attributes)
        self.nodes.append(node)
        return name

    def cast(self, name: str, dtype: npt.DTypeLike) -> str:
        """Name of `name` as another type of number."""
        from onnx import helper

        return self.add("Cast", name, to=int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype))))

    def embed(self, values: np.ndarray | np.generic) -> str:
        """Name of an embedded tensor that keeps its dtype."""
        name = f"tensor_{len(self.tensors)}"
        self.tensors.append(tensor(name, np.asarray(values)))
        return name

    def constant(self, values: np.ndarray | Sequence[float] | float) -> str:
        """Name of an embedded tensor; anything but an int64, str or bool array becomes double."""
        array = np.asarray(values)
        if array.dtype.kind not in "ObiU":
            array = array.astype(np.float64)
        return self.embed(array)

    def model(self, inputs: Side, outputs: Side, metadata: Mapping[str, str]) -> ModelProto:
        """The whole model; metadata are written in the order of their names."""
        from onnx import helper

        given, told = (
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(kind), shape)
                for name, (kind, shape) in side.items()
            ]
            for side in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, "lepton", given, told, self.tensors)
        opsets = [helper.make_opsetid(*item) for item in self.opsets.items()]
        made = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="lepton"
        )
        helper.set_model_props(made, dict(sorted(metadata.items())))
        return made

    def _check(self, op: str, domain: str) -> None:
        from onnx import defs

        version = self.opsets[domain]
        try:
            defs.get_schema(op, max_inclusive_version=version, domain=domain)
        except defs.SchemaError as error:
            raise ExportError(
                "LK502",
                where=f"operator {op}",
                found=f"opset {version} of domain '{domain or 'ai.onnx'}' does not have it",
                remedy="declare a newer opset, or search without the family that needs it",
            ) from error


def tensor(name: str, values: np.ndarray) -> Any:
    """An ONNX tensor called `name` with the values and the dtype of the array."""
    from onnx import numpy_helper

    return numpy_helper.from_array(values, name)


__all__ = ["IR_VERSION", "ML", "OPSETS", "Builder", "Side", "tensor"]
