"""Shares of rows or money, many at once, each with its interval over whole days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.evaluation.intervals import FEWEST_BLOCKS

_Z: Final = 1.959964
"""The 97.5 % quantile of a normal."""


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval, and what it is a share of; None where that is nothing."""

    value: float | None
    low: float | None
    high: float | None
    whole: float


def shares(
    part: np.ndarray,
    whole: np.ndarray,
    blocks: np.ndarray,
    rng: np.random.Generator,
    *,
    n: int = 200,
) -> tuple[Share, ...]:
    """The share of each column of `part` in the same column of `whole`, both (rows, columns).

    Blocks of rows are drawn with replacement, all columns on the same draws. Where `whole` counts
    rows, an interval is never narrower than Wilson's (1927): days on which nothing was missed
    would draw the same share for ever.
    """
    above, below = _by_block(part, blocks), _by_block(whole, blocks)
    size = len(above)
    drawn = rng.multinomial(size, np.full(size, 1 / size), n) if size else np.zeros((n, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = (drawn @ above) / (drawn @ below)
    counts = _is_count(part) and _is_count(whole)
    totals = zip(part.sum(axis=0), whole.sum(axis=0), draws.T, strict=True)
    return tuple(_share(float(a), float(b), draw, counts) for a, b, draw in totals)


def wilson(rate: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share `rate` of `n` (Wilson 1927)."""
    middle = (rate + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * np.sqrt(rate * (1 - rate) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def _by_block(values: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Sums of the rows of each block; single rows where the blocks are too few."""
    names, codes = np.unique(blocks, return_inverse=True)
    if len(names) < FEWEST_BLOCKS:
        return np.asarray(values, dtype=np.float64)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _is_count(values: np.ndarray) -> bool:
    return bool(np.isin(values, (0, 1)).all())


def _share(part: float, whole: float, draws: np.ndarray, counts: bool) -> Share:
    if not whole > 0:
        return Share(None, None, None, whole)
    value, finite = part / whole, draws[np.isfinite(draws)]
    if 2 * len(finite) < len(draws):
        return Share(value, None, None, whole)
    low, high = np.quantile(finite, [0.025, 0.975]).tolist()
    if counts:
        least, most = wilson(np.array([value]), np.array([whole]))
        low, high = min(low, float(least[0])), max(high, float(most[0]))
    return Share(value, low, high, whole)


__all__ = ["Share", "shares", "wilson"]
