"""The smallest artefact whose loss is bounded, not merely small by luck.

Accepted is what loses, at the stated confidence by a one-sided paired bootstrap over days, no
more than the tolerance on the valid rows of all folds, against the best entrant and against the
best single model. The holdout confirms it later, once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from lepton.automl.budget import Meter
from lepton.automl.fits import Bench
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.machine import quiet_and_single_threaded
from lepton.automl.model import Model
from lepton.compress.front import Artefact, Front
from lepton.compress.judge import Limits, Measured, judge, measure
from lepton.compress.networks import network_recipes
from lepton.compress.recipes import Deadline, Recipe, Workshop, heaviest, recipes
from lepton.compress.teacher import Teacher
from lepton.dataset import Parts, TabularDataset, TimeFold
from lepton.evaluation.decision import threshold_after
from lepton.evaluation.results import Metric
from lepton.graph.timing import time_graphs
from lepton.progress import Progress
from lepton.run_clock import Clock

ThresholdRule = Callable[[TabularDataset, np.ndarray], float]
"""(rows, scores) -> threshold."""

FEW_POSITIVES = 100
"""Below this the bound is wide whatever the candidate, and a note says so."""

FEWEST_ALERTS = 20
"""Below this a number of alerts says too little to move a threshold by."""

JUDGING_S = 3e-4
"""Seconds a judged row for intervals, bounds and timings of a front (20 artefacts, measured)."""

REFIT_LONGER = 1.5
"""Times a fit on a fold that a refit takes: it learns from more rows, and makes its matrix."""

MOST_TEACHERS = 2
"""Members of a blend that teach: the heaviest say nearly all of it at a fraction of the fits."""


def compress(
    leaderboard: Leaderboard,
    parts: Parts,
    limits: Limits,
    metric: Metric,
    threshold_rule: ThresholdRule,
    progress: Progress,
    *,
    rng: np.random.Generator,
    clock: Clock = time.monotonic,
    spent_s: float | None = None,
    reserve_s: float = 0.0,
) -> Front:
    """Artefacts smaller than the best entrant, the smallest accepted one chosen and refitted.

    spent_s: seconds of the budget used so far, the search's own where None; reserve_s: seconds
    that must remain for what follows. Work units bound the search only. Raises ExportError LK550
    where the best cannot be exported; another that cannot is left out.
    """
    spent_s = leaderboard.spent.seconds if spent_s is None else spent_s
    left = Meter(leaderboard.budget, clock, spent_s=spent_s, reserve_s=reserve_s)
    shop = _workshop(leaderboard, parts, left)
    with quiet_and_single_threaded():
        found = _measure_all(shop, metric, progress)
        rows = _pooled(shop.folds)
        artefacts = judge(found, found[0].newest.inputs(rows), limits, metric, rng)
        chosen, notes = _chosen(artefacts, limits)
        progress.step(f"chosen: {chosen.name}, {chosen.bytes:,} bytes", best=chosen.score)
        shop.expired.is_last = True
        final, late = _refitted(shop, found, chosen.name, parts, rows, threshold_rule)
    by_name = {a.name: a for a in artefacts}
    sample = parts.before_holdout()
    by_name[chosen.name] = _as_shipped(chosen, final[chosen.name], sample)
    shipped = by_name[chosen.name]
    notes += [*_notes_on(rows), *shop.notes, *late, *_grown(shipped, limits), *_speed(shipped)]
    ends = (final[chosen.name], final["best"])
    return Front(by_name, chosen.name, *ends, leaderboard.metric, tuple(notes))


def _workshop(leaderboard: Leaderboard, parts: Parts, left: Meter) -> Workshop:
    best, seed = leaderboard.best, leaderboard.seed
    folds = best.folds(parts)
    n_rows = sum(len(fold.valid) for fold in folds)
    # a refit of the best on more rows, one of a smaller candidate, and exports follow
    expired = Deadline(left, 2.0 * leaderboard.fit_s(best.newest) + JUDGING_S * n_rows)
    recipe = best.recipe
    taught_by = heaviest(recipe, MOST_TEACHERS) if recipe.members else recipe
    teacher = Teacher(taught_by, best, folds, seed, expired)
    bench = Bench(folds, seed, time.monotonic)
    return Workshop(leaderboard, folds, bench, teacher, expired)


def _measure_all(shop: Workshop, metric: Metric, progress: Progress) -> list[Measured]:
    found = []
    for recipe in (*recipes(shop), *network_recipes(shop)):
        if recipe.trains and shop.expired():
            continue
        measured = _measured(recipe, shop, metric)
        if measured is not None:
            found.append(measured)
            progress.step(f"{recipe.name}: {len(measured.onnx):,} bytes", best=measured.score)
    return found


def _measured(recipe: Recipe, shop: Workshop, metric: Metric) -> Measured | None:
    """`recipe` measured; where it breaks, a note, unless it is the best entrant itself."""
    try:
        return measure(recipe, shop, metric)
    except Exception as error:  # a family's library may raise anything
        if recipe.name == "best":
            raise
        shop.notes.append(f"{recipe.name} broke and was left out: {type(error).__name__}: {error}")
        return None


def _chosen(artefacts: Sequence[Artefact], limits: Limits) -> tuple[Artefact, list[str]]:
    """The smallest accepted artefact; where none is, the one that loses least of those that keep
    the limits of cost, or else the smallest, and a note that says so."""
    accepted = [a for a in artefacts if a.accepted]
    if accepted:
        return min(accepted, key=lambda a: (a.bytes, a.name)), []
    kept = [a for a in artefacts if _is_affordable(a, limits)]
    if kept:
        least = min(kept, key=lambda a: (_or_infinite(a.loss_bound), a.bytes, a.name))
        bound = f"its loss may be {least.loss_bound:.4f}, more than {limits.max_loss:g}"
        return least, [f"{least.name} alone keeps the limits of size and time: {bound}"]
    smallest = min(artefacts, key=lambda a: (a.bytes, a.name))
    return smallest, [f"no artefact keeps the limits of size and time: {smallest.name} is smallest"]


def _is_affordable(artefact: Artefact, limits: Limits) -> bool:
    most_bytes, most_us = limits.max_bytes, limits.max_row_us
    return (most_bytes is None or artefact.bytes <= most_bytes) and (
        most_us is None or artefact.row_us <= most_us
    )


def _or_infinite(bound: float) -> float:
    return math.inf if math.isnan(bound) else bound


def _refitted(
    shop: Workshop,
    found: Sequence[Measured],
    chosen: str,
    parts: Parts,
    rows: TabularDataset,
    threshold_rule: ThresholdRule,
) -> tuple[Mapping[str, Model], list[str]]:
    """The chosen and the best model on all rows before the holdout, and what there was no time
    for. rows: the valid rows of all folds, by which thresholds are set."""
    everything = parts.before_holdout()
    by_name = {one.name: one for one in found}
    final, notes = {}, []
    for name in dict.fromkeys((chosen, "best")):
        one = by_name[name]
        threshold = threshold_rule(rows, one.scored["score"].to_numpy())
        twin = replace(one.newest, threshold=threshold)
        ends_in_time = REFIT_LONGER * shop.leaderboard.fit_s(one.newest) <= shop.expired.left.left_s
        typical = replace(one.model, threshold=threshold)
        refitted = one.recipe.refitted(typical, everything) if ends_in_time else None
        if refitted is None:
            notes.append(f"{name} is shipped as fitted on the newest fold: no time for a refit")
        final[name] = _alerting_alike(refitted, twin, parts.recent) if refitted else twin
    return final, notes


def _alerting_alike(refitted: Model, twin: Model, recent: TabularDataset | None) -> Model:
    """`refitted` with the threshold at which it alerts on as many recent rows as its twin does.

    A refit shifts the scores a little; the rows are new to both models and no target is read.
    """
    n_alerts = int(twin.decide(recent).sum()) if recent is not None and len(recent) else 0
    if recent is None or n_alerts < FEWEST_ALERTS:
        return refitted
    ranked = np.sort(refitted.score(recent))[::-1]
    return replace(refitted, threshold=threshold_after(ranked, n_alerts))


def _grown(shipped: Artefact, limits: Limits) -> list[str]:
    """A note where the refit on more rows is larger than the limit that its twin kept."""
    if limits.max_bytes is None or shipped.bytes <= limits.max_bytes:
        return []
    return [f"refitted, {shipped.name} has {shipped.bytes:,} bytes: more than {limits.max_bytes:,}"]


def _speed(shipped: Artefact) -> list[str]:
    native_us, row_us = shipped.timing.native_row_us, shipped.row_us
    if not native_us:
        return []
    return [
        f"one row costs {row_us:,.0f} us of CPU time through the graph and {native_us:,.0f} us in "
        f"the trained model's own libraries, {native_us / row_us:,.0f} times as much"
    ]


def _notes_on(rows: TabularDataset) -> list[str]:
    positives = int((rows.y > 0).sum())
    if positives >= FEW_POSITIVES:
        return []
    return [
        f"the selection part has {positives} positives, so every bound of a loss is wide: more "
        "history would let a smaller artefact through"
    ]


def _as_shipped(artefact: Artefact, model: Model, rows: TabularDataset) -> Artefact:
    """The artefact with size and speed of the model that is really shipped, the latter also in
    the trained model's own libraries, from a frame of one row."""
    onnx = model.graph().to_onnx()
    sample = rows.take(np.arange(max(0, len(rows) - 2048), len(rows)))
    singles = [sample.take(np.array([place])) for place in range(min(len(sample), 10))]
    native = {artefact.name: lambda turn: model.score(singles[turn % len(singles)])}
    timing = time_graphs({artefact.name: onnx}, *model.inputs(sample), native)[artefact.name]
    return replace(artefact, model=model, bytes=len(onnx), timing=timing)


def _pooled(folds: Sequence[TimeFold]) -> TabularDataset:
    """The valid rows of all folds."""
    return reduce(TabularDataset.joined, (fold.valid for fold in folds))


__all__ = ["Artefact", "Front", "Limits", "ThresholdRule", "compress"]
