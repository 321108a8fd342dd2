"""Rolling calibration: what a walk over history gives, a stream gives bit by bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton_edge.conformal import N_CELLS, ConformalSpec, Rolling, Scores

DAY = 86_400
SPEC = ConformalSpec(window_days=20, fewest=20)


def scores(seed: int, n_days: int = 40, leads: int = 6) -> Scores:
    rng = np.random.default_rng(seed)
    issue_s = np.repeat(np.arange(n_days) * DAY, leads)
    late = rng.choice([0, 3_600, 2 * DAY], len(issue_s))
    known_s = issue_s + rng.integers(1, DAY, len(issue_s)) + late
    return Scores(
        known_s, issue_s, rng.integers(0, N_CELLS, len(issue_s)), rng.normal(0, 1, len(late))
    )


def factors(rolling: Rolling, n_days: int = 40) -> list[np.ndarray]:
    return [rolling.factors(day * DAY) for day in range(n_days)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 39))
def test_scores_told_as_they_come_and_a_restart_give_the_same_bits(seed: int, cut: int) -> None:
    every = scores(seed)
    whole = Rolling(SPEC)
    whole.tell(every)
    wanted = factors(whole)
    rolling = Rolling(SPEC)
    for day in range(40):
        now_s = day * DAY
        there = (every.known_s <= now_s) & (every.known_s > now_s - DAY)
        rolling.tell(every.take(np.random.default_rng(seed).permutation(np.flatnonzero(there))))
        if day == cut:
            rolling = Rolling.from_arrays(SPEC, rolling.to_arrays())
        assert np.array_equal(rolling.factors(now_s), wanted[day])
        assert np.array_equal(rolling.factors(now_s), wanted[day]), "asked twice"


def test_a_truth_that_is_not_there_yet_changes_nothing() -> None:
    every = scores(1)
    known = Rolling(SPEC)
    known.tell(every.take(every.known_s <= 20 * DAY))
    both = Rolling(SPEC)
    both.tell(every)
    assert np.array_equal(factors(known, 21), factors(both, 21))


def test_intervals_that_are_too_narrow_are_stretched_until_they_hold_their_share() -> None:
    rng = np.random.default_rng(0)
    truth = np.abs(rng.normal(0, 1, 4_000))
    width = 1.0
    score = (truth - width / 2) / width
    rolling = Rolling(ConformalSpec(window_days=60))
    known_s = np.arange(4_000) * 600
    rolling.tell(Scores(known_s, known_s, np.zeros(4_000, dtype=np.int64), score))
    factor = rolling.factors(4_000 * 600)[0]
    assert abs(np.mean(truth <= factor * width / 2) - 0.8) < 0.01


def test_the_level_moves_against_what_was_missed() -> None:
    rolling = Rolling(SPEC)
    for day in range(10):
        rolling.factors(day * DAY)
        at = np.full(5, day * DAY)
        rolling.tell(Scores(at + 3_600, at, np.zeros(5, dtype=np.int64), np.full(5, 9.0)))
    assert rolling.asked > SPEC.level


def test_issues_within_a_day_share_their_level() -> None:
    rolling = Rolling(SPEC)
    levels = []
    for hour in range(72):
        rolling.factors(hour * 3_600)
        at = np.full(3, hour * 3_600)
        rolling.tell(Scores(at + 60, at, np.zeros(3, dtype=np.int64), np.full(3, 9.0)))
        levels.append(rolling.asked)
    assert len(set(levels[:24])) == len(set(levels[24:48])) == len(set(levels[48:])) == 1
    assert levels[0] < levels[24] < levels[48]


def test_looking_at_an_instant_leaves_the_state_as_it_is() -> None:
    rolling = Rolling(SPEC)
    rolling.tell(scores(2))
    factors(rolling, 30)
    before = {name: array.copy() for name, array in rolling.to_arrays().items()}
    rolling.peek(35 * DAY)
    rolling.factors(3 * DAY)
    after = rolling.to_arrays()
    assert all(np.array_equal(before[name], after[name]) for name in before)
