"""Hours left beside a score that is a share: with an interval, and with and without the age.

Intervals are conformal by asset on scores that had not seen it; what the age adds is shown by the
same recipe learnt without it, on the same held-out rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.context import Context
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.calibration import fit_calibration
from lepton.evaluation.conformal import Calibration, coverage, fit_conformal
from lepton.evaluation.grouped import group_codes
from lepton.evaluation.intervals import resamples
from lepton.evaluation.results import Evaluation, MetricResult
from lepton.evaluation.survival import drawn
from lepton.solution import RemainingLife
from lepton.task import TaskKind
from lepton_edge.remaining import RemainingPlan

if TYPE_CHECKING:
    from lepton.automl.leaderboard import Leaderboard
    from lepton.automl.model import Model

LEVEL: Final = 0.9
BINS: Final = 4
_RESAMPLES: Final = 200


def told(ctx: Context, parts: Parts) -> RemainingLife | None:
    """How the task's shares become hours; None where they do not, or assets are not apart."""
    if not parts.groups or ctx.task.kind is not TaskKind.REGRESSION:
        return None
    return ctx.solution.remaining


def soon_h(ctx: Context) -> float:
    """Hours left from which an alarm is raised; 0 where the solution knows of none."""
    spec = ctx.solution.remaining
    return 0.0 if spec is None else spec.soon_h(ctx.settings)


def plan_of(ctx: Context, parts: Parts, leaderboard: Leaderboard) -> RemainingPlan | None:
    """Hours and intervals around scores, each asset of the selection part counted once."""
    spec = told(ctx, parts)
    if spec is None:
        return None
    best = leaderboard.best
    valid = [fold.valid for fold in best.folds(parts)]
    y, margin = np.concatenate([rows.y for rows in valid]), np.concatenate(best.margins)
    names = pd.concat([rows.role(roles.GROUP).astype("str") for rows in valid])
    asset = np.unique(names.to_numpy(), return_inverse=True)[1]
    rows = drawn(asset, ctx.rng("points"))
    score = fit_calibration(margin, y).apply(margin)
    bare = RemainingPlan(spec.full_h(ctx.settings), spec.edge, LEVEL, (), (0.0,))
    share = _shares(bare, score[rows])
    found = fit_conformal(
        Calibration(_shares(bare, y[rows]), share, asset[rows]),
        level=LEVEL,
        low=0.0,
        high=1.0,
        bins=BINS,
    )
    return replace(bare, edges=found.edges, margins=found.margins)


def with_hours(
    ctx: Context,
    parts: Parts,
    holdout: TabularDataset,
    evaluation: Evaluation,
    model: Model,
    plan: RemainingPlan | None,
) -> Evaluation:
    """`evaluation` with hours left on landmarks of held-out assets, by the model, by the same
    recipe without the age, and by the share that intervals hold."""
    spec = told(ctx, parts)
    if plan is None or spec is None:
        return evaluation
    rng = ctx.rng("remaining")
    asset = group_codes(holdout)
    rows = drawn(asset, rng)
    own = holdout.take(rows)
    told_h = pd.DataFrame([plan.told(score) for score in model.score(own)])
    true_h = plan.full_h * _shares(plan, own.y)
    frame = pd.DataFrame(
        {
            "group": own.role(roles.GROUP).astype("str").array,
            "event_at": own.role(roles.EVENT_AT).array,
            "true_h": true_h,
            **{f"{name}_h": told_h[name].to_numpy() for name in ("point", "low", "high")},
        }
    )
    blind = _age_blind(ctx, model, parts.before_holdout(), spec.clocks)
    if blind is not None:
        frame["blind_h"] = plan.full_h * _shares(plan, blind.score(own))
    errors = {"rmse_h": "point_h", "rmse_h_age_blind": "blind_h"}
    metrics = [
        _rmse(name, frame[column].to_numpy() - true_h, asset[rows], rng)
        for name, column in errors.items()
        if column in frame
    ]
    held = coverage(
        true_h, frame["low_h"].to_numpy(), frame["high_h"].to_numpy(), asset[rows], rng=rng
    )
    metrics += [
        replace(held.coverage, name="coverage_90"),
        replace(held.width, name="width_h", unit="h"),
    ]
    return replace(evaluation, metrics=(*evaluation.metrics, *metrics), survival=frame)


def _age_blind(
    ctx: Context, model: Model, rows: TabularDataset, clocks: Sequence[str]
) -> Model | None:
    """The same recipe learnt without the features that tell the age; None where it has none."""
    from lepton.automl.machine import quiet_and_single_threaded
    from lepton.automl.model import refit

    if not {*clocks} & {*model.numeric}:
        return None
    numeric = tuple(name for name in model.numeric if name not in clocks)
    bare = replace(
        model,
        numeric=numeric,
        members=tuple(replace(one, numeric=numeric) for one in model.members),
    )
    own = replace(rows, numeric=numeric, categorical=model.categorical)
    with quiet_and_single_threaded():
        return refit(bare, own, seed=ctx.config.seed, more_rounds=False)


def _rmse(
    name: str, error: np.ndarray, asset: np.ndarray, rng: np.random.Generator
) -> MetricResult:
    """Root of the mean squared error in hours, with its interval over assets."""
    square = error**2
    draws = [weight @ square / weight.sum() for weight in resamples(asset, rng, _RESAMPLES)]
    low, high = np.sqrt(np.quantile(draws, [0.025, 0.975]))
    about = "typical error of the hours left" + (
        " by the recipe without the age" * ("blind" in name)
    )
    return MetricResult(name, float(np.sqrt(square.mean())), float(low), float(high), about, "h")


def _shares(plan: RemainingPlan, score: np.ndarray) -> np.ndarray:
    """Shares of the longest remaining life that scores, or targets, stand for."""
    return np.clip((score - plan.edge) / (1.0 - 2.0 * plan.edge), 0.0, 1.0)


__all__ = ["plan_of", "soon_h", "told", "with_hours"]
