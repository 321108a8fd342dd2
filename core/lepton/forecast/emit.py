"""Forecasters as ONNX: the arithmetic of their `quantiles`, operator by operator, in double.

Every issue is a row of X (n, leads, features); what comes out of a forecaster is (n, leads, 9) in
units of the scale. Networks count in float32, as they do where they are fitted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from lepton.automl.families.lightgbm import Boosted
from lepton.errors import ExportError
from lepton.forecast.emit_near import emit_near
from lepton.forecast.families.gbdt import Base, BoostedPoint, BoostedQuantiles
from lepton.forecast.families.linear import Linear, Location
from lepton.forecast.families.net import MOST as MOST_READ
from lepton.forecast.families.net import Net, Reader, first_names
from lepton.forecast.families.profile import Profile
from lepton.forecast.families.seasonal_naive import SeasonalNaive
from lepton.forecast.families.splines import Splines, is_lag
from lepton.forecast.families.spread import Spread
from lepton.forecast.matrix import SHAPE_H
from lepton.forecast.scope import SHAPE, Scope, X
from lepton.forecast.scores import DECILES
from lepton.forecast.stored import sha256_of
from lepton.graph.emit import Builder
from lepton.graph.nets import Int8Dense
from lepton.graph.trees import NUMBERS, Trees

_OFF: Final = "is_off"


def emit_quantiles(scope: Scope, model: Any) -> str:
    """Name of the model's deciles in the graph.

    Raises ExportError LK508 for a forecaster that has no graph.
    """
    if isinstance(model, SeasonalNaive):
        return _around(scope, model.spread, _last_week(scope))
    if isinstance(model, Profile):
        return _around(scope, model.spread, _calendar_mean(scope))
    if isinstance(model, Linear):
        return _around(scope, model.spread, _location(scope, model.location))
    if isinstance(model, BoostedPoint):
        start = _start(scope, model.base)
        rows = _tree_rows(scope, model.base, start)
        told = _forest(scope, model.trees, rows, model.base.names)
        return _around(scope, model.spread, scope.builder.add("Add", start, told))
    if isinstance(model, BoostedQuantiles):
        return _boosted_quantiles(scope, model)
    if isinstance(model, Net):
        return _net(scope, model)
    near = emit_near(scope, model)
    if near is not None:
        return near
    raise ExportError(
        "LK508",
        where="forecast",
        found=f"{type(model).__name__} has no graph: it stays off devices",
        remedy="leave this family out of what is exported",
    )


def _last_week(scope: Scope) -> str:
    return scope.known_or(scope.column("week_1"), scope.anchor)


def _calendar_mean(scope: Scope) -> str:
    return scope.once("calendar mean", lambda: _mean_of_weeks(scope))


def _mean_of_weeks(scope: Scope) -> str:
    add, constant = scope.builder.add, scope.builder.constant
    days = scope.columns(tuple(name for name in scope.names if name.startswith("alike_")))
    unknown, axis = add("IsNaN", days), constant(np.array([-1]))
    known = scope.builder.cast(add("Not", unknown), np.float64)
    count = add("ReduceSum", known, axis, keepdims=0)
    zero = constant(0.0)
    total = add("ReduceSum", add("Where", unknown, zero, days), axis, keepdims=0)
    off = add("Div", total, add("Max", count, constant(1.0)))
    is_holiday = add("Greater", scope.column("is_holiday"), zero)
    counts = add("And", is_holiday, add("Greater", count, zero))
    found = add("Where", counts, off, scope.column("week_mean"))
    return scope.known_or(found, _last_week(scope))


def _around(scope: Scope, spread: Spread, point: str) -> str:
    """Deciles about a point: size of the errors times their deciles."""
    add, constant = scope.builder.add, scope.builder.constant
    centre = scope.last_axis(point)
    if not isinstance(spread.size, Boosted):
        return add("Add", centre, constant(float(spread.size) * spread.deciles))
    size = add("Exp", _forest(scope, spread.size, scope.rows, spread.names))
    return add("Add", centre, add("Mul", scope.last_axis(size), constant(spread.deciles)))


def _forest(scope: Scope, trees: Boosted, rows: str, names: tuple[str, ...]) -> str:
    """Sum of the leaves that rows reach, (n, leads); names: features in the order in which the
    trees know them, what comes after them stands to the right of all of X."""
    found = Trees.from_lightgbm(trees.booster, objectives=NUMBERS)
    width = len(scope.names)
    more = range(width, width + max(0, found.width - len(names)))
    places = np.array([*(scope.names.index(name) for name in names), *more])
    moved = replace(found, feature=places[found.feature], width=width + len(more))
    return scope.by_lead(moved.emit(scope.builder, rows))


def _start(scope: Scope, base: Base) -> str:
    if base.location is not None:
        return _location(scope, base.location)
    return _calendar_mean(scope) if base.is_profile else scope.anchor


def _tree_rows(scope: Scope, base: Base, start: str) -> str:
    if base.location is None and not base.is_profile:
        return scope.rows
    add = scope.builder.add
    moved = add("Sub", start, scope.anchor)
    column = add("Reshape", moved, scope.builder.constant(np.array([-1, 1])))
    return add("Concat", scope.rows, column, axis=1)


def _boosted_quantiles(scope: Scope, model: BoostedQuantiles) -> str:
    start = _start(scope, model.base)
    rows = _tree_rows(scope, model.base, start)
    told = [scope.last_axis(_forest(scope, trees, rows, model.base.names)) for trees in model.trees]
    moved = scope.builder.add("Concat", *told, axis=-1)
    return scope.ordered(scope.builder.add("Add", scope.last_axis(start), moved))


def _location(scope: Scope, location: Location) -> str:
    """The point of a regression; two members with the same one share it."""
    return scope.once(sha256_of(location), lambda: _regression(scope, location))


def _regression(scope: Scope, location: Location) -> str:
    """Anchor and weighted columns; all groups at once, of which each row then takes its own.

    What standardises the columns is in the weights.
    """
    add, constant = scope.builder.add, scope.builder.constant
    splines = location.splines
    weights = location.weights / splines.spread
    every = add("MatMul", _spline_columns(scope, splines), constant(weights.T))
    every = add("Add", every, constant(location.intercept - weights @ splines.centre))
    hour = add("Div", scope.column("hour"), constant(float(location.hours)))
    group = scope.builder.cast(add("Floor", hour), np.int64)
    group = add("Reshape", group, constant(np.array([-1, 1])))
    return add("Add", scope.anchor, scope.by_lead(add("GatherElements", every, group, axis=1)))


def _spline_columns(scope: Scope, splines: Splines) -> str:
    """(n * leads, columns), cut; every kind of column at once, a feature as often as it is read."""
    add, constant = scope.builder.add, scope.builder.constant
    bent_names = [name for name, knots in splines.knots.items() for _ in knots]
    where = {name: np.flatnonzero(np.array(bent_names) == name) for name in splines.knots}
    parts = [_told(scope, splines, splines.linear)]
    if bent_names:
        above = add(
            "Sub",
            _told(scope, splines, tuple(bent_names)),
            constant(np.concatenate(list(splines.knots.values()))),
        )
        bent = add("Max", above, constant(0.0))
        parts.append(bent)
    weekday = add("Equal", _told(scope, splines, ("weekday",)), constant(np.arange(7.0)))
    parts.append(scope.builder.cast(weekday, np.float64))
    if splines.responses:
        pairs = [(where[level], by) for level, change in splines.responses for by in (_OFF, change)]
        levels = add("Gather", bent, constant(np.concatenate([at for at, _ in pairs])), axis=2)
        by = _told(scope, splines, tuple(by for at, by in pairs for _ in at))
        parts.append(add("Mul", levels, by))
    raw = add("Concat", *parts, axis=-1)
    rows = add("Reshape", raw, constant(np.array([-1, len(splines.centre)])))
    return add("Min", add("Max", rows, constant(splines.low)), constant(splines.high))


def _told(scope: Scope, splines: Splines, names: tuple[str, ...]) -> str:
    """Features with what stands for them where they are unknown."""
    add, constant = scope.builder.add, scope.builder.constant
    fill = constant(np.array([splines.fill.get(name, 0.0) for name in names]))
    lags = np.array([is_lag(name) for name in names])
    other = fill
    if lags.any():
        other = add("Where", constant(lags), scope.last_axis(scope.anchor), fill)
    return scope.known_or(scope.columns(names), other)


def _net(scope: Scope, net: Net) -> str:
    add, constant = scope.builder.add, scope.builder.constant
    rows = _read(scope, net.reader)
    told = [_through(scope.builder, layers, rows) for layers in net.members]
    total = told[0]
    for one in told[1:]:
        total = add("Add", total, one)
    mean = add("Div", total, constant(float(len(told))))
    n_days = -(-scope.n_leads // net.reader.width)
    days = add("Reshape", mean, constant(np.array([-1, n_days * net.reader.width, len(DECILES)])))
    if n_days * net.reader.width > scope.n_leads:
        days = add("Slice", days, *(constant(np.array([at])) for at in (0, scope.n_leads, 1)))
    return scope.ordered(add("Add", scope.last_axis(scope.anchor), days))


def _through(builder: Builder, layers: tuple[Any, ...], rows: str) -> str:
    *hidden, last = layers
    for layer in hidden:
        rows = layer.emit(builder, rows)
        rows = rows if isinstance(layer, Int8Dense) else builder.add("Relu", rows)
    return builder.cast(last.emit(builder, rows), np.float64)


def _read(scope: Scope, reader: Reader) -> str:
    """What a network reads: a row a day, as `Reader.rows` does."""
    add, constant = scope.builder.add, scope.builder.constant
    cast = scope.builder.cast
    n_days = -(-scope.n_leads // reader.width)
    first = add("Gather", X, constant(np.arange(n_days) * reader.width), axis=1)
    names = first_names(reader.of_day)
    picked = [scope.names.index(name) for name in names]
    starts = add("Gather", first, constant(np.array(picked)), axis=2)
    starts = add("Reshape", starts, constant(np.array([-1, len(names)])))
    hour = add("Floor", add("Gather", starts, constant(np.array([0])), axis=1))
    weekday = add("Gather", starts, constant(np.array([1])), axis=1)
    of_day = add("Gather", starts, constant(np.arange(2, len(names))), axis=1)
    parts = [
        _shape_of_days(scope, n_days),
        _by_hour(scope, reader, n_days),
        cast(add("Equal", hour, constant(np.arange(24.0))), np.float64),
        cast(add("Equal", weekday, constant(np.arange(7.0))), np.float64),
        of_day,
    ]
    # rounded to float32 and back, as the rows are that it was fitted on
    raw = cast(cast(add("Concat", *parts, axis=1), np.float32), np.float64)
    standard = add("Div", add("Sub", raw, constant(reader.centre)), constant(reader.spread))
    cut = add("Clip", standard, constant(-MOST_READ), constant(MOST_READ))
    return cast(scope.known_or(cut, constant(0.0)), np.float32)


def _shape_of_days(scope: Scope, n_days: int) -> str:
    """The past of each issue, once for each of its days."""
    if n_days == 1:
        return SHAPE
    add, constant = scope.builder.add, scope.builder.constant
    wide = add("Unsqueeze", SHAPE, constant(np.array([1])))
    again = add("Concat", *([wide] * n_days), axis=1)
    return add("Reshape", again, constant(np.array([-1, SHAPE_H])))


def _by_hour(scope: Scope, reader: Reader, n_days: int) -> str:
    """Means of the leads of each hour of a day, (n * days, hours * columns); what is beyond the
    last lead is as it."""
    add, constant = scope.builder.add, scope.builder.constant
    each, k = max(1, 3600 // scope.step_s), len(reader.names)
    hours = -(-reader.width // each)
    inside = np.minimum(np.arange(hours * each), reader.width - 1)
    leads = np.arange(n_days)[:, None] * reader.width + inside
    places = np.minimum(leads.ravel(), scope.n_leads - 1)
    found = scope.columns(reader.names)
    if len(places) != scope.n_leads or (places != np.arange(scope.n_leads)).any():
        found = add("Gather", found, constant(places), axis=1)
    if each > 1:
        grouped = constant(np.array([-1, hours * n_days, each, k]))
        found = add("Reshape", found, grouped)
        found = add("ReduceMean", found, constant(np.array([2])), keepdims=0)
    return add("Reshape", found, constant(np.array([-1, hours * k])))


__all__ = ["SHAPE", "Scope", "X", "emit_quantiles"]
