"""What a fraud team counts: customers found a day and how soon, money within the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Metric
from lepton.evaluation.scored import day_numbers

ALERTS_PER_DAY: Final = 20
"""Alerts that two analysts clear in a day; solution.yaml's `alerts_per_day` bounds decisions."""
EARLY_DAYS: Final = 7
"""Days from a customer's first fraud on in which finding it still saves most."""

Weighted = Callable[[np.ndarray], float]


def card_precision(k: int) -> Metric:
    """Share of defrauded customers among the `k` highest-scored customers of a day, mean of days.

    A customer scores the highest of the day's rows; one who was found with a fraud leaves the
    days after. As in Le Borgne et al., Fraud Detection Handbook, chapter 4.4 ("CP@k").
    """
    return Metric(
        f"card_precision_at_{k}",
        lambda scored: _mean_of_days(scored, _daily_shares(scored, k, scored["score"])),
        f"share of defrauded customers among the {k} highest-scored of a day",
    )


def card_precision_ceiling(k: int) -> Metric:
    """The most that `card_precision(k)` can reach on these rows: a score that knows the answer."""
    return Metric(
        f"card_precision_at_{k}_ceiling",
        lambda scored: _mean_of_days(scored, _daily_shares(scored, k, scored["target"])),
        f"what a perfect score would reach as card_precision_at_{k}",
    )


def value_detection(k: int) -> Metric:
    """Share of the defrauded money in the `k` highest-scored transactions of each day."""
    return Metric(
        f"value_detection_at_{k}",
        lambda scored: _value_share(scored, k),
        f"share of the defrauded money among the {k} highest-scored rows of a day",
    )


def hours_to_detection() -> Metric:
    """Median hours from a customer's first fraud in these rows to the first one alerted.

    0 where the very first is alerted; customers never found count as infinitely late, so that the
    median is no number where they are the half.
    """
    return Metric(
        "hours_to_detection",
        _median_hours,
        "median time from a customer's first fraud to the first that is alerted",
        False,
        unit="hours",
        undefined="half of the defrauded customers or more are never found",
    )


def early_recall() -> Metric:
    """Share of frauds in a customer's first week of trouble in these rows that are alerted."""
    return Metric(
        "recall_first_7_days",
        _early_share,
        "share of the frauds within 7 days of a customer's first one that are alerted",
    )


def daily_card_precision(scored: pd.DataFrame, k: int, *, ceiling: bool = False) -> pd.Series:
    """`card_precision(k)` of each day, indexed by day (UTC); with `ceiling` the most possible."""
    shares = _daily_shares(scored, k, scored["target" if ceiling else "score"])
    days = pd.DatetimeIndex(np.sort(scored["event_at"].dt.floor("D").unique()))
    return pd.Series(shares, index=days)


def _daily_shares(scored: pd.DataFrame, k: int, score: pd.Series) -> np.ndarray:
    """Share of frauds among the top `k` customers of each day, in the order of the days."""
    customers = _customers_by_day(scored, score)
    who = pd.factorize(customers["customer"])[0]
    ranked, positive = customers["score"].to_numpy(), customers["target"].to_numpy() == 1
    found = np.zeros(who.max(initial=-1) + 1, dtype=bool)
    shares = []
    starts = np.unique(customers["day"], return_index=True)[1]
    for rows in np.split(np.arange(len(customers)), starts[1:]) if len(customers) else ():
        left = rows[~found[who[rows]]]
        top = left[np.argsort(-ranked[left], kind="stable")[:k]]
        hits = who[top[positive[top]]]
        found[hits] = True
        shares.append(len(hits) / k)
    return np.array(shares)


def _customers_by_day(scored: pd.DataFrame, score: pd.Series) -> pd.DataFrame:
    """One row a customer and day with the highest score and target; a row is its own customer
    where the data name none."""
    frame = pd.DataFrame(
        {
            "day": day_numbers(scored["event_at"]),
            "customer": scored["entity" if "entity" in scored else "key"].to_numpy(),
            "score": score.to_numpy(dtype=np.float64),
            "target": scored["target"].to_numpy(dtype=np.float64),
        }
    )
    return frame.groupby(["day", "customer"], as_index=False, sort=True)[["score", "target"]].max()


def _mean_of_days(scored: pd.DataFrame, shares: np.ndarray) -> Weighted:
    """Mean of `shares` under the mean row weight of each day; NaN without any weight."""
    _, day = np.unique(day_numbers(scored["event_at"]), return_inverse=True)
    rows = np.bincount(day, minlength=len(shares))

    def value(weights: np.ndarray) -> float:
        by_day = np.bincount(day, weights, minlength=len(shares)) / np.maximum(rows, 1)
        total = float(by_day.sum())
        return float(by_day @ shares) / total if total > 0 else float(np.nan)

    return value


def _value_share(scored: pd.DataFrame, k: int) -> Weighted:
    """Weighted share of the frauds' money that ranks among the day's first `k` rows."""
    day = scored["event_at"].dt.floor("D")
    rank = scored["score"].groupby(day.to_numpy()).rank(method="first", ascending=False)
    money = scored["value"].to_numpy(dtype=np.float64) if "value" in scored else np.ones(len(day))
    lost = money * (scored["target"].to_numpy(dtype=np.float64) == 1)
    caught = lost * (rank.to_numpy() <= k)

    def value(weights: np.ndarray) -> float:
        total = float(weights @ lost)
        return float(weights @ caught) / total if total > 0 else float(np.nan)

    return value


def _frauds(scored: pd.DataFrame) -> pd.DataFrame:
    """Place, customer, instant and whether it is alerted of each fraud; a row is its own customer
    where the data name none."""
    is_fraud = scored["target"].to_numpy(dtype=np.float64) == 1
    held = scored[is_fraud]
    return pd.DataFrame(
        {
            "place": np.flatnonzero(is_fraud),
            "customer": held["entity" if "entity" in held else "key"].to_numpy(),
            "at": held["event_at"].array,
            "alerted": held["decision"].to_numpy() == 1,
        }
    ).sort_values("at", kind="stable")


def _median_hours(scored: pd.DataFrame) -> Weighted:
    """Weighted median over customers, each with the weight of its first fraud's row."""
    frauds = _frauds(scored)
    first = frauds.drop_duplicates("customer").set_index("customer")
    found = frauds[frauds["alerted"]].drop_duplicates("customer").set_index("customer")["at"]
    hours = (found.reindex(first.index) - first["at"]).dt.total_seconds() / 3600
    order = np.argsort(hours.fillna(np.inf).to_numpy(), kind="stable")
    ranked, place = hours.fillna(np.inf).to_numpy()[order], first["place"].to_numpy()[order]

    def value(weights: np.ndarray) -> float:
        running = np.cumsum(weights[place])
        if not len(running) or running[-1] <= 0:
            return float(np.nan)
        return float(ranked[np.searchsorted(running, running[-1] / 2)])

    return value


def _early_share(scored: pd.DataFrame) -> Weighted:
    frauds = _frauds(scored)
    begin = frauds.groupby("customer")["at"].transform("min")
    early = frauds[frauds["at"] - begin < pd.Timedelta(days=EARLY_DAYS)]
    place, alerted = early["place"].to_numpy(), early["alerted"].to_numpy(dtype=np.float64)

    def value(weights: np.ndarray) -> float:
        held = weights[place]
        total = float(held.sum())
        return float(held @ alerted) / total if total > 0 else float(np.nan)

    return value


CARD_PRECISION: Final = tuple(
    make(ALERTS_PER_DAY).name for make in (card_precision, card_precision_ceiling)
)
"""Names of the metric and of its ceiling."""

METRICS_OF_FRAUD: Final = (
    *(
        METRICS[name]
        for name in ("ap", "auc", "recall_at_fpr_1", "recall_at_fpr_5", "ece", "brier")
    ),
    card_precision(ALERTS_PER_DAY),
    card_precision_ceiling(ALERTS_PER_DAY),
    value_detection(ALERTS_PER_DAY),
    *(METRICS[name] for name in ("precision", "recall", "alert_rate", "value_recall")),
    early_recall(),
    hours_to_detection(),
    METRICS["net_savings"],
)
"""What the report shows; `ap` is what search and compression compare by."""

__all__ = [
    "ALERTS_PER_DAY",
    "CARD_PRECISION",
    "METRICS_OF_FRAUD",
    "card_precision",
    "card_precision_ceiling",
    "daily_card_precision",
    "early_recall",
    "hours_to_detection",
    "value_detection",
]
