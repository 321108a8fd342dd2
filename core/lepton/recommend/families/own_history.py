"""What a customer took before, the newer and the more often the better, then what is popular."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton.recommend.families.popularity import recent_share
from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class OwnHistory:
    """half_life_days: after which an order of an item counts half; days: of popularity; mix: what
    the most popular item counts, in orders of today."""

    half_life_days: float = 90.0
    days: float = 28.0
    mix: float = 1e-3
    name: str = "own_history"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> OwnHistoryRanker:
        """Only popularity is learnt."""
        return OwnHistoryRanker(self, recent_share(known, self.days))


@dataclass(frozen=True, eq=False)
class OwnHistoryRanker:
    """recipe, and popularity as (items,) in 0..1."""

    recipe: OwnHistory
    share: np.ndarray

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Decayed orders of each item, and a little popularity."""
        own = known.matrix(order_decay(known, self.recipe.half_life_days))[customers].toarray()
        return np.asarray(own + np.float32(self.recipe.mix) * self.share.astype(np.float32))


def order_decay(known: InteractionDataset, half_life_days: float) -> np.ndarray:
    """What each row still counts, where an item counts once an order, (rows,)."""
    return np.asarray(line_counts(known) * np.exp2(-known.age_days / half_life_days))


def line_counts(known: InteractionDataset) -> np.ndarray:
    """What each row counts, however old, where an item counts once an order, (rows,)."""
    span = int(known.order.max(initial=0)) + 1
    _, at, n = np.unique(
        known.pairs.of_row * span + known.order, return_inverse=True, return_counts=True
    )
    return np.asarray(known.weight / n[at])


__all__ = ["OwnHistory", "OwnHistoryRanker", "line_counts", "order_decay"]
