"""Factors of customers and items by alternating least squares on implicit feedback."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lepton.recommend.interactions import InteractionDataset


@dataclass(frozen=True)
class Ials:
    """factors; penalty: scaled by how often a customer or an item occurs; alpha: what everything
    that was not taken counts, against 1 for what was; half_life_days: of what customers took."""

    factors: int = 64
    penalty: float = 0.01
    alpha: float = 0.1
    half_life_days: float = np.inf
    sweeps: int = 10
    name: str = "ials"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> IalsRanker:
        """Factors of items; those of customers follow from their histories (Hu, Koren & Volinsky
        2008, penalties scaled as in Rendle et al. 2021)."""
        taken = known.recent(self.half_life_days)
        by_item = taken.T.tocsr()
        scale = 0.1 / np.sqrt(self.factors)
        items = rng.normal(0.0, scale, (taken.shape[1], self.factors))
        for _ in range(self.sweeps):
            customers = solved(taken, items, self.alpha, self.penalty)
            items = solved(by_item, customers, self.alpha, self.penalty)
        return IalsRanker(self, items.astype(np.float32))


@dataclass(frozen=True, eq=False)
class IalsRanker:
    """recipe, and the factors of items (items, factors)."""

    recipe: Ials
    items: np.ndarray

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Factors that each history asks for, times those of items."""
        recipe = self.recipe
        taken = known.recent(recipe.half_life_days)[customers]
        own = solved(taken, self.items.astype(np.float64), recipe.alpha, recipe.penalty)
        return np.asarray((own @ self.items.T).astype(np.float32))


def solved(taken: sparse.csr_matrix, other: np.ndarray, alpha: float, penalty: float) -> np.ndarray:
    """(rows, factors) that explain each row of `taken` best, with `other` (columns, factors)."""
    gram = alpha * (other.T @ other)
    found = np.zeros((taken.shape[0], other.shape[1]))
    n_columns = taken.shape[1]
    diagonal = np.eye(other.shape[1])
    for row in range(taken.shape[0]):
        start, end = taken.indptr[row], taken.indptr[row + 1]
        if start == end:
            continue
        near, weight = other[taken.indices[start:end]], taken.data[start:end].astype(np.float64)
        ridge = penalty * (end - start + alpha * n_columns)
        left = gram + (near.T * weight) @ near + ridge * diagonal
        found[row] = np.linalg.solve(left, near.T @ weight)
    return found


__all__ = ["Ials", "IalsRanker", "solved"]
