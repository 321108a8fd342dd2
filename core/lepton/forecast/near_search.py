"""From a network of series to a champion of the next minutes: tried on a selection, then refitted.

Floors are what everything is compared with and are never blended: a blend with them would only be
drawn to what is usual. The others weigh by how well their mean forecasts the selection.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from lepton.forecast import scores
from lepton.forecast.board import BLEND, CALIBRATED, ForecastBoard, Selected, Trial
from lepton.forecast.champion import Champion, Series, Usual
from lepton.forecast.conformal import Rolling
from lepton.forecast.ensemble import Weights, best_weights
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Forecaster, ForecastModel, Lesson
from lepton.forecast.families.near_floor import DRIFT, HABIT, PERSISTENCE
from lepton.forecast.matrix import Matrix, joined
from lepton.forecast.near_beside import without, worth_of
from lepton.forecast.near_conformal import CONFORMAL, near_calibrated, near_scores
from lepton.forecast.near_lessons import (
    NearLearning,
    Span,
    asked_of,
    learnt_from,
    near_lesson,
    new_ones,
)
from lepton.forecast.near_onset import Onset, fit_onset
from lepton.forecast.prepared import Prepared
from lepton.forecast.search import METRIC, ForecastSearch, rcrps, spans_of
from lepton.forecast.usual import Days, days_of
from lepton.progress import Progress
from lepton_edge.near_spec import NearSpec, OnsetRule

FLOORS: Final = (PERSISTENCE, HABIT, DRIFT)
_SHRINK: Final = 0.5
"""Share of equal weights in the blend: a selection of days says only so much."""
_ROWS_OF_WEIGHTS: Final = 60_000
_TRIED_S: Final = 240.0
"""Budget in seconds from which on columns beside the series are tried."""
_TOO_BAD: Final = 1.15
"""Loss over that of the best family from which on a family is not blended."""


@dataclass(frozen=True, eq=False)
class NearStudy:
    """What is known at one instant: `days` until then, what is learnt from, and issues of series as
    if they were new."""

    days: Days
    learnt: Matrix
    new: Matrix

    @property
    def lesson(self) -> Lesson:
        """Issues without and with dead series."""
        age = self.learnt.column("age_min")[:, 0]
        # the youngest value that is ever there is one interval old, or as late as values are
        whole = age <= age.min(initial=np.inf)
        return near_lesson(self.learnt.take(whole), joined([self.learnt, self.new]))


def near_spec(prepared: Prepared) -> NearSpec:
    """The look that all series share."""
    found = next(iter(prepared.looks.values()))
    assert isinstance(found, NearSpec)
    return found


def study(prepared: Prepared, until_s: int, learning: NearLearning) -> NearStudy:
    """Everything that was known at `until_s`, UTC seconds."""
    spec, panel = near_spec(prepared), prepared.panel
    days = days_of(panel, spec, until_s)
    first_s = prepared.cuts.start_s + spec.n_past * spec.step_s
    span, latency_s = Span(first_s, until_s), panel.latency_s.get("y", 0)
    learnt, new = (
        make(panel, spec, days, span, learning).known_by(until_s, latency_s).learnable
        for make in (learnt_from, new_ones)
    )
    return NearStudy(days, learnt, new)


def search_near(
    prepared: Prepared,
    spec: ForecastSearch,
    progress: Progress,
    learning: NearLearning | None = None,
    rule: OnsetRule | None = None,
) -> ForecastBoard:
    """The champion of the families that the budget has room for.

    rule: what onsets are told beside the values, None for none.
    """
    started = time.monotonic()
    learning = replace(learning or NearLearning(), seed=spec.seed)
    chosen, notes = _affordable(spec)
    now = study(prepared, prepared.cuts.holdout_s, learning)
    prepared, now, worth = _worthwhile(prepared, now, spec)
    notes += worth
    past = study(prepared, prepared.cuts.selection_s, learning)
    look, panel, cuts = near_spec(prepared), prepared.panel, prepared.cuts
    asked = asked_of(panel, look, past.days.whole, Span(cuts.selection_s, cuts.holdout_s))
    progress.step(f"{len(past.learnt):,} issues of {len(panel.ids):,} series", done=0.0)
    tried = _tried(past.lesson, asked, chosen, spec, prepared, progress)
    weights = near_weights(asked, tried.quantiles, len(panel.ids))
    blend = weights.blend(tried.quantiles, asked.series, np.zeros(asked.y.shape, dtype=np.int64))
    latency_s = panel.latency_s.get("y", 0)
    stretched = near_calibrated(asked, blend, Rolling(CONFORMAL), latency_s)
    progress.step("the blend, on all before the holdout")
    champion = refitted(prepared, now, chosen, weights, spec.seed, rule)
    champion = replace(champion, calibration=_calibration(asked, blend, latency_s))
    twin = replace(
        champion,
        members={name: tried.models[name] for name in champion.members},
        habits=past.days.whole,
        onset=None if rule is None else fit_onset(past.lesson, rule, spec.seed),
    )
    spans = spans_of(prepared)
    share = dict(zip(weights.names, weights.by_cell.mean(axis=(0, 1)), strict=True))
    trials = [
        Trial(
            one.name,
            rcrps(asked, tried.quantiles[one.name], spans) if one.name in tried.quantiles else None,
            tried.seconds.get(one.name, 0.0),
            float(share.get(one.name, 0.0)),
            tried.failed.get(one.name, ""),
        )
        for one in chosen
    ]
    return ForecastBoard(
        champion,
        twin,
        METRIC,
        tuple(sorted(trials, key=lambda t: math.inf if t.score is None else t.score)),
        Selected.of(asked, {**tried.quantiles, BLEND: blend, CALIBRATED: stretched}),
        best_score=rcrps(asked, stretched, spans),
        spent_units=len(chosen) + len(champion.members),
        spent_s=time.monotonic() - started,
        notes=tuple(notes),
    )


def near_weights(asked: Matrix, quantiles: Mapping[str, np.ndarray], n_series: int) -> Weights:
    """Weights of what is no floor, the same for all series; the best floor where there is none."""
    losses = {name: scores.mean(scores.crps(asked.y, told)) for name, told in quantiles.items()}
    usable = {name: loss for name, loss in losses.items() if name not in FLOORS}
    usable = usable or {name: losses[name] for name in (min(losses, key=lambda n: losses[n]),)}
    best = min(usable.values())
    names = tuple(name for name, loss in usable.items() if loss <= _TOO_BAD * best)
    equal = np.full(len(names), 1.0 / len(names))
    found = equal
    if len(names) > 1:
        every = max(1, asked.y.size // _ROWS_OF_WEIGHTS)
        y = asked.y.ravel()[::every]
        told = np.stack([quantiles[name].reshape(-1, 9)[::every] for name in names])
        known = np.isfinite(y)
        found = best_weights(y[known], told[:, known], equal)
    share = (1 - _SHRINK) * found + _SHRINK * equal
    return Weights(names, np.broadcast_to(share, (n_series, 4, len(names))).copy())


def _worthwhile(
    prepared: Prepared, now: NearStudy, spec: ForecastSearch
) -> tuple[Prepared, NearStudy, list[str]]:
    """The same with only those known columns that make forecasts better, and what each is worth."""
    look, seconds = near_spec(prepared), spec.budget.seconds
    if not look.known:
        return prepared, now, []
    worth = (
        () if seconds is not None and seconds < _TRIED_S else worth_of(look, now.learnt, spec.seed)
    )
    kept = [one.name for one in worth if one.is_kept]
    known = tuple(column for column in look.known if column.name in kept)
    looks = dict.fromkeys(prepared.looks, replace(look, known=known))
    learnt, new = (without(one, look, kept) for one in (now.learnt, now.new))
    notes = [one.text for one in worth] or ["no column beside the series: the budget had no room"]
    return replace(prepared, looks=looks), NearStudy(now.days, learnt, new), notes


def _affordable(spec: ForecastSearch) -> tuple[list[Forecaster], list[str]]:
    """The families that are installed and that work units allow; floors cost none of them."""
    named = [forecaster(name) for name in dict.fromkeys((*FLOORS, *spec.families))]
    found = sorted((one for one in named if one.available()), key=lambda one: one.cost)
    notes = [f"{one.name}: its library is not installed" for one in named if not one.available()]
    units = spec.budget.work_units
    if units is None:
        return found, notes
    kept = found[: len(FLOORS) + max(1, units // 2)]
    return kept, notes + [
        f"{one.name}: the budget has no room for it" for one in found[len(kept) :]
    ]


@dataclass(eq=False)
class _Tried:
    """What families gave on the selection."""

    quantiles: dict[str, np.ndarray] = field(default_factory=dict)
    models: dict[str, ForecastModel] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def _tried(
    lesson: Lesson,
    asked: Matrix,
    families: Sequence[Forecaster],
    spec: ForecastSearch,
    prepared: Prepared,
    progress: Progress,
) -> _Tried:
    found, spans = _Tried(), spans_of(prepared)
    begun, best = time.monotonic(), math.inf
    for number, family in enumerate(families):
        limit = spec.budget.seconds
        used = spec.spent_s + time.monotonic() - begun
        # what is fitted now is fitted once more on all
        if limit is not None and found.models and used > (limit - spec.reserve_s) / 2:
            found.failed[family.name] = "the budget had no room for it"
            continue
        started = time.monotonic()
        try:
            model = family.fit(lesson, family.params, spec.seed)
            told = model.quantiles(asked)
        except Exception as error:  # a family that cannot learn this must not end the run
            found.failed[family.name] = f"{type(error).__name__}: {error}"[:200]
            continue
        found.models[family.name], found.quantiles[family.name] = model, told
        found.seconds[family.name] = time.monotonic() - started
        best = min(best, rcrps(asked, told, spans))
        progress.step(family.name, done=(number + 1) / len(families), best=best)
    return found


def refitted(
    prepared: Prepared,
    now: NearStudy,
    families: Sequence[Forecaster],
    weights: Weights,
    seed: int,
    rule: OnsetRule | None = None,
) -> Champion:
    """The members that weigh, fitted on what is known now; not calibrated yet."""
    lesson, by_name = now.lesson, {family.name: family for family in families}
    members = {n: by_name[n].fit(lesson, by_name[n].params, seed) for n in weights.names}
    floors = [forecaster(name) for name in FLOORS]
    panel = prepared.panel
    onset: Onset | None = None if rule is None else fit_onset(lesson, rule, seed)
    return Champion(
        series=Series(
            panel.ids,
            dict(prepared.looks),
            (float("nan"),) * len(panel.ids),
            dict(panel.latency_s),
        ),
        members=members,
        fallbacks={one.name: one.fit(lesson, one.params, seed) for one in floors},
        weights=weights,
        usual=Usual({}, 0.0, 0.0),
        conformal=CONFORMAL,
        calibration=Rolling(CONFORMAL).to_arrays(),
        habits=now.days.whole,
        onset=onset,
    )


def _calibration(asked: Matrix, blend: np.ndarray, latency_s: int) -> dict[str, np.ndarray]:
    """The state after the selection's last issue, its truths told."""
    rolling = Rolling(CONFORMAL)
    rolling.tell(near_scores(asked, blend, latency_s))
    for issue_s in np.unique(asked.issue_s)[-1:]:
        rolling.factors(int(issue_s))
    return rolling.to_arrays()


__all__ = [
    "CONFORMAL",
    "FLOORS",
    "NearStudy",
    "near_spec",
    "near_weights",
    "refitted",
    "search_near",
    "study",
]
