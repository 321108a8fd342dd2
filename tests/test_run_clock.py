"""A run's clock: seconds since its start, and a reserve that grows with a slow machine."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lepton.run_clock import AFTER, COSTS, MARGIN, UNKNOWN_PACE, RunClock

BEFORE = ("read", "validate", "featurize")


@dataclass
class Hand:
    """A clock that stands where it is put."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def cost(*stages: str, n_rows: int) -> float:
    return sum(COSTS[name][0] + COSTS[name][1] * n_rows / 100_000 for name in stages)


def run_until_search(hand: Hand, *, seconds_each: float) -> RunClock:
    clock = RunClock(began_s=hand.now_s, clock=hand)
    for stage in (*BEFORE, "search"):
        hand.now_s += seconds_each
        clock.enter(stage)
    return clock


def test_seconds_count_from_the_start_of_the_run_and_not_of_the_process() -> None:
    hand = Hand()
    clock = RunClock(began_s=90.0, clock=hand)
    assert clock.spent_s == 10.0
    hand.now_s += 5
    assert clock.spent_s == 15.0


@pytest.mark.parametrize("n_rows", [1_000, 100_000, 1_000_000])
def test_the_reserve_follows_the_pace_of_the_stages_before_the_search(n_rows: int) -> None:
    idle = run_until_search(Hand(), seconds_each=1.0)
    busy = run_until_search(Hand(), seconds_each=3.0)
    pace = 4.0 / cost("start", *BEFORE, n_rows=n_rows)
    wanted = MARGIN * pace * cost(*AFTER, n_rows=n_rows)
    assert idle.reserve_s(n_rows) == pytest.approx(wanted)
    assert busy.reserve_s(n_rows) == pytest.approx(3 * wanted)


def test_what_search_itself_takes_does_not_count_as_pace() -> None:
    hand = Hand()
    clock = run_until_search(hand, seconds_each=1.0)
    before = clock.reserve_s(50_000)
    hand.now_s += 500
    clock.enter("compress")
    clock.enter("search")
    assert clock.reserve_s(50_000) == before


def test_without_stages_before_it_a_slow_machine_is_supposed() -> None:
    clock = RunClock(began_s=0.0, clock=Hand())
    clock.enter("search")
    assert clock.reserve_s(0) == pytest.approx(MARGIN * UNKNOWN_PACE * cost(*AFTER, n_rows=0))
