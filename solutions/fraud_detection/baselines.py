"""The rules that every model must beat: prevalence, and a points card as banks ran for decades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.dataset import TabularDataset
from lepton.solution import Baseline, Scorer


@dataclass(frozen=True)
class Rule:
    """Points for a row whose `feature` lies in least..most; none where the feature is missing."""

    feature: str
    points: int
    least: float = -np.inf
    most: float = np.inf


RULES: Final = (
    Rule("customer_amount_z_30d", 1, least=2.0),
    Rule("customer_amount_z_30d", 1, least=4.0),
    Rule("customer_amount_to_max_30d", 1, least=1.5),
    Rule("customer_count_1h", 1, least=1.0),
    Rule("customer_count_1h", 2, least=3.0),
    Rule("customer_count_1d", 1, least=4.0),
    Rule("device_count_1h", 3, least=1.0),
    Rule("device_customers_7d", 1, least=3.0),
    Rule("device_fraud_rate_30d", 3, least=0.10),
    Rule("customer_device_count", 1, most=0.0),
    Rule("customer_country_count", 1, most=0.0),
    Rule("is_night", 1, least=1.0),
    Rule("terminal_frauds_30d", 2, least=1.0),
    Rule("customer_frauds_30d", 3, least=1.0),
    Rule("merchant_fraud_rate_30d", 1, least=0.02),
)
"""Thresholds of common practice, the same for every customer; not tuned to any data."""


def points(dataset: TabularDataset) -> np.ndarray:
    """Sum of the points of `RULES` for each row, int64; features that are off give none."""
    total = np.zeros(len(dataset), dtype=np.int64)
    for rule in RULES:
        if rule.feature in dataset.numeric:
            value = dataset.rows[rule.feature].to_numpy(dtype=np.float64)
            total += rule.points * ((value >= rule.least) & (value <= rule.most))
    return total


def fit_prevalence(train: TabularDataset) -> Scorer:
    """Every row gets the training part's share of frauds."""
    rate = float(np.nanmean(train.y))
    return lambda dataset: np.full(len(dataset), rate)


def fit_rules(train: TabularDataset) -> Scorer:
    """Each total of points gets its share of frauds in training, never falling with the points."""
    rate = _rates(points(train), train.y)
    return lambda dataset: np.asarray(rate[np.minimum(points(dataset), len(rate) - 1)])


def _rates(total: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Shares of positives by points, shrunk towards the overall one, made monotone."""
    known = np.isfinite(y)
    rows = np.bincount(total[known])
    positives = np.bincount(total[known], y[known])
    prior = positives.sum() / max(rows.sum(), 1)
    return np.asarray(np.maximum.accumulate((positives + 5.0 * prior) / (rows + 5.0)))


BASELINES: Final = (
    Baseline("prevalence", fit_prevalence, "every transaction gets the average fraud rate"),
    Baseline("rules", fit_rules, f"points card of {len(RULES)} rules on amount, pace and place"),
)

__all__ = ["BASELINES", "RULES", "Rule", "fit_prevalence", "fit_rules", "points"]
