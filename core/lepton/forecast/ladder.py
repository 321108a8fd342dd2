"""The ladder: what each step from naive to calibrated adds, with intervals (forecast value added).

Blocks of time are drawn with replacement, the same for all rungs, since neighbouring days resemble
each other (Kuensch 1989).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast import scores
from lepton.forecast.matrix import Matrix

RUNGS: Final = (
    "seasonal_naive",
    "profile",
    "prophet",
    "linear",
    "lightgbm",
    "boosted",
    "lightgbm_quantile",
    "net",
)
"""Families in the order in which they are shown; blend and calibration follow."""
RESAMPLES: Final = 300


@dataclass(frozen=True)
class Rung:
    """One step: its metrics, the interval of each, and its CRPS over that of the step before."""

    name: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    crps_vs_before: float | None
    vs_before: tuple[float, float] | None


def ladder(
    matrix: Matrix,
    steps: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    *,
    block_days: int = 7,
    n: int = RESAMPLES,
) -> tuple[Rung, ...]:
    """The rungs in the order of `steps`: name -> deciles (n, leads, 9) in the series' unit."""
    block = matrix.since_first_s // (block_days * 86_400)
    losses = {name: _losses(matrix.y, quantiles) for name, quantiles in steps.items()}
    draws = list(_draws(block, rng, n))
    found: list[Rung] = []
    before: np.ndarray | None = None
    for name, own in losses.items():
        values = {metric: scores.mean(loss) for metric, loss in own.items()}
        sums = {metric: _by_block(loss, block) for metric, loss in own.items()}
        intervals = {metric: _limits(_drawn(sums[metric], draws)) for metric in own}
        mine = _drawn(sums["crps"], draws)
        ratio = None if before is None else _limits(mine / before)
        last = found[-1].metrics["crps"] if found else None
        found.append(
            Rung(name, values, intervals, None if last is None else values["crps"] / last, ratio)
        )
        before = mine
    return tuple(found)


def interval_of(
    loss: np.ndarray,
    matrix: Matrix,
    rng: np.random.Generator,
    *,
    block_days: int = 7,
    n: int = RESAMPLES,
) -> tuple[float, float]:
    """95 % interval of the mean of losses (n, leads)."""
    block = matrix.since_first_s // (block_days * 86_400)
    return _limits(_drawn(_by_block(loss, block), list(_draws(block, rng, n))))


def loss_bound(
    reference: np.ndarray,
    candidate: np.ndarray,
    matrix: Matrix,
    rng: np.random.Generator,
    *,
    confidence: float = 0.95,
    block_days: int = 7,
    n: int = RESAMPLES,
) -> tuple[float, float]:
    """By what share the candidate's mean loss (n, leads) is above the reference's, and the
    one-sided upper bound of it: the same blocks of time are drawn for both."""
    block = (matrix.issue_s - matrix.issue_s.min(initial=0)) // (block_days * 86_400)
    sums = [_by_block(loss, block) for loss in (reference, candidate)]
    draws = list(_draws(block, rng, n))
    drawn = _drawn(sums[1], draws) / np.maximum(_drawn(sums[0], draws), 1e-12) - 1
    share = scores.mean(candidate) / scores.mean(reference) - 1
    return share, float(np.quantile(drawn, confidence))


def _losses(y: np.ndarray, quantiles: np.ndarray) -> Mapping[str, np.ndarray]:
    point = quantiles[..., quantiles.shape[-1] // 2]
    inside = (y >= quantiles[..., 0]) & (y <= quantiles[..., -1])
    found = {
        "crps": scores.crps(y, quantiles),
        "mae": np.abs(y - point),
        "coverage80": np.where(np.isfinite(y), inside, np.nan),
    }
    known = y[np.isfinite(y)]
    if len(known) and known.min() > 0:
        found["mape"] = 100 * np.abs(y - point) / y
    return found


def _draws(block: np.ndarray, rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """How often each block is drawn, `n` times."""
    size = int(block.max(initial=0)) + 1
    return [np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(n)]


def _by_block(loss: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Sum and count of what is known in each block, (blocks, 2)."""
    known = np.isfinite(loss)
    total = np.where(known, loss, 0.0).sum(axis=1)
    size = int(block.max(initial=0)) + 1
    counts = np.bincount(block, known.sum(axis=1), minlength=size)
    return np.column_stack([np.bincount(block, total, minlength=size), counts])


def _drawn(sums: np.ndarray, draws: list[np.ndarray]) -> np.ndarray:
    """Mean of each draw."""
    drawn = np.array([weight @ sums for weight in draws])
    return np.asarray(drawn[:, 0] / np.maximum(drawn[:, 1], 1e-12))


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


__all__ = ["RUNGS", "Rung", "interval_of", "ladder", "loss_bound"]
