"""The stages of a task without outcomes: how far rows lie from health, and from where it counts.

The cloud of healthy rows is learnt; the threshold is where a healthy asset raises as many alarms a
month as is put up with, from scores of assets that the cloud was not learnt from. Nothing
competes: without outcomes nothing could be compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton import roles, similar
from lepton.alarms import AlarmRule
from lepton.context import Context
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.calibration import Calibration
from lepton.evaluation.events import MONTH
from lepton.evaluation.extremes import ScoreThreshold, false_alarm_threshold, held_scores
from lepton.evaluation.gates import parity_gate
from lepton.evaluation.grouped import group_codes
from lepton.evaluation.healthy import (
    healthy,
    readings_per_month,
    stands_alone,
    usual_s,
)
from lepton.evaluation.results import Evaluation, MetricResult
from lepton.evaluation.scored import scored_frame
from lepton.evaluation.watched import alone_metrics, watch_gates, watch_metrics, watched
from lepton_edge.stream_banks import KIND as SENSORS

if TYPE_CHECKING:
    from lepton.automl.entrant import Entrant
    from lepton.automl.leaderboard import Leaderboard
    from lepton.automl.model import Model
    from lepton.compress.front import Front
    from lepton.export.bundle import Bundle

FAMILY: Final = "ellipsoid"
QUIET: Final = "quiet"
"""Name of what the leaderboard shows: the share of the selection part below the threshold."""
HOUR: Final = pd.Timedelta(hours=1)
THRESHOLD: Final = 0.5
"""Of the score, whose odds say how many times rarer than an alarm so high a score is in health."""


def search(ctx: Context, parts: Parts) -> Leaderboard:
    """The cloud of healthy rows, fitted on every fold."""
    from lepton.automl.budget import Budget, Spent
    from lepton.automl.entrant import Entrant
    from lepton.automl.families import family
    from lepton.automl.fits import Bench
    from lepton.automl.leaderboard import Leaderboard
    from lepton.automl.trial import Plan, Trial

    started, plan = time.monotonic(), Plan(FAMILY, family(FAMILY).portfolio[0])
    folds = tuple(replace(fold, known=fold.known & (fold.whole.y != 1)) for fold in parts.folds)
    bench = Bench(folds, ctx.config.seed, ctx.clock.clock)
    models, margins = [], []
    for place in range(len(folds)):
        bench.prepare(FAMILY, place)
        fit = bench.run(plan, place)
        if fit.model is None or fit.margin is None:
            raise RuntimeError(f"the cloud of healthy rows could not be fitted: {fit.reason}")
        models.append(fit.model)
        margins.append(fit.margin)
    found = Entrant(plan.name, tuple(models), tuple(margins), 0.0)
    threshold = threshold_of(ctx, parts, found)
    score = float(np.mean(np.concatenate(margins) < threshold.value))
    spent_s = time.monotonic() - started
    trial = Trial(plan.trial_id, FAMILY, plan.params, "portfolio", score, spent_s, "", len(folds))
    ctx.progress.step(f"{FAMILY} 1", best=score)
    best = replace(found, score=score)
    return Leaderboard(
        metric=QUIET,
        trials=(trial,),
        baselines={},
        best=best,
        single=best,
        others={},
        budget=Budget(**ctx.config.budget.model_dump()),
        spent=Spent(spent_s, len(folds)),
        seed=ctx.config.seed,
        notes=tuple(_notes(threshold)),
    )


def _notes(threshold: ScoreThreshold) -> Iterator[str]:
    yield "without outcomes nothing can be compared: the one way to judge oddness was fitted"
    if threshold.how == "beyond":
        yield (
            f"{threshold.n_scores:,} scores have too few high ones to fit their tail: the "
            "threshold lies above all of them, and how often it is reached is not known"
        )


def threshold_of(ctx: Context, parts: Parts, entrant: Entrant) -> ScoreThreshold:
    """The margin that an asset in health reaches for an alarm as often as is put up with."""
    folds = entrant.folds(parts)
    valid = [fold.valid for fold in folds]
    margin = np.concatenate(entrant.margins)
    codes = np.concatenate([group_codes(fold.whole)[fold.judged] for fold in folds])
    at = np.concatenate([rows.role(roles.EVENT_AT).to_numpy() for rows in valid])
    kept = np.concatenate([rows.y for rows in valid]) != 1
    order = np.lexsort((at[kept], codes[kept]))
    margin, codes = margin[kept][order], codes[kept][order]
    rule, rows = rule_of(ctx, valid[0]), readings_per_month(valid[0])
    apart = round(rows * rule.hold_off_h * HOUR / MONTH)
    return false_alarm_threshold(
        held_scores(margin, codes, rule.m, rule.n),
        codes,
        per_month=rule.false_per_month,
        readings_per_month=rows,
        run=1 + apart,
    )


def rule_of(ctx: Context, rows: TabularDataset) -> AlarmRule:
    """When an alarm is raised; where rows stand alone, each is one by itself."""
    rule = ctx.alarms or AlarmRule()
    return replace(rule, m=1, n=1, hold_off_h=0.0) if stands_alone(rows) else rule


def compress(ctx: Context, parts: Parts, leaderboard: Leaderboard) -> Front:
    """The cloud of all rows before the holdout, its scores set by the threshold: one artefact."""
    from lepton.automl.model import refit
    from lepton.compress.front import Artefact, Front
    from lepton.graph.timing import time_graphs

    threshold = threshold_of(ctx, parts, leaderboard.best)
    rows = healthy(parts.before_holdout())
    fitted = refit(leaderboard.best.newest, rows, seed=ctx.config.seed)
    if fitted is None:
        raise RuntimeError("a refit without a deadline cannot be cut short")
    model = _scored_by(fitted, threshold)
    onnx = model.graph().to_onnx()
    sample = rows.take(np.arange(max(0, len(rows) - 2048), len(rows)))
    timing = time_graphs({"best": onnx}, *model.inputs(sample))["best"]
    score, none = leaderboard.best.score, float("nan")
    why = "taken: it is small as it is"
    artefact = Artefact(
        "best", "full", model, score, none, none, 0.0, 0.0, 0.0, 0.0, len(onnx), timing, True,
        None, why,
    )  # fmt: skip
    return Front({"best": artefact}, "best", model, model, QUIET)


def _scored_by(model: Model, threshold: ScoreThreshold) -> Model:
    """`model` with scores whose odds are one at the threshold and grow as high scores get rarer."""
    tail = threshold.tail
    unit = 0.0
    if tail is not None and tail.scale > 0:
        unit = tail.scale + max(tail.shape, 0.0) * max(threshold.value - tail.start, 0.0)
    rate = 1.0 / unit if unit > 0 else 1.0
    calibration = Calibration(rate, rate, -threshold.value * rate)
    return replace(model, calibration=calibration, threshold=THRESHOLD)


def evaluate(ctx: Context, parts: Parts, front: Front, bundle: Bundle) -> Evaluation:
    """The one read of the holdout: how many alarms, which failures they came before, the gates."""
    from lepton.export.edge import edge_faults
    from lepton.export.parity import check
    from lepton_edge.alarm_stream import read_plan
    from lepton_edge.bundle import open_bundle
    from lepton_edge.runtime import Runtime

    holdout = parts.holdout.open("evaluate")
    with edge_faults():
        opened = open_bundle(bundle.path)
        result = Runtime(opened).score(*front.model.inputs(holdout))
    scored = scored_frame(
        holdout, result.score, threshold=front.model.threshold, slices=ctx.solution.slices
    )
    rule = rule_of(ctx, holdout)
    metrics, facts = _watched(ctx, rule, front.model.threshold, holdout, scored)
    parity = check(front.model, bundle.path, holdout)
    gates = watch_gates(metrics, rule.false_per_month, parity_gate(parity, ctx.gates["parity"]))
    facts |= {
        "parity_max_abs_diff": parity.max_abs_diff,
        "parity_flips": float(parity.flips),
        "wanted_per_month": rule.false_per_month,
    }
    found = Evaluation(metrics, {}, metrics, gates, scored, facts)
    return similar.with_similar(ctx, holdout, result.score, found, read_plan(opened))


def _watched(
    ctx: Context, rule: AlarmRule, threshold: float, rows: TabularDataset, scored: pd.DataFrame
) -> tuple[tuple[MetricResult, ...], dict[str, float]]:
    """Metrics of the alarms, and failures with those that were warned of."""
    if stands_alone(rows):
        failed = scored["target"] == 1
        n_warned = float((failed & (scored["decision"] == 1)).sum())
        return alone_metrics(scored), {"failures": float(failed.sum()), "failures_warned": n_warned}
    spec = rule.spec(threshold, usual_s(rows))
    found = watched(_with_lives(rows, scored), spec, rng=ctx.rng("evaluate"))
    facts = {
        "asset_months": len(rows) / readings_per_month(rows),
        "failures": float(found.n_failures),
        "failures_warned": float(found.n_caught),
    }
    return watch_metrics(found, scored), facts


def _with_lives(rows: TabularDataset, scored: pd.DataFrame) -> pd.DataFrame:
    """Scored rows with the asset and the life that they belong to, an asset's only one where
    nothing names lives."""
    asset = rows.role(roles.GROUP).astype("str").to_numpy()
    by = next((str(node["by"]) for node in rows.spec if node.get("kind") == SENSORS), "")
    life = rows.rows[by].astype("str").to_numpy() if by in rows.rows else asset
    return scored.assign(asset_id=asset, life=life)


__all__ = ["compress", "evaluate", "rule_of", "search", "threshold_of"]
