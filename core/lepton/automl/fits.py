"""Fitting one configuration on one fold, which is one work unit, and rating what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lepton.automl.families import Family, family
from lepton.automl.families.base import Expired, Fold, Params, drawn, never
from lepton.automl.model import Model
from lepton.automl.trial import Plan
from lepton.dataset import TabularDataset, TimeFold
from lepton.evaluation.calibration import sigmoid
from lepton.evaluation.results import Metric
from lepton.evaluation.scored import scored_frame
from lepton.graph.nodes import Preprocess
from lepton.run_clock import Clock

CUT_SHORT = "cut short by its deadline"


@dataclass(frozen=True, eq=False)
class Fit:
    """A configuration fitted on one fold: its model and its log-odds on the fold's valid rows;
    both None, with the reason, where it failed."""

    seconds: float
    reason: str = ""
    model: Model | None = None
    margin: np.ndarray | None = None

    @property
    def is_whole(self) -> bool:
        """Whether there is a model that no deadline cut short."""
        return self.model is not None and not self.reason


def rate(metric: Metric, dataset: TabularDataset, score: np.ndarray) -> float:
    """`metric` of `score` on `dataset`, signed so that greater is better."""
    value = metric.of(scored_frame(dataset, score))
    return value if metric.greater_is_better else -value


def pooled(folds: Sequence[TimeFold], margins: Sequence[np.ndarray]) -> pd.DataFrame:
    """The valid rows of `folds` one after another, scored by log-odds `margins`."""
    frames = [
        scored_frame(fold.valid, sigmoid(margin))
        for fold, margin in zip(folds, margins, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


class Bench:
    """Where configurations are fitted: each family's matrices of a fold are made once."""

    def __init__(self, folds: Sequence[TimeFold], seed: int, clock: Clock) -> None:
        self._folds, self._seed, self._clock = folds, seed, clock
        self._made: dict[tuple[str, int], tuple[Preprocess, Fold]] = {}
        self.longest_s = 0.0
        """Seconds that the slowest of the matrices took to make."""

    def is_ready(self, name: str, place: int) -> bool:
        """Whether the matrices of a family for the fold at `place` are there."""
        return (name, place) in self._made

    def prepare(self, name: str, place: int) -> None:
        """Make the matrices of a family for the fold at `place`, unless they are there; before
        its fits, in one thread."""
        if not self.is_ready(name, place):
            started = self._clock()
            self._made[name, place] = self._fold(family(name), self._folds[place])
            self.longest_s = max(self.longest_s, self._clock() - started)

    def run(self, plan: Plan, place: int, expired: Expired = never) -> Fit:
        """Fit `plan` on the fold at `place`; whatever it raises becomes the reason of a failed
        fit."""
        started = self._clock()
        try:
            return self._fit(plan, place, expired, started)
        except Exception as error:  # a family's library may raise anything
            return Fit(self._clock() - started, f"{type(error).__name__}: {error}"[:500])

    def _fold(self, kind: Family, fold: TimeFold) -> tuple[Preprocess, Fold]:
        preprocess = kind.preprocess(fold.train)
        made = Fold(
            X=preprocess.apply(fold.train.X, fold.train.C),
            y=fold.train.y,
            X_valid=preprocess.apply(fold.valid.X, fold.valid.C),
            y_valid=fold.valid.y,
            auxiliary=fold.train.kinds,
        )
        return preprocess, replace(made, shared=kind.share(made))

    def _fit(self, plan: Plan, place: int, expired: Expired, started: float) -> Fit:
        preprocess, fold = self._made[plan.family, place]
        kind = family(plan.family)
        fitted = kind.fit(fold, *drawn(plan.params, self._seed), expired)
        margin = np.asarray(kind.margin(fitted.estimator, fold.X_valid), dtype=np.float64)
        if not np.isfinite(margin).all():
            n_bad = int((~np.isfinite(margin)).sum())
            return Fit(self._clock() - started, f"{n_bad} scores are not finite")
        bag = {"bag": plan.params["bag"]} if "bag" in plan.params else {}
        params = {**fitted.params, **bag}
        model = self._model(plan.family, place, params, preprocess, fitted.estimator)
        reason = CUT_SHORT if fitted.cut_short else ""
        return Fit(self._clock() - started, reason, model, margin)

    def _model(
        self, name: str, place: int, params: Params, preprocess: Preprocess, estimator: object
    ) -> Model:
        train = self._folds[place].train
        return Model(
            name, params, train.numeric, train.categorical, preprocess, estimator, len(train)
        )


__all__ = ["CUT_SHORT", "Bench", "Fit", "pooled", "rate"]
