"""Incidents: told where a place is slow and the road behind it is free; restarts change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_edge.incidents import IncidentDetector, IncidentSpec
from lepton_edge.neighbours import Neighbours

# a -> b -> c along one road
ROAD = Neighbours(
    ("a", "b", "c"), ((), (0,), (1,)), ((1,), (2,), ()), ((), (1.0,), (1.0,)), ((1.0,), (1.0,), ())
)
SPEC = IncidentSpec(drift=1.0, threshold=6.0)


def told(steps: int, *speed: float, spec: IncidentSpec = SPEC) -> list[list[bool]]:
    watch = IncidentDetector(spec, ROAD)
    return [watch.read(np.array(speed)).tolist() for _ in range(steps)]


def test_slow_before_and_free_behind_is_told_once_it_has_lasted() -> None:
    found = told(3, 0.0, -4.0, 0.5)
    # each interval adds min(4, 4.5) - 1
    assert found == [[False] * 3, [False, True, False], [False, True, False]]


def test_a_queue_that_comes_from_further_down_is_no_incident_before_it() -> None:
    assert not np.any(told(20, 0.0, -4.0, -4.0))


def test_a_road_as_slow_as_usual_is_none() -> None:
    assert not np.any(told(50, 0.3, -0.5, 0.4))


def test_without_anything_behind_it_no_place_is_told() -> None:
    assert not np.any(told(20, 0.0, 0.0, -5.0))


def test_occupancy_adds_to_what_speed_says() -> None:
    with_it, without = (IncidentDetector(SPEC, ROAD) for _ in range(2))
    speed, covered = np.array([0.0, -2.5, 0.0]), np.array([0.0, 4.0, 0.0])
    steps = [(with_it.read(speed, covered)[1], without.read(speed)[1]) for _ in range(4)]
    assert steps[1] == (True, False)
    assert steps[3] == (True, True)


def test_one_that_is_told_stands_until_the_sum_is_gone() -> None:
    watch = IncidentDetector(SPEC, ROAD)
    slow, calm = np.array([0.0, -4.0, 0.0]), np.zeros(3)
    for _ in range(3):
        watch.read(slow)
    assert watch.sums[1] == pytest.approx(9.0)
    stands = [bool(watch.read(calm)[1]) for _ in range(9)]
    assert stands == [True] * 8 + [False]


def test_what_is_unknown_holds_the_sum_for_a_while_and_then_begins_anew() -> None:
    watch = IncidentDetector(SPEC, ROAD)
    watch.read(np.array([0.0, -4.0, 0.0]))
    unknown = np.full(3, np.nan)
    watch.read(unknown)
    assert watch.sums[1] == 3.0
    watch.read(unknown)
    watch.read(unknown)
    assert watch.sums[1] == 0.0


def test_a_restart_in_the_middle_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    whole, cut = (IncidentDetector(SPEC, ROAD) for _ in range(2))
    told_once = False
    for _ in range(300):
        cut = IncidentDetector.restored(SPEC, ROAD, cut.checkpoint())
        speed = rng.normal(-1.0, 2.0, 3)
        speed[rng.random(3) < 0.1] = np.nan
        one, other = whole.read(speed), cut.read(speed)
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(whole.sums, cut.sums)
        told_once |= bool(one.any())
    assert told_once


def test_the_state_of_another_network_and_a_spec_that_cannot_be_are_refused() -> None:
    text = IncidentDetector(SPEC, ROAD).checkpoint()
    with pytest.raises(ValueError, match="another number of series"):
        IncidentDetector.restored(SPEC, Neighbours.none(("a",)), text)
    for how in ({"drift": 0.0}, {"clip": 0.5}, {"forget": 0}, {"occupied": -1.0}):
        with pytest.raises(ValueError, match=r"drift|occupied"):
            IncidentSpec(**how)
