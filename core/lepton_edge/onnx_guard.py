"""Refuses an ONNX file that points outside itself, before any runtime parses it.

A walk over the protobuf wire format (protobuf.dev/programming-guides/encoding): only the
messages on the way from ModelProto to TensorProto are entered, numbered as in onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

MAX_DEPTH: Final = 24

# field of a message -> the message inside it, for every way to a tensor
_TENSOR: Final[dict[int, Any]] = {}
_SPARSE: Final[dict[int, Any]] = {1: _TENSOR, 2: _TENSOR}
_GRAPH: Final[dict[int, Any]] = {}
_ATTRIBUTE: Final[dict[int, Any]] = {
    5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE
}  # fmt: skip
_NODE: Final[dict[int, Any]] = {5: _ATTRIBUTE}
_FUNCTION: Final[dict[int, Any]] = {7: _NODE, 11: _ATTRIBUTE}
_TRAINING: Final[dict[int, Any]] = {1: _GRAPH, 2: _GRAPH}
_MODEL: Final[dict[int, Any]] = {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION}
_GRAPH.update({1: _NODE, 5: _TENSOR, 15: _SPARSE})

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def external_tensors(content: bytes) -> int:
    """Number of tensors whose data lie outside the file; ValueError where it is no protobuf."""
    return sum(_scan(memoryview(content), _MODEL, 0))


def _scan(message: memoryview, kind: Mapping[int, Any], depth: int) -> Iterator[int]:
    if depth > MAX_DEPTH:
        raise ValueError(f"messages nested deeper than {MAX_DEPTH}")
    for number, value in _fields(message):
        if kind is _TENSOR:
            outside = number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)
            yield int(outside)
        elif number in kind and isinstance(value, memoryview):
            yield from _scan(value, kind[number], depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(wire)
        if wire == 2:
            length, at = _varint(message, at)
        if length is None or at + length > len(message) or number == 0:
            raise ValueError("not a whole protobuf message")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("not a whole protobuf message")


__all__ = ["external_tensors"]
