"""Lives whose beginning was seen, and what ordering on a score costs in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solutions.predictive_maintenance.lives import SETTINGS, assemble
from solutions.predictive_maintenance.policy import Begun, begun, best_level
from solutions.predictive_maintenance.replacement import Costs

START = pd.Timestamp("2025-01-01", tz="UTC").as_unit("us")
COSTS = Costs(c_failure=1_000.0, c_planned=100.0, c_inspection=10.0, lead_time_h=2.0)


def hour(n: float) -> pd.Timestamp:
    return START + pd.Timedelta(hours=n)


def tables(n_assets: int = 8) -> dict[str, pd.DataFrame]:
    """Assets read each hour: replaced at hour 10.5, failed at 40.5, replaced, read until 59."""
    names = [f"a{k}" for k in range(n_assets)]
    at = [k for k in range(60) if k not in (41, 42)]
    rows = pd.DataFrame(
        {
            "asset_id": np.repeat(names, len(at)),
            "event_at": np.tile(START + pd.to_timedelta(at, unit="h"), n_assets),
        }
    )
    works = [(name, hour(h)) for name in names for h in (10.5, 42.5)]
    return {
        "telemetry": rows.sample(frac=1.0, random_state=0, ignore_index=True),
        "failures": pd.DataFrame({"asset_id": names, "failed_at": hour(40.5)}),
        "maintenance": pd.DataFrame(works, columns=["asset_id", "done_at"]).assign(kind="replace"),
    }


@pytest.fixture
def seen() -> tuple[pd.DataFrame, Begun]:
    told = tables()
    rows = assemble(told, SETTINGS)
    return rows, begun(rows, told, np.ones(len(rows), dtype=bool))


def test_the_life_under_way_when_records_begin_is_left_out(
    seen: tuple[pd.DataFrame, Begun],
) -> None:
    rows, found = seen
    assert len(found.ends) == 16
    assert rows["event_at"].iloc[found.row].min() == hour(11)


def test_a_failed_life_lasts_to_its_failure_and_another_to_its_last_reading(
    seen: tuple[pd.DataFrame, Begun],
) -> None:
    ends = seen[1].ends
    assert sorted(set(zip(ends.hours, ends.failed.tolist(), strict=True))) == [
        (16.5, False),
        (30.0, True),
    ]


def test_ages_count_from_the_replacement(seen: tuple[pd.DataFrame, Begun]) -> None:
    rows, found = seen
    at = rows["event_at"].iloc[found.row]
    began = pd.Series([hour(10.5) if one < hour(42) else hour(42.5) for one in at], at.index)
    hours = (at - began).dt.total_seconds() / 3600
    assert found.age_h == pytest.approx(hours.to_numpy())


def test_a_part_is_ordered_at_the_first_reading_that_reaches_the_level(
    seen: tuple[pd.DataFrame, Begun],
) -> None:
    rows, found = seen
    plans = found.plans(rows["hours_seen"].to_numpy() * -1.0, COSTS, -5.0)
    failed = found.ends.failed
    # the first reading at most 5 h before the failure of hour 40.5 is that of hour 36
    assert plans[failed] == pytest.approx(36 - 10.5 + 2)
    # the others had 5 h or less to their last reading at hour 54
    assert plans[~failed] == pytest.approx(54 - 42.5 + 2)


def test_the_best_level_orders_just_in_time(seen: tuple[pd.DataFrame, Begun]) -> None:
    rows, found = seen
    score = np.where(rows["is_failure"], -rows["hours_seen"], -1_000.0)
    level = best_level(found, score, COSTS)
    assert found.rate(score, COSTS, level) < found.rate(score, COSTS, np.inf)
    assert -8 < level <= -2


def test_readings_without_a_score_order_nothing(seen: tuple[pd.DataFrame, Begun]) -> None:
    rows, found = seen
    assert np.isinf(found.plans(np.full(len(rows), np.nan), COSTS, 0.0)).all()
