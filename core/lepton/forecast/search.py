"""From a history to a champion: every family forecasts the selection, the best ones are blended.

A work unit is one fit of one family: each is fitted twice, on what came before the selection and,
where it has a share of the blend, on all before the holdout.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from lepton.automl.budget import Budget
from lepton.forecast import scores
from lepton.forecast.board import BLEND, CALIBRATED, ForecastBoard, Selected, Trial
from lepton.forecast.champion import Series, fit_champion
from lepton.forecast.conformal import calibrated
from lepton.forecast.ensemble import fit_weights
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Forecaster, ForecastModel, Lesson
from lepton.forecast.lessons import lesson_of
from lepton.forecast.matrix import Matrix
from lepton.forecast.panel import seconds_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.rolling import Backtest
from lepton.forecast.walk import Walk, WalkSpec
from lepton.progress import Progress
from lepton_edge.conformal import ConformalSpec

METRIC: Final = "rcrps"
FLOOR: Final = ("seasonal_naive", "profile")
"""Cost next to nothing and are what everything is compared with: never left out."""
CONFORMAL: Final = ConformalSpec()
READS_ANYWHERE: Final = ("net",)
"""Families that learn from issues at any hour."""


@dataclass(frozen=True)
class ForecastSearch:
    """families: names in the order in which they are tried; reserve_s: seconds of the budget that
    must remain; spent_s: those that were used before."""

    families: Sequence[str]
    budget: Budget
    seed: int
    settings: Mapping[str, float]
    spent_s: float = 0.0
    reserve_s: float = 0.0


def search(prepared: Prepared, spec: ForecastSearch, progress: Progress) -> ForecastBoard:
    """The champion of the families that the budget has room for."""
    started = time.monotonic()
    chosen, notes = _affordable(spec)
    lesson = lesson_of(
        prepared, spec.settings, anywhere=any(one.name in READS_ANYWHERE for one in chosen)
    )
    progress.step(f"{len(lesson.issued):,} issues of {len(prepared.looks):,} series", done=0.0)
    tried = _tried(prepared, lesson, chosen, spec, progress, started)
    found = Backtest(tried.matrix, tried.quantiles, tried.failed)
    latency_s = prepared.panel.latency_s.get("y", 0)
    blend = fit_weights(found, len(prepared.looks)).of(found)
    stretched = calibrated(found.matrix, blend, spec=CONFORMAL, latency_s=latency_s)
    spans = spans_of(prepared)
    loss = {name: rcrps(found.matrix, q, spans) for name, q in found.quantiles.items()}
    progress.step("the blend, on all before the holdout")
    champion = fit_champion(
        lesson.known_by(prepared.cuts.holdout_s, latency_s),
        chosen,
        _walk(found, blend),
        _series(prepared),
        WalkSpec((), seed=spec.seed, latency_s=latency_s, conformal=CONFORMAL),
    )
    weights = champion.weights
    twin = replace(champion, members={name: tried.models[name] for name in champion.members})
    share = dict(zip(weights.names, weights.by_cell.mean(axis=(0, 1)), strict=True))
    trials = [
        Trial(
            one.name, loss.get(one.name), tried.seconds.get(one.name, 0.0), share.get(one.name, 0.0)
        )
        for one in chosen
    ]
    trials = [
        replace(t, note=found.failed.get(t.family, "")) if t.score is None else t for t in trials
    ]
    return ForecastBoard(
        champion,
        twin,
        METRIC,
        tuple(sorted(trials, key=lambda t: math.inf if t.score is None else t.score)),
        Selected.of(found.matrix, {**found.quantiles, BLEND: blend, CALIBRATED: stretched}),
        best_score=rcrps(found.matrix, stretched, spans),
        spent_units=len(chosen) + len(champion.members),
        spent_s=time.monotonic() - started,
        notes=tuple(notes),
    )


def spans_of(prepared: Prepared) -> np.ndarray:
    """P99 - P1 of each series before the selection, what errors are measured in; NaN for none."""
    rows, ids = prepared.panel.rows, prepared.panel.ids
    past = rows[seconds_of(rows["ts"]) < prepared.cuts.selection_s]
    known = past[past["y"].notna()].groupby("series_id")["y"]
    span = (known.quantile(0.99) - known.quantile(0.01)).reindex(list(ids))
    found = span.to_numpy(dtype=np.float64)
    return np.where(found > 0, found, np.nan)


def rcrps(matrix: Matrix, quantiles: np.ndarray, spans: np.ndarray) -> float:
    """CRPS over the range of the series' own past, the mean over series; NaN without any."""
    loss = scores.crps(matrix.y, quantiles) / spans[matrix.series][:, None]
    each = [scores.mean(loss[matrix.series == code]) for code in np.unique(matrix.series)]
    known = [one for one in each if math.isfinite(one)]
    return float(np.mean(known)) if known else math.nan


def _affordable(spec: ForecastSearch) -> tuple[list[Forecaster], list[str]]:
    """The families that are installed and that work units allow, cheap ones first."""
    named = [forecaster(name) for name in dict.fromkeys((*FLOOR, *spec.families))]
    found = [one for one in named if one.available()]
    notes = [f"{one.name}: its library is not installed" for one in named if not one.available()]
    units = spec.budget.work_units
    if units is None:
        return found, notes
    found = sorted(found, key=lambda one: one.cost)
    kept = found[: max(len(FLOOR), units // 2)]
    notes += [f"{one.name}: the budget has no room for it" for one in found[len(kept) :]]
    return kept, notes


@dataclass(eq=False)
class _Tried:
    """What the families gave: forecasts of the selection, models, seconds, why some have none."""

    matrix: Matrix
    quantiles: dict[str, np.ndarray] = field(default_factory=dict)
    models: dict[str, ForecastModel] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def _tried(
    prepared: Prepared,
    lesson: Lesson,
    families: Sequence[Forecaster],
    spec: ForecastSearch,
    progress: Progress,
    started: float,
) -> _Tried:
    """Every family fitted on what was known when the selection began, and asked for it."""
    cuts, spans = prepared.cuts, spans_of(prepared)
    known = lesson.known_by(cuts.selection_s, prepared.panel.latency_s.get("y", 0))
    asked = lesson.issued.take(lesson.issued.issue_s >= cuts.selection_s)
    found = _Tried(asked)
    best = math.inf
    for number, family in enumerate(families):
        left_s = _left_s(spec, started)
        expected_s = 2.5 * _expected_s(family, found.seconds)
        if number >= len(FLOOR) and left_s is not None and left_s < expected_s:
            found.failed[family.name] = "the budget had no room for it"
            continue
        began = time.monotonic()
        try:
            model = family.fit(known, family.params, spec.seed)
            told = model.quantiles(asked) * asked.scale[:, None, None]
        except Exception as error:  # a family that cannot learn this must not end the run
            found.failed[family.name] = f"{type(error).__name__}: {error}"[:200]
            continue
        found.models[family.name], found.quantiles[family.name] = model, told
        found.seconds[family.name] = time.monotonic() - began
        best = min(best, rcrps(asked, told, spans))
        progress.step(family.name, done=(number + 1) / len(families), best=best, left_s=left_s)
    return found


def _left_s(spec: ForecastSearch, started: float) -> float | None:
    if spec.budget.seconds is None:
        return None
    used = spec.spent_s + time.monotonic() - started
    return max(spec.budget.seconds - used - spec.reserve_s, 0.0)


def _expected_s(family: Forecaster, seconds: Mapping[str, float]) -> float:
    """How long a fit may take, by those that are done; one fit more follows it."""
    known = [(forecaster(name).cost, took) for name, took in seconds.items() if took > 0]
    dear = [took / cost for cost, took in known if cost >= 1.0]
    pace = max(dear, default=1.0)
    return pace * family.cost


def _walk(found: Backtest, blend: np.ndarray) -> Walk:
    """The selection as a walk that ended with its warm-up: nothing of it was judged before."""
    none = np.zeros(len(found.matrix), dtype=bool)
    return Walk(found.take(none), blend[none], blend[none], (), found, blend)


def _series(prepared: Prepared) -> Series:
    panel = prepared.panel
    typical = np.full(len(panel.ids), np.nan)
    if "typical" in panel.series:
        typical = panel.series["typical"].to_numpy(dtype=np.float64)
    return Series(panel.ids, dict(prepared.looks), tuple(typical.tolist()), dict(panel.latency_s))


__all__ = ["FLOOR", "METRIC", "ForecastSearch", "rcrps", "search", "spans_of"]
