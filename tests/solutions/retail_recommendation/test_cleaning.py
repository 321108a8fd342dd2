"""Cleaning: every row is kept or has one reason, and what came back counts no longer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from solutions.retail_recommendation.cleaning import REASONS, clean, spellings
from solutions.retail_recommendation.returned import as_known
from tests.solutions.retail_recommendation.lines import DAY_0, lines


def dropped(rows: pd.DataFrame, items: pd.DataFrame | None = None) -> dict[str, int]:
    return {step.reason: step.dropped for step in clean(rows, items).funnel if step.dropped}


def shuffled(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    return rows.sample(frac=1, random_state=seed).reset_index(drop=True)


def test_each_row_that_is_left_out_has_the_first_reason_that_fits() -> None:
    rows = lines(
        ("a", "10001", 0),
        ("a", "10001", 0),
        (None, "10002", 0),
        (None, "POST", 0, 0.0, 0.0),
        ("b", "10001", 1, -1.0),
        ("b", "10003", 1, 1.0, 0.0),
        ("b", "post", 1),
        ("b", "gift_0001_20", 1),
        ("b", "10004", 2, 3.0, 2.5),
    )
    assert dropped(shuffled(rows)) == {
        "without a customer (guests)": 2,
        "copies of an earlier row": 1,
        "returns and cancellations": 1,
        "price of 0 or less": 1,
        "no goods (postage, fees, corrections)": 2,
    }
    found = clean(shuffled(rows))
    assert found.rows["item_id"].tolist() == ["10001", "10004"]
    assert found.guests["item_id"].tolist() == ["10002"]


def test_the_funnel_accounts_for_every_row() -> None:
    rng = np.random.default_rng(0)
    n = 3_000
    rows = pd.DataFrame(
        {
            "customer_id": pd.Series(rng.choice(["a", "b", "c", ""], n), dtype="str").replace(
                "", None
            ),
            "item_id": pd.Series(rng.choice(["1a", "1A", "2", "POST", "M"], n), dtype="str"),
            "event_at": pd.Timestamp("2025-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 50, n), unit="D"),
            "quantity": rng.integers(-2, 4, n).astype(float),
            "price": rng.choice([-1.0, 0.0, 2.0], n),
        }
    )
    found = clean(rows)
    assert tuple(step.reason for step in found.funnel) == REASONS
    assert found.came == n
    left = [n, *(step.left for step in found.funnel)]
    assert [before - step.dropped for before, step in zip(left, found.funnel, strict=False)] == (
        left[1:]
    )
    assert left[-1] == len(found.rows)
    assert all(step.dropped for step in found.funnel)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = lines(*[(u, i, d, 1.0 + d % 2, 2.0) for u in "abc" for i in "xy" for d in range(6)])
    back = lines(("a", "x", 5, -2.0), ("c", "y", 3, -1.0))
    both = pd.concat([rows, back], ignore_index=True)
    pd.testing.assert_frame_equal(clean(both).rows, clean(shuffled(both, 3)).rows)


def test_a_return_takes_back_the_latest_purchases_before_it() -> None:
    rows = lines(
        ("a", "x", 0, 4.0),
        ("a", "x", 1, 2.0),
        ("a", "x", 3, 9.0),
        ("b", "x", 1, 2.0),
        ("a", "y", 1, 2.0),
        ("a", "x", 2, -3.0),
    )
    found = clean(shuffled(rows))
    mine = found.rows.set_index(["customer_id", "item_id", "quantity"])
    assert mine["returned"].to_dict() == {
        ("a", "x", 4.0): 1.0,
        ("a", "x", 2.0): 2.0,
        ("a", "x", 9.0): 0.0,
        ("b", "x", 2.0): 0.0,
        ("a", "y", 2.0): 0.0,
    }
    assert set(mine["weight"]) == {5.0}
    assert found.unmatched == 0


def test_what_came_back_later_is_not_known_before() -> None:
    rows = lines(("a", "x", 0, 4.0), ("a", "x", 1, 2.0), ("a", "x", 5, -1.0), ("a", "x", 9, -3.0))
    told = clean(shuffled(rows)).rows
    for day in (3, 7, 12):
        cutoff = DAY_0 + pd.Timedelta(days=day)
        known = as_known(told, cutoff)
        alone = clean(rows[rows["event_at"] < cutoff]).rows
        assert known["returned"].tolist() == alone["returned"].tolist()
    assert as_known(told, DAY_0 + pd.Timedelta(days=12))["returned"].tolist() == [3.0, 1.0]


def test_returns_of_what_was_never_bought_are_counted() -> None:
    rows = lines(("a", "x", 1), ("a", "x", 0, -1.0), ("a", "y", 2, -1.0), ("a", "x", 3, -5.0))
    found = clean(rows)
    assert found.unmatched == 3
    assert found.rows["returned"].tolist() == [1.0]


def test_a_cancelled_order_is_told_by_its_number_where_no_event_is_delivered() -> None:
    rows = lines(
        ("a", "x", 0, 1.0, 1.0, "536365"),
        ("a", "x", 1, 1.0, 1.0, "C536366"),
        ("a", "x", 2, 1.0, 1.0, "Campaign"),
        ("a", "x", 3, 1.0, 1.0, "536367"),
    )
    assert dropped(rows) == {"returns and cancellations": 1}
    assert clean(rows).rows["order_id"].tolist() == ["536365", "Campaign", "536367"]


def test_order_numbers_that_all_begin_with_c_are_no_returns() -> None:
    rows = lines(*[("a", "x", day, 1.0, 1.0, f"C{day:05d}") for day in range(5)])
    assert dropped(rows) == {}


def test_a_negative_quantity_outside_returns_is_no_return_where_events_are_told() -> None:
    rows = lines(
        ("a", "x", 0, 2.0), ("a", "x", 1, -2.0), ("a", "x", 2, 1.0),
        event=["purchase", "purchase", "return"],
    )  # fmt: skip
    assert dropped(rows) == {"quantity of 0 or less": 1, "returns and cancellations": 1}
    assert clean(rows).rows["returned"].tolist() == [1.0]


def test_events_weigh_by_what_they_say_of_interest() -> None:
    rows = lines(
        ("a", "x", 0, 1.0, 0.0), ("a", "x", 1, 1.0, 0.0), ("a", "x", 2),
        event=["view", "cart", "purchase"],
    )  # fmt: skip
    assert clean(rows).rows["weight"].tolist() == [1.0, 3.0, 5.0]
    assert clean(rows, weights={"view": 0.5}).rows["weight"].tolist() == [0.5, 3.0, 5.0]


def test_ids_in_other_letters_are_one_item_under_the_usual_spelling() -> None:
    rows = lines(("a", "15056BL", 0), ("a", "15056bl", 1), ("b", " 15056BL", 2), ("b", "7", 3))
    found = clean(rows)
    assert found.rows["item_id"].tolist() == ["15056BL", "15056BL", "15056BL", "7"]
    assert found.respelt == 2
    assert spellings(pd.Series(["b", "B", "B", "c "], dtype="str")) == {
        "b": "B", "B": "B", "c ": "c"
    }  # fmt: skip


def test_the_catalogue_says_what_is_no_goods_before_any_list_does() -> None:
    items = pd.DataFrame(
        {
            "item_id": pd.Series(["M", "wrap"], dtype="str"),
            "is_merchandise": [1.0, 0.0],
        }
    )
    rows = lines(("a", "m", 0), ("a", "Wrap", 1), ("a", "D", 2))
    assert clean(rows, items).rows["item_id"].tolist() == ["m"]
    assert clean(rows).rows["item_id"].tolist() == ["Wrap"]


def test_three_columns_are_enough() -> None:
    rows = lines(("a", "x", 0), ("a", "y", 0), ("a", "x", 1), ("a", "x", 1))
    found = clean(rows[["customer_id", "item_id", "event_at"]])
    assert found.rows["order_id"].nunique() == 2
    assert found.rows["quantity"].tolist() == [1.0] * 3
    assert found.rows["weight"].tolist() == [5.0] * 3
    assert dropped(rows[["customer_id", "item_id", "event_at"]]) == {"copies of an earlier row": 1}
