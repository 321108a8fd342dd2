"""The alarm: m of n, hold-off, dwell, unknown, escalation; a replay gives the same events."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton_edge.alarm import (
    OK,
    RAISED,
    UNKNOWN,
    AlarmEvent,
    Alarms,
    AlarmSpec,
    AlarmState,
    acknowledge,
    check,
    replay,
    reset,
    state_from_json,
    state_to_json,
    step,
)

NAN = float("nan")
NEW = AlarmState()
SPEC = AlarmSpec(hi=5.0, lo=3.0, m=2, n=3, hold_off_s=20.0, max_gap_s=50.0, plan=7.0, stop=9.0)


def told(
    spec: AlarmSpec, scores: Iterable[float], state: AlarmState = NEW, period: float = 10.0
) -> tuple[AlarmState, list[AlarmEvent]]:
    """One score every `period` seconds, from 0 s or the state's newest instant on."""
    events: list[AlarmEvent] = []
    start = 0.0 if state.newest_s == -math.inf else state.newest_s + period
    for place, score in enumerate(scores):
        state, more = step(spec, state, start + place * period, score)
        events += more
    return state, events


def kinds(events: Iterable[AlarmEvent]) -> list[tuple[str, float]]:
    return [(event.kind, event.at_s) for event in events]


@pytest.mark.parametrize(
    ("scores", "raised_at"),
    [
        ([0, 6, 0, 0, 6, 0, 0, 6], None),
        ([0, 6, 0, 6], 30.0),
        ([6, 5], 10.0),
        ([6, 4.99, 4.99, 5, 5], 40.0),
    ],
)
def test_an_alarm_is_raised_when_m_of_the_last_n_scores_reach_hi(
    scores: list[float], raised_at: float | None
) -> None:
    _, events = told(SPEC, scores)
    assert [event.at_s for event in events if event.kind == "raised"] == (
        [] if raised_at is None else [raised_at]
    )


def test_it_is_cleared_only_after_every_score_of_the_hold_off_was_below_lo() -> None:
    state, events = told(SPEC, [6, 6, 2, 2, 4, 2, 2, 2])
    # below lo from 50 s on; 20 s later is 70 s
    assert kinds(events) == [("known", 0.0), ("raised", 10.0), ("cleared", 70.0)]
    assert state.condition == OK
    assert not state.is_open


def test_an_alarm_between_lo_and_hi_stands() -> None:
    state, events = told(SPEC, [6, 6, *[3.0] * 100])
    assert kinds(events)[1:] == [("raised", 10.0)]
    assert state.condition == RAISED


def test_it_stands_for_its_dwell_at_least() -> None:
    spec = AlarmSpec(hi=5.0, lo=5.0, dwell_s=45.0)
    _, events = told(spec, [6, 0, 0, 0, 0, 0, 0])
    assert kinds(events) == [("raised", 0.0), ("cleared", 50.0)]
    at_the_dwell = AlarmSpec(hi=5.0, lo=5.0, dwell_s=40.0)
    assert kinds(told(at_the_dwell, [6, 0, 0, 0, 0])[1])[1:] == [("cleared", 40.0)]


def test_a_level_rises_by_m_of_n_and_never_falls_within_an_alarm() -> None:
    state, events = told(SPEC, [6, 6, 9.5, 6, 7.5, 8, 5, 5, 5, 9, 9])
    levels = [(event.kind, event.at_s, event.level) for event in events[1:]]
    # one score of 9.5 and one of 7.5 within three make "plan"; "stop" needs two of nine
    assert levels == [("raised", 10.0, 1), ("escalated", 40.0, 2), ("escalated", 100.0, 3)]
    assert state.level == 3


def test_an_alarm_may_be_raised_at_a_higher_level_at_once() -> None:
    _, events = told(SPEC, [9, 9])
    assert (events[-1].kind, events[-1].level) == ("raised", 3)
    no_stop = AlarmSpec(hi=5.0, lo=3.0, plan=7.0)
    assert told(no_stop, [99.0])[1][0].level == 2
    no_plan = AlarmSpec(hi=5.0, lo=3.0, stop=7.0)
    assert told(no_plan, [8.0])[1][0].level == 3


def test_before_the_first_score_nothing_is_known() -> None:
    assert AlarmState().condition == UNKNOWN
    state, events = told(SPEC, [NAN, math.inf, -math.inf])
    assert (state.condition, events) == (UNKNOWN, [])


def test_missing_data_is_unknown_and_neither_raises_nor_clears() -> None:
    state, events = told(SPEC, [0, NAN])
    assert kinds(events) == [("known", 0.0), ("unknown", 10.0)]
    assert state.condition == UNKNOWN
    state, events = told(SPEC, [6, 6, 2, NAN, 2, 2])
    # the hold-off begins anew after the missing score: below lo from 40 s on
    assert kinds(events)[2:] == [("unknown", 30.0), ("known", 40.0)]
    assert (state.condition, state.is_open) == (RAISED, True)
    assert kinds(told(SPEC, [2], state)[1]) == [("cleared", 60.0)]


def test_a_gap_is_unknown_from_the_instant_it_is_too_long() -> None:
    state, _ = told(SPEC, [0, 6])
    later, events = step(SPEC, state, 200.0, 6.0)
    # the score before the gap does not count beside the one after it
    assert kinds(events) == [("unknown", 60.0), ("known", 200.0)]
    assert later.condition == OK
    at_the_limit, events = step(SPEC, state, 60.0, 6.0)
    assert kinds(events) == [("raised", 60.0)]
    assert at_the_limit.condition == RAISED


def test_a_clock_without_readings_finds_the_gap_once() -> None:
    state, _ = told(SPEC, [6, 6])
    assert check(SPEC, state, 60.0) == (state, ())
    lost, events = check(SPEC, state, 61.0)
    assert kinds(events) == [("unknown", 60.0)]
    assert (lost.condition, lost.is_open) == (UNKNOWN, True)
    assert check(SPEC, lost, 500.0) == (lost, ())
    assert kinds(step(SPEC, lost, 500.0, 4.0)[1]) == [("known", 500.0)]


def test_a_life_has_one_alarm_which_may_come_back() -> None:
    wave = [6, 6, 0, 0, 0]
    state, events = told(SPEC, wave * 3)
    assert [event.kind for event in events[1:]] == ["raised", "cleared"] + [
        "reopened",
        "cleared",
    ] * 2
    assert {event.life for event in events} == {0}
    higher, events = told(SPEC, [9, 9, 0, 0, 0, 6, 6], state)
    assert [(event.kind, event.level) for event in events] == [
        ("reopened", 3),
        ("cleared", 3),
        ("reopened", 3),
    ]
    fresh, _ = reset(higher, 500.0)
    _, events = told(SPEC, wave, fresh)
    assert [(event.kind, event.life) for event in events] == [
        ("known", 1),
        ("raised", 1),
        ("cleared", 1),
    ]


def test_a_replacement_closes_the_alarm_and_nothing_is_known_of_the_new_life() -> None:
    state, _ = told(SPEC, [6, 6])
    fresh, events = reset(state, 15.0)
    assert kinds(events) == [("closed", 15.0)]
    assert fresh == AlarmState(newest_s=15.0, life=1)
    assert reset(fresh, 16.0)[1] == ()


def test_who_has_seen_an_alarm_is_called_again_only_at_a_higher_level() -> None:
    state, events = told(SPEC, [6, 6])
    assert [event.is_call for event in events] == [False, True]
    unseen = told(SPEC, [0, 0, 0, 6, 6], state)[1]
    assert [(event.kind, event.is_call) for event in unseen] == [
        ("cleared", False),
        ("reopened", True),
    ]
    seen = told(SPEC, [0, 0, 0, 6, 6, 7, 7], acknowledge(state))[1]
    assert [(event.kind, event.is_call) for event in seen] == [
        ("cleared", False),
        ("reopened", False),
        ("escalated", True),
    ]


def test_a_late_reading_changes_nothing() -> None:
    state, _ = told(SPEC, [0, 6])
    assert step(SPEC, state, 5.0, 9.0) == (state, ())
    # one of the same instant is not late
    assert kinds(step(SPEC, state, 10.0, 6.0)[1]) == [("raised", 10.0)]
    with pytest.raises(ValueError, match="instant of a reading, not nan"):
        step(SPEC, state, NAN, 1.0)


def test_a_spec_that_cannot_work_names_every_fault() -> None:
    with pytest.raises(ValueError, match="lo <= hi <= plan <= stop") as caught:
        AlarmSpec(hi=1.0, lo=2.0, m=3, n=2, hold_off_s=-1.0, max_gap_s=0.0)
    for fault in ("not m 3 and n 2", "not -1.0 and 0.0", "a gap above 0 s, not 0.0"):
        assert fault in str(caught.value)
    with pytest.raises(ValueError, match="finite thresholds"):
        AlarmSpec(hi=math.inf, lo=0.0)
    with pytest.raises(ValueError, match="stop"):
        AlarmSpec(hi=1.0, lo=0.0, plan=3.0, stop=2.0)


@pytest.mark.parametrize("spec", [SPEC, AlarmSpec(hi=1.0, lo=1.0)])
def test_a_spec_survives_json(spec: AlarmSpec) -> None:
    text = json.dumps(spec.to_json(), allow_nan=False)
    assert AlarmSpec.from_json(json.loads(text)) == spec
    with pytest.raises(ValueError, match="an alarm has no low"):
        AlarmSpec.from_json({**spec.to_json(), "low": 1.0})


def test_a_checkpoint_with_a_strange_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="never 'healthy'"):
        state_from_json({**state_to_json(AlarmState()), "condition": "healthy"})


NUMBERS = st.sampled_from([0.0, 2.9, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, NAN, math.inf])
RUNS = st.lists(st.tuples(NUMBERS, st.integers(1, 30)), min_size=1, max_size=12)
STEPS = st.lists(st.sampled_from([0.0, 1.0, 10.0, 10.0, 10.0, 51.0, -15.0]), max_size=30)
SPECS = st.builds(
    lambda m, more, hold, dwell, gap, plan, stop: AlarmSpec(
        hi=5.0, lo=3.0, m=m, n=m + more, hold_off_s=hold, dwell_s=dwell, max_gap_s=gap,
        plan=plan, stop=stop,
    ),
    st.integers(1, 4),
    st.integers(0, 9),
    st.sampled_from([0.0, 20.0, 95.0]),
    st.sampled_from([0.0, 60.0, 300.0]),
    st.sampled_from([9.0, 50.0, math.inf]),
    st.sampled_from([None, 7.0]),
    st.sampled_from([None, 9.0]),
)  # fmt: skip


def history(
    runs: list[list[tuple[float, int]]], steps: list[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(asset, at_s, score): runs of equal scores an asset; instants by cycling through `steps`."""
    scores = [[score for score, n in one for _ in range(n)] for one in runs]
    moves = np.array(steps or [10.0])
    at = [np.cumsum(np.resize(moves, len(one))) for one in scores]
    asset = [np.full(len(one), code) for code, one in enumerate(scores)]
    return np.concatenate(asset), np.concatenate(at), np.concatenate([np.array(s) for s in scores])


@settings(max_examples=150, deadline=None)
@given(SPECS, st.lists(RUNS, min_size=1, max_size=3), STEPS, st.lists(st.integers(0, 900)))
def test_a_replay_gives_the_events_of_the_stream(
    spec: AlarmSpec, runs: list[list[tuple[float, int]]], steps: list[float], cuts: list[int]
) -> None:
    asset, at, score = history(runs, steps)
    resets = [(cut % len(runs), float(cut)) for cut in sorted(cuts)]
    streamed: dict[int, list[AlarmEvent]] = {}
    for code in range(len(runs)):
        state, events = AlarmState(), streamed.setdefault(code, [])
        waiting = [instant for name, instant in resets if name == code]
        for instant, one in zip(at[asset == code], score[asset == code], strict=True):
            while waiting and waiting[0] <= instant:
                state, more = reset(state, waiting.pop(0))
                events += more
            state, more = step(spec, state, float(instant), float(one))
            events += more
        for instant in waiting:
            state, more = reset(state, instant)
            events += more
    mixed = np.argsort(np.random.default_rng(len(at)).permutation(asset), kind="stable")
    places = np.empty(len(at), dtype=int)
    places[mixed] = np.arange(len(at))
    found = replay(spec, asset[places], at[places], score[places], resets)
    assert found == [(code, event) for code, events in streamed.items() for event in events]


@settings(max_examples=100, deadline=None)
@given(SPECS, RUNS, STEPS, st.integers(0, 400), st.booleans())
def test_neither_a_restart_nor_a_clock_changes_the_events(
    spec: AlarmSpec, runs: list[tuple[float, int]], steps: list[float], cut: int, ticks: bool
) -> None:
    _, at, score = history([runs], steps)
    alarms, events = Alarms(spec), []
    for row, (instant, one) in enumerate(zip(at.tolist(), score.tolist(), strict=True)):
        if ticks:
            events += [event for _, event in alarms.check(instant)]
        events += alarms.read(("pump 1", "seal"), instant, one)
        if row == cut:
            alarms = Alarms.restored(alarms.checkpoint())
    expected = [event for _, event in replay(spec, np.zeros(len(at), int), at, score)]
    assert events == expected


def test_the_state_stays_small_however_long_the_history() -> None:
    rng = np.random.default_rng(0)
    state, _ = told(SPEC, rng.normal(4, 2, 3_000).tolist())
    assert len(state.window) <= SPEC.n
    assert len(json.dumps(state_to_json(state))) < 300


def test_assets_do_not_see_each_other_and_may_come_mixed() -> None:
    asset = np.array([7, 3, 7, 3, 7, 3])
    score = np.array([6.0, 0.0, 6.0, 6.0, 0.0, 6.0])
    found = replay(SPEC, asset, np.array([0.0, 0, 10, 10, 20, 20]), score, [(3, 15.0), (9, 1.0)])
    assert [(code, event.kind, event.life) for code, event in found] == [
        (3, "known", 0),
        (3, "known", 1),
        (7, "known", 0),
        (7, "raised", 0),
    ]


def test_a_fleet_keeps_one_alarm_a_failure_mode() -> None:
    alarms = Alarms(AlarmSpec(hi=1.0, lo=1.0))
    assert [event.kind for event in alarms.read(("a", "seal"), 0.0, 2.0)] == ["raised"]
    assert [event.kind for event in alarms.read(("a", "bearing"), 0.0, 0.0)] == ["known"]
    alarms.acknowledge(("a", "seal"))
    assert alarms.of(("a", "seal")).acknowledged == 1
    assert [event.kind for event in alarms.reset(("a", "seal"), 5.0)] == ["closed"]
    assert alarms.of("never read") == AlarmState()
