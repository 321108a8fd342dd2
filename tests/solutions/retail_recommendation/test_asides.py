"""What a report tells beside lists: numbers of the same rows, or why there are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.recommend.spec import Aside
from solutions.retail_recommendation import SOLUTION
from solutions.retail_recommendation.asides import asides
from solutions.retail_recommendation.catalogue import catalogue
from solutions.retail_recommendation.cleaning import clean
from solutions.retail_recommendation.simulate import simulate

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return simulate(np.random.default_rng(5), 45_000)


@pytest.fixture(scope="module")
def told(tables: Tables) -> dict[str, Aside]:
    return {one.title: one for one in asides(tables, SOLUTION.settings)}


def table(aside: Aside) -> pd.DataFrame:
    assert isinstance(aside.shows, pd.DataFrame)
    return aside.shows


def test_the_funnel_goes_from_what_came_to_what_is_left(
    tables: Tables, told: dict[str, Aside]
) -> None:
    found = table(told["What cleaning left out"])
    assert found["left"].iloc[0] == len(tables["interactions"])
    assert found["left"].iloc[0] - found["left out"].sum() == found["left"].iloc[-1]


def test_months_add_up_to_all_orders_and_segments_to_all_customers(
    tables: Tables, told: dict[str, Aside]
) -> None:
    rows = clean(tables["interactions"], tables["items"]).rows
    assert table(told["Months"])["orders"].sum() == rows["order_id"].nunique()
    segments = table(told["Segments"])
    assert segments["customers"].sum() == rows["customer_id"].nunique()
    assert segments["share of revenue"].sum() == pytest.approx(1.0, abs=0.01)
    moved = table(told["Movement in 90 days"]).set_index("from")
    assert moved.to_numpy().sum() == rows["customer_id"].nunique()


def test_churn_stands_beside_recency_and_stock_beside_the_days_before(
    told: dict[str, Aside],
) -> None:
    assert list(table(told["Churn and spend in 90 days"]).columns) == [
        "", "model", "naive", "difference, 95 %",
    ]  # fmt: skip
    assert table(told["Churn by tenths"])["tenth"].tolist() == list(range(1, 11))
    assert table(told["Stock at risk"])["chance_out"].is_monotonic_decreasing
    assert "where as many are expected as in the days before" in told["Stock at risk"].caption


def test_what_is_lacking_is_said(tables: Tables) -> None:
    rows = tables["interactions"]
    short = rows[rows["event_at"] > rows["event_at"].max() - pd.Timedelta(days=130)]
    told = {one.title: one.shows for one in asides({"interactions": short}, {})}
    assert told["Stock at risk"] == "No counts of stock were delivered."
    assert str(told["Churn and spend in 90 days"]).startswith(
        "Not told: 0 cutoffs with 0 customers"
    )


def test_the_catalogue_tells_what_rules_ask_for(tables: Tables) -> None:
    found = catalogue(tables).set_index("item_id")
    items = tables["items"].set_index("item_id")
    until = tables["interactions"]["event_at"].max()
    ended = items.index[items["ended_at"] <= until]
    assert set(found.loc[ended, "status"]) <= {"ended", "restricted"}
    assert set(found.index[found["status"] == "restricted"]) == set(
        items.index[items["is_restricted"] == 1]
    )
    new = found.index[found["is_new"] == "yes"]
    assert (items.loc[new, "launched_at"] > until - pd.Timedelta(days=28)).all()
    assert found["group"].str.count(" / ").max() == 1
    assert found["on_hand"].notna().mean() > 0.5


def test_without_a_catalogue_items_are_those_that_were_taken(tables: Tables) -> None:
    rows = tables["interactions"][["customer_id", "item_id", "event_at"]]
    found = catalogue({"interactions": rows.assign(title="a thing")})
    assert set(found["item_id"]) == set(rows["item_id"])
    assert set(found["title"]) == {"a thing"}
    assert set(found["status"]) == {"sold"}
    assert "on_hand" not in found
