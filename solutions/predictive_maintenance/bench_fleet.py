"""A whole fleet by its own protocol: what alarms and replacements are worth on assets never seen.

Tables as a customer's, for instance those of `lepton simulate`. In four rotations a quarter of the
assets is held out. On the others models are searched by folds of whole assets; the rule of raising,
the score to order by, its level and the best fixed interval are chosen on them, by scores of models
that did not learn from the asset. What follows for held-out assets is judged once, over all of
them: one quarter alone has some fifty failures, too few for a share to within a tenth.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.benching import customer
from lepton.context import Context
from lepton.evaluation.events import (
    EventRule,
    Lives,
    count_raises,
    event_curve,
    false_at_recall,
    judge_events,
)
from lepton.evaluation.intervals import resamples
from lepton.evaluation.results import MetricResult
from lepton.solution import BenchRequest
from lepton_edge.alarm import AlarmSpec
from solutions.predictive_maintenance.alarm_choice import History, raises, rates
from solutions.predictive_maintenance.replacement import PolicyCost, compare_policies
from solutions.predictive_maintenance.rotation import (
    RECALL,
    Source,
    Turn,
    held_out,
    history_of,
    one_turn,
    read_source,
    rule_of,
    with_target,
)
from solutions.predictive_maintenance.wear import MODES, SUDDEN

ROOT: Final = Path(__file__).resolve().parents[2]
OPTIONS: Final[Mapping[str, float]] = {
    "work_units": 8,
    "horizon_h": 720,
    "cap_h": 720,
    "warned_h": 960,
    "most_false": 0.25,
    "lost_share": 0.2,
    "copies": 1,
}
COUNTS: Final = ("n_failures", "n_caught", "n_false", "n_late", "n_undecided", "asset_months")
Judged = tuple[dict[str, MetricResult], dict[str, Any]]
"""Metrics by name, and what else is worth knowing."""
RESAMPLES: Final = 500
SHORTER_H: Final = (168.0, 336.0, 504.0, 720.0)
"""Horizons at which the same raises are counted again."""
SETTINGS: Final = """\
solution: predictive_maintenance
customer: fleet
source: {source}
settings: {{horizon_h: {horizon_h}, cap_h: {cap_h}}}
budget: {{work_units: {work_units}}}
seed: {seed}
"""


def fleet(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the tables in the folder `request.data`.

    Options: `work_units` (8): fits that each search may spend, two in each of four rotations;
    `horizon_h` (720): the horizon that the failure model learns; `cap_h` (720): beyond it one
    remaining life is like another; `warned_h` (960): a raise is right where a failure follows
    within it; `most_false` (0.25): false raises an asset-month that the rule of raising may give
    where it is chosen; `lost_share` (0.2): sensors that are missing throughout;
    `copies` (1): times that the model of the remaining life also learns from every reading without
    that share of its asset's sensors.
    """
    started = time.process_time()
    options = request.numbers(**OPTIONS)
    with tempfile.TemporaryDirectory(prefix="lepton-bench-") as scratch:
        ctx = _context(request, options, Path(scratch))
        source = read_source(ctx)
        turns = [one_turn(source, fold, options) for fold in held_out(source)]
    rng = ctx.rng("bench")
    parts = (
        _alarms(source, turns, options, rng),
        _policy(source, turns, rng),
        _remaining(source, turns, rng),
    )
    found = {name: one for results, _ in parts for name, one in results.items()}
    return {
        "protocol": "fleet",
        "options": options,
        "metrics": {name: one.value for name, one in found.items()},
        "intervals": {
            name: [one.low, one.high] for name, one in found.items() if one.low is not None
        },
        **dict(zip(("alarms", "policy", "remaining_life"), (t for _, t in parts), strict=True)),
        "chosen": [dict(turn.chosen) for turn in turns],
        "cpu_s": round(time.process_time() - started, 1),
    }


def _context(request: BenchRequest, options: Mapping[str, float], scratch: Path) -> Context:
    """A customer whose source is the folder's tables, in one format or the other."""
    from solutions.predictive_maintenance import SOLUTION

    found = {
        table: str(path.resolve())
        for table in SOLUTION.tables
        for suffix in ("csv", "parquet")
        if (path := request.data / f"{table}.{suffix}").is_file()
    }
    settings = SETTINGS.format(
        source=json.dumps(found),
        horizon_h=options["horizon_h"],
        cap_h=options["cap_h"],
        work_units=int(options["work_units"]),
        seed=request.seed,
    )
    return customer(request, SOLUTION, ROOT, scratch, settings=settings)


def _alarms(
    source: Source, turns: Sequence[Turn], options: Mapping[str, float], rng: np.random.Generator
) -> Judged:
    """What alarms do on assets that were held out, by the model and by the age alone."""
    rule = rule_of(source.ctx, options)
    score = np.select([turn.held for turn in turns], [turn.score for turn in turns])
    here = history_of(source, score, np.ones(len(score), dtype=bool))
    raised, by_age = (
        pd.concat([getattr(turn, name) for turn in turns], ignore_index=True)
        for name in ("raises", "raises_by_age")
    )
    judged = judge_events(here.lives, raised, rule, rng=rng, n=RESAMPLES)
    aged = judge_events(here.lives, by_age, rule, rng=rng, n=RESAMPLES)
    showing = _showing(source, here.lives)
    shown = judge_events(showing, raised, rule, rng=rng, n=RESAMPLES)
    results = {
        "event_recall": judged.recall,
        "event_recall_with_precursor": shown.recall,
        "false_per_month": judged.false_per_month,
        "most_false_per_month": judged.most_false_per_month,
        "lead_h": judged.lead_h,
        f"false_per_month_at_recall_{100 * RECALL:.0f}": _at_recall(
            here, turns[0].alarm.spec, rule, rng
        ),
        "event_recall_by_age_alone": aged.recall,
        "false_per_month_by_age_alone": aged.false_per_month,
    }
    shorter = {
        f"{hours:g}": rates(count_raises(here.lives, raised, EventRule(pd.Timedelta(hours=hours))))
        for hours in (*SHORTER_H, options["warned_h"])
    }
    counts = {name: getattr(judged, name) for name in COUNTS}
    return results, {
        **counts,
        "failures_with_precursor": int(showing.failed.sum()),
        "rules": [turn.alarm.spec.to_json() for turn in turns],
        "where_chosen": [[turn.alarm.recall, turn.alarm.false_per_month] for turn in turns],
        "recall_and_false_within_h": shorter,
        "lead_quantiles_h": list(judged.lead_quantiles_h),
    }


def _showing(source: Source, lives: Lives) -> Lives:
    """Lives in which only failures that had a precursor count, where failures say their mode."""
    failures = source.tables["failures"]
    if "mode" not in failures:
        return lives
    abrupt = failures[failures["mode"] == MODES[SUDDEN]]
    at = abrupt["failed_at"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    keys = set(zip(abrupt["asset_id"].astype(str), at.tolist(), strict=True))
    owners = lives.assets.take(lives.code)
    shows = [key not in keys for key in zip(owners, lives.ended.tolist(), strict=True)]
    return replace(lives, failed=lives.failed & np.array(shows, dtype=bool))


def _at_recall(
    here: History, spec: AlarmSpec, rule: EventRule, rng: np.random.Generator
) -> MetricResult:
    """False raises at the wanted recall on the held-out assets' own curve: a description."""
    share, shares = spec.lo / spec.hi, np.linspace(0.2, 0.99, 40)
    levels = np.quantile(here.readings["score"], shares)

    def raises_at(level: float) -> pd.DataFrame:
        return raises(here, replace(spec, hi=level, lo=level * share))

    curve = event_curve(here.lives, raises_at, levels, rule)
    return false_at_recall(curve, rng=rng, recall=RECALL, n=RESAMPLES).false_per_month


def _policy(source: Source, turns: Sequence[Turn], rng: np.random.Generator) -> Judged:
    """Ordering on a prediction against the best fixed interval, on assets that were held out."""
    ours = [np.isin(source.owner, np.unique(source.asset[turn.held])) for turn in turns]
    plans = {
        name: np.select(ours, [turn.plans[name] for turn in turns], np.inf)
        for name in turns[0].plans
    }
    interval = np.select(
        ours, [np.full(len(own), turn.interval_h) for own, turn in zip(ours, turns, strict=True)]
    )
    ends = source.lives.ends
    found = compare_policies(ends, plans, source.costs, interval_h=interval, rng=rng, n=RESAMPLES)
    by_name = {one.name: one for one in found}
    results = {
        "saving": by_name["chosen"].saving,
        "saving_foresight": by_name["perfect foresight"].saving,
        "cost_per_year": by_name["chosen"].per_year,
        "cost_per_year_interval": by_name["fixed interval"].per_year,
        "cost_per_year_run_to_failure": by_name["run to failure"].per_year,
    }
    return results, {
        "lives": len(ends),
        "failed_lives": int(ends.failed.sum()),
        "interval_h": [turn.interval_h for turn in turns],
        "saving_where_chosen": [dict(turn.saving) for turn in turns],
        "policies": {one.name: _cost(one) for one in found},
    }


def _cost(one: PolicyCost) -> dict[str, float | None]:
    return {
        "cost_per_year": one.per_year.value,
        "saving": one.saving.value,
        "failed": one.failed,
        "planned": one.planned,
        "unused_h": one.unused_h if np.isfinite(one.unused_h) else None,
    }


def _remaining(source: Source, turns: Sequence[Turn], rng: np.random.Generator) -> Judged:
    """RMSE of the remaining life in hours, with all sensors and with some of each asset's gone."""
    whole, part = (
        np.concatenate([getattr(turn, name) for turn in turns])
        for name in ("squares", "squares_lost")
    )
    asset = np.concatenate([source.asset[turn.held] for turn in turns])
    known = np.isfinite(whole)
    whole, part = whole[known], part[known]
    draws = [
        (np.sqrt(w @ whole / w.sum()), np.sqrt(w @ part / w.sum()))
        for w in resamples(np.unique(asset[known], return_inverse=True)[1], rng, RESAMPLES)
    ]
    full, less = np.array(draws).T
    rmse, worse = float(np.sqrt(whole.mean())), float(np.sqrt(part.mean()))
    true = source.ctx.settings["cap_h"] * with_target(source.rows, "remaining_life").y
    results = {
        "rmse_h": _interval("rmse_h", rmse, full),
        "rmse_h_sensors_missing": _interval("rmse_h_sensors_missing", worse, less),
        "rmse_rise": _interval("rmse_rise", worse / rmse - 1, less / full - 1),
    }
    return results, {"rows": int(known.sum()), "spread_h": float(np.nanstd(true))}


def _interval(name: str, value: float, draws: np.ndarray) -> MetricResult:
    low, high = np.quantile(draws, [0.025, 0.975])
    return MetricResult(name, value, float(low), float(high))


__all__ = ["fleet"]
