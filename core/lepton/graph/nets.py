"""A dense network as flat arrays: float32 or int8 layers, in numpy and in ONNX.

A hidden layer ends in max(x, 0), the one activation that an int8 layer gets for nothing: its zero
point lies at 0, so that what is below is cut where it is rounded anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.graph.emit import Builder

INT8_LEVELS: Final = 255
"""Highest code of an activation, which is stored in uint8."""

LAST_SPREAD: Final = 0.1
"""An unfitted last layer is small, so that training begins near the rate of positives."""


@dataclass(frozen=True, eq=False)
class Dense:
    """x @ weights + bias: weights float32 (inputs, outputs), bias float32 (outputs,)."""

    weights: np.ndarray
    bias: np.ndarray

    @property
    def n_parameters(self) -> int:
        """Numbers that it holds."""
        return int(self.weights.size + self.bias.size)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """float32 (rows, outputs) from float32 (rows, inputs)."""
        return np.asarray(x @ self.weights + self.bias)

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph."""
        return builder.add("Gemm", name, builder.embed(self.weights), builder.embed(self.bias))


@dataclass(frozen=True, eq=False)
class Codes:
    """How numbers become uint8: round(x / scale) + zero, cut to 0..255; scale float32."""

    scale: np.float32
    zero: int

    def apply(self, x: np.ndarray) -> np.ndarray:
        """uint8 codes of float32 numbers; halves go to the even one, as in ONNX."""
        coded = np.rint(x / self.scale) + np.float32(self.zero)
        return np.clip(coded, 0, INT8_LEVELS).astype(np.uint8)

    def back(self, codes: np.ndarray) -> np.ndarray:
        """float32 numbers of uint8 codes."""
        return (codes.astype(np.float32) - np.float32(self.zero)) * self.scale

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the numbers after they were codes, in the graph: a runtime keeps the codes."""
        scale, zero = builder.embed(np.float32(self.scale)), builder.embed(np.uint8(self.zero))
        coded = builder.add("QuantizeLinear", name, scale, zero)
        return builder.add("DequantizeLinear", coded, scale, zero)


@dataclass(frozen=True, eq=False)
class Int8Dense:
    """A layer whose sums are whole numbers, so that every CPU gives the same bits.

    weights: int8 (inputs, outputs); scale: float32, one an output; bias: int32 (outputs,) in
    units of `taken.scale * scale`; taken, given: codes of what goes in and of what comes out,
    cut at 0.
    """

    weights: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    taken: Codes
    given: Codes

    @property
    def n_parameters(self) -> int:
        """Numbers that it holds."""
        return int(self.weights.size + self.bias.size)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """float32 (rows, outputs) from float32 (rows, inputs), both as their codes say them."""
        codes = self.taken.apply(x).astype(np.float64) - self.taken.zero
        # whole numbers below 2**53 add up exactly in double, and faster than in int32
        sums = codes @ self.weights.astype(np.float64) + self.bias
        factor = self.taken.scale * self.scale / self.given.scale
        coded = np.rint(sums.astype(np.float32) * factor) + np.float32(self.given.zero)
        return self.given.back(np.clip(coded, self.given.zero, INT8_LEVELS))

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph, written as quantize and dequantize around the layer."""
        scale = builder.embed(self.scale)
        zeros = builder.embed(np.zeros(len(self.scale), dtype=np.int8))
        weights = builder.add("DequantizeLinear", builder.embed(self.weights), scale, zeros, axis=1)
        units = builder.embed((self.taken.scale * self.scale).astype(np.float32))
        whole = builder.embed(np.zeros(len(self.scale), dtype=np.int32))
        bias = builder.add("DequantizeLinear", builder.embed(self.bias), units, whole, axis=0)
        taken = self.taken.emit(builder, name)
        return self.given.emit(builder, builder.add("Gemm", taken, weights, bias))


Layer = Dense | Int8Dense


@dataclass(frozen=True, eq=False)
class Network:
    """Layers one after another, max(x, 0) between them; the last one gives the log-odds."""

    layers: tuple[Layer, ...]

    @property
    def width(self) -> int:
        """Number of columns it reads."""
        return len(self.layers[0].weights)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return tuple(layer.weights.shape[1] for layer in self.layers[:-1])

    @property
    def n_parameters(self) -> int:
        """Numbers that it holds."""
        return sum(layer.n_parameters for layer in self.layers)

    @property
    def is_int8(self) -> bool:
        """Whether some layer counts in whole numbers."""
        return any(isinstance(layer, Int8Dense) for layer in self.layers)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Log-odds, float64 (rows,); the sums are float32, as in the graph."""
        *hidden, last = self.layers
        x = matrix.astype(np.float32)
        for layer in hidden:
            x = np.maximum(layer.apply(x), np.float32(0))
        return last.apply(x)[:, 0].astype(np.float64)

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the log-odds, shape (rows,), in the graph; inside it is float32 or int8."""
        *hidden, last = self.layers
        x = builder.cast(name, np.float32)
        for layer in hidden:
            x = layer.emit(builder, x)
            x = x if isinstance(layer, Int8Dense) else builder.add("Relu", x)
        margin = builder.cast(last.emit(builder, x), np.float64)
        return builder.add("Reshape", margin, builder.constant(np.array([-1], dtype=np.int64)))


def random_network(
    width: int, hidden: Sequence[int], rng: np.random.Generator, bias: float = 0.0
) -> Network:
    """An unfitted network: weights as in He et al. 2015, the last layer at `LAST_SPREAD` of them.

    bias: log-odds that it begins with.
    """
    sizes = [width, *hidden, 1]
    spreads = [np.sqrt(2.0 / n) for n in sizes[:-1]]
    spreads[-1] *= LAST_SPREAD
    layers = [
        Dense(
            rng.normal(0.0, spread, (n_in, n_out)).astype(np.float32),
            np.zeros(n_out, dtype=np.float32),
        )
        for n_in, n_out, spread in zip(sizes[:-1], sizes[1:], spreads, strict=True)
    ]
    layers[-1] = Dense(layers[-1].weights, np.array([bias], dtype=np.float32))
    return Network(tuple(layers))


__all__ = ["LAST_SPREAD", "Codes", "Dense", "Int8Dense", "Layer", "Network", "random_network"]
