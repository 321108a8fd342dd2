"""One alarm a queue: who enters, who stays, what belongs together, and what a restart remembers."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_edge.neighbours import Neighbours
from lepton_edge.queues import (
    NO_ALARM,
    Queue,
    QueueAlarms,
    QueueSpec,
    components,
    congested,
)

# a -> b -> c -> d -> e along one road
ROAD = Neighbours(
    ("a", "b", "c", "d", "e"),
    up=((), (0,), (1,), (2,), (3,)),
    down=((1,), (2,), (3,), (4,), ()),
    up_weights=((), (0.9,), (0.9,), (0.9,), (0.9,)),
    down_weights=((0.9,), (0.9,), (0.9,), (0.9,), ()),
)
NOT = np.zeros(5)
STEP_S = 300.0


def alarms(**how: float) -> QueueAlarms:
    return QueueAlarms(QueueSpec(**how), ROAD)


def ratios(**low: float) -> np.ndarray:
    return np.array([low.get(name, 1.0) for name in ROAD.ids])


def told(queues: tuple[Queue, ...]) -> list[tuple[int, tuple[int, ...], bool]]:
    return [(one.alarm, one.members, one.is_call) for one in queues]


def test_the_threshold_is_where_silence_and_an_alarm_cost_alike() -> None:
    p = QueueSpec(c_miss=9.0, c_false=1.0).threshold
    assert p == pytest.approx(0.1)
    assert p * 9.0 == pytest.approx((1 - p) * 1.0)


def test_a_chance_over_the_threshold_raises_an_alarm_before_anything_is_slow() -> None:
    watch = alarms(c_miss=4.0, c_false=1.0)
    chance = np.array([0.1, 0.19, 0.21, 0.0, 0.0])
    assert told(watch.read(0.0, ratios(), chance)) == [(0, (2,), True)]


def test_a_queue_that_grows_has_one_alarm_and_one_call() -> None:
    watch = alarms()
    assert told(watch.read(0.0, ratios(d=0.5), NOT)) == [(0, (3,), True)]
    assert told(watch.read(300.0, ratios(d=0.4, c=0.5), NOT)) == [(0, (2, 3), False)]
    (queue,) = watch.read(600.0, ratios(d=0.4, c=0.4, b=0.5), NOT)
    assert (queue.head, queue.tail, queue.since_s) == (3, 1, 0.0)


def test_queues_that_do_not_touch_are_two_and_become_the_older_one_when_they_meet() -> None:
    watch = alarms()
    watch.read(0.0, ratios(e=0.5), NOT)
    apart = watch.read(300.0, ratios(e=0.5, b=0.5), NOT)
    assert told(apart) == [(0, (4,), False), (1, (1,), True)]
    met = watch.read(600.0, ratios(e=0.5, d=0.5, c=0.5, b=0.5), NOT)
    assert told(met) == [(0, (1, 2, 3, 4), False)]


def test_of_a_queue_that_parts_the_larger_piece_keeps_the_alarm_and_nobody_is_called_again() -> (
    None
):
    watch = alarms(least_s=0.0)
    watch.read(0.0, ratios(a=0.5, b=0.5, c=0.5, d=0.5), NOT)
    parted = watch.read(300.0, ratios(a=0.5, b=0.5, d=0.5), NOT)
    assert told(parted) == [(0, (0, 1), False), (1, (3,), False)]


def test_between_enter_and_leave_nothing_changes() -> None:
    watch = alarms(least_s=0.0)
    assert watch.read(0.0, ratios(c=0.65), NOT) == ()
    watch.read(300.0, ratios(c=0.59), NOT)
    assert len(watch.read(600.0, ratios(c=0.65), NOT)) == 1
    assert watch.read(900.0, ratios(c=0.71), NOT) == ()


def test_an_alarm_stands_for_ten_minutes_at_least() -> None:
    watch = alarms()
    watch.read(0.0, ratios(c=0.5), NOT)
    assert len(watch.read(300.0, ratios(), NOT)) == 1
    assert watch.read(600.0, ratios(), NOT) == ()


def test_what_is_unknown_neither_raises_nor_clears_until_it_was_silent_for_long() -> None:
    watch = alarms(lost_s=900.0)
    unknown = np.full(5, np.nan)
    assert watch.read(0.0, unknown, unknown) == ()
    watch.read(300.0, ratios(c=0.5), NOT)
    assert len(watch.read(600.0, unknown, unknown)) == 1
    assert watch.read(1_200.0, unknown, unknown) == ()


def test_a_restart_in_the_middle_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    whole, cut = alarms(), alarms()
    for step in range(200):
        ratio, chance = rng.uniform(0.4, 1.0, 5), rng.uniform(0.0, 0.2, 5)
        ratio[rng.random(5) < 0.1] = np.nan
        cut = QueueAlarms.restored(cut.spec, ROAD, cut.checkpoint())
        at = STEP_S * step
        assert whole.read(at, ratio, chance) == cut.read(at, ratio, chance)


def test_an_instant_that_is_not_later_and_a_state_of_another_network_are_refused() -> None:
    watch = alarms()
    watch.read(300.0, ratios(), NOT)
    with pytest.raises(ValueError, match="later than 300 s"):
        watch.read(300.0, ratios(), NOT)
    with pytest.raises(ValueError, match="another number of series"):
        QueueAlarms.restored(watch.spec, Neighbours.none(("a",)), watch.checkpoint())


@pytest.mark.parametrize(
    "how", [{"c_miss": 0.0}, {"enter": 0.8}, {"least_s": 7_200.0}, {"c_false": -1.0}]
)
def test_a_spec_that_does_not_fit_together_is_refused(how: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"costs|share|longer"):
        QueueSpec(**how)


def test_components_follow_edges_in_either_direction() -> None:
    one_way = Neighbours(("a", "b", "c"), ((), (), ()), ((), (0,), ()), ((), (), ()),
                         ((), (0.5,), ()))  # fmt: skip
    found = components(np.array([True, True, True]), one_way)
    assert found.tolist() == [0, 0, 2]
    assert components(np.array([False, True, False]), one_way).tolist() == [NO_ALARM, 1, NO_ALARM]


def test_one_low_mean_makes_no_congestion_and_two_do() -> None:
    free = np.array([100.0])
    values = np.array([90, 50, 90, 55, 50, 90], dtype=float)[:, None]
    assert congested(values, free)[:, 0].tolist() == [False, False, False, True, True, False]


def test_a_low_value_counts_once_it_has_lasted_and_a_chance_at_once() -> None:
    watch = alarms(low_s=300.0)
    assert told(watch.read(0.0, ratios(d=0.5), NOT)) == []
    assert told(watch.read(300.0, ratios(b=0.5), NOT)) == []
    again = QueueAlarms.restored(watch.spec, ROAD, watch.checkpoint())
    assert told(again.read(600.0, ratios(b=0.5), NOT)) == [(0, (1,), True)]
    with pytest.raises(ValueError, match="not low before"):
        QueueSpec(low_s=-1.0)
