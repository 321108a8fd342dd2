"""The stages of a forecast from tables to report, under the names of `lepton.stages`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

import lepton
from lepton import nearcasting
from lepton.context import Context
from lepton.contracts.model import Validated
from lepton.csv_safe import write_csv
from lepton.evaluation.results import Evaluation
from lepton.forecast.lessons import held_out, issued_before, lesson_of
from lepton.forecast.prepared import Prepared, limits_of
from lepton.forecast.spec import again_of, cuts_of
from lepton.forecast_batch import cleaned, spec_of
from lepton.hierarchies import file_of, reconciling_of
from lepton.run_facts import card, data_facts, environment, model_facts
from lepton_edge.forecast_plan import Schedule

if TYPE_CHECKING:
    from lepton.compress.forecasts import ForecastFront
    from lepton.export.bundle import Bundle
    from lepton.forecast.board import ForecastBoard
    from lepton.forecast.judged import Judged
    from lepton.forecast.matrix import Matrix

ALONE: Final = "Forecasts of a device are of single series; those of a batch add up."
LIBRARIES: Final = ("lightgbm", "onnxruntime", "numpy", "pandas")
"""Those that decide results; a report names their versions."""
OWN: Final = "bundle"
"""Name of the bundle among those that are judged."""
LEAK_ISSUES: Final = 3


def featurize(ctx: Context, validated: Validated) -> Prepared:
    """The series and what may be looked at; features themselves are made issue by issue."""
    spec, found = spec_of(ctx), cleaned(ctx, validated)
    looks, cuts = spec.looks(found.panel, ctx.settings), cuts_of(found.panel, ctx.settings)
    return Prepared(found.panel, looks, cuts, ctx.task.name, found.audit)


def search(ctx: Context, prepared: Prepared) -> ForecastBoard:
    """The champion of the families that the budget has room for."""
    if nearcasting.is_near(prepared.looks):
        return nearcasting.search(ctx, prepared)
    from lepton.automl.budget import Budget
    from lepton.forecast.search import ForecastSearch
    from lepton.forecast.search import search as run

    asked = ForecastSearch(
        families=ctx.solution.families,
        budget=Budget(**ctx.config.budget.model_dump()),
        seed=ctx.config.seed,
        settings=ctx.settings,
        spent_s=ctx.clock.spent_s,
        reserve_s=0.0 if ctx.config.budget.seconds is None else ctx.clock.reserve_s(len(prepared)),
    )
    return run(prepared, asked, ctx.progress)


def compress(ctx: Context, prepared: Prepared, board: ForecastBoard) -> ForecastFront:
    """Smaller champions beside the best one, the cheapest inside the bound chosen."""
    if nearcasting.is_near(prepared.looks):
        return nearcasting.compress(ctx, prepared, board)
    from lepton.compress.forecasts import ForecastLimits, Twin, compress_champion
    from lepton.forecast.conformal import scores_of
    from lepton.forecast.families import forecaster

    limits, cuts = ctx.config.compression, prepared.cuts
    names, latency_s = tuple(board.champion.members), prepared.panel.latency_s.get("y", 0)
    lesson = lesson_of(prepared, ctx.settings, anywhere="net" in names)
    judged = lesson.issued.take(lesson.issued.issue_s >= cuts.selection_s)
    before = scores_of(
        judged.take(np.zeros(len(judged), dtype=bool)), np.empty((0, *judged.y.shape[1:], 9))
    )
    twin = Twin(board.twin, lesson.known_by(cuts.selection_s, latency_s), judged, before)
    return compress_champion(
        board.champion,
        lesson.known_by(cuts.holdout_s, latency_s),
        twin,
        [forecaster(name) for name in names],
        ForecastLimits(limits.max_loss, None, limits.confidence),
        ctx.rng("compress"),
        seed=ctx.config.seed,
        latency_s=latency_s,
    )


def export(ctx: Context, prepared: Prepared, board: ForecastBoard, front: ForecastFront) -> Bundle:
    """The chosen champion as a bundle in the run's folder: a directory that runs by itself."""
    from lepton.export.forecast_bundle import (
        ForecastContext,
        with_timing,
        write_forecast_bundle,
    )

    folder = ctx.workspace.contracts(ctx.solution.name)
    sums = reconciling_of(prepared, board)
    facts = ForecastContext(
        solution=ctx.solution.name,
        customer=ctx.config.customer,
        run_id=ctx.run_id,
        contracts={table: folder / f"{table}.odcs.yaml" for table in ctx.contracts},
        panel=prepared.panel,
        issues=_issued_before(ctx, prepared),
        schedule=_schedule(ctx, prepared),
        unit=_unit(ctx),
        notes=(*limits_of(prepared), *([] if sums is None else [ALONE])),
        beside={} if sums is None else file_of(sums),
        reading=spec_of(ctx).reading_of(prepared.panel, ctx.contract.column(ctx.task.target)),
    )
    champion = front.champion
    return write_forecast_bundle(ctx.folder / "bundle", champion, with_timing(champion, facts))


def evaluate(ctx: Context, prepared: Prepared, front: ForecastFront, bundle: Bundle) -> Evaluation:
    """The one read of the holdout, forecast by the bundle's own runtime, day after day."""
    if nearcasting.is_near(prepared.looks):
        return nearcasting.evaluate(ctx, prepared, front, bundle)
    from lepton.export.forecast_parity import check_forecasts
    from lepton.forecast.judged import judge
    from lepton.forecast.leak import leak_of
    from lepton.forecast.search import FLOOR, spans_of

    matrix = held_out(prepared, ctx.settings)
    ctx.progress.step(f"{len(matrix):,} issues of the holdout")
    champion, rng = front.champion, ctx.rng("evaluate")
    told = {OWN: _by_bundle(bundle, matrix, prepared)}
    told |= {name: champion.fallback(name, matrix) for name in FLOOR}
    asked = np.unique(matrix.issue_s)
    picked = np.sort(rng.choice(asked, size=min(LEAK_ISSUES, len(asked)), replace=False))
    made = judge(
        _judged(prepared, matrix, told, spans_of(prepared)),
        ctx.gates,
        rng,
        parity=check_forecasts(champion, bundle.path, matrix).max_abs_diff,
        leak=leak_of(prepared, picked, rng),
    )
    rows = spec_of(ctx).with_beside(made.scored, "entity", prepared.panel, ctx.settings)
    return replace(made, scored=rows)


def _judged(
    prepared: Prepared, matrix: Matrix, told: Mapping[str, np.ndarray], spans: np.ndarray
) -> Judged:
    from lepton.forecast.judged import Judged
    from lepton.forecast.search import FLOOR

    panel = prepared.panel
    return Judged(matrix, told, OWN, FLOOR, spans, panel.ids, panel.zones)


def _by_bundle(bundle: Bundle, matrix: Matrix, prepared: Prepared) -> np.ndarray:
    """The bundle's deciles, calibrated as a device does it: by what was known at each issue."""
    from lepton.export.edge import edge_faults
    from lepton.forecast.conformal import cells_of, scores_of
    from lepton_edge.asof import Features
    from lepton_edge.conformal import stretched
    from lepton_edge.forecaster import Forecaster

    with edge_faults():
        forecaster = Forecaster(bundle.path)
        made = Features(matrix.X, matrix.scale, matrix.step)
        plain = np.ones(matrix.y.shape)
        blend, _ = forecaster.blend(made, matrix.shape, matrix.series, plain)
        rolling = forecaster.calibration()
    rolling.tell(scores_of(matrix, blend, prepared.panel.latency_s.get("y", 0)))
    cell, found = cells_of(matrix), np.empty_like(blend)
    for issue_s in np.unique(matrix.issue_s):
        here = matrix.issue_s == issue_s
        found[here] = stretched(blend[here], rolling.factors(int(issue_s))[cell[here]])
    return found


def _schedule(ctx: Context, prepared: Prepared) -> Schedule:
    """When a device forecasts by itself: as in the settings, by the clock of the first series."""
    if nearcasting.is_near(prepared.looks):
        return nearcasting.schedule(prepared)
    minute, step_s = round(ctx.settings["issue_hour"] * 60), prepared.panel.step_s
    again_n = again_of(ctx.settings, step_s)
    again_s = step_s if again_n else 0
    return Schedule(prepared.panel.zones[0], (minute,), again_s=again_s, again_n=again_n)


def _issued_before(ctx: Context, prepared: Prepared) -> Mapping[str, np.ndarray]:
    """What golden windows and reference statistics are cut from."""
    if nearcasting.is_near(prepared.looks):
        return nearcasting.issued_before(prepared)
    return issued_before(prepared, ctx.settings)


def _unit(ctx: Context) -> str:
    named = {column.name: column.unit for column in ctx.contract.columns}
    return named.get(ctx.task.target) or ""


def report(
    ctx: Context,
    validated: Validated,
    prepared: Prepared,
    board: ForecastBoard,
    front: ForecastFront,
    bundle: Bundle,
    evaluation: Evaluation,
) -> Path:
    """The run's HTML report, written whether the gates hold or not."""
    from lepton.forecast_pages import AUDIT_FILE, facts_of
    from lepton.report.again import made_again
    from lepton.report.content import ReportContent
    from lepton.report.forecast_facts import forecast_facts
    from lepton.report.html import write_report

    facts = forecast_facts(prepared, board, _unit(ctx), ctx.rng("report"))
    reach = again_of(ctx.settings, prepared.panel.step_s)
    again = made_again(evaluation.scored, front.champion.correction, prepared.panel.step_s)
    write_csv(prepared.audit, ctx.folder / AUDIT_FILE)
    content = ReportContent(
        title=ctx.solution.title,
        subtitle=ctx.solution.about,
        customer=ctx.config.customer,
        run_id=ctx.run_id,
        kit_version=lepton.__version__,
        made_at=ctx.made_at,
        data=data_facts(ctx, validated),
        model=model_facts(ctx, board, front),
        evaluation=evaluation,
        figures=ctx.solution.figures,
        environment=environment(
            ctx, bundle, f"{len(front.champion.spec.names)} of an interval", LIBRARIES
        ),
        card=card(bundle),
        simulated=ctx.config.simulated,
        spec=ctx.solution.report,
        costs=ctx.costs,
        links={"Data Docs": "data_docs/index.html", "Cleaning audit": AUDIT_FILE},
        forecast=facts_of(
            spec_of(ctx),
            validated.tables,
            prepared,
            board,
            evaluation,
            replace(facts, again=again.head(reach)),
        ),
    )
    return write_report(ctx.folder / "report.html", content)
