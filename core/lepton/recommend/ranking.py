"""How well lists hit what was taken: full ranking, one number a customer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from scipy import sparse

K: Final = 10
BLOCKS: Final = 4
"""Blocks of items a place of a list, whose highest scores bound it from below."""
CHUNK: Final = 512
"""Customers whose scores of all items are held at once."""


def chunks(n: int, size: int = CHUNK) -> Iterator[slice]:
    """Consecutive slices that cover `n` rows."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def top(scores: np.ndarray, k: int) -> np.ndarray:
    """(n, k) positions of the highest scores of each row, falling; ties go to the lower position;
    -1 where fewer than `k` are above -inf."""
    n, n_items = scores.shape
    k = min(k, n_items)
    found = np.full((n, k), -1, dtype=np.int64)
    if not n or not k:
        return found
    least = np.maximum(_floor(scores, k), np.finfo(scores.dtype).min)
    row, item = np.nonzero(scores >= least[:, None])
    by = np.lexsort((item, -scores[row, item], row))
    place = np.arange(len(by)) - np.searchsorted(row, np.arange(n))[row]
    kept = place < k
    found[row[kept], place[kept]] = item[by[kept]]
    return found


def _floor(scores: np.ndarray, k: int) -> np.ndarray:
    """(n,) a score that at least `k` of each row reach, and few more: the k-th highest of the
    highest of many blocks, which cost one pass to find."""
    n, n_items = scores.shape
    width = n_items // (BLOCKS * k)
    if width < 2:
        return np.asarray(np.partition(scores, n_items - k, axis=1)[:, n_items - k])
    n_blocks = n_items // width
    highest = scores[:, : n_blocks * width].reshape(n, width, n_blocks).max(axis=1)
    return np.asarray(np.partition(highest, n_blocks - k, axis=1)[:, n_blocks - k])


def masked(scores: np.ndarray, owned: sparse.csr_matrix) -> np.ndarray:
    """`scores` with -inf where `owned` has something."""
    found = scores.astype(np.float32, copy=True)
    rows = np.repeat(np.arange(owned.shape[0]), np.diff(owned.indptr))
    found[rows, owned.indices] = -np.inf
    return found


def hits(lists: np.ndarray, targets: sparse.csr_matrix) -> np.ndarray:
    """(n, k) 1 where the listed item is a target."""
    n_items = targets.shape[1]
    rows = np.repeat(np.arange(targets.shape[0]), np.diff(targets.indptr))
    wanted = np.sort(rows * n_items + targets.indices)
    asked = np.arange(len(lists))[:, None] * n_items + lists
    at = np.minimum(np.searchsorted(wanted, asked), max(len(wanted) - 1, 0))
    if not len(wanted):
        return np.zeros(lists.shape)
    return np.asarray(((wanted[at] == asked) & (lists >= 0)).astype(np.float64))


def ndcg(lists: np.ndarray, targets: sparse.csr_matrix, k: int = K) -> np.ndarray:
    """(n,) discounted gain of the first `k` over the best that can be (Järvelin & Kekäläinen 2002);
    NaN for a customer without targets."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    own = hits(lists[:, :k], targets) @ discount[: lists[:, :k].shape[1]]
    n = np.minimum(np.diff(targets.indptr), k)
    best = np.concatenate([[np.nan], np.cumsum(discount)])[n]
    return np.asarray(own / best)


def rates(lists: np.ndarray, targets: sparse.csr_matrix) -> Mapping[str, np.ndarray]:
    """Name -> (n,): ndcg10, recall10, recall20, hit10, mrr10, map12; NaN without targets."""
    n = np.diff(targets.indptr).astype(np.float64)
    n[n == 0] = np.nan
    found = hits(lists, targets)
    first = found[:, :K]
    rank = np.where(first.any(axis=1), first.argmax(axis=1) + 1.0, np.inf)
    twelve = found[:, :12]
    precision = np.cumsum(twelve, axis=1) / np.arange(1, twelve.shape[1] + 1)
    return {
        "ndcg10": ndcg(lists, targets),
        "recall10": first.sum(axis=1) / n,
        "recall20": found[:, :20].sum(axis=1) / n,
        "hit10": first.any(axis=1) + 0 * n,
        "mrr10": 1 / rank + 0 * n,
        "map12": (precision * twelve).sum(axis=1) / np.minimum(n, 12),
    }


__all__ = ["CHUNK", "K", "chunks", "hits", "masked", "ndcg", "rates", "top"]
