"""Columns that hold a block of samples a row, reduced to numbers as a device does it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lepton_edge.waveform import WavePlan


def is_block(source: pd.Series) -> bool:
    """Whether the column holds arrays, or nothing."""
    known = source.dropna()
    return bool(known.map(lambda one: isinstance(one, np.ndarray)).all())


def holds_blocks(source: pd.Series) -> bool:
    """Whether the column holds an array at all."""
    return source.dtype == object and is_block(source) and bool(source.notna().any())


def reduce_blocks(
    plan: WavePlan, blocks: pd.Series, rate_hz: np.ndarray | None
) -> Mapping[str, pd.Series]:
    """Name -> numbers, one a row; rate_hz: of each row, None for a plan that knows its rate."""
    rates = np.full(len(blocks), np.nan) if rate_hz is None else rate_hz
    found = np.empty((len(blocks), len(plan.names)))
    for row, (block, rate) in enumerate(zip(blocks, rates.tolist(), strict=True)):
        samples = block if isinstance(block, np.ndarray) else None
        found[row] = plan.reduced(samples, rate)
    return {name: pd.Series(found[:, at]) for at, name in enumerate(plan.names)}


__all__ = ["holds_blocks", "is_block", "reduce_blocks"]
