"""Items that follow each other in the order in which customers take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lepton.recommend.families.item_knn import ItemItem, keep_top
from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class ItemSequence:
    """decay: what a pair counts for each item between its two; back: what the earlier item counts
    for the later one's followers; window: items between which pairs are counted; shrink,
    neighbours, input_half_life_days, input_base: as of ItemKnn."""

    decay: float = 0.9
    back: float = 0.3
    window: int = 16
    shrink: float = 60.0
    neighbours: int = 200
    input_half_life_days: float = np.inf
    input_base: float = 0.6
    name: str = "item_sequence"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> ItemItem:
        """Similarities from counts of pairs, nearer ones counting more (as sequential rules,
        Ludewig & Jannach 2018), over the roots of how often each was taken, shrunk."""
        followed = self._pairs(known)
        taken = np.sqrt(known.popularity(np.inf)).astype(np.float32)
        rows = np.repeat(np.arange(followed.shape[0]), np.diff(followed.indptr))
        followed.data /= taken[rows] * taken[followed.indices] + np.float32(self.shrink)
        similar = keep_top(followed, self.neighbours)
        return ItemItem(similar, self.input_half_life_days, self.input_base)

    def _pairs(self, known: InteractionDataset) -> sparse.csr_matrix:
        """(items, items) decayed counts of the row's item before the column's."""
        by = np.lexsort((known.item, known.at_s, known.customer))
        customer, item, at_s = known.customer[by], known.item[by], known.at_s[by]
        n = len(known.items)
        total = sparse.csr_matrix((n, n), dtype=np.float32)
        for gap in range(1, min(self.window, len(by) - 1) + 1):
            same = (customer[gap:] == customer[:-gap]) & (item[gap:] != item[:-gap])
            first, second = item[:-gap][same], item[gap:][same]
            # what was taken at the same instant has no order: each counts for the other
            together = at_s[gap:][same] == at_s[:-gap][same]
            weight = np.full(len(first), self.decay ** (gap - 1))
            back = weight * np.where(together, 1.0, self.back)
            told = (
                np.concatenate([weight, back]),
                (_joined(first, second), _joined(second, first)),
            )
            total = total + sparse.csr_matrix(told, shape=(n, n), dtype=np.float32)
        return total


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.concatenate([one, other])


__all__ = ["ItemSequence"]
