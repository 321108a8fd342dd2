"""Items that the same customers take: cosine with shrinkage, histories by recency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class ItemKnn:
    """neighbours: items kept a row; shrink: customers that a pair lacks before it counts half;
    half_life_days: of what customers took; input_half_life_days: of the history that is asked
    with; input_base: what a customer's next older item counts against the newer one, 1 for all
    alike."""

    neighbours: int = 100
    shrink: float = 50.0
    half_life_days: float = np.inf
    input_half_life_days: float = 90.0
    input_base: float = 1.0
    name: str = "item_knn"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> ItemItem:
        """Similarities of items to the nearest of each (Sarwar et al. 2001)."""
        taken = known.recent(self.half_life_days)
        both = (taken.T @ taken).tocsr().astype(np.float32)
        norm = np.sqrt(both.diagonal())
        both.setdiag(0.0)
        both.eliminate_zeros()
        rows = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        both.data /= norm[rows] * norm[both.indices] + self.shrink
        return ItemItem(keep_top(both, self.neighbours), self.input_half_life_days, self.input_base)


@dataclass(frozen=True, eq=False)
class ItemItem:
    """similar: (items, items), what the row's item says of the column's; the rest as ItemKnn."""

    similar: sparse.csr_matrix | np.ndarray
    input_half_life_days: float
    input_base: float = 1.0

    def history(self, known: InteractionDataset, customers: np.ndarray) -> sparse.csr_matrix:
        """(n, items) weights of what each customer took."""
        return history_weights(known, self.input_half_life_days, self.input_base)[customers]

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Weighted sum of the rows of what each took."""
        told = self.history(known, customers) @ self.similar
        dense = told.toarray() if sparse.issparse(told) else told
        return np.asarray(dense, dtype=np.float32)


def history_weights(
    known: InteractionDataset, half_life_days: float, base: float = 1.0
) -> sparse.csr_matrix:
    """(customers, items): halved every `half_life_days` since the last time, times `base` for every
    item of the customer's that is newer."""
    told = known.recent(half_life_days)
    if base == 1.0:
        return told
    pairs = known.pairs
    by = np.lexsort((pairs.item, -pairs.last_s, pairs.customer))
    place = np.empty(len(by))
    place[by] = np.arange(len(by)) - pairs.start[pairs.customer[by]]
    age = (known.as_of_s - pairs.last_s) / 86_400
    return pairs.matrix(pairs.weight * np.exp2(-age / half_life_days) * base**place)


def keep_top(similar: sparse.csr_matrix, n: int) -> sparse.csr_matrix:
    """The `n` highest of each row."""
    kept = np.zeros(similar.nnz, dtype=bool)
    for row in range(similar.shape[0]):
        start, end = similar.indptr[row], similar.indptr[row + 1]
        if end - start <= n:
            kept[start:end] = True
            continue
        values = similar.data[start:end]
        kept[start + np.argpartition(-values, n - 1)[:n]] = True
    found = similar.copy()
    found.data = np.where(kept, found.data, 0.0).astype(np.float32)
    found.eliminate_zeros()
    return found


__all__ = ["ItemItem", "ItemKnn", "history_weights", "keep_top"]
