"""Checks across tables: what warns, what refuses, and what is left in peace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Severity, Violation
from solutions.retail_recommendation.catalogue_checks import on_hand_at
from solutions.retail_recommendation.findings import Place, of_share
from solutions.retail_recommendation.limits import LIMITS
from solutions.retail_recommendation.retail_checks import (
    delivery_checks,
    retail_checks,
    stability_index,
)
from solutions.retail_recommendation.time_checks import by_day, closed_weekdays
from tests.solutions.retail_recommendation.lines import DAY_0, lines

SMALL = replace(LIMITS, users=(1, 1), items=(1, 1), events=(1, 1))


def usual(days: int = 140) -> pd.DataFrame:
    """Twenty customers who order three of thirty items every few days, never on a Saturday."""
    told = [
        (f"c{(day + n) % 20}", f"{10_000 + (7 * day + 3 * n) % 30}", day, 1.0 + n % 3, 2.0)
        for day in range(days)
        for n in range(9)
        if (day + 1) % 7 != 6
    ]
    return lines(*told)


def found(rows: pd.DataFrame, code: str, **tables: pd.DataFrame) -> list[Violation]:
    told = retail_checks({"interactions": rows, **tables}, SMALL)
    return [one for one in told if one.code == code]


def test_a_usual_table_is_told_of_nothing() -> None:
    assert [str(one) for one in retail_checks({"interactions": usual()}, SMALL)] == []


def test_the_first_limit_warns_and_the_second_refuses() -> None:
    place = Place("t", "c", "mend it")
    assert of_share("LK2168", "rows", place, (1, 100), (0.01, 0.05)) is None
    warned = of_share("LK2168", "rows", place, (2, 100), (0.01, 0.05), ["a", "a", "b"])
    assert warned is not None
    assert warned.severity is Severity.WARNING
    assert str(warned) == (
        "LK2168 t.c rows: 2.00%, at most 1.00% is usual: 2 of 100 rows (e.g. a, b); mend it"
    )
    refused = of_share("LK2168", "rows", place, (6, 100), (0.01, 0.05))
    assert refused is not None
    assert refused.severity is Severity.TABLE
    assert "6.00%, at most 5.00% can be worked with" in refused.rule
    assert of_share("LK2168", "rows", place, (0, 0), (0.0, 0.0)) is None


def test_a_closed_weekday_is_learnt_and_not_missed() -> None:
    rows = usual()
    assert closed_weekdays(by_day(rows["event_at"])) == {5}
    assert found(rows, "LK2175") == []


def test_days_in_a_row_without_events_are_counted_without_the_closed_ones() -> None:
    rows = usual()
    day = (rows["event_at"] - DAY_0).dt.days
    (one,) = found(rows[~day.between(56, 62)].reset_index(drop=True), "LK2175")
    assert one.count == 6
    assert one.severity is Severity.WARNING
    assert "from 2025-04-28" in one.examples[0]
    (two,) = found(rows[~day.between(50, 68)].reset_index(drop=True), "LK2175")
    assert two.severity is Severity.TABLE


def test_half_a_week_is_told_and_double_a_week_is_not() -> None:
    rows = usual()
    newest = rows["event_at"] > rows["event_at"].max() - pd.Timedelta(days=7)
    (one,) = found(rows[~newest | (np.arange(len(rows)) % 4 == 0)].reset_index(drop=True), "LK2175")
    assert "in the newest week against the 8 before" in one.rule
    more = rows[newest].assign(customer_id="z" + rows["customer_id"])
    more["order_id"] = "z" + more["order_id"]
    assert found(pd.concat([rows, more], ignore_index=True), "LK2175") == []


def test_guests_warn_and_never_refuse() -> None:
    rows = usual()
    rows["customer_id"] = rows["customer_id"].where(np.arange(len(rows)) % 10 == 0)
    (one,) = found(rows, "LK2168")
    assert one.severity is Severity.WARNING
    assert "90.0" in one.rule


def test_codes_without_digits_are_suspected_where_all_others_have_some() -> None:
    rows = usual()
    fee = lines(*[("c1", "HANDLING", day, 1.0, 5.0) for day in range(0, 100, 5)])
    both = pd.concat([rows, fee.assign(order_id="f" + fee["order_id"])], ignore_index=True)
    (one,) = found(both, "LK2173")
    assert one.examples == ("HANDLING",)
    items = pd.DataFrame(
        {
            "item_id": pd.Series([*usual()["item_id"].unique(), "handling"], dtype="str"),
            "is_merchandise": 1.0,
        }
    )
    assert found(both, "LK2173", items=items) == []
    by_name = both.assign(item_id=both["item_id"].str.replace("1000", "MUG-"))
    assert found(by_name.assign(item_id=by_name["item_id"].str.replace("1", "x")), "LK2173") == []


def test_suspect_codes_with_much_revenue_refuse() -> None:
    rows = usual()
    fee = lines(*[("c1", "HANDLING", day, 1.0, 50.0) for day in range(0, 100, 5)])
    both = pd.concat([rows, fee.assign(order_id="f" + fee["order_id"])], ignore_index=True)
    (one,) = found(both, "LK2173")
    assert one.severity is Severity.TABLE


def test_a_customer_who_is_a_fifth_of_all_refuses() -> None:
    rows = usual()
    till = rows.head(len(rows) // 3).assign(customer_id="till")
    till["order_id"] = "t" + till["order_id"]
    (one,) = found(pd.concat([rows, till], ignore_index=True), "LK2177")
    assert one.severity is Severity.TABLE
    assert one.examples[0] == "till: 25% of all rows"


def test_too_few_customers_items_and_rows_refuse() -> None:
    told = list(retail_checks({"interactions": usual()}))
    few = {one.rule: one.severity for one in told if one.code == "LK2179"}
    assert any("20 customers after cleaning, 100 are needed" in rule for rule in few)
    assert Severity.TABLE in few.values()


def test_stock_is_looked_up_at_the_newest_count_before_the_sale() -> None:
    stock = pd.DataFrame(
        {
            "item_id": pd.Series(["x", "x", "X ", "y"], dtype="str"),
            "counted_at": DAY_0 + pd.to_timedelta([0, 1, 1, 0], unit="D"),
            "on_hand": [5.0, 0.0, 2.0, 7.0],
        }
    )
    rows = lines(("a", "x", 2), ("a", "x", 0), ("a", "y", 1), ("a", "y", 9), ("a", "z", 1))
    told = on_hand_at(stock, rows).tolist()
    assert told[:3] == [2.0, 5.0, 7.0]
    assert np.isnan(told[3:]).all()


def test_deliveries_of_the_same_mix_are_left_in_peace_and_others_told() -> None:
    rows = usual()
    half = len(rows) // 2
    before, now = rows.iloc[:half], rows.iloc[half:]
    assert list(delivery_checks({"interactions": before}, {"interactions": now})) == []
    dear = now.assign(price=now["price"] * (1 + np.arange(len(now)) % 2 * 99))
    (one,) = delivery_checks({"interactions": before}, {"interactions": dear})
    assert (one.code, one.column, one.severity) == ("LK263", "price", Severity.TABLE)
    other = now.assign(item_id="A" + now["item_id"])
    (two,) = delivery_checks({"interactions": before}, {"interactions": other})
    assert "items that the delivery before did not have: 100.00%" in two.rule


def test_the_stability_index_is_that_of_the_books() -> None:
    before = pd.Series(["a"] * 50 + ["b"] * 50, dtype="str")
    now = pd.Series(["a"] * 80 + ["b"] * 20, dtype="str")
    wanted = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert stability_index(before, now) == pytest.approx(wanted)
    assert stability_index(before, before) == 0.0
