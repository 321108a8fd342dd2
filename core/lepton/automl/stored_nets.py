"""Networks as plain data, and back: every bit is kept, and nothing in it can be run."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from lepton.graph.nets import Codes, Dense, Int8Dense, Layer, Network


def network_to_bytes(network: Network) -> bytes:
    """The network as JSON, its arrays in base64."""
    layers = [_layer_to_json(layer) for layer in network.layers]
    return json.dumps({"layers": layers}, allow_nan=False).encode("utf-8")


def network_from_bytes(content: bytes) -> Network:
    """The network that `network_to_bytes` wrote; KeyError or ValueError on anything else."""
    return Network(tuple(_layer_from_json(layer) for layer in json.loads(content)["layers"]))


def _layer_to_json(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Dense):
        return {"kind": "dense", "weights": _text(layer.weights), "bias": _text(layer.bias)}
    return {
        "kind": "int8",
        "weights": _text(layer.weights),
        "scale": _text(layer.scale),
        "bias": _text(layer.bias),
        "taken": _codes_to_json(layer.taken),
        "given": _codes_to_json(layer.given),
    }


def _layer_from_json(content: dict[str, Any]) -> Layer:
    match content["kind"]:
        case "dense":
            return Dense(_array(content["weights"], "<f4"), _array(content["bias"], "<f4"))
        case "int8":
            return Int8Dense(
                _array(content["weights"], "|i1"),
                _array(content["scale"], "<f4"),
                _array(content["bias"], "<i4"),
                _codes_from_json(content["taken"]),
                _codes_from_json(content["given"]),
            )
        case kind:
            raise ValueError(f"unknown layer {kind!r}")


def _codes_to_json(codes: Codes) -> dict[str, Any]:
    return {"scale": float(codes.scale), "zero": codes.zero}


def _codes_from_json(content: dict[str, Any]) -> Codes:
    return Codes(np.float32(content["scale"]), int(content["zero"]))


def _text(array: np.ndarray) -> dict[str, Any]:
    ordered = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    content = base64.b64encode(ordered.tobytes()).decode("ascii")
    return {"shape": list(array.shape), "base64": content}


def _array(content: dict[str, Any], dtype: str) -> np.ndarray:
    raw = base64.b64decode(content["base64"], validate=True)
    values = np.frombuffer(raw, dtype=dtype).reshape(content["shape"])
    return values.astype(values.dtype.newbyteorder("="))


__all__ = ["network_from_bytes", "network_to_bytes"]
