"""Implicit ALS as its manual has it: what the benchmark is compared with."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from typing import Any, Final

import numpy as np
from scipy import sparse

from lepton.recommend.judged import lists_of, rated
from lepton.recommend.windows import Window

GRID: Final = tuple(product((64, 128), (0.1, 1.0, 10.0), (1.0, 10.0, 40.0)))
"""(factors, regularization, alpha), the protocol's."""


@dataclass(frozen=True, eq=False)
class Als:
    """A fitted model of implicit, under the names of the window that it was fitted on."""

    model: Any
    taken: sparse.csr_matrix

    def scores(self, known: Any, customers: np.ndarray, mode: str = "all") -> np.ndarray:
        """Inner products of factors."""
        factors = self.model.user_factors[customers]
        return np.asarray(factors @ self.model.item_factors.T, dtype=np.float32)

    def top(self, customers: np.ndarray, n: int) -> np.ndarray:
        """implicit's own lists without what each had, (customers, n)."""
        items, _ = self.model.recommend(
            customers, self.taken[customers], N=n, filter_already_liked_items=True
        )
        return np.asarray(items)


def available() -> bool:
    """Whether implicit is installed."""
    return find_spec("implicit") is not None


def fit_als(window: Window, factors: int, regularization: float, alpha: float, seed: int) -> Als:
    """ALS on what was known, 15 sweeps, one thread."""
    from implicit.cpu.als import AlternatingLeastSquares

    logging.getLogger("implicit").setLevel(logging.ERROR)
    pairs = window.known.pairs
    taken = pairs.matrix(np.ones(len(pairs.item)))
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        iterations=15,
        num_threads=1,
        random_state=seed,
    )
    model.fit(taken, show_progress=False)
    return Als(model, taken)


def tuned_als(selection: Window, seed: int) -> dict[str, tuple[int, float, float]]:
    """Mode -> the best of GRID on `selection`."""
    found: dict[str, tuple[float, tuple[int, float, float]]] = {}
    for point in GRID:
        lists = lists_of(fit_als(selection, *point, seed), selection)
        for name, values in rated(lists, selection).items():
            if name.startswith("ndcg10"):
                mode, score = name.removeprefix("ndcg10_"), float(np.nanmean(values))
                if mode not in found or score > found[mode][0]:
                    found[mode] = (score, point)
    return {mode: point for mode, (_, point) in found.items()}


__all__ = ["GRID", "Als", "available", "fit_als", "tuned_als"]
