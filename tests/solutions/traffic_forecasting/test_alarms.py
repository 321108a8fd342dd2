"""When queues are told is what a customer's costs and the length of its intervals say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.alarms import COSTS, watch
from solutions.traffic_forecasting.panel import panel
from tests.solutions.traffic_forecasting.roads import usual


def test_dearer_misses_make_alarms_of_smaller_chances() -> None:
    made = panel(usual(), SOLUTION.settings)
    dear, cheap = (
        watch(made, SOLUTION.settings, {**COSTS, "missed_queue": cost}).queue.threshold
        for cost in (50.0, 5.0)
    )
    assert dear == pytest.approx(1 / 51)
    assert cheap == pytest.approx(1 / 6)


@pytest.mark.parametrize(("step_s", "low_s"), [(60, 540.0), (300, 300.0), (900, 0.0)])
def test_traffic_is_slow_for_ten_minutes_before_it_is_a_queue(step_s: int, low_s: float) -> None:
    made = panel(usual(), SOLUTION.settings)
    seconds = made.rows["ts"].astype("datetime64[s, UTC]").astype("int64")
    rows = made.rows[seconds % step_s == 0].reset_index(drop=True)
    made = replace(made, rows=rows, step_s=step_s)
    assert watch(made, SOLUTION.settings, COSTS).queue.low_s == low_s
