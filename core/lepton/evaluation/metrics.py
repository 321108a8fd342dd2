"""Metrics of binary scores: each sorts once and is then asked for any row weights.

Weights are what makes a bootstrap cheap: a resample is a vector of counts, and no metric sorts
again for it. A metric that cannot be computed (no positive row, no alert) is NaN, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import Metric

Weighted = Callable[[np.ndarray], float]
ECE_BINS: Final = 15
"""Bins of the calibration error; as in Guo et al. 2017, but of equal mass (Nixon et al. 2019)."""


@dataclass(frozen=True)
class Ranking:
    """Rows from the highest score down; equal scores form one group.

    Only groups with a positive row are kept, because neither precision's steps nor the area
    under the ROC curve change elsewhere. order: row positions; positives: their row positions;
    group: index of each positive's group; starts, ends: first and last rank of each group.
    """

    order: np.ndarray
    positives: np.ndarray
    group: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def at(self, weights: np.ndarray) -> Counts:
        """Weights of positives and of all rows, by group."""
        running = np.concatenate(([0.0], np.cumsum(weights[self.order])))
        caught = np.bincount(self.group, weights[self.positives], minlength=len(self.ends))
        return Counts(
            caught, np.cumsum(caught), running[self.starts], running[self.ends + 1], running[-1]
        )


@dataclass(frozen=True)
class Counts:
    """Weights by group of `Ranking`: positives in it, positives down to it, all rows before it,
    all rows down to it; and the weight of all rows together."""

    inside: np.ndarray
    caught: np.ndarray
    before: np.ndarray
    alerted: np.ndarray
    total: float

    @property
    def positives(self) -> float:
        """Weight of all positive rows."""
        return float(self.caught[-1]) if len(self.caught) else 0.0

    @property
    def negatives(self) -> float:
        """Weight of all negative rows."""
        return self.total - self.positives


def rank(target: np.ndarray, score: np.ndarray) -> Ranking:
    """Rows of 0/1 `target` ranked by `score`, highest first; the order of equal scores is moot."""
    order = np.argsort(-score, kind="stable")
    falling, positive = score[order], target[order] == 1
    is_end = np.append(falling[1:] != falling[:-1], np.True_) if len(order) else positive
    ends = np.flatnonzero(is_end)
    starts = np.append(0, ends[:-1] + 1)
    ranks = np.flatnonzero(positive)
    kept, group = np.unique(np.searchsorted(ends, ranks), return_inverse=True)
    return Ranking(order, order[ranks], group, starts[kept], ends[kept])


def _average_precision(counts: Counts) -> float:
    """Sum of precision times step of recall, as sklearn's average_precision_score."""
    if counts.positives <= 0:
        return np.nan
    hit = counts.inside > 0
    precision = counts.caught[hit] / counts.alerted[hit]
    return float(np.dot(counts.inside[hit], precision) / counts.positives)


def roc_auc(counts: Counts) -> float:
    """Chance that a positive row is scored above a negative one, ties counting half."""
    if counts.positives <= 0 or counts.negatives <= 0:
        return np.nan
    above = counts.before - (counts.caught - counts.inside)
    tied = counts.alerted - counts.before - counts.inside
    below = counts.negatives - above - tied
    return float(np.dot(counts.inside, below + 0.5 * tied) / (counts.positives * counts.negatives))


def _recall_at_fpr(most: float) -> Callable[[Counts], float]:
    """Highest recall of a threshold that alerts at most the share `most` of the negatives."""

    def value(counts: Counts) -> float:
        if counts.positives <= 0 or counts.negatives <= 0:
            return np.nan
        allowed = counts.alerted - counts.caught <= most * counts.negatives
        return float(counts.caught[allowed].max(initial=0.0) / counts.positives)

    return value


def _ranked(value: Callable[[Counts], float]) -> Callable[[pd.DataFrame], Weighted]:
    def prepare(scored: pd.DataFrame) -> Weighted:
        score, target = _column(scored, "score"), _column(scored, "target")
        if not (np.isfinite(score).all() and np.isfinite(target).all()):
            return _undefined
        ranking = rank(target, score)
        return lambda weights: value(ranking.at(weights))

    return prepare


def _share(
    part: Callable[[pd.DataFrame], np.ndarray],
    whole: Callable[[pd.DataFrame], np.ndarray],
    scale: float = 1.0,
) -> Callable[[pd.DataFrame], Weighted]:
    """`scale` times the weighted sum of `part` over that of `whole`; NaN where the latter is 0."""

    def prepare(scored: pd.DataFrame) -> Weighted:
        above, below = part(scored), whole(scored)

        def value(weights: np.ndarray) -> float:
            divisor = float(np.dot(weights, below))
            return scale * float(np.dot(weights, above)) / divisor if divisor > 0 else np.nan

        return value

    return prepare


def _expected_calibration_error(scored: pd.DataFrame) -> Weighted:
    """Mean over bins of equal mass of |rate of positives - mean score|; ties share a bin."""
    score, target = _column(scored, "score"), _column(scored, "target")
    if not len(score) or not np.isfinite(score).all():
        return _undefined
    bins, gap = mass_bins(score, ECE_BINS), target - score

    def value(weights: np.ndarray) -> float:
        total = float(weights.sum())
        return float(np.abs(np.bincount(bins, weights * gap)).sum()) / total if total else np.nan

    return value


def chance_of_calibration_error(scored: pd.DataFrame) -> float:
    """The calibration error that these rows would show by chance if every score were exact.

    Within a bin the gap then is about normal with variance sum p (1 - p), and the mean of
    |N(0, s)| is s sqrt(2 / pi).
    """
    score = _column(scored, "score")
    if not len(score) or not np.isfinite(score).all():
        return 0.0
    variance = np.bincount(mass_bins(score, ECE_BINS), np.clip(score * (1 - score), 0.0, None))
    return float(np.sqrt(variance * 2 / np.pi).sum() / len(score))


def mass_bins(score: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin number 0.. of each score: about as many rows in each, equal scores never parted."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, n_bins + 1)[1:-1]))
    return np.searchsorted(edges, score, side="right")


def _undefined(weights: np.ndarray) -> float:
    return float(np.nan)


def _column(scored: pd.DataFrame, name: str) -> np.ndarray:
    return scored[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _rows(scored: pd.DataFrame) -> np.ndarray:
    return np.ones(len(scored))


def _positives(scored: pd.DataFrame) -> np.ndarray:
    return _column(scored, "target")


def _alerts(scored: pd.DataFrame) -> np.ndarray:
    return _column(scored, "decision")


def _caught(scored: pd.DataFrame) -> np.ndarray:
    return np.asarray(_positives(scored) * _alerts(scored))


def _squared_error(scored: pd.DataFrame) -> np.ndarray:
    return np.asarray((_column(scored, "score") - _column(scored, "target")) ** 2)


def _log_loss(scored: pd.DataFrame) -> np.ndarray:
    """Minus the log of the chance given to what happened, clipped as sklearn does."""
    tiny = np.finfo(np.float64).eps
    score = np.clip(_column(scored, "score"), tiny, 1 - tiny)
    return np.asarray(-np.log(np.where(_column(scored, "target") == 1, score, 1 - score)))


def _miss_cost(scored: pd.DataFrame) -> np.ndarray:
    return np.where(_positives(scored) == 1, _column(scored, "miss_cost"), 0.0)


def savings(scored: pd.DataFrame) -> np.ndarray:
    """Money that each row's decision saves against doing nothing: what a caught positive would
    have cost, less the cost of the alert; 0 where the row is let pass."""
    return np.where(_alerts(scored) == 1, _miss_cost(scored) - _column(scored, "alert_cost"), 0.0)


def _caught_cost(scored: pd.DataFrame) -> np.ndarray:
    return np.asarray(_miss_cost(scored) * _alerts(scored))


def _root(prepare: Callable[[pd.DataFrame], Weighted]) -> Callable[[pd.DataFrame], Weighted]:
    """The square root of another metric."""

    def rooted(scored: pd.DataFrame) -> Weighted:
        value = prepare(scored)
        return lambda weights: float(np.sqrt(value(weights)))

    return rooted


def _absolute_error(scored: pd.DataFrame) -> np.ndarray:
    return np.asarray(np.abs(_column(scored, "score") - _column(scored, "target")))


_ALL: Final = (
    Metric("ap", _ranked(_average_precision), "area under precision and recall, as steps"),
    Metric("auc", _ranked(roc_auc), "chance that a positive is scored above a negative"),
    Metric(
        "recall_at_fpr_1",
        _ranked(_recall_at_fpr(0.01)),
        "share of positives found while at most 1 % of negatives are alerted",
    ),
    Metric(
        "recall_at_fpr_5",
        _ranked(_recall_at_fpr(0.05)),
        "share of positives found while at most 5 % of negatives are alerted",
    ),
    Metric("brier", _share(_squared_error, _rows), "mean squared error of the score", False),
    Metric("rmse", _root(_share(_squared_error, _rows)), "root of the mean squared error", False),
    Metric("mae", _share(_absolute_error, _rows), "mean absolute error of the score", False),
    Metric(
        "ece",
        _expected_calibration_error,
        "mean gap between score and rate of positives over bins of equal mass",
        False,
    ),
    Metric("log_loss", _share(_log_loss, _rows), "mean surprise at what happened", False),
    Metric("precision", _share(_caught, _alerts), "share of alerts that are positive"),
    Metric("recall", _share(_caught, _positives), "share of positives that are alerted"),
    Metric("alert_rate", _share(_alerts, _rows), "share of rows that are alerted", False),
    Metric(
        "value_recall",
        _share(_caught_cost, _miss_cost),
        "share of the money at stake that the alerts reach",
    ),
    Metric(
        "net_savings",
        _share(savings, _rows, scale=1000.0),
        "loss avoided less cost of alerts, against doing nothing",
        unit="money per 1,000 rows",
    ),
)

METRICS: Final[Mapping[str, Metric]] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by name. The last five rate the decision, not the score; rmse and mae are those of
shares too, where the target is one."""

__all__ = [
    "ECE_BINS",
    "METRICS",
    "Counts",
    "Ranking",
    "chance_of_calibration_error",
    "mass_bins",
    "rank",
    "roc_auc",
    "savings",
]
