"""The whole of a forecaster walked forward through time, as it would have been run.

Before the first refit that counts there is a warm-up: models fitted earlier forecast the weeks
before it. From then on weights of a refit come from all forecasts whose truth was there when it was
made, and every issue is calibrated by the scores that were known when it was issued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lepton.forecast.conformal import ConformalSpec, Scores, calibrated, scores_of
from lepton.forecast.ensemble import Weights, fit_weights
from lepton.forecast.families.base import Forecaster, Lesson
from lepton.forecast.matrix import Matrix
from lepton.forecast.rolling import Backtest, Refit, backtest


@dataclass(frozen=True)
class WalkSpec:
    """refits: the first of them is the warm-up, whose issues are not judged, nor are any before
    `judged_from_s` (UTC seconds); seed; workers: fits at a time; latency_s: of the truth."""

    refits: tuple[Refit, ...]
    seed: int = 0
    workers: int = 1
    latency_s: int = 0
    conformal: ConformalSpec = field(default_factory=ConformalSpec)
    judged_from_s: int | None = None


@dataclass(frozen=True, eq=False)
class Walk:
    """What came out, for the issues after the warm-up.

    members: every family's forecasts; blend: deciles (n, leads, 9) in the series' unit;
    calibrated: the same, stretched; weights: of each refit after the warm-up; warmed: the warm-up's
    forecasts and blend.
    """

    members: Backtest
    blend: np.ndarray
    calibrated: np.ndarray
    weights: tuple[Weights, ...]
    warmed: Backtest
    warmed_blend: np.ndarray

    @property
    def matrix(self) -> Matrix:
        """The issues that are judged."""
        return self.members.matrix

    def steps(self, order: Sequence[str]) -> Mapping[str, np.ndarray]:
        """Forecasts by rung of the ladder: families in `order`, then the blend, calibrated."""
        found = {name: self.members.quantiles[name] for name in order if name in self.members.names}
        return {**found, "ensemble": self.blend, "calibrated": self.calibrated}


def walk_forward(lesson: Lesson, families: Sequence[Forecaster], spec: WalkSpec) -> Walk:
    """Fit, weigh, blend and calibrate, refit by refit."""
    every = backtest(
        lesson,
        families,
        spec.refits,
        seed=spec.seed,
        latency_s=spec.latency_s,
        workers=spec.workers,
    )
    issue_s = every.matrix.issue_s
    n_series = int(every.matrix.series.max(initial=0)) + 1
    first = spec.refits[0]
    warm_until_s = first.until_s if spec.judged_from_s is None else spec.judged_from_s
    blend = np.empty((*every.matrix.y.shape, 9))
    weights = []
    for number, refit in enumerate(spec.refits):
        inside = (issue_s >= refit.first_s) & (issue_s < refit.until_s)
        # the warm-up's own blend has the weights that its forecasts give: only scores see it
        past = issue_s < refit.at_s if number else inside
        made = fit_weights(_known_by(every, past, refit, spec), n_series)
        blend[inside] = made.of(every.take(inside))
        if refit.first_s >= warm_until_s:
            weights.append(made)
    warm = (issue_s >= first.first_s) & (issue_s < warm_until_s)
    before = scores_of(every.matrix.take(warm), blend[warm], spec.latency_s)
    judged = every.take(~warm)
    return Walk(
        members=judged,
        blend=blend[~warm],
        calibrated=_calibrated(judged.matrix, blend[~warm], before, spec),
        weights=tuple(weights),
        warmed=every.take(warm),
        warmed_blend=blend[warm],
    )


def _known_by(every: Backtest, past: np.ndarray, refit: Refit, spec: WalkSpec) -> Backtest:
    """Forecasts of the past whose truth was there at the refit; all of the warm-up at its own."""
    found = every.take(past)
    if refit is spec.refits[0]:
        return found
    end = (found.matrix.step + 1) * found.matrix.step_s + spec.latency_s
    return replace(found, matrix=found.matrix.asked(end <= refit.at_s))


def _calibrated(matrix: Matrix, blend: np.ndarray, before: Scores, spec: WalkSpec) -> np.ndarray:
    return calibrated(matrix, blend, before=before, spec=spec.conformal, latency_s=spec.latency_s)


__all__ = ["Walk", "WalkSpec", "walk_forward"]
