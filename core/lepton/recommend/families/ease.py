"""Which items follow from which, by ridge regression of every item on all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton.recommend.families.item_knn import ItemItem
from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class Ease:
    """ridge: penalty; half_life_days: of what customers took; input_half_life_days: of the history
    that is asked with; most_items: the most popular that take part, more would not fit."""

    ridge: float = 200.0
    half_life_days: float = np.inf
    input_half_life_days: float = 90.0
    most_items: int = 12_000
    name: str = "ease"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> ItemItem:
        """B = I - P / diag(P) with P the inverse of X'X + ridge I (Steck 2019, EASE)."""
        taken = known.recent(self.half_life_days)
        n_items = taken.shape[1]
        kept = np.arange(n_items)
        if n_items > self.most_items:
            by = np.argsort(-known.popularity(np.inf), kind="stable")
            kept = np.sort(by[: self.most_items])
        part = taken[:, kept]
        inverse = _inverse(np.asarray((part.T @ part).todense(), dtype=np.float64), self.ridge)
        told = (-inverse / np.diag(inverse)).astype(np.float32)
        np.fill_diagonal(told, 0.0)
        if len(kept) == n_items:
            return ItemItem(told, self.input_half_life_days)
        whole = np.zeros((n_items, n_items), dtype=np.float32)
        whole[np.ix_(kept, kept)] = told
        return ItemItem(whole, self.input_half_life_days)


def _inverse(gram: np.ndarray, ridge: float) -> np.ndarray:
    """(items, items) inverse of a gram matrix with `ridge` on its diagonal, by Cholesky."""
    from scipy.linalg.lapack import dpotrf, dpotri

    gram[np.diag_indices_from(gram)] += ridge
    factor, _ = dpotrf(gram, lower=1, overwrite_a=1)
    inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
    lower = np.tril(inverse)
    return np.asarray(lower + np.tril(inverse, -1).T)


__all__ = ["Ease"]
