"""One graph from a history to a list: scores of an item-item model, masks, the best, and why.

Inputs: `history` (h,) positions of what was taken and `weight` (h,) what each still counts; `seen`
(s,) positions that may not be listed; `allowed` (items,) whether an item may be listed at all, and
`boost` (items,) what is added to its score, as a share of the customer's best. Outputs: `item`,
`score` (k,), the best first; `because` (r, 2) places in the history that speak most for each of
the first r, and `share` (r, 2) what they add to its score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lepton.graph.emit import Builder
from lepton.recommend.families.ease_own import EdgeModel

LISTED: Final = 100
"""Items that the graph gives back at most: what rules choose from."""
REASONS: Final = 2
REASONED: Final = 12
"""Of how many items of a list, from the best on, it is told why."""
FORMS: Final = ("float32", "int8", "float16")
LOWEST: Final = float(np.finfo(np.float32).min)
"""Score of an item that may not be listed."""


@dataclass(frozen=True)
class Form:
    """How similarities are written. kind: of `FORMS`; neighbours: kept a row, the largest by
    amount, 0 for all."""

    kind: str = "float32"
    neighbours: int = 0

    @property
    def name(self) -> str:
        """As tables name it."""
        return self.kind if not self.neighbours else f"{self.kind}, {self.neighbours} a row"


@dataclass(frozen=True, eq=False)
class Packed:
    """Similarities in a form: at (items, n) columns int16 or int32, value (items, n) in the form's
    type, scale (items, 1) float32 that int8 is multiplied by."""

    form: Form
    at: np.ndarray
    value: np.ndarray
    scale: np.ndarray

    def similar(self) -> np.ndarray:
        """(items, items) float32, as a device has it."""
        n = len(self.at)
        told = self.value.astype(np.float32) * self.scale
        found = np.zeros((n, n), dtype=np.float32)
        np.put_along_axis(found, self.at.astype(np.int64), told, axis=1)
        return found


def packed(similar: np.ndarray, form: Form) -> Packed:
    """Similarities in `form`: rounded to it, and cut to the neighbours that count most."""
    dense = np.asarray(similar)
    n = dense.shape[0]
    kept = min(form.neighbours or n, n)
    near = np.argpartition(-np.abs(dense), kept - 1, axis=1)[:, :kept]
    near.sort(axis=1)
    told = np.take_along_axis(dense, near, axis=1).astype(np.float32)
    at = near.astype(np.int16 if n <= np.iinfo(np.int16).max else np.int32)
    scale = np.ones((n, 1), dtype=np.float32)
    if form.kind == "int8":
        scale = np.maximum(np.abs(told).max(axis=1, keepdims=True), 1e-12) / np.float32(127)
        return Packed(form, at, np.rint(told / scale).astype(np.int8), scale)
    kind = np.float16 if form.kind == "float16" else np.float32
    return Packed(form, at, told.astype(kind), scale)


def to_onnx(model: EdgeModel, form: Form, described: Mapping[str, str], k: int = LISTED) -> bytes:
    """The graph's file. Similarities are unpacked once, when a runtime loads it; a
    form with few neighbours is never spread out."""
    builder = Builder()
    n = len(model.prior)
    told = packed(model.similar, form)
    prior = builder.embed(model.prior.astype(np.float32))
    is_whole = told.at.shape[1] == n
    flat, parts = (_spread if is_whole else _scattered)(builder, told, prior)
    itself = builder.add("Mul", "weight", builder.embed(np.float32(model.own)))
    flat = builder.add("ScatterElements", flat, "history", itself, axis=0, reduction="add")
    best = builder.add("ReduceMax", flat, keepdims=1)
    lifted = builder.add("Add", flat, builder.add("Mul", "boost", best))
    lowest = builder.embed(np.float32(LOWEST))
    open_ = builder.add("Where", "allowed", lifted, lowest)
    shape = builder.add("Shape", "seen")
    nothing = builder.add("Expand", lowest, shape)
    masked = builder.add("ScatterElements", open_, "seen", nothing, axis=0)
    _listed(builder, masked, parts, min(k, n))
    why = min(k, n, REASONED)
    given: dict[str, tuple[Any, list[int | str]]] = {
        "history": (np.dtype(np.int64), ["h"]),
        "weight": (np.dtype(np.float32), ["h"]),
        "seen": (np.dtype(np.int64), ["s"]),
        "allowed": (np.dtype(np.bool_), [n]),
        "boost": (np.dtype(np.float32), [n]),
    }
    listed: dict[str, tuple[Any, list[int | str]]] = {
        "item": (np.dtype(np.int64), [min(k, n)]),
        "score": (np.dtype(np.float32), [min(k, n)]),
        "because": (np.dtype(np.int64), [why, "r"]),
        "share": (np.dtype(np.float32), [why, "r"]),
    }
    return bytes(builder.model(given, listed, described).SerializeToString())


Parts = Callable[[Builder, str], str]
"""From the name of listed items (r,) to that of what each of the history adds to them, (r, h)."""


def _spread(builder: Builder, told: Packed, prior: str) -> tuple[str, Parts]:
    """Name of the scores (items,), and their parts: whole rows, weighted and summed."""
    rows = builder.add("Gather", _values(builder, told), "history", axis=0)
    weight = builder.add("Unsqueeze", "weight", builder.constant(np.array([0])))
    flat = builder.add("Reshape", builder.add("MatMul", weight, rows), _vector(builder))

    def parts(builder: Builder, items: str) -> str:
        near = builder.add("Gather", rows, items, axis=1)
        return builder.add("Mul", builder.add("Transpose", near, perm=[1, 0]), weight)

    return builder.add("Add", flat, prior), parts


def _scattered(builder: Builder, told: Packed, prior: str) -> tuple[str, Parts]:
    """Name of the scores (items,), and their parts: what rows keep, weighted and added where it
    belongs."""
    at = builder.add("Gather", builder.cast(builder.embed(told.at), np.int64), "history")
    tall = builder.add("Unsqueeze", "weight", builder.constant(np.array([1])))
    added = builder.add("Mul", builder.add("Gather", _values(builder, told), "history"), tall)
    where, what = (builder.add("Reshape", one, _vector(builder)) for one in (at, added))
    flat = builder.add("ScatterElements", prior, where, what, axis=0, reduction="add")

    def parts(builder: Builder, items: str) -> str:
        asked = builder.add("Unsqueeze", items, builder.constant(np.array([1, 2])))
        nothing = builder.embed(np.float32(0))
        hit = builder.add("Where", builder.add("Equal", at, asked), added, nothing)
        return builder.add("ReduceSum", hit, builder.constant(np.array([2])), keepdims=0)

    return flat, parts


def _vector(builder: Builder) -> str:
    return builder.constant(np.array([-1]))


def _values(builder: Builder, told: Packed) -> str:
    """Name of what is embedded in its form as (items, kept) float32."""
    value = builder.embed(told.value)
    if told.form.kind != "float32":
        value = builder.cast(value, np.float32)
    if told.form.kind == "int8":
        value = builder.add("Mul", value, builder.embed(told.scale))
    return value


def _listed(builder: Builder, masked: str, parts: Parts, k: int) -> None:
    """The outputs: the `k` best, and the two of the history that speak most for each."""
    from onnx import helper

    size = builder.constant(np.array([k]))
    builder.nodes.append(
        helper.make_node("TopK", [masked, size], ["score", "item"], axis=0, largest=1, sorted=1)
    )
    bounds = [builder.constant(np.array([at])) for at in (0, min(k, REASONED))]
    added = parts(builder, builder.add("Slice", "item", *bounds))
    length = builder.add("Shape", "history")
    n = builder.add("Min", length, builder.constant(np.array([REASONS])))
    builder.nodes.append(
        helper.make_node("TopK", [added, n], ["share", "because"], axis=1, largest=1, sorted=1)
    )


__all__ = ["FORMS", "LISTED", "LOWEST", "REASONED", "Form", "Packed", "packed", "to_onnx"]
