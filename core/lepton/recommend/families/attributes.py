"""Items that nobody took yet: what is told of them, mapped to what it says of histories."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from lepton.recommend.families.ease_own import EaseOwn, EaseOwnRanker
from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class Attributes:
    """base: the family that knows warm items; ridge: penalty of the map from words to it; fewest:
    customers below which an item counts as cold."""

    base: EaseOwn = field(default_factory=EaseOwn)
    ridge: float = 10.0
    fewest: int = 3
    name: str = "attributes"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> AttributesRanker:
        """Similarities of warm items, and a ridge map from words to their columns, by which cold
        items get theirs."""
        ranker = self.base.fit(known, rng)
        words = known.words
        if words is None:
            return AttributesRanker(ranker, np.zeros((0, len(known.items)), dtype=np.float32))
        warm = known.popularity(np.inf) >= self.fewest
        gram = np.asarray((words[warm].T @ words[warm]).todense(), dtype=np.float64)
        gram[np.diag_indices_from(gram)] += self.ridge
        told = words[warm].T @ ranker.model.similar[:, warm].T.astype(np.float64)
        learnt = np.linalg.solve(gram, told).astype(np.float32)
        similar = ranker.model.similar.copy()
        similar[:, ~warm] = (words[~warm] @ learnt).T
        model = type(ranker.model)(similar, ranker.model.own, ranker.model.prior)
        return AttributesRanker(EaseOwnRanker(model, ranker.input_half_life_days), learnt)


@dataclass(frozen=True, eq=False)
class AttributesRanker:
    """ranker: of known items; learnt: (words, items) what a word says of each item's histories."""

    ranker: EaseOwnRanker
    learnt: np.ndarray

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Of known items, cold ones by their words."""
        return self.ranker.scores(known, customers, mode)

    def of_new(
        self, known: InteractionDataset, customers: np.ndarray, words: sparse.csr_matrix
    ) -> np.ndarray:
        """(n, new items): of items that are not in `known`, by their words (new items, words)."""
        told = (words @ self.learnt).T
        return np.asarray(self.ranker.histories(known, customers) @ told, dtype=np.float32)


__all__ = ["Attributes", "AttributesRanker"]
