"""A network under watch: what is seen of it, and that a restart forgets nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lepton.forecast.usual import days_of
from lepton_edge.near import NearWindow
from lepton_edge.wall_clock import WallClock
from lepton_edge.watch import Sight, Watch, WatchSpec, sight
from tests.forecast import near_tiny

N = len(near_tiny.IDS)
FREELY = Sight(np.ones((1, N)), np.zeros((1, N)))


def slow(*codes: int) -> Sight:
    ratio, away = np.ones((1, N)), np.zeros((1, N))
    ratio[0, list(codes)], away[0, list(codes)] = 0.4, -5.0
    return Sight(ratio, away)


def test_what_is_seen_is_the_newest_value_by_the_free_and_the_usual_one() -> None:
    spec, at = near_tiny.spec(), near_tiny.START // 300 + 6 * 288 + np.arange(3)
    habits = days_of(near_tiny.panel(), spec, near_tiny.at(6)).whole
    past = np.full((3, N, 12), 50.0)
    past[1, 2, -1] = np.nan
    clock = WallClock(near_tiny.ZONE)
    seen = sight(spec, NearWindow(at, past), habits, clock, replace(near_tiny.WATCH, least=1e-9))
    np.testing.assert_array_equal(seen.ratio[0], 50.0 / habits.free)
    usual = habits.at(spec, clock, at - 1)
    np.testing.assert_array_equal(seen.away[2], (50.0 - usual[2]) / habits.spread)
    assert np.argwhere(np.isnan(seen.ratio)).tolist() == [[1, 2]]
    wide = sight(spec, NearWindow(at, past), habits, clock, replace(near_tiny.WATCH, least=1e3))
    assert np.nanmax(np.abs(wide.away)) < 0.1
    past[..., -2] = 40.0
    late = sight(spec, NearWindow(at, past), habits, clock, replace(near_tiny.WATCH, late=1))
    np.testing.assert_array_equal(late.ratio[1], 40.0 / habits.free)
    np.testing.assert_array_equal(
        late.away[1], (40.0 - habits.at(spec, clock, at - 2)[1]) / np.maximum(habits.spread, 4.0)
    )


def test_what_is_slow_at_another_time_than_usual_is_not_far_from_it() -> None:
    spec, at = near_tiny.spec(), np.array([near_tiny.START // 300 + 288 * 3 + 12 * 7])
    habits = days_of(near_tiny.panel(), spec, near_tiny.at(6)).whole
    clock = WallClock(near_tiny.ZONE)
    window = NearWindow(at, np.full((1, N, 12), 30.0))
    sharp, wide = (
        sight(spec, window, habits, clock, replace(near_tiny.WATCH, around_s=around)).away
        for around in (0.0, 7_200.0)
    )
    # an hour before the queue of every morning
    assert (sharp < wide).all()
    slots = range(12 * 7 - 1 - 24, 12 * 7 + 24)
    lowest = np.min([habits.table[0, slot] for slot in slots], axis=0)
    np.testing.assert_array_equal(wide[0], (30.0 - lowest) / np.maximum(habits.spread, 4.0))


def test_a_queue_is_one_alarm_and_an_incident_lies_where_traffic_is_slow_before_free_road() -> None:
    watch, told = Watch(near_tiny.WATCH, near_tiny.neighbours()), []
    for step in range(8):
        told.append(watch.read(300.0 * step, slow(2, 3), np.zeros(N)))
    assert [len(one.queues) for one in told] == [0, *(1,) * 7]
    assert [one.queues[0].is_call for one in told[1:]] == [True, *(False,) * 6]
    assert told[-1].queues[0].members == (2, 3)
    assert told[-1].incidents == (3,)
    assert told[0].incidents == ()


def test_without_incidents_none_is_told() -> None:
    watch = Watch(replace(near_tiny.WATCH, incident=None), near_tiny.neighbours())
    for step in range(8):
        assert watch.read(300.0 * step, slow(2, 3), np.zeros(N)).incidents == ()


@pytest.mark.parametrize("spec", [near_tiny.WATCH, replace(near_tiny.WATCH, incident=None)])
def test_a_restart_forgets_nothing(spec: WatchSpec) -> None:
    near, rng = near_tiny.neighbours(), np.random.default_rng(0)
    whole, cut = Watch(spec, near), Watch(spec, near)
    for step in range(60):
        away = rng.normal(-2, 3, (1, N))
        seen = Sight(np.where(rng.random((1, N)) < 0.1, np.nan, 1 + away / 8), away)
        chance = rng.random(N) / 4
        cut = Watch.restored(spec, near, cut.checkpoint())
        assert whole.read(300.0 * step, seen, chance) == cut.read(300.0 * step, seen, chance)


def test_a_spec_comes_back_from_plain_data() -> None:
    for spec in (near_tiny.WATCH, replace(near_tiny.WATCH, incident=None)):
        assert WatchSpec.from_json(spec.to_json()) == spec
    with pytest.raises(ValueError, match="both costs"):
        WatchSpec.from_json({**near_tiny.WATCH.to_json(), "queue": {"c_miss": 0.0}})
