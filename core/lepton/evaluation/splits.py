"""Cutting rows along time, with the label delay kept apart from every boundary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SplitSpec:
    """Shares of the time span from the end: holdout, then selection; the rest trains.

    label_delay_days: how long a target stays unknown; None takes it from the data (95th
    percentile of label time - event time).
    """

    label_delay_days: float | None = None
    selection_share: float = 0.2
    holdout_share: float = 0.2
