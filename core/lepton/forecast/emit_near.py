"""Forecasters of the next minutes as parts of an ONNX graph, equal to their numpy twins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from lepton.forecast.families.near_floor import DRIFT, HABIT, NearFloor
from lepton.forecast.families.near_net import MOST, TURNS, NearNet, NearReader
from lepton.forecast.families.near_trees import NearTrees, interpolation
from lepton.forecast.near_onset import Onset
from lepton.forecast.scope import SHAPE, Scope, X
from lepton.forecast.scores import DECILES
from lepton.graph.emit import Builder
from lepton.graph.pipeline import emit_calibration
from lepton.graph.trees import LOG_ODDS, NUMBERS, Trees

_SUMS: Final = NUMBERS | {"regression_l1"}


def emit_near(scope: Scope, model: Any) -> str | None:
    """Name of the model's deciles in the graph, None for what is no forecaster of these."""
    if isinstance(model, NearFloor):
        return _floor(scope, model)
    if isinstance(model, NearTrees):
        return _trees(scope, model)
    if isinstance(model, NearNet):
        return _net(scope, model)
    return None


def emit_onset(scope: Scope, onset: Onset, output: str) -> None:
    """The calibrated chances of congestion, (n, spans), as the output of that name."""
    add, constant = scope.builder.add, scope.builder.constant
    told: list[str] = []
    for span, forest, calibration in zip(
        onset.rule.spans, onset.forests, onset.calibrations, strict=True
    ):
        trees = Trees.from_lightgbm(forest.booster, objectives=LOG_ODDS)
        margin = _through(scope, trees, onset.columns, span - 1)
        chance = emit_calibration(scope.builder, margin, calibration)
        chance = add("Unsqueeze", chance, constant(np.array([1])))
        told.append(add("Max", told[-1], chance) if told else chance)
    add("Concat", *told, axis=1, output=output)


def _floor(scope: Scope, model: NearFloor) -> str:
    add, constant = scope.builder.add, scope.builder.constant
    point = scope.column("recent")
    if model.kind == HABIT:
        point = scope.column("habit")
    elif model.kind == DRIFT:
        gap = add("Sub", scope.column("habit_move"), scope.column("habit_to_recent"))
        point = add("Add", scope.column("habit"), add("Mul", constant(model.shares), gap))
    return add("Add", scope.last_axis(point), constant(model.deciles))


def _rows(scope: Scope, lead: int) -> str:
    """What forests may read of one lead, (n, columns)."""
    add, constant = scope.builder.add, scope.builder.constant

    def emit() -> str:
        return add("Concat", SHAPE, add("Gather", X, constant(np.array(lead)), axis=1), axis=1)

    return scope.once(f"rows of lead {lead}", emit)


def _through(scope: Scope, trees: Trees, columns: np.ndarray, lead: int) -> str:
    """Sum of the leaves that rows of one lead reach, (n,)."""
    width = scope.shape_width + len(scope.names)
    moved = replace(trees, feature=columns[trees.feature], width=width)
    told = moved.emit(scope.builder, _rows(scope, lead))
    return scope.builder.add("Reshape", told, scope.builder.constant(np.array([-1])))


def _trees(scope: Scope, model: NearTrees) -> str:
    add, constant = scope.builder.add, scope.builder.constant
    sizes = Trees.from_lightgbm(model.sizes.booster, objectives=NUMBERS)
    moves, wide = [], []
    for knot, forest in zip(model.knots, model.forests, strict=True):
        trees = Trees.from_lightgbm(forest.booster, objectives=_SUMS)
        moves.append(scope.last_axis(_through(scope, trees, model.columns, knot)))
        wide.append(scope.last_axis(_through(scope, sizes, model.columns, knot)))
    knots = constant(np.array(model.knots))
    habit = scope.column("habit")
    recent, usual = (add("Gather", one, knots, axis=1) for one in (scope.column("recent"), habit))
    gaps = add("Sub", add("Add", add("Concat", *moves, axis=1), recent), usual)
    between = constant(interpolation(model.knots, scope.n_leads))
    point = add("Add", habit, add("MatMul", gaps, between))
    size = add("MatMul", add("Exp", add("Concat", *wide, axis=1)), between)
    away = add("Mul", scope.last_axis(size), constant(model.deciles))
    return add("Add", scope.last_axis(point), away)


def _net(scope: Scope, net: NearNet) -> str:
    builder, add = scope.builder, scope.builder.add
    last = builder.constant(np.array(len(net.identity) - 1))
    code = add("Min", "row", last)
    who = add("Gather", builder.embed(net.identity), code, axis=0)
    x = add("Concat", _read(scope, net.reader), who, axis=1)
    x = add("Relu", net.first.emit(builder, x))
    for at in range(0, len(net.blocks), 2):
        inner = add("Relu", net.blocks[at].emit(builder, x))
        x = add("Add", x, net.blocks[at + 1].emit(builder, inner))
    told = builder.cast(net.last.emit(builder, x), np.float64)
    shape = builder.constant(np.array([-1, scope.n_leads, len(DECILES)]))
    told = add("Reshape", add("Mul", told, builder.constant(net.size)), shape)
    return scope.ordered(add("Add", scope.last_axis(scope.column("recent")), told))


def _read(scope: Scope, reader: NearReader) -> str:
    """What a network reads, as `NearReader.rows` does, float32."""
    builder: Builder = scope.builder
    add, constant = builder.add, builder.constant
    first = add("Gather", X, constant(np.array([0])), axis=1)

    def at_first(name: str) -> str:
        place = constant(np.array([scope.names.index(name)]))
        return add("Squeeze", add("Gather", first, place, axis=2), constant(np.array([2])))

    turns = constant(2 * np.pi / 24 * np.arange(1, TURNS + 1))
    angle = add("Mul", at_first("hour"), turns)
    raw = add(
        "Concat",
        add("Gather", SHAPE, constant(reader.places), axis=1),
        scope.column("habit_to_recent"),
        scope.column("habit_move"),
        add("Sin", angle),
        add("Cos", angle),
        at_first("is_off"),
        axis=1,
    )
    standard = add("Div", add("Sub", raw, constant(reader.centre)), constant(reader.spread))
    cut = add("Clip", standard, constant(-MOST), constant(MOST))
    return builder.cast(scope.known_or(cut, constant(0.0)), np.float32)


__all__ = ["emit_near", "emit_onset"]
