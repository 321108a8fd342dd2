"""How well churn and spend are told, beside what everybody does without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from solutions.retail_recommendation.customer_features import customer_features, outcomes
from solutions.retail_recommendation.customer_models import HORIZON_D, fit_customers

RESAMPLES = 500


@dataclass(frozen=True)
class Judged:
    """One number of a model and of its naive baseline on the same customers; low, high: 95 %
    interval of the difference, by bootstrap over customers."""

    model: float
    naive: float
    low: float
    high: float


@dataclass(frozen=True)
class CustomerQuality:
    """metrics: churn_auc, spend_spearman, spend_capture10 (share of money that the tenth with the
    highest prediction spent). told: one row a customer: churn, spend, lost, spent."""

    metrics: Mapping[str, Judged]
    told: pd.DataFrame


def judge_customers(
    rows: pd.DataFrame,
    cutoff: pd.Timestamp,
    rng: np.random.Generator,
    horizon_d: float = HORIZON_D,
) -> CustomerQuality:
    """What is told at `cutoff` against what came after it; rows: all cleaned purchases.

    Naive: churn by days since the last order, spend by what was spent until now. Raises
    SearchError as `fit_customers`.
    """
    features = customer_features(rows, cutoff)
    told = fit_customers(rows, cutoff, horizon_d).predict(features)
    after = outcomes(rows, features.index, cutoff, horizon_d)
    told["lost"], told["spent"] = 1 - after["stays"], after["spent"]
    lost, spent = told["lost"].to_numpy(), told["spent"].to_numpy()
    recency, before = features["recency_d"].to_numpy(), features["spent"].to_numpy()
    pairs: dict[str, tuple[Callable[..., float], np.ndarray, np.ndarray, np.ndarray]] = {
        "churn_auc": (auc, lost, told["churn"].to_numpy(), recency),
        "spend_spearman": (spearman, spent, told["spend"].to_numpy(), before),
        "spend_capture10": (capture, spent, told["spend"].to_numpy(), before),
    }
    return CustomerQuality(
        {name: _judged(*pair, rng=rng) for name, pair in pairs.items()},
        told,
    )


def _judged(
    metric: Callable[..., float],
    truth: np.ndarray,
    model: np.ndarray,
    naive: np.ndarray,
    *,
    rng: np.random.Generator,
) -> Judged:
    n = len(truth)
    draws = [rng.integers(0, n, n) for _ in range(RESAMPLES)]
    gains = [metric(truth[at], model[at]) - metric(truth[at], naive[at]) for at in draws]
    low, high = np.nanquantile(gains, [0.025, 0.975])
    return Judged(metric(truth, model), metric(truth, naive), float(low), float(high))


def auc(positive: np.ndarray, score: np.ndarray) -> float:
    """Chance that a positive is scored above a negative one, ties counting half; NaN where there
    is only one kind."""
    from scipy.stats import rankdata

    n_positive = float(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return np.nan
    above = rankdata(score)[positive == 1].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


def spearman(truth: np.ndarray, score: np.ndarray) -> float:
    """Correlation of ranks, equal values at their mean rank."""
    from scipy.stats import rankdata

    if len(np.unique(truth)) < 2 or len(np.unique(score)) < 2:
        return np.nan
    return float(np.corrcoef(rankdata(truth), rankdata(score))[0, 1])


def capture(spent: np.ndarray, score: np.ndarray, share: float = 0.1) -> float:
    """Part of all money that the customers with the highest scores spent."""
    best = np.argsort(-score, kind="stable")[: max(int(share * len(score)), 1)]
    whole = float(spent.sum())
    return float(spent[best].sum() / whole) if whole > 0 else np.nan


__all__ = ["CustomerQuality", "Judged", "auc", "capture", "judge_customers", "spearman"]
