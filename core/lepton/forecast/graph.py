"""A champion as ONNX: one graph from features to deciles, one for what stands in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from lepton.forecast.champion import Champion
from lepton.forecast.emit import emit_quantiles
from lepton.forecast.emit_near import emit_onset
from lepton.forecast.families.net import Net
from lepton.forecast.matrix import SHAPE_H
from lepton.forecast.scope import SHAPE, Scope, X
from lepton.forecast.scores import DECILES
from lepton.graph.emit import Builder, Side
from lepton_edge.conformal import horizon_blocks
from lepton_edge.near_spec import NearSpec

SCALE: Final = "scale"
ROW: Final = "row"
FACTOR: Final = "factor"
BLEND: Final = "blend"
QUANTILES: Final = "quantiles"
ONSET: Final = "onset"


def to_onnx(champion: Champion, metadata: Mapping[str, str] | None = None) -> bytes:
    """The graph of the blend, double throughout but for networks, deterministic bytes.

    Inputs X (n, leads, features), scale (n,), row int64 (n,): the code of the series, the number of
    series for one that was not weighed; factor (n, leads): what the calibration stretches by; shape
    (n, hours) only where a network reads it, of forecasts of the next minutes always. Outputs blend
    and quantiles, (n, leads, 9), in the series' unit: before and after the calibration; onset (n,
    spans) where chances of congestion are told.
    """
    scope, builder = _scope(champion)
    ordered = _widened(scope, scope.ordered(_blended(scope, champion)), champion.weights.width)
    blend = builder.add("Mul", ordered, _scale(builder))
    builder.add("Identity", blend, output=BLEND)
    _emit_calibration(scope, blend)
    inputs = _inputs(champion, has_net=any(isinstance(m, Net) for m in champion.members.values()))
    inputs |= {ROW: (np.dtype(np.int64), ["n"])}
    inputs |= {FACTOR: (np.dtype(np.float64), ["n", champion.spec.n_leads])}
    if champion.onset is not None:
        emit_onset(scope, champion.onset, ONSET)
    return _written(builder, champion, inputs, (BLEND, QUANTILES), metadata)


def fallback_onnx(champion: Champion, metadata: Mapping[str, str] | None = None) -> bytes:
    """The graph of what stands in: one output a fallback, (n, leads, 9), in the series' unit."""
    scope, builder = _scope(champion)
    scale = _scale(builder)
    for name, model in champion.fallbacks.items():
        builder.add("Mul", emit_quantiles(scope, model), scale, output=name)
    inputs = _inputs(champion, has_net=False)
    return _written(builder, champion, inputs, tuple(champion.fallbacks), metadata)


def _scope(champion: Champion) -> tuple[Scope, Builder]:
    builder, spec = Builder(), champion.spec
    width = len(spec.shape_names) if isinstance(spec, NearSpec) else SHAPE_H
    return Scope(builder, spec.names, spec.n_leads, spec.step_s, width), builder


def _scale(builder: Builder) -> str:
    return builder.add("Unsqueeze", SCALE, builder.constant(np.array([1, 2])))


def _blended(scope: Scope, champion: Champion) -> str:
    """Weighted sum of the members' deciles; weights by series and block, shared by leads."""
    add, constant = scope.builder.add, scope.builder.constant
    weights, spec = champion.weights, champion.spec
    if len(weights.names) == 1:
        return emit_quantiles(scope, champion.members[weights.names[0]])
    table = np.concatenate([weights.by_cell, weights.by_cell.mean(axis=0, keepdims=True)])
    lead_h = (spec.first_lead + np.arange(spec.n_leads)) * (spec.step_s / 3600)
    block = np.minimum(horizon_blocks(lead_h), table.shape[1] - 1)
    own = add("Gather", constant(table), ROW, axis=0)
    own = add("Gather", own, constant(block.astype(np.int64)), axis=1)
    terms = []
    for number, name in enumerate(weights.names):
        told = emit_quantiles(scope, champion.members[name])
        weight = add("Gather", own, constant(np.array([number])), axis=2)
        terms.append(add("Mul", told, weight))
    total = terms[0]
    for term in terms[1:]:
        total = add("Add", total, term)
    return total


def _widened(scope: Scope, ordered: str, width: np.ndarray | None) -> str:
    """The deciles as wide as their series needs; those of a new one as they are."""
    if width is None:
        return ordered
    add, constant = scope.builder.add, scope.builder.constant
    own = add("Gather", constant(np.append(width, 1.0)), ROW, axis=0)
    own = add("Unsqueeze", own, constant(np.array([1, 2])))
    return _away(scope, ordered, own)


def _emit_calibration(scope: Scope, blend: str) -> None:
    _away(scope, blend, scope.last_axis(FACTOR), output=QUANTILES)


def _away(scope: Scope, quantiles: str, factor: str, **named: str) -> str:
    """Deciles moved away from their median by a factor."""
    add = scope.builder.add
    middle = scope.builder.constant(np.array([len(DECILES) // 2]))
    median = add("Gather", quantiles, middle, axis=2)
    return add("Add", median, add("Mul", factor, add("Sub", quantiles, median)), **named)


def _inputs(
    champion: Champion, *, has_net: bool
) -> dict[str, tuple[np.dtype[Any], list[int | str]]]:
    spec, double = champion.spec, np.dtype(np.float64)
    made: dict[str, tuple[np.dtype[Any], list[int | str]]] = {
        X: (double, ["n", spec.n_leads, len(spec.names)]),
        SCALE: (double, ["n"]),
    }
    if isinstance(spec, NearSpec):
        return {**made, SHAPE: (double, ["n", len(spec.shape_names)])}
    return {**made, SHAPE: (double, ["n", SHAPE_H])} if has_net else made


def _written(
    builder: Builder,
    champion: Champion,
    inputs: Side,
    outputs: tuple[str, ...],
    metadata: Mapping[str, str] | None,
) -> bytes:
    shape: list[int | str] = ["n", champion.spec.n_leads, len(DECILES)]
    told = {name: (np.dtype(np.float64), shape) for name in outputs}
    if champion.onset is not None and QUANTILES in outputs:
        told[ONSET] = (np.dtype(np.float64), ["n", len(champion.onset.rule.spans)])
    model = builder.model(inputs, told, metadata or {})
    return bytes(model.SerializeToString(deterministic=True))


__all__ = ["BLEND", "FACTOR", "ONSET", "QUANTILES", "ROW", "SCALE", "fallback_onnx", "to_onnx"]
