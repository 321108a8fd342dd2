"""Replenishment: cycles are drawn to the item's where a customer says little; chances hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.errors import SearchError
from solutions.retail_recommendation.cleaning import clean
from solutions.retail_recommendation.due import bought, cycles, due_features, fit_due, judge_due
from solutions.retail_recommendation.simulate import simulate
from tests.solutions.retail_recommendation.lines import DAY_0, cell, lines

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    tables = simulate(np.random.default_rng(4), 40_000)
    return clean(tables["interactions"], tables["items"]).rows


def test_a_cycle_goes_from_the_item_s_to_the_customer_s_own() -> None:
    monthly = [(f"m{n}", "soap", 30 * turn) for n in range(30) for turn in range(5)]
    weekly = [("w", "soap", 7 * turn) for turn in range(15)]
    once = [("o", "soap", 100)]
    found = cycles(lines(*monthly, *weekly, *once), DAY_0 + 130 * DAY).set_index("customer_id")
    assert cell(found, "m0", "cycle_d") == pytest.approx(30.0, rel=0.1)
    assert 7.0 < cell(found, "w", "cycle_d") < 10.0
    assert 20.0 < cell(found, "o", "cycle_d") < 30.0
    assert cell(found, "o", "since_d") == pytest.approx(30.0 + 14 / 24, abs=1.0)
    assert cell(found, "w", "n") == 15
    due = cell(found, "m0", "due_at") - (DAY_0 + 120 * DAY).floor("D")
    assert due.days == pytest.approx(30, abs=3)


def test_two_orders_on_a_day_are_one_purchase() -> None:
    rows = lines(("a", "x", 0, 1.0, 1.0, "o1"), ("a", "x", 0, 1.0, 1.0, "o2"), ("a", "x", 20))
    assert cycles(rows, DAY_0 + 30 * DAY)["n"].tolist() == [2.0]


def test_features_and_models_see_nothing_from_the_cutoff_on(shop: pd.DataFrame) -> None:
    cutoff = shop["event_at"].max().floor("D") - 28 * DAY
    past = shop[shop["event_at"] < cutoff]
    changed = shop.assign(
        item_id=shop["item_id"].where(shop["event_at"] < cutoff, shop["item_id"].iloc[0])
    )
    one, other, cut = (due_features(rows, cutoff) for rows in (shop, changed, past))
    np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_array_equal(one[1], cut[1])
    told = [fit_due(rows, cutoff).predict(rows, cutoff)["chance"] for rows in (shop, changed)]
    np.testing.assert_array_equal(told[0], told[1])


def test_what_is_due_is_told_better_than_by_recency_and_honestly(shop: pd.DataFrame) -> None:
    cutoff = shop["event_at"].max().floor("D") - 28 * DAY
    told = judge_due(shop, cutoff)
    assert told["auc"] > told["auc_naive"] + 0.02
    assert told["precision10"] > 1.2 * told["precision10_naive"]
    assert told["ece"] < 0.05


def test_bought_asks_for_the_pair_within_the_horizon() -> None:
    rows = lines(("a", "x", 0), ("a", "x", 30), ("a", "y", 0), ("a", "y", 99), ("b", "x", 31))
    pairs = cycles(rows, DAY_0 + 20 * DAY)
    assert bought(rows, pairs, DAY_0 + 20 * DAY, 28.0).tolist() == [1.0, 0.0]


def test_too_little_that_was_bought_again_is_told() -> None:
    rows = lines(*[(f"c{n}", "x", n) for n in range(200)])
    with pytest.raises(SearchError, match=r"LK443 .*0 items that customers bought again"):
        fit_due(rows, DAY_0 + 200 * DAY)
