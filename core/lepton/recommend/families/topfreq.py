"""What a customer took most often, each order counting less for every order after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton.recommend.families.popularity import recent_share
from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class TopFreq:
    """decay: what an order counts against the next one (Hu et al. 2020, TIFU-KNN without its
    neighbours); days, mix: of popularity behind it, as OwnHistory has them."""

    decay: float = 0.9
    days: float = 28.0
    mix: float = 1e-3
    name: str = "topfreq"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> TopFreqRanker:
        """Only popularity is learnt."""
        return TopFreqRanker(self, recent_share(known, self.days))


@dataclass(frozen=True, eq=False)
class TopFreqRanker:
    """recipe, and popularity as (items,) in 0..1."""

    recipe: TopFreq
    share: np.ndarray

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Orders of each item, decayed order by order."""
        told = known.weight * self.recipe.decay ** orders_after(known)
        own = known.matrix(told)[customers].toarray()
        return np.asarray(own + np.float32(self.recipe.mix) * self.share.astype(np.float32))


def orders_after(known: InteractionDataset) -> np.ndarray:
    """How many orders the customer of each row placed after the row's own, (rows,)."""
    _, first, of_row = np.unique(known.order, return_index=True, return_inverse=True)
    customer, at_s = known.customer[first], known.at_s[first]
    by = np.lexsort((at_s, customer))
    ends = np.searchsorted(customer[by], customer, side="right")
    place = np.empty(len(by), dtype=np.int64)
    place[by] = np.arange(len(by))
    return np.asarray((ends - 1 - place)[of_row])


__all__ = ["TopFreq", "TopFreqRanker", "orders_after"]
