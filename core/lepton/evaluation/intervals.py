"""Intervals by block bootstrap: whole days, or whole groups (such as assets), are drawn, because
the rows of one resemble each other.

Blocks as in Kuensch 1989 without overlap; percentile limits as in Efron & Tibshirani 1993.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import SearchError
from lepton.evaluation.results import Metric, MetricResult
from lepton.evaluation.scored import day_numbers

FEWEST_BLOCKS: Final = 7
"""With fewer blocks than a week's days single rows are drawn instead."""


@dataclass(frozen=True)
class LossBound:
    """What a candidate loses against its reference, in the metric's unit; negative is a gain.

    loss: on all rows; bound: one-sided upper bound; error: standard error by bootstrap.
    Bound and error are NaN where too few resamples gave a number.
    """

    loss: float
    bound: float
    error: float = float("nan")


def day_blocks(scored: pd.DataFrame) -> np.ndarray:
    """UTC day of each row's `event_at`, as days since 1970."""
    return day_numbers(scored["event_at"])


def blocks_of(scored: pd.DataFrame) -> np.ndarray:
    """What is drawn as a whole: the group of each row where rows were split by group, else its
    UTC day."""
    if "group" in scored:
        return np.unique(scored["group"].astype("str").to_numpy(), return_inverse=True)[1]
    return day_blocks(scored)


def resamples(blocks: np.ndarray, rng: np.random.Generator, n: int) -> Iterator[np.ndarray]:
    """`n` vectors of row weights: how often each row's block was drawn, with replacement."""
    names, codes = np.unique(blocks, return_inverse=True)
    size = len(names)
    if size < FEWEST_BLOCKS:
        size, codes = len(blocks), np.arange(len(blocks))
    for _ in range(n):
        drawn = np.bincount(rng.integers(0, size, size), minlength=size) if size else np.empty(0)
        yield drawn.astype(np.float64)[codes]


def intervals(
    metrics: Sequence[Metric],
    scored: pd.DataFrame,
    *,
    rng: np.random.Generator,
    n: int = 200,
    level: float = 0.95,
) -> tuple[MetricResult, ...]:
    """Value and two-sided interval of each metric, all on the same `n` resamples of blocks.

    A value that is not a finite number is None with the reason; so are limits where fewer than
    half of the resamples gave a number.
    """
    functions = [metric.prepare(scored) for metric in metrics]
    points = [function(np.ones(len(scored))) for function in functions]
    draws = np.array(
        [
            [function(weights) for function in functions]
            for weights in resamples(blocks_of(scored), rng, n)
        ]
    ).reshape(n, len(functions))
    why = why_undefined(scored)
    return tuple(
        _result(metric, point, column, level, why)
        for metric, point, column in zip(metrics, points, draws.T, strict=True)
    )


def paired_loss_bound(
    metric: Metric,
    reference: pd.DataFrame,
    candidate: pd.DataFrame,
    *,
    blocks: np.ndarray,
    confidence: float = 0.95,
    rng: np.random.Generator,
    n: int = 200,
) -> LossBound:
    """What `candidate` loses against `reference` on the same rows, and its one-sided upper bound.

    Both are asked on the same resamples of `blocks`, so what makes a day hard for both cancels.
    Raises SearchError LK430 where the two frames do not hold the same rows in the same order,
    LK431 where `blocks` does not have one entry a row.
    """
    _check_paired(reference, candidate, blocks)
    sign = 1.0 if metric.greater_is_better else -1.0
    of_reference, of_candidate = metric.prepare(reference), metric.prepare(candidate)

    def loss(weights: np.ndarray) -> float:
        return sign * (of_reference(weights) - of_candidate(weights))

    draws = np.array([loss(weights) for weights in resamples(blocks, rng, n)])
    finite = draws[np.isfinite(draws)]
    point = loss(np.ones(len(reference)))
    if 2 * len(finite) < n or not len(finite):
        return LossBound(point, float("nan"))
    return LossBound(point, float(np.quantile(finite, confidence)), float(finite.std()))


def why_undefined(scored: pd.DataFrame) -> str:
    """The likeliest reason why a metric of `scored` is no number; empty where none is seen."""
    reasons: Mapping[str, bool] = {
        "no rows": scored.empty,
        "a score is not finite": not np.isfinite(_numbers(scored, "score")).all(),
        "a target is unknown": not np.isfinite(_numbers(scored, "target")).all(),
        "no positive row": not (_numbers(scored, "target") == 1).any(),
        "no negative row": not (_numbers(scored, "target") == 0).any(),
        "no alert": not (_numbers(scored, "decision") == 1).any(),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _numbers(scored: pd.DataFrame, name: str) -> np.ndarray:
    if name not in scored:
        return np.ones(len(scored))
    return scored[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _result(
    metric: Metric, point: float, draws: np.ndarray, level: float, why: str
) -> MetricResult:
    if not np.isfinite(point):
        reason = why or metric.undefined or "not a finite number on these rows"
        return MetricResult(metric.name, None, about=metric.about, unit=metric.unit, reason=reason)
    finite = draws[np.isfinite(draws)]
    if not len(finite) or 2 * len(finite) < len(draws):
        reason = "no interval: too few resamples gave a number"
        return MetricResult(
            metric.name, float(point), about=metric.about, unit=metric.unit, reason=reason
        )
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return MetricResult(
        metric.name, float(point), float(low), float(high), metric.about, metric.unit
    )


def _check_paired(reference: pd.DataFrame, candidate: pd.DataFrame, blocks: np.ndarray) -> None:
    same = len(reference) == len(candidate)
    if same and "key" in reference and "key" in candidate:
        same = bool((reference["key"].to_numpy() == candidate["key"].to_numpy()).all())
    if not same:
        raise SearchError(
            "LK430",
            where="paired comparison",
            found=f"reference ({len(reference):,} rows) and candidate ({len(candidate):,} rows) "
            "do not hold the same rows in the same order",
            remedy="score both on one dataset",
        )
    if len(blocks) != len(reference):
        raise SearchError(
            "LK431",
            where="paired comparison",
            found=f"{len(blocks):,} blocks for {len(reference):,} rows",
            remedy="give one block a row, such as blocks_of(reference)",
        )


__all__ = [
    "FEWEST_BLOCKS",
    "LossBound",
    "blocks_of",
    "day_blocks",
    "intervals",
    "paired_loss_bound",
    "resamples",
    "why_undefined",
]
