"""What most customers took lately: the same list for everybody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class Popularity:
    """days: how far back is counted."""

    days: float = 28.0
    name: str = "popularity"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> PopularityRanker:
        """Customers of the last days for each item; what only older days saw comes behind."""
        return PopularityRanker(recent_share(known, self.days))


@dataclass(frozen=True, eq=False)
class PopularityRanker:
    """share: (items,) in 0..1."""

    share: np.ndarray

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """The share, whoever asks."""
        return np.tile(self.share.astype(np.float32), (len(customers), 1))


def recent_share(known: InteractionDataset, days: float) -> np.ndarray:
    """(items,) below 1: customers of the last `days`, ties broken by those of all time."""
    near, ever = known.popularity(days), known.popularity(np.inf)
    told = near + ever / (ever.max(initial=0) + 1)
    return np.asarray(told / (told.max(initial=0) + 1))


__all__ = ["Popularity", "PopularityRanker", "recent_share"]
