"""Fitting configurations on train and rating them on the selection part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lepton.automl.budget import Clock
from lepton.automl.families import Family, family
from lepton.automl.families.base import Expired, Fold, Params, never
from lepton.automl.model import Model
from lepton.automl.trial import Plan, Trial
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.calibration import sigmoid
from lepton.evaluation.results import Metric
from lepton.evaluation.scored import scored_frame
from lepton.graph.nodes import Preprocess

CUT_SHORT = "cut short by its deadline"


@dataclass(frozen=True, eq=False)
class Outcome:
    """A trial with its model and its log-odds on the selection part; both None where it failed."""

    trial: Trial
    model: Model | None = None
    margin: np.ndarray | None = None


def rate(metric: Metric, dataset: TabularDataset, score: np.ndarray) -> float:
    """`metric` of `score` on `dataset`, signed so that greater is better."""
    value = metric.of(scored_frame(dataset, score))
    return value if metric.greater_is_better else -value


class Bench:
    """Where configurations are fitted: each family's matrices are made once and shared."""

    def __init__(self, parts: Parts, metric: Metric, seed: int, clock: Clock) -> None:
        self._parts, self._metric, self._seed, self._clock = parts, metric, seed, clock
        self._folds: dict[str, tuple[Preprocess, Fold]] = {}

    def prepare(self, name: str) -> None:
        """Make the matrices of a family, unless they are there; before its fits, in one thread."""
        if name not in self._folds:
            self._folds[name] = self._fold(family(name))

    def run(self, plan: Plan, expired: Expired = never) -> Outcome:
        """Fit and rate `plan`; whatever it raises becomes the reason of a failed trial."""
        started = self._clock()
        try:
            return self._fit(plan, expired, started)
        except Exception as error:  # a family's library may raise anything
            return Outcome(self._failed(plan, started, f"{type(error).__name__}: {error}"))

    def _fold(self, kind: Family) -> tuple[Preprocess, Fold]:
        train, selection = self._parts.train, self._parts.selection
        preprocess = kind.preprocess(train)
        fold = Fold(
            X=preprocess.apply(train.X, train.C),
            y=train.y,
            X_valid=preprocess.apply(selection.X, selection.C),
            y_valid=selection.y,
        )
        return preprocess, replace(fold, shared=kind.share(fold))

    def _fit(self, plan: Plan, expired: Expired, started: float) -> Outcome:
        preprocess, fold = self._folds[plan.family]
        kind = family(plan.family)
        fitted = kind.fit(fold, plan.params, self._seed, expired)
        margin = kind.margin(fitted.estimator, fold.X_valid)
        if not np.isfinite(margin).all():
            n_bad = int((~np.isfinite(margin)).sum())
            return Outcome(self._failed(plan, started, f"{n_bad} scores are not finite"))
        model = self._model(plan.family, fitted.params, preprocess, fitted.estimator)
        score = rate(self._metric, self._parts.selection, sigmoid(margin))
        if not np.isfinite(score):
            return Outcome(self._failed(plan, started, f"{self._metric.name} is {score}"))
        return Outcome(
            Trial(
                plan.trial_id,
                plan.family,
                fitted.params,
                plan.origin,
                float(score),
                self._clock() - started,
                CUT_SHORT if fitted.cut_short else "",
            ),
            model,
            margin,
        )

    def _model(self, name: str, params: Params, preprocess: Preprocess, estimator: object) -> Model:
        train = self._parts.train
        return Model(
            name, params, train.numeric, train.categorical, preprocess, estimator, len(train)
        )

    def _failed(self, plan: Plan, started: float, reason: str) -> Trial:
        seconds = self._clock() - started
        return Trial(
            plan.trial_id, plan.family, plan.params, plan.origin, None, seconds, reason[:500]
        )


__all__ = ["CUT_SHORT", "Bench", "Outcome", "rate"]
