"""The stages from raw tables to a published version, one plain function each.

The command line, the Python API and the Dagster assets are three thin callers of these.
A stage takes the values of the stages before it and returns one of its own; what a stage
writes for people (Data Docs, quarantine, report) goes to the run's folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

import lepton
from lepton import anomaly, decisions, frames, lifetimes, remaining, roles, similar
from lepton.context import Context
from lepton.contracts.model import Mapped, Validated
from lepton.contracts.read import read_tables
from lepton.copies import with_copies
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.grouped import split_by_group
from lepton.evaluation.healthy import split_healthy
from lepton.evaluation.results import Evaluation
from lepton.evaluation.scored import scored_frame
from lepton.evaluation.splits import SplitSpec, split_in_time
from lepton.features.spec import FeatureSpec
from lepton.routes import by_kind
from lepton.task import TaskKind

if TYPE_CHECKING:
    from lepton.automl.leaderboard import Leaderboard
    from lepton.compress.front import Front
    from lepton.export.bundle import Bundle


COMPRESS_SHARE: Final = 0.35
"""Share of the seconds between search's begin and the report that compression is left."""


@dataclass(frozen=True)
class Published:
    """How a run ended: the version it published, or the gates that refused it."""

    version: int | None
    promoted: bool
    refused: tuple[str, ...]


def read(ctx: Context) -> Mapping[str, Mapped]:
    """The customer's tables under canonical names and types, with every cell that had none.

    Raises ConfigError where any of the settings that later stages need cannot be used.
    """
    ctx.enter("read")
    ctx.check()
    return read_tables(
        ctx.project.root,
        ctx.config.source,
        ctx.mappings,
        ctx.contracts,
        label_delay_days=ctx.config.split.label_delay_days,
    )


def validate(ctx: Context, source: Mapping[str, Mapped], *, scoring: bool = False) -> Validated:
    """Rows that keep their contract; writes Data Docs, summary and quarantine of this run.

    Raises ContractViolation LK201 with every violation where a table is refused.
    """
    from lepton.contracts.validate import validate as check

    ctx.enter("validate")
    task = None if scoring else ctx.checked_task
    found = check(
        source,
        ctx.contracts,
        task=task,
        docs=ctx.folder / "data_docs",
        together=ctx.solution.together,
    )
    for table, rows in found.quarantine.items():
        frames.write_parquet(rows, ctx.folder / "quarantine" / f"{table}.parquet")
    return found


@by_kind
def featurize(ctx: Context, validated: Validated) -> TabularDataset:
    """One row an event with its causal features, for the task that the rows allow; features
    without their columns are off."""
    from lepton.features.batch import compute

    ctx.enter("featurize")
    rows = ctx.rows(validated.tables)
    allowed = ctx.allowed(rows)
    ctx = ctx.doing(allowed.task)
    if allowed.why:
        ctx.progress.step(allowed.why)
    spec = fitted_spec(ctx, rows)
    dataset = compute(rows, ctx.contract, spec, ctx.extras, target=ctx.task.target)
    return replace(dataset.only(ctx.task.features), task=ctx.task.name, why=allowed.why)


def fitted_spec(ctx: Context, rows: pd.DataFrame) -> FeatureSpec:
    """The solution's features, those that learn fitted on the training part of the task's rows."""
    from lepton.features.batch import without_features
    from lepton.features.fit import fit_spec

    spec = ctx.solution.features
    if not spec.unfitted:
        return spec
    ctx = ctx.doing(ctx.allowed(rows).task)
    # the cut needs roles and targets only, so that nothing is fitted on what is judged later
    bare = without_features(rows, ctx.contract, ctx.task.target)
    return fit_spec(spec, split(ctx, bare).train)


def split(ctx: Context, dataset: TabularDataset) -> Parts:
    """Train, selection and the sealed holdout: the same cut whoever asks."""
    ctx = ctx.doing(dataset.task)
    default, given = ctx.solution.split, ctx.config.split
    if ctx.task.kind is TaskKind.ANOMALY:
        return split_healthy(
            dataset,
            selection_share=given.selection_share or default.selection_share,
            holdout_share=given.holdout_share or default.holdout_share,
            rng=ctx.rng("split"),
        )
    if ctx.by_group:
        return split_by_group(
            dataset,
            selection_share=given.selection_share or default.selection_share,
            holdout_share=given.holdout_share or default.holdout_share,
            min_positives=ctx.task.min_positives,
            rng=ctx.rng("split"),
        )
    spec = SplitSpec(
        label_delay_days=_first(given.label_delay_days, default.label_delay_days),
        selection_share=given.selection_share or default.selection_share,
        holdout_share=given.holdout_share or default.holdout_share,
        train_days=_first(given.train_days, default.train_days),
    )
    return split_in_time(
        dataset,
        spec,
        min_positives=ctx.task.min_positives,
        wanted_positives=int(ctx.gates.get("min_positives_holdout", 0)),
    )


@by_kind
def search(ctx: Context, dataset: TabularDataset) -> Leaderboard:
    """The best model that the budget finds on train and selection, and all it was compared with."""
    ctx.enter("search")
    ctx = ctx.doing(dataset.task)
    if ctx.task.kind is TaskKind.ANOMALY:
        return anomaly.search(ctx, split(ctx, dataset))
    reserve_s = _reserve_s(ctx, len(dataset), COMPRESS_SHARE)
    parts = with_copies(ctx, dataset, split(ctx, dataset))
    return search_parts(ctx, parts, reserve_s=reserve_s)


def _reserve_s(ctx: Context, n_rows: int, share: float) -> float | None:
    """Seconds of the run's budget that must remain after this stage: what the stages to come need,
    and `share` of the rest; None where work units are counted."""
    budget_s = ctx.config.budget.seconds
    if budget_s is None:
        return None
    needed_s = ctx.clock.reserve_s(n_rows)
    return needed_s + share * max(budget_s - ctx.clock.spent_s - needed_s, 0.0)


def search_parts(ctx: Context, parts: Parts, *, reserve_s: float | None = None) -> Leaderboard:
    """As `search`, on parts that were cut elsewhere; reserve_s: seconds that must remain."""
    from lepton.automl.budget import Budget
    from lepton.automl.search import SearchSpec
    from lepton.automl.search import search as run

    spec = SearchSpec(
        task=ctx.task,
        families=ctx.solution.families,
        baselines=ctx.solution.baselines,
        budget=Budget(**ctx.config.budget.model_dump()),
        metric=ctx.metric,
        seed=ctx.config.seed,
        journal=ctx.workspace.journal(ctx.solution.name),
        spent_s=ctx.clock.spent_s,
        reserve_s=reserve_s,
        checkpoint=None if ctx.config.budget.seconds is None else ctx.folder / "first",
    )
    return run(parts, spec, ctx.progress)


@by_kind
def compress(ctx: Context, dataset: TabularDataset, leaderboard: Leaderboard) -> Front:
    """Smaller artefacts beside the best model, the smallest inside the bound chosen."""
    ctx.enter("compress")
    ctx = ctx.doing(dataset.task)
    if ctx.task.kind is TaskKind.ANOMALY:
        return anomaly.compress(ctx, split(ctx, dataset), leaderboard)
    reserve_s = _reserve_s(ctx, len(dataset), 0.0)
    parts = with_copies(ctx, dataset, split(ctx, dataset))
    return compress_parts(ctx, parts, leaderboard, reserve_s=reserve_s or 0.0)


def compress_parts(
    ctx: Context, parts: Parts, leaderboard: Leaderboard, *, reserve_s: float = 0.0
) -> Front:
    """As `compress`, on parts that were cut elsewhere; reserve_s: seconds that must remain."""
    from lepton.compress.select import Limits
    from lepton.compress.select import compress as run

    limits = Limits(**ctx.config.compression.model_dump())
    n_rows = sum(rows for rows, _ in parts.counts.values())
    return run(
        leaderboard,
        parts,
        limits,
        ctx.metric,
        lambda rows, score: choose_threshold(ctx, rows, score),
        ctx.progress,
        rng=ctx.rng("compress"),
        spent_s=max(ctx.clock.spent_s, leaderboard.spent.seconds),
        reserve_s=ctx.clock.reserve_s(n_rows),
    )


def choose_threshold(ctx: Context, rows: TabularDataset, score: np.ndarray) -> float:
    """The threshold of the lowest cost on `rows` under the daily capacity."""
    from lepton.evaluation.decision import choose_threshold as choose

    decision, costs = ctx.solution.decision, ctx.costs
    return choose(
        score,
        rows.y,
        decision.miss_cost(rows, costs),
        decision.alert_cost(rows, costs),
        days=_days(rows),
        capacity=costs[decision.capacity] if decision.capacity else None,
    )


def scored(ctx: Context, rows: TabularDataset, score: np.ndarray, threshold: float) -> pd.DataFrame:
    """Rows with score, decision and what a miss or an alert costs, named by role."""
    decision = ctx.solution.decision
    return scored_frame(
        rows,
        score,
        threshold=threshold,
        miss_cost=decision.miss_cost(rows, ctx.costs),
        alert_cost=decision.alert_cost(rows, ctx.costs),
        slices=ctx.solution.slices,
    )


def _days(rows: TabularDataset) -> float:
    span = rows.role(roles.EVENT_AT).max() - rows.role(roles.EVENT_AT).min()
    return max(float(span.total_seconds()) / 86_400, 1.0)


def _first(given: float | None, default: float | None) -> float | None:
    return default if given is None else given


@by_kind
def export(ctx: Context, dataset: TabularDataset, leaderboard: Leaderboard, front: Front) -> Bundle:
    """The chosen artefact as a bundle in the run's folder: a directory that runs by itself."""
    from lepton.export.bundle import write_bundle
    from lepton.export.context import Alarms, BundleContext

    ctx.enter("export")
    ctx = ctx.doing(dataset.task)
    folder = ctx.workspace.contracts(ctx.solution.name)
    parts = split(ctx, dataset)
    facts = BundleContext(
        solution=ctx.solution.name,
        customer=ctx.config.customer,
        run_id=ctx.run_id,
        contracts={table: folder / f"{table}.odcs.yaml" for table in ctx.contracts},
        task=ctx.task,
        costs=ctx.costs,
        sample=parts.selection,
        features=FeatureSpec.from_json(dataset.spec),
        timing=front.artefacts[front.chosen].timing,
        decisions=decisions.for_bundle(ctx, parts),
        alarms=None if ctx.alarms is None else Alarms(ctx.alarms, ctx.solution.reasons),
        levels=decisions.learnt_levels(parts),
        lateness_s=ctx.config.stream.lateness_s,
        ahead_s=ctx.config.stream.ahead_s,
        hazard=lifetimes.hazard_of(ctx, dataset, parts, leaderboard),
        remaining=remaining.plan_of(ctx, parts, leaderboard),
        soon_h=remaining.soon_h(ctx),
        similar=similar.plan_of(ctx, dataset, parts),
        waves=ctx.extras.waves,
    )
    return write_bundle(ctx.folder / "bundle", front.model, facts)


@by_kind
def evaluate(ctx: Context, dataset: TabularDataset, front: Front, bundle: Bundle) -> Evaluation:
    """The one read of the holdout: metrics with intervals, gates, decisions and their value.

    The rows are scored by the bundle's own runtime, not by the model it was made from.
    """
    from lepton.evaluation.evaluate import Rivals
    from lepton.evaluation.evaluate import evaluate as judge
    from lepton.evaluation.leakage import suspects
    from lepton.export.edge import edge_faults
    from lepton.export.parity import check
    from lepton_edge.alarm_stream import read_plan
    from lepton_edge.bundle import open_bundle
    from lepton_edge.runtime import Runtime

    ctx.enter("evaluate")
    ctx, parts = ctx.doing(dataset.task), split(ctx, dataset)
    if ctx.task.kind is TaskKind.ANOMALY:
        return anomaly.evaluate(ctx, parts, front, bundle)
    holdout = parts.holdout.open("evaluate")
    inputs = front.model.inputs(holdout)
    with edge_faults():
        opened = open_bundle(bundle.path)
        runtime = Runtime(opened)
        result = runtime.score(*inputs)
        decided = decisions.decide(opened, runtime, holdout, inputs, result)
    reference = front.reference
    found = judge(
        scored=decisions.beside(scored(ctx, holdout, result.score, front.model.threshold), decided),
        rivals=Rivals(
            baselines=_baselines(ctx, parts, holdout),
            reference=scored(ctx, holdout, reference.score(holdout), reference.threshold),
        ),
        metrics=ctx.metrics,
        task_metric=ctx.metric,
        gates=ctx.gates,
        parity=check(front.model, bundle.path, holdout),
        leaks=suspects(parts.train),
        rng=ctx.rng("evaluate"),
    )
    found = decisions.judged(ctx, found, holdout)
    plan = read_plan(opened)
    if plan is None:
        return found
    found = similar.with_similar(ctx, holdout, result.score, found, plan)
    if plan.remaining is not None:
        # the recipe without the age is to learn from the same rows
        same = with_copies(ctx, dataset, parts)
        found = remaining.with_hours(ctx, same, holdout, found, front.model, plan.remaining)
    return lifetimes.with_survival(ctx, dataset, parts, found, plan.hazard, runtime)


def _baselines(ctx: Context, parts: Parts, holdout: TabularDataset) -> dict[str, pd.DataFrame]:
    """The holdout as each baseline scores it, with the threshold it would choose itself."""
    found = {}
    for baseline in ctx.solution.baselines:
        score = baseline.fit(parts.train)
        threshold = choose_threshold(ctx, parts.selection, score(parts.selection))
        found[baseline.name] = scored(ctx, holdout, score(holdout), threshold)
    return found


@by_kind
def report(
    ctx: Context,
    validated: Validated,
    dataset: TabularDataset,
    leaderboard: Leaderboard,
    front: Front,
    bundle: Bundle,
    evaluation: Evaluation,
) -> Path:
    """The run's HTML report, written whether the gates hold or not."""
    from lepton.report.content import ReportContent
    from lepton.report.gather import card, data_facts, environment, model_facts
    from lepton.report.history import with_history
    from lepton.report.html import write_report

    ctx.enter("report")
    ctx, parts = ctx.doing(dataset.task), split(ctx, dataset)
    is_watch = ctx.task.kind is TaskKind.ANOMALY
    told = replace(evaluation, scored=with_history(evaluation.scored, dataset))
    content = ReportContent(
        title=ctx.solution.title,
        subtitle=ctx.solution.about,
        customer=ctx.config.customer,
        run_id=ctx.run_id,
        kit_version=lepton.__version__,
        made_at=ctx.made_at,
        data=data_facts(validated, ctx.contracts, dataset, parts, evaluation),
        model=model_facts(
            leaderboard,
            front,
            pd.DataFrame() if is_watch else _folds(ctx, parts, leaderboard, evaluation),
        ),
        evaluation=told,
        figures=ctx.solution.figures_of(ctx.task),
        environment=environment(bundle, dataset, ctx.config.seed),
        card=card(bundle),
        simulated=ctx.config.simulated,
        slices=ctx.solution.slices,
        spec=ctx.solution.report,
        costs=ctx.costs,
        links={"Data Docs": "data_docs/index.html"},
        is_grouped=bool(parts.groups),
        is_timed=_is_timed(ctx, validated),
        why=dataset.why,
        threshold=anomaly.threshold_of(ctx, parts, leaderboard.best) if is_watch else None,
    )
    return write_report(ctx.folder / "report.html", content)


def _is_timed(ctx: Context, validated: Validated) -> bool:
    """Whether the delivered rows of the task's table have an instant."""
    columns = {column.name for column in ctx.contract.with_role(roles.EVENT_AT)}
    return bool(columns & {*validated.tables[ctx.task.table].columns})


def _folds(
    ctx: Context, parts: Parts, leaderboard: Leaderboard, evaluation: Evaluation
) -> pd.DataFrame:
    """How the best configuration fared window by window, and on the holdout."""
    from lepton.evaluation.calibration import sigmoid
    from lepton.report.folds import Window, fold_frame

    best = leaderboard.best
    windows = [
        Window(f"{number}", scored_frame(fold.valid, sigmoid(margin)))
        for number, (fold, margin) in enumerate(
            zip(best.folds(parts), best.margins, strict=True), 1
        )
    ]
    wanted = set(ctx.solution.report.by_fold) | {ctx.metric.name}
    metrics = [metric for metric in ctx.metrics if metric.name in wanted]
    return fold_frame(
        windows, evaluation, metrics, ctx.rng("report"), is_grouped=bool(parts.groups)
    )


def publish(ctx: Context, bundle: Bundle, evaluation: Evaluation, report: Path) -> Published:
    """A new version where every gate holds, `current` where the settings say so; else nothing."""
    from lepton.registry.store import Registry

    ctx.enter("publish")
    refused = tuple(gate.name for gate in evaluation.gates if not gate.passed)
    if refused:
        return Published(None, promoted=False, refused=refused)
    registry = Registry(ctx.workspace.registry(ctx.solution.name))
    facts = {
        "run_id": ctx.run_id,
        "metrics": {result.name: result.value for result in evaluation.metrics},
    }
    version = registry.publish(bundle.path, facts)
    promoted = ctx.config.promote == "auto"
    if promoted:
        registry.promote(version.number)
    return Published(version.number, promoted=promoted, refused=())
