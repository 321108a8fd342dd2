"""Rolling global time split: what was known before a cutoff, and what was taken after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy import sparse

from lepton.recommend.interactions import DAY_S, InteractionDataset

MODES: Final = ("all", "new")
"""`all`: whatever a customer takes counts; `new`: only what they had never taken before."""


@dataclass(frozen=True, eq=False)
class Window:
    """One cutoff: who had a history before it and took something in the days after it.

    known: the dataset before the cutoff, its only source of features; customers: (n,) positions of
    those who are ranked for; taken: (n, items of known) 1 where they took it afterwards; spent: the
    same with the money of it; unknown: (n,) further items, first seen after the cutoff.
    """

    known: InteractionDataset
    customers: np.ndarray
    taken: sparse.csr_matrix
    spent: sparse.csr_matrix
    unknown: np.ndarray

    @classmethod
    def at(cls, data: InteractionDataset, cutoff_s: int, days: float) -> Self:
        """The window of `days` from `cutoff_s` on."""
        known = data.before(cutoff_s)
        after = data.between(cutoff_s, cutoff_s + round(days * DAY_S))
        customer = known.positions(data.customers)[after.customer]
        item = known.item_positions(data.items)[after.item]
        back = customer >= 0
        key = np.unique(
            after.customer[back & (item < 0)] * len(data.items) + after.item[back & (item < 0)]
        )
        fresh = known.positions(data.customers[key // max(len(data.items), 1)])
        customers, row = np.unique(customer[back], return_inverse=True)
        shape = (len(customers), len(known.items))
        seen = item[back] >= 0
        at = (row[seen], item[back][seen])
        money = (after.quantity * after.price)[back][seen]
        taken = sparse.coo_matrix((np.ones(int(seen.sum())), at), shape=shape).tocsr()
        taken.data[:] = 1.0
        spent = sparse.coo_matrix((money, at), shape=shape).tocsr()
        unknown = np.bincount(np.searchsorted(customers, fresh), minlength=len(customers))
        return cls(known, customers, taken, spent, unknown)

    def __len__(self) -> int:
        return len(self.customers)

    @property
    def owned(self) -> sparse.csr_matrix:
        """(n, items): 1 where a customer had taken it before the cutoff."""
        pairs = self.known.pairs
        return pairs.matrix(np.ones(len(pairs.item)))[self.customers]

    def targets(self, mode: str) -> sparse.csr_matrix:
        """(n, items): 1 where it counts that the item is found, in `all` or `new`."""
        if mode == "all":
            return self.taken
        left = self.taken - self.taken.multiply(self.owned)
        left = left.tocsr()
        left.eliminate_zeros()
        return left


def cutoffs(data: InteractionDataset, days: float, n: int) -> tuple[int, ...]:
    """`n` cutoffs `days` apart, the last of them `days` before the end; UTC seconds, rising."""
    step = round(days * DAY_S)
    return tuple(data.as_of_s - step * left for left in range(n, 0, -1))


def horizon_days(data: InteractionDataset) -> float:
    """Days of a window: the longer of 14 and the median gap between a customer's days with an
    order, rounded to weeks, at most an eighth of the history."""
    day = data.at_s // DAY_S
    seen = np.unique(data.customer * (1 << 32) + day)
    gap = np.diff(seen & ((1 << 32) - 1))[np.diff(seen >> 32) == 0]
    typical = float(np.median(gap)) if len(gap) else 0.0
    span = (data.as_of_s - int(data.at_s.min())) / DAY_S
    weeks = max(2, round(typical / 7))
    return 7.0 * max(1, min(weeks, int(span / 8 / 7)))


__all__ = ["MODES", "Window", "cutoffs", "horizon_days"]
