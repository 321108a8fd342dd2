"""One rotation of the fleet's protocol: what models that never saw some assets give for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import roles, stages
from lepton.automl.model import Model, refit
from lepton.context import Context
from lepton.dataset import TabularDataset, TimeFold
from lepton.evaluation.events import EventRule
from lepton.evaluation.grouped import group_folds, whole_parts
from lepton.features.batch import compute, without_features
from lepton.features.fit import SENSOR, fit_spec
from lepton.features.spec import FeatureSpec
from solutions.predictive_maintenance.alarm_choice import (
    Choice,
    History,
    choose_alarm,
    history,
    max_gap_s,
    raises,
)
from solutions.predictive_maintenance.policy import Begun, begun, best_level
from solutions.predictive_maintenance.replacement import Costs, best_interval, cost_rate, cycles

RECALL: Final = 0.9
"""Share of failures that alarms are wanted to warn of."""


@dataclass(frozen=True)
class Source:
    """A customer's fleet as the product reads it.

    tables: canonical ones; rows: every reading with its life and targets, in canonical order, no
    feature yet; asset: each reading's; lives: those of all assets whose beginning was seen; owner:
    each life's asset.
    """

    ctx: Context
    tables: Mapping[str, pd.DataFrame]
    rows: TabularDataset
    asset: np.ndarray
    lives: Begun
    owner: np.ndarray

    @property
    def costs(self) -> Costs:
        """What replacements and failures cost this customer."""
        return Costs(**{name: self.ctx.costs[name] for name in Costs.__dataclass_fields__})


def read_source(ctx: Context) -> Source:
    tables = stages.validate(ctx, stages.read(ctx)).tables
    rows = without_features(ctx.rows(tables), ctx.contract, ctx.task.target)
    asset = rows.role(roles.GROUP).astype("str").to_numpy()
    lives = begun(rows.rows, tables, np.ones(len(rows), dtype=bool))
    owner = np.empty(len(lives.ends), dtype=object)
    owner[lives.life] = asset[lives.row]
    return Source(ctx, tables, rows, asset, lives, owner)


def held_out(source: Source) -> tuple[TimeFold, ...]:
    """Quarters of the assets, each of which is held out once."""
    every = np.ones(len(source.rows), dtype=bool)
    return group_folds(source.rows, every, every, source.ctx.rng("held out"))


@dataclass(frozen=True)
class Turn:
    """What models that never saw the held-out assets gave for them.

    held: mask of their readings; score: every reading's score for alarms, of others than held-out
    ones by a model that did not learn from its asset; alarm, by_age: rules of raising; raises,
    raises_by_age: what they raise on held-out assets; plans: by name the planned hour of each life,
    and interval_h the best fixed one; saving: by name, where levels were chosen; squares,
    squares_lost: squared errors of held-out readings in h2, with all sensors and without some, NaN
    where the target is unknown.
    """

    held: np.ndarray
    score: np.ndarray
    alarm: Choice
    by_age: Choice
    raises: pd.DataFrame
    raises_by_age: pd.DataFrame
    plans: Mapping[str, np.ndarray]
    interval_h: float
    saving: Mapping[str, float]
    squares: np.ndarray
    squares_lost: np.ndarray
    chosen: Mapping[str, Any]


def one_turn(source: Source, fold: TimeFold, options: Mapping[str, float]) -> Turn:
    """One rotation: features, two searches, every choice, and what follows for held-out assets."""
    ctx, held = source.ctx, fold.judged
    spec = fit_spec(ctx.solution.features, fold.train)
    dataset = _features(source, source.tables, spec)
    warned = _learnt(source, dataset, held, "failure")
    copies = [
        _features(source, without_sensors(source, ~held, options["lost_share"], n), spec)
        for n in range(1, int(options["copies"]) + 1)
    ]
    left = _learnt(source, dataset, held, "remaining_life", copies)
    age = dataset.rows["age_h"].to_numpy(dtype=np.float64)
    alarm, raised = _alarmed(source, warned.score, held, options)
    by_age, raised_by_age = _alarmed(source, age, held, options)
    plans, interval, saving = _plans(
        source, {"probability": warned.score, "remaining": -left.score}, held
    )
    lost = _features(source, without_sensors(source, held, options["lost_share"]), spec)
    true = with_target(dataset, "remaining_life").y[held]
    cap_h = ctx.settings["cap_h"]
    return Turn(
        held,
        warned.score,
        alarm,
        by_age,
        raised,
        raised_by_age,
        plans,
        interval,
        saving,
        (cap_h * (left.score[held] - true)) ** 2,
        (cap_h * (left.model.score(lost.take(held)) - true)) ** 2,
        {"failure": _named(warned.model), "remaining_life": _named(left.model)},
    )


def _features(
    source: Source, tables: Mapping[str, pd.DataFrame], spec: FeatureSpec
) -> TabularDataset:
    ctx = source.ctx
    return compute(ctx.rows(tables), ctx.contract, spec, ctx.extras, target=ctx.task.target)


def with_target(dataset: TabularDataset, task: str) -> TabularDataset:
    """The same readings and features with another task's target."""
    from solutions.predictive_maintenance import SOLUTION

    target = SOLUTION.task_named(task).target
    return replace(dataset, roles={**dataset.roles, roles.TARGET: target})


@dataclass(frozen=True)
class Learnt:
    """A search's result. score: of every reading: of held-out assets by `model`, of others by one
    that did not learn from its asset, NaN where the budget left a fold without a model."""

    model: Model
    score: np.ndarray


def _learnt(
    source: Source,
    dataset: TabularDataset,
    held: np.ndarray,
    task: str,
    copies: Sequence[TabularDataset] = (),
) -> Learnt:
    """The best recipe of a search by folds of assets that are not held out, refitted on them.

    copies: the same readings as they might have been; they are learnt from and judged beside the
    readings of their asset.
    """
    ctx, rows = source.ctx, with_target(dataset, task)
    known = rows.take(~held)
    for copy in copies:
        known = known.joined(with_target(copy, task).take(~held))
    parts = whole_parts(known, ctx.rng("folds"))
    config = ctx.config.model_copy(update={"task": task})
    ctx.progress.stage(f"search: {task}")
    best = stages.search_parts(replace(ctx, config=config), parts).best
    score = np.full(len(rows), np.nan)
    for fold, model in zip(best.folds(parts), best.models, strict=True):
        own = np.isin(source.asset, fold.valid.role(roles.GROUP).astype("str").unique())
        score[own] = model.score(rows.take(own))
    final = refit(best.recipe, parts.train, seed=ctx.config.seed) or best.recipe
    score[held] = final.score(rows.take(held))
    return Learnt(final, score)


def history_of(source: Source, score: np.ndarray, mask: np.ndarray) -> History:
    rows = source.rows.rows.loc[mask, ["asset_id", "event_at"]].assign(score=score[mask])
    return history(rows, source.tables)


def rule_of(ctx: Context, options: Mapping[str, float]) -> EventRule:
    lead = pd.Timedelta(hours=ctx.costs["lead_time_h"])
    return EventRule(pd.Timedelta(hours=options["warned_h"]), lead)


def _alarmed(
    source: Source, score: np.ndarray, held: np.ndarray, options: Mapping[str, float]
) -> tuple[Choice, pd.DataFrame]:
    """The rule of raising that the other assets choose, and what it raises on held-out ones."""
    chosen = choose_alarm(
        history_of(source, score, ~held & np.isfinite(score)),
        rule_of(source.ctx, options),
        most_false=options["most_false"],
        gap_s=max_gap_s(source.tables),
        wanted=RECALL,
    )
    return chosen, raises(history_of(source, score, held), chosen.spec)


def _plans(
    source: Source, scores: Mapping[str, np.ndarray], held: np.ndarray
) -> tuple[dict[str, np.ndarray], float, dict[str, float]]:
    """Planned hours of every life by name, the best fixed interval, and what each saves against it
    where it was chosen: on all assets but the held-out ones.

    Beside the scores their mean place among the scores there competes; `chosen` are the plans of
    the one that costs least there.
    """
    costs, rows = source.costs, source.rows.rows
    scored = ~held & np.isfinite(list(scores.values())).all(axis=0)
    places = [_places(score, scored) for score in scores.values()]
    scores = {**scores, "both": np.mean(places, axis=0)}
    known = begun(rows, source.tables, scored)
    interval = best_interval(known.ends, costs)
    fixed = cost_rate(cycles(known.ends, np.full(len(known.ends), interval), costs))
    levels = {name: best_level(known, score, costs) for name, score in scores.items()}
    saving = {
        name: 1 - known.rate(score, costs, levels[name]) / fixed for name, score in scores.items()
    }
    plans = {name: source.lives.plans(score, costs, levels[name]) for name, score in scores.items()}
    best = max(saving, key=saving.__getitem__)
    return {**plans, "chosen": plans[best]}, interval, saving


def _places(score: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Share of the scores where `known` holds that lie at or below each score."""
    sorted_ = np.sort(score[known])
    return np.asarray(np.searchsorted(sorted_, score, side="right") / len(sorted_))


def without_sensors(
    source: Source, mask: np.ndarray, share: float, draw: int = 0
) -> dict[str, pd.DataFrame]:
    """The tables as they would be had each asset of the readings in `mask` never had `share` of its
    sensors, at least one, drawn anew for each asset and each number `draw`."""
    telemetry = source.tables["telemetry"].copy()
    sensors = [name for name in telemetry.columns if name.startswith(SENSOR)]
    n_lost = max(round(share * len(sensors)), 1)
    rng, asset = source.ctx.rng(f"lost sensors {draw}"), telemetry["asset_id"].astype("str")
    for name in np.unique(source.asset[mask]).tolist():
        lost = rng.choice(sensors, n_lost, replace=False).tolist()
        telemetry.loc[asset == name, lost] = np.nan
    return {**source.tables, "telemetry": telemetry}


def _named(model: Model) -> dict[str, Any]:
    return {"family": model.family, "members": [one.family for one in model.singles]}


__all__ = [
    "RECALL",
    "Source",
    "Turn",
    "held_out",
    "history_of",
    "one_turn",
    "read_source",
    "rule_of",
    "with_target",
    "without_sensors",
]
