"""Lists of all customers at once: full ranking in blocks, seen items masked."""

from __future__ import annotations

import numpy as np

from lepton.recommend.families.base import Ranker
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.ranking import chunks, masked, top

BLOCK = 1024


def top_items(
    ranker: Ranker,
    known: InteractionDataset,
    customers: np.ndarray,
    k: int,
    *,
    mode: str = "new",
    allowed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) positions, -1 where there are no more, and their scores; `new` leaves out what each
    had; allowed: (items,) what may be listed at all."""
    pairs = known.pairs
    owned = pairs.matrix(np.ones(len(pairs.item)))
    items, scores = [], []
    for part in chunks(len(customers), BLOCK):
        told = ranker.scores(known, customers[part], mode)
        if mode == "new":
            told = masked(told, owned[customers[part]])
        if allowed is not None:
            told[:, ~allowed] = -np.inf
        found = top(told, k)
        items.append(found)
        scores.append(np.take_along_axis(told, np.maximum(found, 0), axis=1))
    if not items:
        return np.empty((0, k), dtype=np.int64), np.empty((0, k), dtype=np.float32)
    return np.vstack(items), np.vstack(scores)


__all__ = ["top_items"]
