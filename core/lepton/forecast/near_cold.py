"""What it costs a series of a network that no model learnt from it, by how much of its own past is
known.

Boosted trees are fitted on some issues of all before the holdout, and again without the rows of a
part of the series, part after part. Both forecast these series on the holdout; what is usual for
them is learnt from the last hours or days before it, or taken from their neighbours where nothing
is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from lepton.forecast import scores
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import ForecastModel, Params
from lepton.forecast.matrix import Matrix, joined
from lepton.forecast.near import NearIssues, build_near
from lepton.forecast.near_lessons import Span, near_lesson
from lepton.forecast.near_search import near_spec
from lepton.forecast.prepared import Prepared
from lepton.forecast.usual import Days, days_of

KNOWN_H: Final = (0, 6, 24, 72)
"""Hours of its own past that are known of a series; then all of it."""
FEWEST: Final = 10
"""Series from which on it is told."""
PARTS, TURNS = 5, 3
"""Parts of the series, and how many of them are left out, one after another."""
FAMILY: Final = "near_trees"
SMALLER: Final[Params] = {"rounds": 100, "learning_rate": 0.12, "num_leaves": 31, "knots": 3}
_LEARNT: Final = 12_000
"""Issues of a series that are learnt from."""
_NEW: Final = 0.25
"""Share of them that are learnt from as if their series were new."""
_ASKED: Final = 6_000
_INSTANTS, _LEAST = 120, 500
"""Instants that are learnt from, or asked for, and issues that are learnt from, at the least."""
ALL: Final = "all"


def cold_facts(prepared: Prepared, span: Span, seed: int = 0) -> Mapping[str, float]:
    """`cold_HOURS_MINUTES` -> error of series that were not learnt from by that of the same ones
    learnt from; HOURS of their own past that are known, `all` for all of it. Nothing where there
    are too few series or issues, or none of them can be judged."""
    n, rng = len(prepared.panel.ids), np.random.default_rng(seed)
    if n < FEWEST:
        return {}
    groups = np.array_split(rng.permutation(n), PARTS)[:TURNS]
    days = days_of(prepared.panel, near_spec(prepared), prepared.cuts.holdout_s)
    learnt = _learnt(prepared, days, rng)
    if len(learnt) < _LEAST:
        return {}
    whole, at = _fitted(learnt, seed), _instants(span, prepared, max(_INSTANTS, _ASKED // n))
    rises = []
    for out in map(np.sort, groups):
        without = _fitted(learnt.take(~np.isin(learnt.series, out)), seed)
        before = _errors(_asked(prepared, days, at, out), whole)
        rises.append(
            {
                f"cold_{name}_{minutes}": error / before[minutes]
                for name, own in _shortened(prepared, days, out)
                for minutes, error in _errors(_asked(prepared, own, at, out), without).items()
                if before.get(minutes)
            }
        )
    shared = [name for name in rises[0] if all(name in one for one in rises)]
    return {name: float(np.mean([one[name] for one in rises])) for name in shared}


def _shortened(prepared: Prepared, days: Days, out: np.ndarray) -> Iterator[tuple[str, Days]]:
    """How much is known of these series, and the days with that."""
    for hours in KNOWN_H:
        yield f"{hours}", _last(days, out, hours, prepared)
    yield ALL, days


def _instants(span: Span, prepared: Prepared, most: int) -> np.ndarray:
    """At most so many instants of issue, evenly spread."""
    every = span.instants(prepared.panel.step_s)
    places = np.linspace(0, len(every) - 1, min(most, len(every))).astype(int)
    return np.asarray(every[np.unique(places)])


def _learnt(prepared: Prepared, days: Days, rng: np.random.Generator) -> Matrix:
    """Issues of all series before the holdout, some of them as if their series were new."""
    panel, spec, cuts = prepared.panel, near_spec(prepared), prepared.cuts
    n = len(panel.ids)
    begin = cuts.start_s + spec.n_past * spec.step_s
    every = Span(begin, cuts.holdout_s).instants(spec.step_s)
    size = min(len(every), max(_INSTANTS, _LEARNT // n))
    at = np.sort(rng.choice(every, size=size, replace=False))
    some = rng.random((len(at), n)) < _LEARNT / (len(at) * n)
    parts = [build_near(panel, spec, NearIssues(at, some), days, np.float32)]
    groups = np.array_split(rng.permutation(n), round(1 / _NEW))
    for turn, group in enumerate(groups):
        own, picked = at[turn :: len(groups)], some[turn :: len(groups)].copy()
        picked[:, np.setdiff1d(np.arange(n), group)] = False
        issues = NearIssues(own, picked)
        parts.append(build_near(panel, spec, issues, days.as_if_new(group), np.float32))
    return joined(parts).known_by(cuts.holdout_s, panel.latency_s.get("y", 0)).learnable


def _fitted(learnt: Matrix, seed: int) -> ForecastModel:
    family = forecaster(FAMILY)
    return family.fit(near_lesson(learnt, learnt), {**family.params, **SMALLER}, seed)


def _last(days: Days, out: np.ndarray, hours: int, prepared: Prepared) -> Days:
    """The days as if of these series only the last hours before the holdout were known."""
    if not hours:
        return days.as_if_new(out)
    panel, until_s = prepared.panel, prepared.cuts.holdout_s
    short = days_of(panel, days.spec, until_s, max(until_s - hours * 3_600, panel.first_s))
    values = days.as_if_new(out).values
    values[-len(short.values) :, :, out] = short.values[..., out]
    return replace(days, values=values)


def _asked(prepared: Prepared, days: Days, at: np.ndarray, out: np.ndarray) -> Matrix:
    """Issues of these series, the same ones whatever is known of them."""
    shape = (len(at), len(prepared.panel.ids))
    some = np.random.default_rng(0).random(shape) * max(len(at) * len(out), 1) < _ASKED
    picked = some & np.isin(np.arange(shape[1]), out)
    return build_near(prepared.panel, days.spec, NearIssues(at, picked), days.whole)


def _errors(asked: Matrix, model: ForecastModel) -> dict[int, float]:
    """Mean absolute error by minutes ahead."""
    if not len(asked):
        return {}
    told = model.quantiles(asked)[..., 4]
    return {minutes: error for minutes, error in _each(asked, told) if math.isfinite(error)}


def _each(asked: Matrix, told: np.ndarray) -> Iterator[tuple[int, float]]:
    for minutes in (15, 30, 60):
        at = minutes * 60 // asked.step_s - 1
        if 0 <= at < asked.n_leads:
            yield minutes, scores.mae(asked.y[:, at], told[:, at])


__all__ = ["ALL", "KNOWN_H", "cold_facts"]
