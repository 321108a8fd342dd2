"""Interactions, windows and rankings: what counts when, and what a list is worth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from lepton.errors import FeatureError
from lepton.recommend.families.own_history import order_decay
from lepton.recommend.families.topfreq import orders_after
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.ranking import masked, ndcg, rates, top
from lepton.recommend.windows import Window, cutoffs, horizon_days
from tests.recommend.tiny import DAY, dataset, rows, shop, shop_dataset

TOLD = [
    ("ann", "tea", 0.0, "o1"),
    ("ann", "tea", 0.0, "o1"),
    ("ann", "cup", 0.0, "o1"),
    ("ann", "tea", 30.0, "o3"),
    ("bob", "cup", 10.0, "o2"),
    ("bob", "jam", 45.0, "o4"),
    ("eve", "cup", 50.0, "o5"),
    ("ann", "jam", 50.0, "o6"),
    ("ann", "new", 51.0, "o7"),
]


def test_shuffled_rows_give_the_same_dataset() -> None:
    frame = shop()
    one, other = (InteractionDataset.of(f) for f in (frame, frame.sample(frac=1, random_state=9)))
    for name in ("customer", "item", "at_s", "weight"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.pairs.n_orders.tolist() == other.pairs.n_orders.tolist()


def test_nobody_and_nothing_of_later_is_known_before_a_cutoff() -> None:
    data = dataset(TOLD, 60)
    known = data.before(data.as_of_s - 20 * DAY)
    assert known.customers.tolist() == ["ann", "bob"]
    assert known.items.tolist() == ["cup", "tea"]
    assert known.n_orders.tolist() == [2, 1]


def test_an_item_counts_once_an_order_and_half_after_a_half_life() -> None:
    known = dataset(TOLD, 60).before(int(dataset(TOLD, 60).as_of_s - 30 * DAY))
    assert known.matrix(order_decay(known, 30.0)).toarray()[0].tolist() == [0.5, 0.5]
    assert orders_after(known).tolist() == [0, 0, 0, 0]


def test_a_window_tells_new_items_from_those_taken_again() -> None:
    data = dataset(TOLD, 60)
    window = Window.at(data, data.as_of_s - 40 * DAY, 40.0)
    assert window.known.customers[window.customers].tolist() == ["ann", "bob"]
    assert window.taken.toarray().tolist() == [[0.0, 1.0], [0.0, 0.0]]
    assert window.targets("new").nnz == 0
    assert window.unknown.tolist() == [2, 1]


def test_orders_after_a_row_are_counted_by_customer() -> None:
    data = dataset(TOLD, 60)
    ann = data.customer == 0
    assert orders_after(data)[ann].tolist() == [3, 3, 3, 2, 1, 0]


def test_the_best_list_is_worth_one_and_a_late_hit_its_discount() -> None:
    targets = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    lists = np.array([[0, 1, 2], [0, 2, -1], [0, 1, 2]])
    told = ndcg(lists, targets)
    assert told[0] == pytest.approx(1.0)
    assert told[1] == pytest.approx(1 / np.log2(3))
    assert np.isnan(told[2])
    assert rates(lists, targets)["mrr10"][1] == pytest.approx(0.5)


def test_ties_go_to_the_lower_position_and_masked_items_are_never_listed() -> None:
    scores = np.array([[1.0, 3.0, 1.0, 1.0]], dtype=np.float32)
    assert top(scores, 2).tolist() == [[1, 0]]
    hidden = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0, 1.0]]))
    assert top(masked(scores, hidden), 3).tolist() == [[2, -1, -1]]


def test_windows_do_not_overlap_and_end_with_the_data() -> None:
    data = shop_dataset()
    days = horizon_days(data)
    assert days == 14.0
    at = cutoffs(data, days, 3)
    assert np.diff(at).tolist() == [14 * DAY, 14 * DAY]
    assert at[-1] + 14 * DAY == data.as_of_s


def test_missing_columns_are_named() -> None:
    with pytest.raises(FeatureError, match=r"LK371 interactions: no column order_id"):
        InteractionDataset.of(rows(TOLD).drop(columns="order_id"))
    with pytest.raises(FeatureError, match="LK372"):
        InteractionDataset.of(rows(TOLD).head(0))
