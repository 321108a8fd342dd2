"""Stock at risk: rates see through weeks without stock, chances follow demand and lead time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solutions.retail_recommendation.stock_risk import (
    demand_rates,
    judge_demand,
    newest_counts,
    stock_at_risk,
)
from tests.solutions.retail_recommendation.lines import DAY_0, cell, lines

WEEKS = 26
CUTOFF = DAY_0 + pd.Timedelta(days=7 * WEEKS) - pd.Timedelta(hours=12)


def steady(item: str, weekly: float, skipped: tuple[int, ...] = ()) -> pd.DataFrame:
    """`weekly` pieces of an item each week, none in the weeks that are skipped (0 the first)."""
    return lines(*[("c", item, 7 * week, weekly) for week in range(WEEKS) if week not in skipped])


def counts(*told: tuple[str, int, float]) -> pd.DataFrame:
    """(item, day, pieces) a count."""
    frame = pd.DataFrame(told, columns=["item_id", "day", "on_hand"])
    at = DAY_0 + pd.to_timedelta(frame["day"], unit="D") - pd.Timedelta(hours=2)
    return pd.DataFrame(
        {"item_id": frame["item_id"].astype("str"), "counted_at": at, "on_hand": frame["on_hand"]}
    ).astype({"on_hand": float})


def test_a_steady_item_is_wanted_at_its_rate() -> None:
    found = demand_rates(steady("x", 14.0), None, CUTOFF)
    assert cell(found, "x", "rate_d") == pytest.approx(2.0)
    assert cell(found, "x", "spread") == 1.0


def test_weeks_without_stock_are_not_weeks_without_demand() -> None:
    gone = (WEEKS - 1, WEEKS - 2, WEEKS - 3)
    rows = steady("x", 14.0, gone)
    empty = counts(*[("x", 7 * week, 0.0) for week in gone])
    assert cell(demand_rates(rows, empty, CUTOFF), "x", "rate_d") == pytest.approx(2.0)
    assert cell(demand_rates(rows, None, CUTOFF), "x", "rate_d") < 1.5


def test_what_was_returned_was_not_wanted_and_the_future_is_not_seen() -> None:
    rows = steady("x", 14.0).assign(returned=7.0)
    later = steady("x", 500.0)
    later["event_at"] += pd.Timedelta(days=7 * WEEKS)
    both = pd.concat([rows, later.assign(returned=0.0)], ignore_index=True)
    assert cell(demand_rates(both, None, CUTOFF), "x", "rate_d") == pytest.approx(1.0)


def test_the_newest_count_of_each_store_is_summed() -> None:
    stock = counts(("x", 0, 9.0), ("x", 7, 4.0), ("X", 7, 5.0)).assign(
        store_id=pd.Series(["a", "a", "b"], dtype="str")
    )
    found = newest_counts(stock, CUTOFF, 14.0)
    assert found["on_hand"].to_dict() == {"x": 9.0}
    assert found["lead_time_d"].to_dict() == {"x": 14.0}


def test_chances_are_those_of_a_poisson_demand_over_the_lead_time() -> None:
    from scipy.stats import poisson

    rows = pd.concat([steady("x", 14.0), steady("y", 14.0), steady("z", 14.0)], ignore_index=True)
    stock = counts(("x", 175, 28.0), ("y", 175, 100.0), ("z", 175, 0.0))
    found = stock_at_risk(rows, stock, CUTOFF, lead_time_d=14.0)
    assert list(found.index) == ["z", "x", "y"]
    assert cell(found, "x", "cover_d") == pytest.approx(14.0)
    assert cell(found, "x", "chance_out") == pytest.approx(poisson.sf(28, 28.0), abs=1e-4)
    many = np.arange(29, 200)
    missed = float((poisson.pmf(many, 28.0) * (many - 28)).sum())
    assert cell(found, "x", "lost") == pytest.approx(missed, abs=1e-3)
    assert cell(found, "y", "chance_out") < 1e-9
    assert cell(found, "z", "lost") == pytest.approx(28.0, rel=1e-6)


def test_an_item_that_nobody_wants_is_at_no_risk() -> None:
    found = stock_at_risk(steady("x", 14.0), counts(("old", 175, 0.0)), CUTOFF)
    told = found[["rate_d", "chance_out", "lost"]].to_dict("index")
    assert told == {"old": {"rate_d": 0.0, "chance_out": 0.0, "lost": 0.0}}


def test_the_rate_is_nearer_than_the_last_fortnight_where_demand_is_noisy() -> None:
    rng = np.random.default_rng(0)
    rows = [
        ("c", f"i{item}", day, float(pieces))
        for item in range(60)
        for day, pieces in enumerate(rng.poisson(1.0, 7 * WEEKS + 14))
        if pieces
    ]
    told = judge_demand(lines(*rows), None, CUTOFF)
    assert told.items == 60
    assert told.rate < 0.9 * told.naive
