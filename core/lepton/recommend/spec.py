"""What a solution says of its recommendations: who took what, what is told of items, the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from lepton.recommend.interactions import InteractionDataset

SETTINGS: Final[Mapping[str, float]] = {
    "horizon_days": 0.0,
    "selection_folds": 1.0,
    "list_length": 10.0,
    "max_edge_mb": 3.0,
}
"""horizon_days: of a window, 0 for what the history suggests; selection_folds: windows before the
holdout by which families are compared; list_length: items of a list; max_edge_mb: the most that a
device's graph may have."""
SETTING_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "horizon_days": (0.0, 180.0),
    "selection_folds": (1.0, 6.0),
    "list_length": (1.0, 40.0),
    "max_edge_mb": (0.01, 256.0),
}


@dataclass(frozen=True)
class Aside:
    """What a report tells beside lists: its title, a sentence on what it shows, and a table, or a
    sentence that says why there is none."""

    title: str
    caption: str
    shows: pd.DataFrame | str


@dataclass(frozen=True)
class RecommendSpec:
    """interactions(tables, settings): who took what; catalogue(tables): one row an item that may be
    listed, `item_id` and columns that rules may name, and `on_hand` where stock is counted; rules:
    file of default rules beside the solution, "" for none; asides(tables, settings): what is told
    of rows, customers and stock, None for nothing."""

    interactions: Callable[[Mapping[str, pd.DataFrame], Mapping[str, float]], InteractionDataset]
    catalogue: Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]
    rules: str = ""
    asides: Callable[[Mapping[str, pd.DataFrame], Mapping[str, float]], Sequence[Aside]] | None = (
        None
    )


__all__ = ["SETTINGS", "SETTING_BOUNDS", "Aside", "RecommendSpec"]
