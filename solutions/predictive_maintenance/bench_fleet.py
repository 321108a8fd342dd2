"""A whole fleet by its own protocol: what alarms and replacements are worth on assets never seen.

Tables as a customer's, for instance those of `lepton simulate`. A quarter of the assets is held
out. On the others models are searched by folds of whole assets; the rule of raising, the score to
order by, its level and the best fixed interval are chosen on them, by scores of models that did not
learn from the asset. The held-out assets are judged once.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import roles, stages
from lepton.automl.model import Model, refit
from lepton.context import Context, make_context
from lepton.dataset import TabularDataset
from lepton.errors import ConfigError
from lepton.evaluation.events import (
    EventResult,
    EventRule,
    count_raises,
    event_curve,
    false_at_recall,
    judge_events,
)
from lepton.evaluation.grouped import whole_parts
from lepton.evaluation.intervals import resamples
from lepton.evaluation.results import MetricResult
from lepton.features.batch import compute
from lepton.features.fit import SENSOR
from lepton.features.spec import FeatureSpec
from lepton.solution import BenchRequest, Project
from lepton_edge.alarm import AlarmSpec
from solutions.predictive_maintenance.alarm_choice import (
    Choice,
    History,
    choose_alarm,
    history,
    max_gap_s,
    raises,
)
from solutions.predictive_maintenance.policy import begun, best_level
from solutions.predictive_maintenance.replacement import (
    Costs,
    PolicyCost,
    best_interval,
    compare_policies,
    cost_rate,
    cycles,
)
from solutions.predictive_maintenance.wear import MODES, SUDDEN

OPTIONS: Final = {
    "work_units": "16",
    "horizon_h": "720",
    "cap_h": "720",
    "warned_h": "960",
    "most_false": "0.25",
    "lost_share": "0.2",
}
RESAMPLES: Final = 500
RECALL: Final = 0.9
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

    Options: `work_units` (16): fits that each of the two searches may spend; `horizon_h` (720): the
    horizon that the failure model learns; `cap_h` (720): beyond it one remaining life is like
    another; `warned_h` (960): a raise is right where a failure
    follows within it; `most_false` (0.25): false raises an asset-month that the rule of raising may
    give where it is chosen; `lost_share` (0.2): sensors that are missing throughout.
    """
    started = time.process_time()
    told = request.settings(**OPTIONS)
    options = {name: _number(name, text) for name, text in told.items()}
    with tempfile.TemporaryDirectory(prefix="lepton-bench-") as scratch:
        fleet_ = _prepared(request, options, Path(scratch))
        rng = fleet_.ctx.rng("bench")
        request.progress.stage("search: failure")
        warned = _learnt(fleet_, fleet_.dataset)
        alarms = _alarms(fleet_, warned, options, rng)
        request.progress.stage("search: remaining life")
        lives = fleet_.of_lives()
        left = _learnt(fleet_, lives)
        policy = _policy(fleet_, {"probability": warned.score, "remaining": -left.score}, rng)
        dropout = _dropout(fleet_, lives, left, options["lost_share"], rng)
    found = {**alarms["results"], **policy["results"], **dropout["results"]}
    return {
        "protocol": "fleet",
        "options": options,
        "metrics": {name: one.value for name, one in found.items()},
        "intervals": {
            name: [one.low, one.high] for name, one in found.items() if one.low is not None
        },
        "alarms": alarms["told"],
        "policy": policy["told"],
        "remaining_life": dropout["told"],
        "chosen": {"failure": _named(warned.model), "remaining_life": _named(left.model)},
        "cpu_s": round(time.process_time() - started, 1),
    }


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(
            "LK112",
            where=f"--set {name}",
            found=f"'{text}' is no number",
            remedy=f"give a number, for instance {OPTIONS[name]}",
        ) from error


@dataclass(frozen=True)
class Prepared:
    """A customer's fleet on the product's own path.

    tables: canonical ones; dataset: every reading with its features and the target `failed`; asset:
    each reading's; held: mask of readings of held-out assets.
    """

    ctx: Context
    tables: Mapping[str, pd.DataFrame]
    dataset: TabularDataset
    asset: np.ndarray
    held: np.ndarray

    def of_lives(self) -> TabularDataset:
        """The same readings and features with the target of the task `remaining_life`."""
        task = self.ctx.solution.task_named("remaining_life")
        return replace(self.dataset, roles={**self.dataset.roles, roles.TARGET: task.target})


def _prepared(request: BenchRequest, options: Mapping[str, float], scratch: Path) -> Prepared:
    ctx = _context(request, options, scratch)
    validated = stages.validate(ctx, stages.read(ctx))
    dataset = stages.featurize(ctx, validated)
    parts = stages.split(ctx, dataset)
    asset = dataset.role(roles.GROUP).astype("str").to_numpy()
    held = np.isin(asset, list(parts.groups["holdout"]))
    return Prepared(ctx, validated.tables, dataset, asset, held)


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
    (scratch / "solution.yaml").write_text(settings, encoding="utf-8")
    return make_context(
        Project(Path(__file__).resolve().parents[2], {SOLUTION.name: SOLUTION}, state=scratch),
        SOLUTION.name,
        run_id="bench",
        config_path=scratch / "solution.yaml",
        progress=request.progress,
    )


@dataclass(frozen=True)
class Learnt:
    """A search's result. score: of every reading: of held-out assets by `model`, of others by one
    that did not learn from its asset, NaN where the budget left a fold without a model."""

    model: Model
    score: np.ndarray


def _learnt(told: Prepared, dataset: TabularDataset) -> Learnt:
    """The best recipe of a search by folds of assets that are not held out, refitted on them."""
    parts = whole_parts(dataset.take(~told.held), told.ctx.rng("folds"))
    target = dataset.roles[roles.TARGET]
    task = next(one for one in told.ctx.solution.tasks if one.target == target)
    config = told.ctx.config.model_copy(update={"task": task.name})
    board = stages.search_parts(replace(told.ctx, config=config), parts)
    best = board.best
    score = np.full(len(dataset), np.nan)
    for fold, model in zip(best.folds(parts), best.models, strict=True):
        own = np.isin(told.asset, fold.valid.role(roles.GROUP).astype("str").unique())
        score[own] = model.score(dataset.take(own))
    final = refit(best.recipe, parts.train, seed=told.ctx.config.seed) or best.recipe
    score[told.held] = final.score(dataset.take(told.held))
    return Learnt(final, score)


def _history(told: Prepared, score: np.ndarray, mask: np.ndarray) -> History:
    rows = told.dataset.rows.loc[mask, ["asset_id", "event_at"]].assign(score=score[mask])
    return history(rows, told.tables)


def _alarms(
    told: Prepared, learnt: Learnt, options: Mapping[str, float], rng: np.random.Generator
) -> dict[str, Any]:
    """What alarms on the model's score do on held-out assets, and what alarms on the age do."""
    rule = EventRule(
        pd.Timedelta(hours=options["warned_h"]),
        pd.Timedelta(hours=told.ctx.costs["lead_time_h"]),
    )
    age = told.dataset.rows["age_h"].to_numpy(dtype=np.float64)
    by_model, judged = _alarmed(told, learnt.score, rule, options["most_false"], rng)
    by_age, aged = _alarmed(told, age, rule, options["most_false"], rng)
    here = _history(told, learnt.score, told.held)
    results = {
        "event_recall": judged.recall,
        "event_recall_with_precursor": _with_precursor(told, here, by_model.spec, rule, rng),
        "false_per_month": judged.false_per_month,
        "most_false_per_month": judged.most_false_per_month,
        "lead_h": judged.lead_h,
        f"false_per_month_at_recall_{100 * RECALL:.0f}": _at_recall(here, by_model.spec, rule, rng),
        "event_recall_by_age_alone": aged.recall,
        "false_per_month_by_age_alone": aged.false_per_month,
    }
    shorter = {
        f"{hours:g}": _recall_within(here, by_model.spec, hours)
        for hours in (*SHORTER_H, options["warned_h"])
    }
    return {
        "results": results,
        "told": {
            "rule": by_model.spec.to_json(),
            "where_chosen": [by_model.recall, by_model.false_per_month],
            "by_age_where_chosen": [by_age.recall, by_age.false_per_month],
            "recall_within_h": shorter,
            "lead_quantiles_h": list(judged.lead_quantiles_h),
            "failures": judged.n_failures,
            "caught": judged.n_caught,
            "false": judged.n_false,
            "late": judged.n_late,
            "undecided": judged.n_undecided,
            "asset_months": round(judged.asset_months, 1),
        },
    }


def _alarmed(
    told: Prepared,
    score: np.ndarray,
    rule: EventRule,
    most_false: float,
    rng: np.random.Generator,
) -> tuple[Choice, EventResult]:
    """The rule of raising that the other assets choose, and what it does on held-out ones."""
    chosen = choose_alarm(
        _history(told, score, ~told.held & np.isfinite(score)),
        rule,
        most_false=most_false,
        gap_s=max_gap_s(told.tables),
        wanted=RECALL,
    )
    here = _history(told, score, told.held)
    found = judge_events(here.lives, raises(here, chosen.spec), rule, rng=rng, n=RESAMPLES)
    return chosen, found


def _with_precursor(
    told: Prepared, here: History, spec: AlarmSpec, rule: EventRule, rng: np.random.Generator
) -> MetricResult:
    """Recall of failures whose mode shows something before, where failures state their mode."""
    failures = told.tables["failures"]
    about = "share warned of in time among failures that had a precursor"
    if "mode" not in failures:
        return MetricResult("with_precursor", None, about=about, reason="no mode is stated")
    abrupt = failures[failures["mode"] == MODES[SUDDEN]]
    at = abrupt["failed_at"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    keys = set(zip(abrupt["asset_id"].astype(str), at.tolist(), strict=True))
    lives = here.lives
    owners = lives.assets.take(lives.code)
    shows = [key not in keys for key in zip(owners, lives.ended.tolist(), strict=True)]
    kept = replace(lives, failed=lives.failed & np.array(shows, dtype=bool))
    found = judge_events(kept, raises(here, spec), rule, rng=rng, n=RESAMPLES)
    return replace(found.recall, about=about)


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


def _recall_within(here: History, spec: AlarmSpec, hours: float) -> float:
    found = count_raises(here.lives, raises(here, spec), EventRule(pd.Timedelta(hours=hours)))
    return float(found.caught.sum() / max(found.failures.sum(), 1.0))


def _policy(
    told: Prepared, scores: Mapping[str, np.ndarray], rng: np.random.Generator
) -> dict[str, Any]:
    """Ordering on a prediction against the best fixed interval, on held-out assets.

    Interval, score to order by and its level are chosen on all other assets. Beside the two scores
    their mean place among the scores there competes.
    """
    names = Costs.__dataclass_fields__
    costs = Costs(**{name: told.ctx.costs[name] for name in names})
    rows = told.dataset.rows
    scored = ~told.held & np.isfinite(list(scores.values())).all(axis=0)
    places = [_places(score, scored) for score in scores.values()]
    scores = {**scores, "both": np.mean(places, axis=0)}
    known, here = (begun(rows, told.tables, mask) for mask in (scored, told.held))
    interval = best_interval(known.ends, costs)
    levels = {name: best_level(known, score, costs) for name, score in scores.items()}
    rate = {name: known.rate(score, costs, levels[name]) for name, score in scores.items()}
    fixed = cost_rate(cycles(known.ends, np.full(len(known.ends), interval), costs))
    best = min(rate, key=rate.__getitem__)
    plans = {name: here.plans(score, costs, levels[name]) for name, score in scores.items()}
    found = compare_policies(here.ends, plans, costs, interval_h=interval, rng=rng, n=RESAMPLES)
    by_name = {one.name: one for one in found}
    return {
        "results": {
            "saving": by_name[best].saving,
            "saving_foresight": by_name["perfect foresight"].saving,
            "cost_per_year": by_name[best].per_year,
            "cost_per_year_interval": by_name["fixed interval"].per_year,
            "cost_per_year_run_to_failure": by_name["run to failure"].per_year,
        },
        "told": {
            "by": best,
            "saving_where_chosen": 1 - rate[best] / fixed,
            "level": levels[best],
            "interval_h": interval,
            "lives": len(here.ends),
            "failed_lives": int(here.ends.failed.sum()),
            "policies": {one.name: _cost(one) for one in found},
        },
    }


def _places(score: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Share of the scores where `known` holds that lie at or below each score."""
    sorted_ = np.sort(score[known])
    return np.asarray(np.searchsorted(sorted_, score, side="right") / len(sorted_))


def _cost(one: PolicyCost) -> dict[str, float | None]:
    return {
        "cost_per_year": one.per_year.value,
        "saving": one.saving.value,
        "failed": one.failed,
        "planned": one.planned,
        "unused_h": one.unused_h if np.isfinite(one.unused_h) else None,
    }


def _dropout(
    told: Prepared,
    dataset: TabularDataset,
    learnt: Learnt,
    share: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """RMSE of the remaining life in hours, with all sensors and with some of each asset's gone."""
    asked = told.held & np.isfinite(dataset.y)
    blind, lost = _without_sensors(told, share)
    cap_h = told.ctx.settings["cap_h"]
    true = dataset.y[asked]
    whole, part = (
        cap_h**2 * (score - true) ** 2
        for score in (learnt.score[asked], learnt.model.score(blind.take(asked)))
    )
    draws = [
        (np.sqrt(w @ whole / w.sum()), np.sqrt(w @ part / w.sum()))
        for w in resamples(np.unique(told.asset[asked], return_inverse=True)[1], rng, RESAMPLES)
    ]
    full, less = np.array(draws).T
    rmse, worse = float(np.sqrt(whole.mean())), float(np.sqrt(part.mean()))
    return {
        "results": {
            "rmse_h": _interval("rmse_h", rmse, full),
            "rmse_h_sensors_missing": _interval("rmse_h_sensors_missing", worse, less),
            "rmse_rise": _interval("rmse_rise", worse / rmse - 1, less / full - 1),
        },
        "told": {"rows": int(asked.sum()), "spread_h": cap_h * float(true.std()), "lost": lost},
    }


def _interval(name: str, value: float, draws: np.ndarray) -> MetricResult:
    low, high = np.quantile(draws, [0.025, 0.975])
    return MetricResult(name, value, float(low), float(high))


def _without_sensors(told: Prepared, share: float) -> tuple[TabularDataset, str]:
    """The readings as they would be had each held-out asset never had `share` of its sensors, drawn
    anew for each; and how many that is."""
    ctx = told.ctx
    telemetry = told.tables["telemetry"].copy()
    sensors = [name for name in telemetry.columns if name.startswith(SENSOR)]
    n_lost = max(round(share * len(sensors)), 1)
    rng, asset = ctx.rng("lost sensors"), telemetry["asset_id"].astype("str")
    for name in np.unique(told.asset[told.held]).tolist():
        lost = rng.choice(sensors, n_lost, replace=False).tolist()
        telemetry.loc[asset == name, lost] = np.nan
    rows = ctx.rows({**told.tables, "telemetry": telemetry})
    spec = FeatureSpec.from_json(told.dataset.spec)
    found = compute(rows, ctx.contract, spec, ctx.extras, target="remaining")
    return found, f"{n_lost} of {len(sensors)} sensors an asset"


def _named(model: Model) -> dict[str, Any]:
    return {"family": model.family, "members": [one.family for one in model.singles]}


__all__ = ["fleet"]
