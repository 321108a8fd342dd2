"""From interactions to a champion: every family lists for past windows, the best is kept a mode.

A work unit is one fit of one family; the champion of each mode is fitted once more, on all before
the holdout. A family that is not better than the best simple rule is not kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lepton.automl.budget import Budget
from lepton.progress import Progress
from lepton.recommend.board import RecommendBoard, Trial
from lepton.recommend.champion import Champion
from lepton.recommend.families.base import Ranker
from lepton.recommend.families.lambdarank import TwoStage
from lepton.recommend.judged import lists_of, paired, rated
from lepton.recommend.prepared import Prepared
from lepton.recommend.retrieved import candidate_recall
from lepton.recommend.roster import FLOOR, family
from lepton.recommend.windows import MODES, Window

REFIT_SHARE: Final = 2.5
"""Seconds of a family's first fit that must be left before it is tried: it is fitted again."""


@dataclass(frozen=True)
class RecommendSearch:
    """families: names in the order in which they are tried; reserve_s: seconds of the budget that
    must remain; spent_s: those that were used before."""

    families: Sequence[str]
    budget: Budget
    seed: int
    spent_s: float = 0.0
    reserve_s: float = 0.0


@dataclass(eq=False)
class _Tried:
    """name -> (customers of all windows,) NDCG@10 by mode, CPU seconds, why it failed."""

    rates: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    recall: dict[str, float] = field(default_factory=dict)
    units: int = 0


def search(prepared: Prepared, spec: RecommendSearch, progress: Progress) -> RecommendBoard:
    """The champion of the families that the budget has room for."""
    started = time.monotonic()
    windows = prepared.windows()
    progress.step(f"{sum(map(len, windows)):,} customers in {len(windows)} windows", done=0.0)
    tried = _tried(windows, spec, progress, started)
    rng = np.random.default_rng(spec.seed)
    floor = max(FLOOR, key=lambda name: _mean(tried, name, "all"))
    trials = [_trial(name, tried, floor, rng) for name in (*tried.rates, *tried.failed)]
    chosen = {mode: max(tried.rates, key=lambda n: _mean(tried, n, mode)) for mode in MODES}
    progress.step("the champion, on all before the holdout")
    known = prepared.before_holdout
    models: dict[str, Ranker] = {
        name: family(name).fit(known, np.random.default_rng(spec.seed))
        for name in sorted(set(chosen.values()))
    }
    return RecommendBoard(
        Champion.of(chosen, models, spec.seed),
        tuple(sorted(trials, key=lambda one: -(one.ndcg10_all or -math.inf))),
        floor,
        tried.recall,
        spent_units=tried.units + len(models),
        spent_s=time.monotonic() - started,
    )


def _tried(
    windows: Sequence[Window], spec: RecommendSearch, progress: Progress, started: float
) -> _Tried:
    """Every family fitted on what was known at each window's cutoff, and its lists judged."""
    found = _Tried()
    names = list(dict.fromkeys((*FLOOR, *spec.families)))
    for number, name in enumerate(names):
        why = _no_room(spec, found, number, len(windows), started)
        if why:
            found.failed[name] = why
            continue
        began = time.process_time()
        try:
            told = [_judged(name, window, spec.seed, found) for window in windows]
        except Exception as error:  # a family that cannot learn this must not end the run
            found.failed[name] = f"{type(error).__name__}: {error}"[:200]
            continue
        found.rates[name] = {
            mode: np.concatenate([one[f"ndcg10_{mode}"] for one in told]) for mode in MODES
        }
        found.seconds[name] = time.process_time() - began
        found.units += len(windows)
        best = max(_mean(found, one, "all") for one in found.rates)
        progress.step(name, done=(number + 1) / len(names), best=best)
    return found


def _judged(name: str, window: Window, seed: int, found: _Tried) -> dict[str, np.ndarray]:
    model = family(name).fit(window.known, np.random.default_rng(seed))
    if isinstance(model, TwoStage) and not found.recall:
        retrieved = model.retrievers.retrieve(window.known, window.customers)
        found.recall = {mode: candidate_recall(window, retrieved, mode) for mode in MODES}
    return rated(lists_of(model, window), window)


def _no_room(
    spec: RecommendSearch, found: _Tried, number: int, n_windows: int, started: float
) -> str:
    """Why the next family is not tried, "" where it is."""
    if number < len(FLOOR):
        return ""
    units, seconds = spec.budget.work_units, spec.budget.seconds
    if units is not None and found.units + n_windows + 1 > units:
        return "the budget has no room for it"
    if seconds is not None:
        used = spec.spent_s + time.monotonic() - started
        if seconds - used - spec.reserve_s < REFIT_SHARE * max(found.seconds.values(), default=0.0):
            return "the budget had no room for it"
    return ""


def _mean(tried: _Tried, name: str, mode: str) -> float:
    values = tried.rates[name][mode]
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else -math.inf


def _trial(name: str, tried: _Tried, floor: str, rng: np.random.Generator) -> Trial:
    if name in tried.failed:
        return Trial(name, None, None, None, None, 0.0, tried.failed[name])
    own = tried.rates[name]
    gain = paired(own["all"], tried.rates[floor]["all"], rng)
    return Trial(
        name,
        _mean(tried, name, "all"),
        _mean(tried, name, "new"),
        gain.low,
        gain.high,
        tried.seconds[name],
    )


__all__ = ["RecommendSearch", "search"]
