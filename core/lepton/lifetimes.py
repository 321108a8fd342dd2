"""Chances over several spans beside a score: learnt from lives cut off too, judged on the holdout.

Where a solution says which columns tell how long lives last, a hazard in steps is fitted on scores
of assets that their models had not seen, written into the bundle, and judged beside what the age
alone would have told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.context import Context
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.calibration import fit_calibration
from lepton.evaluation.grouped import group_codes
from lepton.evaluation.results import Evaluation
from lepton.evaluation.survival import (
    Landmarks,
    drawn,
    fit_hazard,
    rated,
    survival_by_age,
)
from lepton.solution import LifeColumns
from lepton.task import TaskKind
from lepton_edge.hazard import HazardPlan

if TYPE_CHECKING:
    from lepton.automl.leaderboard import Leaderboard
    from lepton_edge.runtime import Runtime

BY_AGE: Final = "age"
"""What the age alone tells: name of a baseline that solutions with lives have."""
LEFT, FAILED, GROUP, EVENT = "left_h", "failed", "group", "event_at"


def told(ctx: Context, dataset: TabularDataset, parts: Parts) -> LifeColumns | None:
    """The columns that tell of lives; None where the data or the task have none."""
    found = ctx.solution.lives
    if found is None or not parts.groups or ctx.task.kind is not TaskKind.BINARY:
        return None
    return found if {found.left, found.failed} <= {*dataset.rows.columns} else None


def hazard_of(
    ctx: Context, dataset: TabularDataset, parts: Parts, leaderboard: Leaderboard
) -> HazardPlan | None:
    """The hazard that lives of the selection part show, those that were cut off among them."""
    columns = told(ctx, dataset, parts)
    if columns is None:
        return None
    best = leaderboard.best
    folds = best.folds(parts)
    y = np.concatenate([fold.valid.y for fold in folds])
    calibration = fit_calibration(np.concatenate(best.margins), y)
    asset = dataset.role(roles.GROUP)
    marks, scores = [], []
    for fold, model in zip(folds, best.models, strict=True):
        own = dataset.take(asset.isin(fold.valid.role(roles.GROUP).unique()).to_numpy())
        marks.append(_landmarks(own, columns))
        scores.append(calibration.apply(model.margin(own)))
    span_h, ends_h = columns.steps(ctx.settings)
    return fit_hazard(np.concatenate(scores), _joined(marks), ends_h, span_h)


def with_survival(
    ctx: Context,
    dataset: TabularDataset,
    parts: Parts,
    evaluation: Evaluation,
    plan: HazardPlan | None,
    runtime: Runtime,
) -> Evaluation:
    """`evaluation` with how well chances over several spans were foretold on held-out assets.

    Rows whose outcome is not known yet are asked too: their lives lasted so long at least.
    """
    columns = told(ctx, dataset, parts)
    if columns is None or plan is None:
        return evaluation
    asset = dataset.role(roles.GROUP)
    own = dataset.take(asset.isin(list(parts.groups["holdout"])).to_numpy())
    before = _landmarks(parts.before_holdout(), columns)
    rng, ends_h = ctx.rng("survival"), np.array(plan.ends_h)
    manifest = runtime.manifest
    inputs = replace(own, numeric=manifest.numeric, categorical=manifest.categorical)
    score = runtime.score(inputs.X, inputs.C).score
    whole = _landmarks(own, columns)
    rows = drawn(whole.group, rng)
    marks = whole.at(rows)
    found = plan.survival(score[rows], marks.age_h)
    by_age = survival_by_age(before, marks, ends_h)
    baselines = dict(evaluation.baselines)
    if BY_AGE in baselines:
        baselines[BY_AGE] = (*baselines[BY_AGE], *rated(by_age, marks, ends_h, rng))
    return replace(
        evaluation,
        metrics=(*evaluation.metrics, *rated(found, marks, ends_h, rng)),
        baselines=baselines,
        survival=_frame(own.take(rows), marks, plan, found, by_age),
    )


def _frame(
    rows: TabularDataset, marks: Landmarks, plan: HazardPlan, found: np.ndarray, age: np.ndarray
) -> pd.DataFrame:
    """One row a landmark: when and of whom, what became of it, chances to outlive each step."""
    own = {f"outlives_{end:g}": found[:, k] for k, end in enumerate(plan.ends_h)}
    by_age = {f"by_age_{end:g}": age[:, k] for k, end in enumerate(plan.ends_h)}
    return pd.DataFrame(
        {
            GROUP: rows.role(roles.GROUP).astype("str").array,
            EVENT: rows.role(roles.EVENT_AT).array,
            LEFT: marks.left_h,
            FAILED: marks.failed,
            **own,
            **by_age,
        }
    )


def _landmarks(rows: TabularDataset, columns: LifeColumns) -> Landmarks:
    frame = rows.rows
    none = np.full(len(frame), np.nan)
    age = frame[columns.age].to_numpy(dtype=np.float64) if columns.age in frame else none
    return Landmarks(
        np.maximum(frame[columns.left].to_numpy(dtype=np.float64), 0.0),
        frame[columns.failed].to_numpy(dtype=bool),
        age,
        group_codes(rows),
    )


def _joined(parts: list[Landmarks]) -> Landmarks:
    """Landmarks of several folds, whose groups are others."""
    shift = np.cumsum([0, *(int(one.group.max(initial=-1)) + 1 for one in parts)])
    groups = [one.group + by for one, by in zip(parts, shift, strict=False)]
    names = ("left_h", "failed", "age_h")
    left, failed, age = (np.concatenate([getattr(one, name) for one in parts]) for name in names)
    return Landmarks(left, failed, age, np.concatenate(groups))


__all__ = ["hazard_of", "told", "with_survival"]
