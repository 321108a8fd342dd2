"""Lists of all customers at once by an item-item model: sparse products, exact ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from lepton.recommend.edge_graph import Form, packed
from lepton.recommend.families.ease_own import EaseOwnRanker
from lepton.recommend.ranking import chunks, top

BLOCK = 1024
_LOWEST = np.float32(-np.inf)


@dataclass(frozen=True, eq=False)
class BatchServer:
    """similar: (items, items) what is kept of each row, with what an item says of itself; prior:
    (items,)."""

    similar: sparse.csr_matrix
    prior: np.ndarray

    @classmethod
    def of(cls, ranker: EaseOwnRanker, form: Form) -> Self:
        """The device's model in `form`, its neighbours only."""
        model = ranker.model
        told = packed(model.similar, form)
        n, kept = told.at.shape
        values = (told.value.astype(np.float32) * told.scale).ravel()
        rows = np.repeat(np.arange(n), kept)
        similar = sparse.csr_matrix((values, (rows, told.at.ravel())), shape=(n, n))
        own = sparse.identity(n, dtype=np.float32, format="csr") * np.float32(model.own)
        return cls((similar + own).tocsr(), model.prior)

    def lists(
        self,
        histories: sparse.csr_matrix,
        k: int,
        *,
        seen: sparse.csr_matrix | None = None,
        allowed: np.ndarray | None = None,
    ) -> np.ndarray:
        """(n, k) positions, -1 where there are no more. histories: (n, items) weights; seen: what
        must not be listed; allowed: (items,) what may be at all."""
        prior = self.prior if allowed is None else np.where(allowed, self.prior, _LOWEST)
        found = np.empty((histories.shape[0], min(k, len(prior))), dtype=np.int64)
        for part in chunks(histories.shape[0], BLOCK):
            scores = (histories[part] @ self.similar).toarray()
            scores += prior
            if seen is not None:
                hidden = seen[part]
                rows = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
                scores[rows, hidden.indices] = _LOWEST
            found[part] = top(scores, k)
        return found


__all__ = ["BatchServer"]
