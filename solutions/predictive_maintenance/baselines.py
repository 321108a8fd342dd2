"""The rules that every model must beat: how often, how old, how far from healthy."""

from __future__ import annotations

from typing import Final

import numpy as np

from lepton.dataset import TabularDataset
from lepton.solution import Baseline, Scorer

BINS: Final = 12
PRIOR: Final = 20.0
"""Rows of the overall rate that each bin's own is drawn to."""


def fit_prevalence(train: TabularDataset) -> Scorer:
    """Every reading gets the training part's mean target."""
    rate = float(np.nanmean(train.y))
    return lambda dataset: np.full(len(dataset), rate)


def fit_age(train: TabularDataset) -> Scorer:
    """The mean target by age since commissioning or replacement: what a fixed interval knows."""
    return _by_bins(train, "age_h")


def fit_health(train: TabularDataset) -> Scorer:
    """The mean target by distance from healthy behaviour: a limit on one number."""
    return _by_bins(train, "health")


def _by_bins(train: TabularDataset, feature: str) -> Scorer:
    """Means of the target by quantile of a feature; the overall one where it is missing or off."""
    if feature not in train.numeric:
        return fit_prevalence(train)
    value, y = train.rows[feature].to_numpy(dtype=np.float64), train.y
    known = np.isfinite(value) & np.isfinite(y)
    overall = float(np.nanmean(y))
    if not known.any():
        return fit_prevalence(train)
    edges = np.unique(np.quantile(value[known], np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, value[known], side="right")
    rows = np.bincount(place, minlength=len(edges) + 1)
    total = np.bincount(place, y[known], minlength=len(edges) + 1)
    rate = (total + PRIOR * overall) / (rows + PRIOR)

    def score(dataset: TabularDataset) -> np.ndarray:
        given = dataset.rows[feature].to_numpy(dtype=np.float64)
        bins = np.searchsorted(edges, np.nan_to_num(given), side="right")
        return np.where(np.isfinite(given), rate[bins], overall)

    return score


BASELINES: Final = (
    Baseline("prevalence", fit_prevalence, "every reading gets the mean of training"),
    Baseline("age", fit_age, "failures by age alone, as a fixed interval knows them"),
    Baseline("health", fit_health, "a limit on one number, the distance from healthy behaviour"),
)

__all__ = ["BASELINES", "fit_age", "fit_health", "fit_prevalence"]
