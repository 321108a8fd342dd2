"""Intervals of remaining lives, calibrated on assets that the model did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.dataset import TimeFold
from lepton.evaluation.calibration import sigmoid
from lepton.evaluation.conformal import Calibration, Conformal, Coverage, coverage, fit_conformal
from lepton.evaluation.grouped import group_codes
from solutions.predictive_maintenance.lives import share_of

LEVEL: Final = 0.9
POINTS: Final = 20
"""Truncation points drawn from each asset: as a fleet in service is seen, not each life's end."""
BINS: Final = 4
EARLY, LATE = 13.0, 10.0
"""Cycles by which a life may be told too short, and too long, at the same loss."""
SHIFTS: Final = np.arange(-10.0, 3.01, 0.25)
"""Cycles by which lives may be told longer."""


@dataclass(frozen=True)
class OutOfFold:
    """Shares of the longest remaining life, true and predicted by models that did not see their
    asset; fold, asset: codes; one entry a row."""

    true: np.ndarray
    predicted: np.ndarray
    fold: np.ndarray
    asset: np.ndarray

    def at(self, rows: np.ndarray) -> OutOfFold:
        """Some of the rows."""
        return OutOfFold(self.true[rows], self.predicted[rows], self.fold[rows], self.asset[rows])


def out_of_fold(
    folds: Sequence[TimeFold], margins: Sequence[np.ndarray], rng: np.random.Generator
) -> OutOfFold:
    """`POINTS` rows drawn from each asset, by the folds' models. margins: log-odds on each fold's
    valid rows."""
    parts = []
    for number, (fold, margin) in enumerate(zip(folds, margins, strict=True)):
        asset = group_codes(fold.whole)[fold.judged]
        rows = _drawn(asset, rng)
        true, predicted = share_of(fold.valid.y), share_of(sigmoid(margin))
        place = np.full(len(asset), number)
        parts.append(OutOfFold(true, predicted, place, asset).at(rows))
    return OutOfFold(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("true", "predicted", "fold", "asset")
        )
    )


def calibrated(found: OutOfFold) -> Conformal:
    """Intervals of `LEVEL` around predictions, within 0..1, each asset counted once."""
    rows = Calibration(found.true, found.predicted, found.asset)
    return fit_conformal(rows, level=LEVEL, low=0.0, high=1.0, bins=BINS)


def phm08(apart: np.ndarray) -> np.ndarray:
    """Loss of each prediction that is `apart` cycles too long; too long is the worse (Saxena et
    al. 2008)."""
    return np.asarray(np.expm1(np.where(apart < 0, -apart / EARLY, apart / LATE)))


def prudence(found: OutOfFold, longest: float) -> float:
    """Share by which lives have to be told longer, mostly a negative one, for the least mean loss
    `phm08` on assets that the models did not see. longest: cycles of the longest life told."""
    apart = longest * (found.predicted - found.true)
    losses = [phm08(apart + shift).mean() for shift in SHIFTS]
    return float(SHIFTS[int(np.argmin(losses))]) / longest


def cross_coverage(found: OutOfFold, rng: np.random.Generator) -> Coverage:
    """How the intervals do on each fold's assets, calibrated on those of all others."""
    low, high = np.empty(len(found.true)), np.empty(len(found.true))
    for fold in np.unique(found.fold):
        inside = found.fold == fold
        fitted = calibrated(found.at(~inside))
        asked = found.predicted[inside]
        low[inside], high[inside] = fitted.interval(asked, asked, asked)
    return coverage(found.true, low, high, found.asset, rng=rng)


def _drawn(asset: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions of at most `POINTS` rows of each asset, in their order."""
    chosen = [
        rng.choice(np.flatnonzero(asset == one), min(POINTS, int((asset == one).sum())), False)
        for one in np.unique(asset)
    ]
    return np.sort(np.concatenate(chosen))


__all__ = ["OutOfFold", "calibrated", "cross_coverage", "out_of_fold", "phm08", "prudence"]
