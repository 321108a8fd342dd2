"""Customers by recency, frequency and money: fifths, segments, and how customers move."""

from __future__ import annotations

import pandas as pd

from solutions.retail_recommendation.segments import (
    GONE,
    SEGMENTS,
    grid,
    judge_movement,
    movement,
    rfm,
)
from tests.solutions.retail_recommendation.lines import DAY_0, cell, lines

DAY = pd.Timedelta(days=1)


def customers(first_day: int = 0) -> list[tuple[str, str, int, float, float]]:
    """Ten customers: c0 ordered ten times up to yesterday, c9 once, ninety days ago."""
    return [
        (f"c{n}", "x", first_day + 100 - 10 * n - order, 1.0, 10.0 - n)
        for n in range(10)
        for order in range(10 - n)
    ]


def test_fifths_are_of_equal_size_and_the_newest_are_the_best() -> None:
    found = rfm(lines(*customers()), DAY_0 + 101 * DAY)
    assert found["r"].to_dict() == {f"c{n}": 5 - n // 2 for n in range(10)}
    assert found["f"].tolist() == found["r"].tolist() == found["m"].tolist()
    assert [cell(found, "c0", name) for name in ("recency_d", "orders", "spent")] == [1.0, 10, 100]
    assert cell(found, "c9", "segment") == "lost"
    assert cell(found, "c0", "segment") == "best"
    assert set(found["segment"]) <= set(SEGMENTS)


def test_equal_values_are_in_one_fifth() -> None:
    rows = lines(*[(f"c{n}", "x", n) for n in range(10)])
    found = rfm(rows, DAY_0 + 20 * DAY)
    assert found["f"].nunique() == 1
    assert grid(found).to_numpy().sum() == 10


def test_what_comes_after_the_cutoff_changes_nothing() -> None:
    rows = lines(*customers())
    later = lines(*[("c9", "x", 101 + n, 5.0, 99.0) for n in range(9)])
    cutoff = DAY_0 + 101 * DAY
    both = pd.concat([rows, later], ignore_index=True)
    pd.testing.assert_frame_equal(rfm(rows, cutoff), rfm(both, cutoff))


def test_returned_pieces_are_no_money() -> None:
    rows = lines(("a", "x", 0, 4.0, 2.0)).assign(returned=3.0)
    assert cell(rfm(rows, DAY_0 + DAY), "a", "spent") == 2.0


def test_movement_counts_each_customer_once_and_new_ones_apart() -> None:
    before = rfm(lines(*customers()[:20]), DAY_0 + 101 * DAY)
    after = rfm(lines(*customers()), DAY_0 + 101 * DAY)
    counts = movement(before, after)
    assert counts.to_numpy().sum() == len(after)
    assert counts.loc[GONE].sum() == len(after) - len(before)


def test_moves_are_told_better_than_by_staying_where_all_of_a_segment_fade() -> None:
    first = [(f"a{n}", "x", n % 20, 1.0, 1.0) for n in range(40)]
    second = [(f"b{n}", "x", 90 + n % 20, 1.0, 1.0) for n in range(40)]
    third = [(f"c{n}", "x", 180 + n % 20, 1.0, 1.0) for n in range(40)]
    told = judge_movement(lines(*first, *second, *third), DAY_0 + 115 * DAY)
    assert told.customers == 80
    assert told.moves > told.naive
