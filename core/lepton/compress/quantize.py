"""Static int8 of a network by onnxruntime's quantizer, as typed layers again.

Weights keep seven bits of the eight: on a CPU without VNNI two products of 255 * 127 are added in
sixteen bits and would saturate, so that devices disagreed (onnxruntime #14642). The last layer
stays float32: 256 different scores would tie the ranking.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lepton.graph.emit import IR_VERSION, Builder
from lepton.graph.nets import Codes, Dense, Int8Dense, Network

CALIBRATION_ROWS = 4096
_INPUT = "x"


def quantize(network: Network, matrix: np.ndarray) -> Network:
    """`network` with hidden layers in int8: one scale an output, ranges from `matrix`.

    matrix: preprocessed training rows, float64 (rows, width), of which `CALIBRATION_ROWS` spread
    evenly are read. A network without hidden layers comes back as it is.
    """
    if not network.hidden or network.is_int8:
        return network
    spread = np.linspace(0, len(matrix) - 1, min(CALIBRATION_ROWS, len(matrix))).astype(np.int64)
    plain = _plain(network)
    tensors = _quantized(plain.model, plain.last, matrix[spread].astype(np.float32))
    return Network((*(_int8(tensors, names) for names in plain.hidden), network.layers[-1]))


@dataclass(frozen=True)
class _Names:
    """What the tensors of one hidden layer are called in the plain graph."""

    taken: str
    weights: str
    bias: str
    given: str


@dataclass(frozen=True, eq=False)
class _Plain:
    """The bare network as an ONNX model, its hidden layers' tensors, its last node."""

    model: Any
    hidden: tuple[_Names, ...]
    last: str


def _plain(network: Network) -> _Plain:
    from onnx import TensorProto, helper

    builder, x, names = Builder(), _INPUT, []
    for layer in network.layers[:-1]:
        assert isinstance(layer, Dense)
        made = builder.add("Relu", layer.emit(builder, x))
        _, weights, bias = builder.nodes[-2].input
        names.append(_Names(x, weights, bias, made))
        x = made
    last = network.layers[-1].emit(builder, x)
    for node in builder.nodes:
        node.name = node.output[0]
    taken, given = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
        for name, width in ((_INPUT, network.width), (last, len(network.layers[-1].bias)))
    )
    graph = helper.make_graph(builder.nodes, "network", [taken], [given], builder.tensors)
    opset = helper.make_opsetid("", builder.opsets[""])
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    return _Plain(model, tuple(names), last)


def _quantized(model: Any, last: str, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> tensor of the model that onnxruntime's quantizer makes."""
    import onnx
    from onnx import numpy_helper
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory(prefix="lepton-int8-") as folder, _silent_advice():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            path,
            _Reader(rows),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[last],
        )
        made = onnx.load(path)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}


class _Reader:
    """Rows for calibration, in blocks, as onnxruntime asks for them."""

    def __init__(self, rows: np.ndarray) -> None:
        self._blocks: Iterator[np.ndarray] = iter(np.array_split(rows, max(len(rows) // 512, 1)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next block, None after the last."""
        block = next(self._blocks, None)
        return None if block is None else {_INPUT: block}


def _int8(tensors: dict[str, np.ndarray], names: _Names) -> Int8Dense:
    return Int8Dense(
        weights=tensors[f"{names.weights}_quantized"],
        scale=tensors[f"{names.weights}_scale"].astype(np.float32),
        bias=tensors[f"{names.bias}_quantized"],
        taken=_codes(tensors, names.taken),
        given=_codes(tensors, names.given),
    )


def _codes(tensors: dict[str, np.ndarray], name: str) -> Codes:
    scale, zero = tensors[f"{name}_scale"], tensors[f"{name}_zero_point"]
    return Codes(np.float32(scale.item()), int(zero.item()))


@contextmanager
def _silent_advice() -> Iterator[None]:
    """Without the quantizer's advice to pre-process, which concerns convolutions."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


__all__ = ["CALIBRATION_ROWS", "quantize"]
