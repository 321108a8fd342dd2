"""Alarms of a history and what they were worth, on queues whose begin is known."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_edge.neighbours import Neighbours
from lepton_edge.queues import NO_ALARM, QueueSpec, congested
from solutions.traffic_forecasting.alarms import COSTS, listed, outcome, queue_spec, raised
from solutions.traffic_forecasting.grid import Grid

ROAD = Neighbours(
    ("a", "b", "c"), ((), (0,), (1,)), ((1,), (2,), ()), ((), (1.0,), (1.0,)), ((1.0,), (1.0,), ())
)
FREE = np.full(3, 100.0)
SPEC = QueueSpec(c_miss=4.0, c_false=1.0)


def road(speed: np.ndarray) -> Grid:
    none = np.zeros(speed.shape, dtype=bool)
    return Grid(ROAD.ids, 0, 300, speed, None, None, ~none, none, none, np.zeros(3, dtype=int))


def history() -> tuple[Grid, np.ndarray]:
    """c jams at step 40, then b; chances tell c at step 36, and a at step 10 for nothing."""
    speed, chance = np.full((80, 3), 95.0), np.zeros((80, 3))
    speed[40:60, 2], speed[44:60, 1] = 40.0, 40.0
    chance[36:60, 2] = 0.5
    chance[10:12, 0] = 0.5
    return road(speed), chance


def test_a_queue_that_was_foreseen_is_warned_of_by_its_lead_and_alarms_for_nothing_are_false() -> (
    None
):
    grid, chance = history()
    found = raised(grid, FREE, chance, ROAD, SPEC)
    table = listed(found, grid)
    assert table["first"].tolist() == ["a", "c"]
    assert table["most"].tolist() == [1, 2]
    worth = outcome(found, congested(grid.speed, FREE), grid, ROAD, SPEC)
    assert (worth.queues, worth.warned, worth.alarms, worth.false) == (1, 1, 2, 1)
    assert worth.median_lead_min == 15.0
    assert worth.cost == 1.0
    assert worth.false_per_100_days == pytest.approx(100 / (80 / 288 * 3))


def test_a_queue_that_nobody_foresaw_is_missed_though_it_has_an_alarm_later() -> None:
    grid, chance = history()
    found = raised(grid, FREE, 0 * chance, ROAD, SPEC)
    worth = outcome(found, congested(grid.speed, FREE), grid, ROAD, SPEC)
    assert (worth.queues, worth.warned, worth.false, worth.cost) == (1, 0, 0, 4.0)
    assert np.isnan(worth.median_lead_min)
    assert (found[41, 2], found[39, 2]) == (0, NO_ALARM)


def test_dearer_misses_make_alarms_of_smaller_chances() -> None:
    dear, cheap = queue_spec({**COSTS, "missed_queue": 50.0}), queue_spec(COSTS)
    assert dear.threshold < cheap.threshold
    grid, chance = history()
    counts = [
        len(listed(raised(grid, FREE, 0.1 * chance, ROAD, spec), grid)) for spec in (dear, cheap)
    ]
    assert counts == [2, 1]
