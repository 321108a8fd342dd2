"""Pairs: counted once an order, told only where chance would not have it, in both directions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solutions.retail_recommendation.affinity import (
    judge_affinity,
    pairs_bought_together,
    partners,
)
from solutions.retail_recommendation.cleaning import clean
from solutions.retail_recommendation.simulate import truth
from tests.solutions.retail_recommendation.lines import DAY_0, cell, lines


def baskets(*told: tuple[str, int]) -> pd.DataFrame:
    """Orders of items ("ab": one of a and one of b), each so many times."""
    rows = [
        (f"u{number}-{copy}", item, copy % 50)
        for number, (items, times) in enumerate(told)
        for copy in range(times)
        for item in items
    ]
    return lines(*rows)


def test_support_confidence_and_lift_are_those_of_the_counts() -> None:
    rows = baskets(("ab", 30), ("ac", 10), ("b", 10), ("d", 150))
    (pair,) = pairs_bought_together(rows).query("partner_id == 'b'").to_dict("records")
    assert pair["item_id"] == "a"
    assert pair["orders"] == 30
    assert pair["support"] == pytest.approx(30 / 200)
    assert pair["confidence"] == pytest.approx(30 / 40)
    assert pair["back"] == pytest.approx(30 / 40)
    assert pair["lift"] == pytest.approx(30 / (40 * 40 / 200))
    # the exact 95 % interval of a count of 30 begins at 20.24 (Garwood 1936)
    assert pair["lift_low"] == pytest.approx(20.241 / 8, rel=1e-3)


def test_an_item_twice_in_an_order_counts_once() -> None:
    rows = baskets(("ab", 30), ("cd", 30))
    twice = pd.concat([rows, rows], ignore_index=True)
    pd.testing.assert_frame_equal(pairs_bought_together(rows), pairs_bought_together(twice))


def test_what_is_together_by_chance_is_not_told() -> None:
    rng = np.random.default_rng(0)
    taken = rng.random((2_000, 30)) < 0.2
    order, item = np.nonzero(taken)
    rows = pd.DataFrame({"order_id": order.astype(str), "item_id": item.astype(str)})
    assert len(pairs_bought_together(rows)) <= 1


def test_few_orders_are_no_pair_however_certain_they_look() -> None:
    rows = baskets(("ab", 4), ("c", 500))
    assert pairs_bought_together(rows).empty


def test_partners_are_told_from_both_sides() -> None:
    found = partners(pairs_bought_together(baskets(("ab", 30), ("a", 60), ("c", 200))))
    told = found.set_index("item_id")
    assert cell(told, "b", "partner_id") == "a"
    assert cell(told, "b", "confidence") == 1.0
    assert cell(told, "a", "confidence") == pytest.approx(30 / 90)


def test_pairs_tell_later_baskets_where_the_popular_items_do_not() -> None:
    before = baskets(("ab", 40), ("cd", 40), ("ef", 40), ("g", 80))
    after = before.assign(
        order_id="z" + before["order_id"], event_at=before["event_at"] + pd.Timedelta(days=100)
    )
    told = judge_affinity(
        pd.concat([before, after], ignore_index=True), DAY_0 + pd.Timedelta(days=90), k=1
    )
    assert told.pairs == pytest.approx(240 / 320)
    assert told.naive == 0.0


def test_pairs_that_were_planted_in_a_shop_are_told_with_their_chance() -> None:
    made = truth(np.random.default_rng(1), 60_000)
    rows = clean(made.tables["interactions"], made.tables["items"]).rows
    told = pairs_bought_together(rows)
    back = told.assign(item_id=told["partner_id"], partner_id=told["item_id"])
    both = pd.concat([told, back.assign(confidence=told["back"])])
    found = both.set_index(["item_id", "partner_id"])["confidence"].to_dict()
    usual = rows["item_id"].value_counts()
    planted = [
        (item, partner, chance)
        for item, partner, chance in made.pairs.to_numpy(dtype=object).tolist()
        if usual.get(item, 0) >= 60
    ]
    assert len(planted) >= 3
    # the partner is taken by itself too, and cannot be had at times
    apart = [found.get((item, partner), 0.0) - chance for item, partner, chance in planted]
    assert min(apart) > -0.15
    assert max(apart) < 0.35
