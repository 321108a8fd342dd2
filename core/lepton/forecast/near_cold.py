"""What it costs a series of a network that no model learnt from it, by how much of its own past is
known.

Boosted trees are fitted twice on some issues of all before the holdout: without the rows of a part
of the series, and with them. Both forecast these series on the holdout; what is usual for them is
learnt from the last hours or days before it, or taken from their neighbours where nothing is known.
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
ALL: Final = "all"


def cold_facts(prepared: Prepared, span: Span, seed: int = 0) -> Mapping[str, float]:
    """`cold_HOURS_MINUTES` -> error of series that were not learnt from by that of the same ones
    learnt from; HOURS of their own past that are known, `all` for all of it. Nothing where there
    are too few series, or none of them can be judged."""
    n, rng = len(prepared.panel.ids), np.random.default_rng(seed)
    if n < FEWEST:
        return {}
    groups = np.array_split(rng.permutation(n), PARTS)[:TURNS]
    days = days_of(prepared.panel, near_spec(prepared), prepared.cuts.holdout_s)
    learnt = _learnt(prepared, days, rng)
    whole, at = _fitted(learnt, seed), _instants(span, prepared, max(1, _ASKED // n))
    rises: list[Mapping[str, float]] = []
    for out in map(np.sort, groups):
        known = _asked(prepared, days, at, out)
        before = _errors(known, whole)
        without = _fitted(learnt.take(~np.isin(learnt.series, out)), seed)
        told = {ALL: _errors(known, without)}
        for hours in KNOWN_H:
            poor = _asked(prepared, _last(days, out, hours, prepared), at, out)
            told[f"{hours}"] = _errors(poor, without)
        rises.append(
            {
                f"cold_{name}_{minutes}": errors[minutes] / error
                for name, errors in told.items()
                for minutes, error in before.items()
                if error > 0
            }
        )
    return {name: float(np.mean([one[name] for one in rises])) for name in rises[0]
            if all(name in one for one in rises)}  # fmt: skip


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
    at = np.sort(rng.choice(every, size=min(len(every), max(1, _LEARNT // n)), replace=False))
    parts = [build_near(panel, spec, NearIssues(at, np.ones((len(at), n), dtype=bool)), days,
                        np.float32)]  # fmt: skip
    groups = np.array_split(rng.permutation(n), round(1 / _NEW))
    for turn, group in enumerate(groups):
        own = at[turn :: len(groups)]
        picked = np.zeros((len(own), n), dtype=bool)
        picked[:, group] = True
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
    short = days_of(panel, days.spec, until_s, until_s - hours * 3_600)
    values = days.as_if_new(out).values
    values[-len(short.values) :, :, out] = short.values[..., out]
    return replace(days, values=values)


def _asked(prepared: Prepared, days: Days, at: np.ndarray, out: np.ndarray) -> Matrix:
    n = len(prepared.panel.ids)
    picked = np.broadcast_to(np.isin(np.arange(n), out), (len(at), n))
    return build_near(prepared.panel, days.spec, NearIssues(at, picked), days.whole)


def _errors(asked: Matrix, model: ForecastModel) -> dict[int, float]:
    """Mean absolute error by minutes ahead."""
    told = model.quantiles(asked)[..., 4]
    return {minutes: error for minutes, error in _each(asked, told) if math.isfinite(error)}


def _each(asked: Matrix, told: np.ndarray) -> Iterator[tuple[int, float]]:
    for minutes in (15, 30, 60):
        at = minutes * 60 // asked.step_s - 1
        if 0 <= at < asked.n_leads:
            yield minutes, scores.mae(asked.y[:, at], told[:, at])


__all__ = ["ALL", "KNOWN_H", "cold_facts"]
