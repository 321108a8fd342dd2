"""The stages of forecasts of the next minutes, under the names of `lepton.forecasting`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from lepton.context import Context
from lepton.forecast.near_lessons import NearLearning, Span, asked_of
from lepton.forecast.panel import seconds_of
from lepton.forecast.prepared import Prepared
from lepton_edge.forecast_plan import Schedule
from lepton_edge.looks import Look
from lepton_edge.near_spec import NearSpec
from lepton_edge.wall_clock import DAY_S, WallClock

if TYPE_CHECKING:
    from lepton.compress.forecasts import ForecastFront
    from lepton.evaluation.results import Evaluation
    from lepton.export.bundle import Bundle
    from lepton.forecast.board import ForecastBoard
    from lepton.forecast.champion import Champion
    from lepton.forecast.matrix import Matrix
    from lepton.forecast.panel import PanelDataset
    from lepton_edge.forecaster import Forecaster
    from lepton_edge.near_spec import OnsetRule
    from lepton_edge.watch import WatchSpec

LEARNT: Final = 40_000
"""Issues of a series that a run learns from, where the settings do not tell."""
JUDGED: Final = 24_000
"""Issues of a series of the holdout that are judged."""
COMPARED: Final = 6_000
"""Issues of a series by which smaller champions are compared."""
SHOWN: Final = 48
"""Instants before the holdout that golden windows and reference statistics are cut from."""
LEAK_ISSUES: Final = 3
BACK_S: Final = 2 * DAY_S
"""How much of its own past a batch of forecasts is calibrated by."""


def is_near(looks: Mapping[str, Look]) -> bool:
    """Whether the next minutes of a network are forecast."""
    return isinstance(next(iter(looks.values())), NearSpec)


def search(ctx: Context, prepared: Prepared) -> ForecastBoard:
    """The champion of the families that the budget has room for, and its chances of congestion."""
    from lepton.automl.budget import Budget
    from lepton.forecast.near_search import search_near
    from lepton.forecast.search import ForecastSearch

    asked = ForecastSearch(
        families=ctx.solution.families,
        budget=Budget(**ctx.config.budget.model_dump()),
        seed=ctx.config.seed,
        settings=ctx.settings,
        spent_s=ctx.clock.spent_s,
        reserve_s=0.0 if ctx.config.budget.seconds is None else ctx.clock.reserve_s(len(prepared)),
    )
    learning = NearLearning(most=int(ctx.settings.get("learnt", LEARNT)))
    board = search_near(prepared, asked, ctx.progress, learning, _rule(ctx, prepared))
    return replace(board, champion=replace(board.champion, watch=_watch(ctx, prepared)))


def compress(ctx: Context, prepared: Prepared, board: ForecastBoard) -> ForecastFront:
    """Smaller champions beside the best one, the cheapest inside the bound chosen."""
    from lepton.compress.forecasts import ForecastLimits, Twin, compress_champion
    from lepton.forecast.conformal import Scores
    from lepton.forecast.families import forecaster
    from lepton.forecast.families.base import Lesson

    limits, cuts, twin = ctx.config.compression, prepared.cuts, board.twin
    judged = _asked(prepared, twin, Span(cuts.selection_s, cuts.holdout_s), COMPARED)
    # no smaller champion of a network is fitted again: what is learnt from is not asked for
    lesson = Lesson(judged, judged)
    return compress_champion(
        board.champion,
        lesson,
        Twin(twin, lesson, judged, Scores.none()),
        [forecaster(name) for name in board.champion.members],
        ForecastLimits(limits.max_loss, None, limits.confidence),
        ctx.rng("compress"),
        seed=ctx.config.seed,
        latency_s=prepared.panel.latency_s.get("y", 0),
    )


def issued_before(prepared: Prepared) -> Mapping[str, np.ndarray]:
    """Instants before the holdout, of every series."""
    cuts, step_s = prepared.cuts, prepared.panel.step_s
    every = Span(cuts.selection_s, cuts.holdout_s).instants(step_s)
    at = every[np.unique(np.linspace(0, len(every) - 1, min(SHOWN, len(every))).astype(int))]
    return dict.fromkeys(prepared.panel.ids, at)


def schedule(prepared: Prepared) -> Schedule:
    """A device forecasts whenever an interval has ended."""
    return Schedule(prepared.panel.zones[0], (), prepared.panel.step_s)


def evaluate(ctx: Context, prepared: Prepared, front: ForecastFront, bundle: Bundle) -> Evaluation:
    """The one read of the holdout, forecast by the bundle's own runtime."""
    from lepton.export.forecast_parity import check_forecasts
    from lepton.forecast.judged import Judged, judge
    from lepton.forecast.leak import leak_of
    from lepton.forecast.near_cold import cold_facts
    from lepton.forecast.near_judged import with_near
    from lepton.forecast.near_search import FLOORS
    from lepton.forecast.search import spans_of
    from lepton.nearwatch import with_watch

    champion, cuts, panel = front.champion, prepared.cuts, prepared.panel
    span = Span(cuts.holdout_s, cuts.end_s - champion.spec.n_ahead * panel.step_s + 1)
    matrix = _asked(prepared, champion, span, JUDGED)
    ctx.progress.step(f"{len(matrix):,} issues of the holdout")
    rng = ctx.rng("evaluate")
    forecaster = _forecaster(bundle)
    quantiles, onset = _by_bundle(forecaster, matrix, prepared)
    told = {"bundle": quantiles}
    told |= {name: champion.fallback(name, matrix) for name in FLOORS}
    asked = np.unique(matrix.issue_s)
    picked = np.sort(rng.choice(asked, size=min(LEAK_ISSUES, len(asked)), replace=False))
    judged = Judged(matrix, told, "bundle", FLOORS, spans_of(prepared), panel.ids, panel.zones)
    found = judge(
        judged,
        ctx.gates,
        rng,
        parity=check_forecasts(champion, bundle.path, matrix).max_abs_diff,
        leak=leak_of(prepared, picked, rng, champion.habits),
    )
    found = with_near(found, prepared, champion, matrix, quantiles, onset, span)
    found = replace(found, facts={**found.facts, **cold_facts(prepared, span)})
    look = champion.spec
    assert isinstance(look, NearSpec)
    ctx.progress.step("queues of the holdout")
    return with_watch(found, panel, look, forecaster, Span(cuts.holdout_s, cuts.end_s))


def forecasts_at(
    panel: PanelDataset, look: NearSpec, day: date | None
) -> tuple[np.ndarray, np.ndarray]:
    """Instants before, by which a batch is calibrated, and those asked for: every hour of the local
    date `day`, or the end of all that was told, missing or not."""
    step_s = look.step_s
    if day is None:
        told_s = int(seconds_of(panel.rows["ts"]).max()) + panel.step_s
        asked = np.array([told_s // step_s * step_s], dtype=np.int64)
    else:
        days = (day - date(1970, 1, 1)).days
        first, last = WallClock(look.zone).instant(np.array([days, days + 1]) * DAY_S)
        asked = Span(int(first), int(last)).instants(step_s, max(1, 3_600 // step_s))
    first_s = int(asked[0])
    return Span(first_s - BACK_S, first_s).instants(step_s), asked


def _rule(ctx: Context, prepared: Prepared) -> OnsetRule | None:
    spec = ctx.solution.forecast
    if spec is None or spec.onset is None:
        return None
    return spec.onset(prepared.panel, ctx.settings)


def _watch(ctx: Context, prepared: Prepared) -> WatchSpec | None:
    spec = ctx.solution.forecast
    if spec is None or spec.watch is None:
        return None
    return spec.watch(prepared.panel, ctx.settings, ctx.costs)


def _asked(prepared: Prepared, champion: Champion, span: Span, most: int) -> Matrix:
    look, habits = champion.spec, champion.habits
    assert isinstance(look, NearSpec)
    assert habits is not None
    return asked_of(prepared.panel, look, habits, span, most=most)


def _forecaster(bundle: Bundle) -> Forecaster:
    from lepton.export.edge import edge_faults
    from lepton_edge.forecaster import Forecaster

    with edge_faults():
        return Forecaster(bundle.path)


def _by_bundle(
    forecaster: Forecaster, matrix: Matrix, prepared: Prepared
) -> tuple[np.ndarray, np.ndarray]:
    """The bundle's deciles, calibrated as a device does it, and its chances of congestion."""
    from lepton.export.edge import edge_faults
    from lepton.forecast.near_conformal import near_calibrated
    from lepton_edge.asof import Features

    with edge_faults():
        made = Features(matrix.X, matrix.scale, matrix.step)
        plain = np.ones(matrix.y.shape)
        blend, _ = forecaster.blend(made, matrix.shape, matrix.series, plain)
        onset = forecaster.onset(made, matrix.shape, matrix.series)
        rolling = forecaster.calibration()
    latency_s = prepared.panel.latency_s.get("y", 0)
    return near_calibrated(matrix, blend, rolling, latency_s), onset


__all__ = [
    "compress",
    "evaluate",
    "forecasts_at",
    "is_near",
    "issued_before",
    "schedule",
    "search",
]
