"""EASE that knows of re-orders: what a customer took speaks for itself too, and demand for all.

The only family that is one product of a history and a matrix, and so the one that devices run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lepton.recommend.families.ease import Ease
from lepton.recommend.families.own_history import order_decay
from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class EaseOwn:
    """ridge, half_life_days: as of Ease; input_half_life_days: after which an order in a history
    counts half; own: what an item of the history says of itself; prior, days: what the logarithm
    of an item's customers in the last days counts."""

    ridge: float = 100.0
    half_life_days: float = 60.0
    input_half_life_days: float = 120.0
    own: float = 0.5
    prior: float = 0.03
    days: float = 28.0
    name: str = "ease_own"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> EaseOwnRanker:
        """Similarities as EASE has them, and a prior."""
        similar = Ease(self.ridge, self.half_life_days).fit(known, rng).similar
        prior = self.prior * np.log1p(known.popularity(self.days))
        model = EdgeModel(np.asarray(similar), self.own, prior.astype(np.float32))
        return EaseOwnRanker(model, self.input_half_life_days)


@dataclass(frozen=True, eq=False)
class EdgeModel:
    """similar: (items, items) float32, what the row's item says of the column's; own: what an item
    of the history says of itself; prior: (items,) float32, added for everybody."""

    similar: np.ndarray
    own: float
    prior: np.ndarray

    def scores(self, histories: sparse.csr_matrix) -> np.ndarray:
        """(n, items) float32 of weighted histories (n, items)."""
        told = np.asarray(histories @ self.similar) + self.prior
        rows = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
        told[rows, histories.indices] += np.float32(self.own) * histories.data
        return np.asarray(told, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class EaseOwnRanker:
    """model: what a device runs; input_half_life_days: of the histories that it is asked with."""

    model: EdgeModel
    input_half_life_days: float

    def histories(self, known: InteractionDataset, customers: np.ndarray) -> sparse.csr_matrix:
        """(n, items) float32: decayed orders of each item."""
        return known.matrix(order_decay(known, self.input_half_life_days))[customers]

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Of the customers' histories."""
        return self.model.scores(self.histories(known, customers))


__all__ = ["EaseOwn", "EaseOwnRanker", "EdgeModel"]
