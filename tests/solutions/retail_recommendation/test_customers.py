"""Churn and spend: features of the past alone, models that beat what needs no model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.errors import SearchError
from solutions.retail_recommendation.cleaning import clean
from solutions.retail_recommendation.customer_features import (
    FEATURES,
    customer_features,
    outcomes,
)
from solutions.retail_recommendation.customer_models import (
    HORIZON_D,
    fit_customers,
    training_cutoffs,
)
from solutions.retail_recommendation.customer_quality import (
    auc,
    capture,
    judge_customers,
    spearman,
)
from solutions.retail_recommendation.simulate import simulate
from tests.solutions.retail_recommendation.lines import DAY_0, cell, lines

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    tables = simulate(np.random.default_rng(6), 60_000)
    return clean(tables["interactions"], tables["items"]).rows


@pytest.fixture(scope="module")
def cutoff(shop: pd.DataFrame) -> pd.Timestamp:
    return pd.Timestamp(shop["event_at"].max()).floor("D") - HORIZON_D * DAY


def test_features_are_what_they_say() -> None:
    rows = lines(
        ("a", "x", 0, 2.0, 5.0), ("a", "y", 0, 1.0, 2.0), ("a", "x", 10, 1.0, 6.0),
        ("a", "x", 40, 4.0, 1.0), ("b", "x", 45, 1.0, 3.0),
    ).assign(returned=[0.0, 0.0, 0.0, 2.0, 0.0])  # fmt: skip
    found = customer_features(rows, DAY_0 + 50 * DAY)
    assert tuple(found.columns) == FEATURES
    a = found.loc["a"]
    assert (a["recency_d"], a["tenure_d"], a["n_orders"]) == (10.0, 50.0, 3.0)
    assert (a["gap_mean_d"], a["gap_last_d"]) == (20.0, 30.0)
    assert (a["spent"], a["spent_last"], a["spent_90d"]) == (20.0, 2.0, 20.0)
    assert (a["orders_30d"], a["orders_60d"]) == (1.0, 3.0)
    assert a["repeat_share"] == 0.5
    assert a["returned_share"] == pytest.approx(2 / 8)
    assert np.isnan(cell(found, "b", "gap_mean_d"))
    assert cell(found, "b", "orders_30d") == 1.0


def test_outcomes_are_of_the_horizon_alone() -> None:
    rows = lines(("a", "x", 0), ("a", "x", 10, 2.0, 3.0), ("b", "x", 0), ("b", "x", 99))
    told = outcomes(rows, pd.Index(["b", "a"]), DAY_0 + 5 * DAY, 30.0)
    assert told["stays"].to_dict() == {"b": 0.0, "a": 1.0}
    assert told["spent"].to_dict() == {"b": 0.0, "a": 6.0}


def test_training_cutoffs_are_monthly_and_their_outcomes_are_known() -> None:
    at = pd.Timestamp("2025-09-10", tz="UTC")
    found = training_cutoffs(at, pd.Timestamp("2024-12-01", tz="UTC"))
    assert [f"{one:%Y-%m-%d}" for one in found] == [
        "2025-06-12", "2025-05-13", "2025-04-13", "2025-03-14",
    ]  # fmt: skip
    assert all(one + HORIZON_D * DAY <= at for one in found)
    assert len(training_cutoffs(at, pd.Timestamp("2025-04-01", tz="UTC"))) == 2


def test_nothing_from_the_cutoff_on_changes_what_is_told(
    shop: pd.DataFrame, cutoff: pd.Timestamp
) -> None:
    past = shop[shop["event_at"] < cutoff]
    rng = np.random.default_rng(0)
    noisy = shop.assign(
        price=shop["price"].where(shop["event_at"] < cutoff, rng.random(len(shop))),
        customer_id=shop["customer_id"].where(
            shop["event_at"] < cutoff, rng.permutation(shop["customer_id"])
        ),
    )
    told = [
        fit_customers(rows, cutoff).predict(customer_features(rows, cutoff))
        for rows in (shop, past, noisy)
    ]
    pd.testing.assert_frame_equal(told[0], told[1], check_exact=True)
    pd.testing.assert_frame_equal(told[0], told[2], check_exact=True)


def test_the_order_of_rows_does_not_matter(shop: pd.DataFrame, cutoff: pd.Timestamp) -> None:
    shuffled = shop.sample(frac=1, random_state=1)
    one, other = (customer_features(rows, cutoff) for rows in (shop, shuffled))
    pd.testing.assert_frame_equal(one, other)


def test_churn_is_told_better_than_by_recency(shop: pd.DataFrame, cutoff: pd.Timestamp) -> None:
    found = judge_customers(shop, cutoff, np.random.default_rng(0))
    churn = found.metrics["churn_auc"]
    assert churn.model > max(churn.naive, 0.65)
    assert churn.low < churn.model - churn.naive < churn.high
    assert found.metrics["spend_spearman"].model > 0.3
    assert found.told["churn"].between(0, 1).all()
    assert (found.told["spend"] >= 0).all()
    # in all, about as much is expected as is spent
    assert 0.5 < found.told["spend"].sum() / found.told["spent"].sum() < 2.0


def test_measures_are_those_of_the_books() -> None:
    positive, score = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.1, 0.5, 0.5])
    assert auc(positive, score) == pytest.approx(3.5 / 4)
    assert np.isnan(auc(np.ones(3), score[:3]))
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0])) == pytest.approx(0.5)
    assert np.isnan(spearman(np.ones(3), score[:3]))
    assert capture(np.array([5.0, *[1.0] * 9]), np.arange(10.0)[::-1]) == pytest.approx(5 / 14)


def test_a_short_history_is_told_with_what_it_lacks() -> None:
    rows = lines(*[(f"c{n}", "x", n % 60) for n in range(300)])
    with pytest.raises(SearchError, match=r"LK442 .*0 cutoffs with 0 customers who stayed away"):
        fit_customers(rows, DAY_0 + 61 * DAY)
