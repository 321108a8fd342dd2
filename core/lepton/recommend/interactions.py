"""Who took what and when, as arrays; what was known before an instant, as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import pandas as pd
from scipy import sparse

from lepton.errors import FeatureError

DAY_S: Final = 86_400
COLUMNS: Final = ("customer_id", "item_id", "event_at", "order_id")
"""Columns that rows must have; quantity, price and weight count as one where they are absent."""


@dataclass(frozen=True, eq=False)
class InteractionDataset:
    """One row an interaction, in order of time, known before `as_of_s`.

    customers, items: their names, sorted; customer, item, order: (n,) positions, int64 (orders in
    the order of their first row); at_s: (n,) UTC seconds; weight: (n,) what the row counts, 0..1;
    quantity, price: (n,) pieces, and money a piece; words: (items, words) what is told of each
    item, None where nothing is; as_of_s: the instant from which on nothing is known.
    """

    customers: np.ndarray
    items: np.ndarray
    customer: np.ndarray
    item: np.ndarray
    order: np.ndarray
    at_s: np.ndarray
    weight: np.ndarray
    quantity: np.ndarray
    price: np.ndarray
    as_of_s: int
    words: sparse.csr_matrix | None = None

    @classmethod
    def of(cls, rows: pd.DataFrame, as_of_s: int | None = None) -> Self:
        """The rows of a frame with columns COLUMNS, and quantity, price, weight where it has them.

        as_of_s: a second after the last row where it is not told. Raises FeatureError LK371 where a
        column is absent, LK372 where there is no row.
        """
        _check(rows)
        weight = _numbers(rows, "weight")
        at = rows["event_at"].astype("datetime64[s, UTC]").astype("int64").to_numpy()
        names = {name: rows[name].astype("str").to_numpy(dtype=object) for name in COLUMNS[:2]}
        # ties are settled by name, so that shuffled rows give the same dataset
        by = np.lexsort((names["item_id"].astype("U"), names["customer_id"].astype("U"), at))
        customers, customer = np.unique(names["customer_id"][by].astype("U"), return_inverse=True)
        items, item = np.unique(names["item_id"][by].astype("U"), return_inverse=True)
        order = pd.factorize(rows["order_id"].astype("str").to_numpy(dtype=object)[by])[0]
        return cls(
            customers,
            items,
            customer.astype(np.int64),
            item.astype(np.int64),
            order.astype(np.int64),
            at[by],
            weight[by] / max(float(weight.max()), 1e-9),
            _numbers(rows, "quantity")[by],
            _numbers(rows, "price")[by],
            int(at.max()) + 1 if as_of_s is None else as_of_s,
        )

    def __len__(self) -> int:
        return len(self.at_s)

    @property
    def shape(self) -> tuple[int, int]:
        """Customers and items."""
        return len(self.customers), len(self.items)

    def before(self, as_of_s: int) -> Self:
        """What was known before `as_of_s`: nobody and nothing that was first seen later."""
        kept = self.at_s < as_of_s
        customers, customer = np.unique(self.customer[kept], return_inverse=True)
        items, item = np.unique(self.item[kept], return_inverse=True)
        order = pd.factorize(self.order[kept])[0].astype(np.int64)
        return replace(
            self._rows(kept),
            customers=self.customers[customers],
            items=self.items[items],
            customer=customer,
            item=item,
            order=order,
            as_of_s=as_of_s,
            words=None if self.words is None else self.words[items],
        )

    def between(self, start_s: int, end_s: int) -> Self:
        """Rows from `start_s` to before `end_s`, under the same names."""
        return self._rows((self.at_s >= start_s) & (self.at_s < end_s))

    def _rows(self, kept: np.ndarray) -> Self:
        names = ("customer", "item", "order", "at_s", "weight", "quantity", "price")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})

    def over(self, items: np.ndarray, place: np.ndarray) -> Self:
        """The same among more items: `items` are their sorted names, `place` where each of the
        dataset's own stands among them."""
        return replace(self, items=items, item=place[self.item], words=None)

    def with_words(self, words: sparse.csr_matrix) -> Self:
        """The same with what is told of each item, (items, words)."""
        return replace(self, words=words.tocsr())

    @cached_property
    def age_days(self) -> np.ndarray:
        """Days from each row to `as_of_s`, (n,)."""
        return (self.as_of_s - self.at_s) / DAY_S

    @cached_property
    def pairs(self) -> Pairs:
        """Every customer's items, one row a pair."""
        return Pairs.of(self)

    def decay(self, half_life_days: float) -> np.ndarray:
        """What each row still counts: halved every `half_life_days`, (n,); inf for no decay."""
        return np.asarray(self.weight * np.exp2(-self.age_days / half_life_days))

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        """(customers, items) sums of `values`, one a row, float32."""
        told = sparse.coo_matrix((values, (self.customer, self.item)), shape=self.shape)
        return told.tocsr().astype(np.float32)

    def recent(self, half_life_days: float) -> sparse.csr_matrix:
        """(customers, items): what the last interaction of each pair still counts, at most 1."""
        pairs = self.pairs
        age = (self.as_of_s - pairs.last_s) / DAY_S
        return pairs.matrix(pairs.weight * np.exp2(-age / half_life_days))

    def popularity(self, days: float) -> np.ndarray:
        """How many customers took each item in the last `days`, (items,) float64."""
        near = self.age_days <= days
        seen = np.unique(self.customer[near] * len(self.items) + self.item[near])
        return np.bincount(seen % len(self.items), minlength=len(self.items)).astype(np.float64)

    @cached_property
    def n_orders(self) -> np.ndarray:
        """Orders of each customer, (customers,)."""
        seen = np.unique(self.order * len(self.customers) + self.customer)
        return np.bincount(seen % len(self.customers), minlength=len(self.customers))

    def positions(self, customers: Sequence[str] | np.ndarray) -> np.ndarray:
        """Where the named customers stand, -1 for those who are not known."""
        return _positions(self.customers, np.asarray(customers))

    def item_positions(self, items: Sequence[str] | np.ndarray) -> np.ndarray:
        """Where the named items stand, -1 for those that are not known."""
        return _positions(self.items, np.asarray(items))


@dataclass(frozen=True, eq=False)
class Pairs:
    """One row a customer and item, by customer, then item.

    customer, item: positions; first_s, last_s: UTC seconds; n_orders: in how many orders;
    n_rows: of the dataset; quantity: pieces in all; weight: the most that a row counts; start:
    (customers + 1,) where each customer's rows begin.
    """

    customer: np.ndarray
    item: np.ndarray
    first_s: np.ndarray
    last_s: np.ndarray
    n_orders: np.ndarray
    n_rows: np.ndarray
    quantity: np.ndarray
    weight: np.ndarray
    shape: tuple[int, int]
    of_row: np.ndarray

    @classmethod
    def of(cls, data: InteractionDataset) -> Self:
        """The pairs of a dataset."""
        n_items = len(data.items)
        key = data.customer * n_items + data.item
        found, of_row = np.unique(key, return_inverse=True)
        first = np.full(len(found), np.iinfo(np.int64).max)
        last = np.zeros(len(found), dtype=np.int64)
        np.minimum.at(first, of_row, data.at_s)
        np.maximum.at(last, of_row, data.at_s)
        span = int(data.order.max(initial=0)) + 1
        once = np.unique(of_row * span + data.order) // span
        n = len(found)
        weight = np.zeros(n)
        np.maximum.at(weight, of_row, data.weight)
        return cls(
            found // max(n_items, 1),
            found % max(n_items, 1),
            first,
            last,
            np.bincount(once, minlength=n),
            np.bincount(of_row, minlength=n),
            np.bincount(of_row, data.quantity, minlength=n),
            weight,
            data.shape,
            of_row,
        )

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        """(customers, items) of `values`, one a pair, float32."""
        told = sparse.coo_matrix((values, (self.customer, self.item)), shape=self.shape)
        return told.tocsr().astype(np.float32)

    @cached_property
    def start(self) -> np.ndarray:
        """Where each customer's pairs begin, (customers + 1,)."""
        return np.asarray(np.searchsorted(self.customer, np.arange(self.shape[0] + 1)))


def _positions(names: np.ndarray, asked: np.ndarray) -> np.ndarray:
    if not len(names):
        return np.full(len(asked), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(names, asked), len(names) - 1)
    return np.asarray(np.where(names[at] == asked, at, -1))


def _numbers(rows: pd.DataFrame, name: str) -> np.ndarray:
    if name not in rows:
        return np.ones(len(rows))
    told = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.nan_to_num(told, nan=1.0))


def _check(rows: pd.DataFrame) -> None:
    absent = [name for name in COLUMNS if name not in rows]
    if absent:
        raise FeatureError(
            "LK371",
            where="interactions",
            found=f"no column {', '.join(absent)}",
            remedy=f"interactions need {', '.join(COLUMNS)}",
        )
    if rows.empty:
        raise FeatureError(
            "LK372",
            where="interactions",
            found="no row",
            remedy="see in the funnel of the report where rows were dropped",
        )


__all__ = ["COLUMNS", "DAY_S", "InteractionDataset", "Pairs"]
