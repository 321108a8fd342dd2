"""The smallest artefact whose loss is bounded, not merely small by luck.

Accepted is what loses, at the stated confidence by a one-sided paired bootstrap over days, no
more than the tolerance on the selection part. The holdout confirms it later, once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lepton.automl.budget import Clock, Meter
from lepton.automl.fits import Bench
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.machine import quiet_and_single_threaded
from lepton.automl.model import Model, refit
from lepton.compress.front import Artefact, Front
from lepton.compress.reduce import Candidate, candidates
from lepton.dataset import Parts, TabularDataset
from lepton.errors import ExportError
from lepton.evaluation.calibration import fit_calibration
from lepton.evaluation.decision import threshold_after
from lepton.evaluation.intervals import LossBound, day_blocks, paired_loss_bound
from lepton.evaluation.results import Metric
from lepton.evaluation.scored import scored_frame
from lepton.graph.timing import Timing, time_graphs
from lepton.progress import Progress

ThresholdRule = Callable[[TabularDataset, np.ndarray], float]
"""(rows, scores) -> threshold."""

FEW_POSITIVES = 100
"""Below this the bound is wide whatever the candidate, and a note says so."""

FEWEST_ALERTS = 20
"""Below this a number of alerts says too little to move a threshold by."""


@dataclass(frozen=True)
class Limits:
    """How much of the metric may be lost, as an upper bound held with `confidence`."""

    max_loss: float = 0.005
    confidence: float = 0.95


@dataclass(frozen=True, eq=False)
class _Measured:
    """A calibrated candidate, scored and exported."""

    candidate: Candidate
    scored: pd.DataFrame
    score: float
    onnx: bytes


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
) -> Front:
    """Artefacts smaller than the best model, the smallest accepted one chosen and refitted.

    The unreduced best is always accepted. Raises ExportError LK550 where it cannot be
    exported; another candidate that cannot is left out.
    """
    left = _meter(leaderboard, clock)
    with quiet_and_single_threaded():
        found = _measure_all(leaderboard, parts, metric, progress, left)
        artefacts = _judge(found, parts.selection, limits, metric, rng)
        chosen = min((a for a in artefacts if a.accepted), key=lambda a: (a.bytes, a.name))
        progress.step(f"chosen: {chosen.name}, {chosen.bytes:,} bytes", best=chosen.score)
        return _shipped(artefacts, chosen.name, leaderboard, parts, threshold_rule, left)


def _meter(leaderboard: Leaderboard, clock: Clock) -> Meter:
    """What the search has left of the budget; work units bound the search only."""
    budget = leaderboard.budget
    if budget.seconds is None:
        return Meter(budget, clock, reserve_s=0.0)
    left = max(budget.seconds - leaderboard.spent.seconds, 0.01)
    return Meter(replace(budget, seconds=left), clock, reserve_s=0.0)


def _measure_all(
    leaderboard: Leaderboard, parts: Parts, metric: Metric, progress: Progress, left: Meter
) -> list[_Measured]:
    bench = Bench(parts.folds, leaderboard.seed, time.monotonic)
    # a refit of the best on more rows, one of a smaller candidate, and exports follow
    needed_s = 2.0 * leaderboard.best_fit_s

    def expired() -> bool:
        return left.left_s <= needed_s

    found = []
    for candidate in candidates(leaderboard, bench, expired):
        measured = _measured(candidate, parts.selection, metric)
        if measured is not None:
            found.append(measured)
            progress.step(f"{candidate.name}: {len(measured.onnx):,} bytes", best=measured.score)
    return found


def _measured(candidate: Candidate, selection: TabularDataset, metric: Metric) -> _Measured | None:
    """The candidate with its calibration, or None where a smaller one cannot be exported."""
    margin = candidate.model.margin(selection)
    model = replace(candidate.model, calibration=fit_calibration(margin, selection.y))
    try:
        onnx = model.graph().to_onnx()
    except ExportError as error:
        if candidate.name != "best":
            return None
        raise ExportError(
            "LK550",
            where="compress",
            found=f"the best model cannot be exported: {error.found}",
            remedy=error.remedy,
        ) from error
    scored = scored_frame(selection, model.calibration.apply(margin))
    return _Measured(replace(candidate, model=model), scored, metric.of(scored), onnx)


def _judge(
    found: list[_Measured],
    selection: TabularDataset,
    limits: Limits,
    metric: Metric,
    rng: np.random.Generator,
) -> list[Artefact]:
    timings = time_graphs({one.candidate.name: one.onnx for one in found}, selection.X, selection.C)
    bounds = _bounds(found, limits, metric, rng)
    scores = {one.candidate.name: one.score for one in found}
    n_positives = int((selection.y > 0).sum())
    return [
        _artefact(one, bounds[name], timings[name], scores, limits, n_positives)
        for one in found
        for name in [one.candidate.name]
    ]


def _bounds(
    found: list[_Measured], limits: Limits, metric: Metric, rng: np.random.Generator
) -> dict[str, LossBound]:
    """Name -> bound of the loss against the first, all on the same resamples of days."""
    best, *smaller = found
    blocks = day_blocks(best.scored)
    seed = int(rng.integers(2**32))
    bounds = {best.candidate.name: LossBound(0.0, 0.0, 0.0)}
    for one in smaller:
        bounds[one.candidate.name] = paired_loss_bound(
            metric,
            best.scored,
            one.scored,
            blocks=blocks,
            confidence=limits.confidence,
            rng=np.random.default_rng(seed),
        )
    return bounds


def _artefact(
    one: _Measured,
    bound: LossBound,
    timing: Timing,
    scores: Mapping[str, float],
    limits: Limits,
    n_positives: int,
) -> Artefact:
    candidate = one.candidate
    is_best = candidate.name == "best"
    accepted = is_best or bound.bound <= limits.max_loss
    return Artefact(
        name=candidate.name,
        model=candidate.model,
        score=one.score,
        loss=bound.loss,
        loss_bound=bound.bound,
        bytes=len(one.onnx),
        timing=timing,
        accepted=accepted,
        control_score=scores.get(candidate.control) if candidate.control else None,
        why=f"{candidate.how}: {_why(is_best, bound, limits, n_positives)}",
    )


def _why(is_best: bool, bound: LossBound, limits: Limits, n_positives: int) -> str:
    if is_best:
        return "the reference, accepted always"
    if math.isnan(bound.bound):
        return f"refused, no bound can be given on {n_positives} positives"
    sign, verdict = ("<=", "accepted") if bound.bound <= limits.max_loss else (">", "refused")
    return f"{verdict}, bound of the loss {bound.bound:.4f} {sign} {limits.max_loss:g}"


def _shipped(
    artefacts: list[Artefact],
    chosen: str,
    leaderboard: Leaderboard,
    parts: Parts,
    threshold_rule: ThresholdRule,
    left: Meter,
) -> Front:
    """The front with the chosen and the best model refitted on all rows before the holdout."""
    rows = parts.before_holdout()
    notes = _notes_on(parts.selection)
    final = {}
    for name in dict.fromkeys((chosen, "best")):
        twin = next(a for a in artefacts if a.name == name).model
        twin = replace(twin, threshold=threshold_rule(parts.selection, twin.score(parts.selection)))
        refitted = refit(
            twin,
            rows,
            seed=leaderboard.seed,
            more_rounds=name == "best",
            expired=left.expired if leaderboard.budget.seconds is not None else _never,
        )
        if refitted is None:
            notes.append(f"{name} is shipped as fitted on train: no time for a refit was left")
        final[name] = _alerting_alike(refitted, twin, parts.recent) if refitted else twin
    by_name = {a.name: a for a in artefacts}
    by_name[chosen] = _as_shipped(by_name[chosen], final[chosen], rows)
    return Front(by_name, chosen, final[chosen], final["best"], leaderboard.metric, tuple(notes))


def _alerting_alike(refitted: Model, twin: Model, recent: TabularDataset | None) -> Model:
    """`refitted` with the threshold at which it alerts on as many recent rows as its twin does.

    A refit shifts the scores a little; the rows are new to both models and no target is read.
    """
    n_alerts = int(twin.decide(recent).sum()) if recent is not None and len(recent) else 0
    if recent is None or n_alerts < FEWEST_ALERTS:
        return refitted
    ranked = np.sort(refitted.score(recent))[::-1]
    return replace(refitted, threshold=threshold_after(ranked, n_alerts))


def _notes_on(selection: TabularDataset) -> list[str]:
    positives = int((selection.y > 0).sum())
    if positives >= FEW_POSITIVES:
        return []
    return [
        f"the selection part has {positives} positives, so every bound of a loss is wide: more "
        "history would let a smaller artefact through"
    ]


def _as_shipped(artefact: Artefact, model: Model, rows: TabularDataset) -> Artefact:
    """The artefact with the size and speed of the model that is really shipped."""
    onnx = model.graph().to_onnx()
    sample = rows.take(np.arange(max(0, len(rows) - 2048), len(rows)))
    timing = time_graphs({artefact.name: onnx}, sample.X, sample.C)[artefact.name]
    return replace(artefact, model=model, bytes=len(onnx), timing=timing)


def _never() -> bool:
    return False


__all__ = ["Artefact", "Front", "Limits", "ThresholdRule", "compress"]
