"""Configurations on their way through the folds, and when one has lost already.

Racing as in Maron & Moore 1994: what is worse than the incumbent by more than noise, on the
same rows, is not fitted on the folds that are left. Nothing is compared on unequal folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lepton.automl.entrant import Entrant
from lepton.automl.fits import Fit, pooled
from lepton.automl.model import Model
from lepton.automl.trial import Plan, Trial
from lepton.dataset import TimeFold
from lepton.evaluation.intervals import blocks_of, paired_loss_bound
from lepton.evaluation.results import Metric

RACE_AFTER = 2
"""Folds that a configuration is fitted on before it may be dropped."""
HOPELESS = 2.0
"""Standard errors by which it must be worse than the incumbent to be dropped."""
RACED_OUT = "raced out"
RESAMPLES = 100


@dataclass(eq=False)
class Runner:
    """A configuration and its fits; places of folds, the newest first, as they are fitted."""

    plan: Plan
    places: tuple[int, ...]
    fits: dict[int, Fit] = field(default_factory=dict)
    reason: str = ""
    """Why it left the race, empty while it is in it or where it came through."""

    @property
    def ready(self) -> tuple[int, ...]:
        """Places of the folds that may be fitted now."""
        if self.is_over:
            return ()
        left = tuple(place for place in self.places if place not in self.fits)
        return left[: RACE_AFTER - len(self.fits)] if len(self.fits) < RACE_AFTER else left

    @property
    def is_complete(self) -> bool:
        """Whether it has a model of every fold."""
        return not self.reason and len(self.fits) == len(self.places)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to fit."""
        return bool(self.reason) or self.is_complete

    def add(self, place: int, fit: Fit) -> None:
        """Take the fit of the fold at `place`; a failed one ends the configuration."""
        self.fits[place] = fit
        if fit.model is None:
            self.reason = fit.reason

    def entrant(self, folds: Sequence[TimeFold], metric: Metric) -> Entrant:
        """What it competes as, once it is complete."""
        fits = [self.fits[place] for place in sorted(self.fits)]
        models = tuple(fit.model for fit in fits if fit.model is not None)
        margins = tuple(fit.margin for fit in fits if fit.margin is not None)
        return entrant(self.plan.name, models, margins, folds, metric)

    def trial(self, score: float | None) -> Trial:
        """What the leaderboard tells of it."""
        fits = [self.fits[place] for place in sorted(self.fits)]
        params = next((f.model.params for f in reversed(fits) if f.model), self.plan.params)
        return Trial(
            trial_id=self.plan.trial_id,
            family=self.plan.family,
            params=params,
            origin=self.plan.origin,
            score=score,
            seconds=sum(fit.seconds for fit in fits),
            reason=self.reason or next((fit.reason for fit in fits if fit.reason), ""),
            folds=sum(fit.model is not None for fit in fits),
            raced_out=self.reason == RACED_OUT,
        )


def entrant(
    name: str,
    models: Sequence[Model],
    margins: Sequence[np.ndarray],
    folds: Sequence[TimeFold],
    metric: Metric,
) -> Entrant:
    """An entrant with its score on the valid rows of `folds` together."""
    value = metric.of(pooled(folds, margins))
    score = value if metric.greater_is_better else -value
    return Entrant(name, tuple(models), tuple(margins), float(score))


def is_hopeless(
    runner: Runner,
    incumbent: Runner,
    folds: Sequence[TimeFold],
    metric: Metric,
    rng: np.random.Generator,
) -> bool:
    """Whether the runner is worse than the incumbent, on the folds that it has been fitted on,
    by more than noise. folds: all, by place."""
    places = sorted(set(runner.fits) & set(incumbent.fits))
    rows = [folds[place] for place in places]
    reference, candidate = (
        pooled(rows, [one.fits[place].margin for place in places])  # type: ignore[misc]
        for one in (incumbent, runner)
    )
    found = paired_loss_bound(
        metric, reference, candidate, blocks=blocks_of(reference), rng=rng, n=RESAMPLES
    )
    return bool(np.isfinite(found.error) and found.loss > HOPELESS * found.error > 0)


__all__ = ["RACED_OUT", "RACE_AFTER", "Runner", "entrant", "is_hopeless"]
