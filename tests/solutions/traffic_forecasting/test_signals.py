"""Signal timing: Webster's cycle with known answers, limits that hold, and no suggestion at all."""

from __future__ import annotations

import numpy as np
import pytest

from solutions.traffic_forecasting.signals import (
    Approach,
    Timing,
    delay_s,
    longest,
    mean_delay_s,
    suggest,
)


def crossing(north: float, east: float) -> list[Approach]:
    return [Approach("north", "A", north), Approach("east", "B", east)]


def test_the_cycle_and_greens_are_websters() -> None:
    found = suggest(crossing(760.0, 380.0), lost_s=5.0)
    assert found.loaded == pytest.approx(0.6)
    assert found.timing is not None
    assert found.timing.cycle_s == pytest.approx((1.5 * 10 + 5) / 0.4)
    assert found.timing.green_s["A"] == pytest.approx(40 * 2 / 3)
    assert sum(found.timing.green_s.values()) + 10 == pytest.approx(found.timing.cycle_s)


def test_only_the_critical_approach_of_a_phase_counts() -> None:
    both = [*crossing(760.0, 380.0), Approach("south", "A", 200.0)]
    one, other = suggest(both, lost_s=5.0).timing, suggest(both[:2], lost_s=5.0).timing
    assert one == other


def test_cycles_stay_between_half_a_minute_and_two_and_a_half() -> None:
    quiet, busy = suggest(crossing(50.0, 50.0)), suggest(crossing(1_000.0, 780.0))
    assert quiet.timing is not None
    assert quiet.timing.cycle_s == 30.0
    assert busy.timing is not None
    assert busy.timing.cycle_s == 150.0
    assert busy.loaded < 0.95


def test_no_green_is_shorter_than_its_least() -> None:
    uneven = [Approach("north", "A", 900.0), Approach("east", "B", 5.0, least_green_s=12.0)]
    found = suggest(uneven)
    assert found.timing is not None
    assert found.timing.green_s["B"] == 12.0
    assert sum(found.timing.green_s.values()) + 8 == pytest.approx(found.timing.cycle_s)


def test_where_no_cycle_passes_the_flows_nothing_is_suggested() -> None:
    found = suggest(crossing(1_200.0, 700.0))
    assert found.timing is None
    assert "no cycle passes them" in found.why
    assert suggest([Approach("n", "A", 10.0, least_green_s=160.0)]).timing is None


def test_a_present_timing_that_is_as_good_is_kept() -> None:
    flows = crossing(760.0, 380.0)
    best = suggest(flows).timing
    assert best is not None
    kept = suggest(flows, present=best)
    assert (kept.timing, kept.why) == (None, "the present timing is as good")
    wrong = Timing(best.cycle_s, {"A": best.green_s["B"], "B": best.green_s["A"]})
    changed = suggest(flows, present=wrong)
    assert changed.timing == best
    assert changed.change_s is not None
    assert changed.change_s < -30
    assert changed.delay_s == pytest.approx(mean_delay_s(flows, best))
    assert mean_delay_s(flows, wrong) + changed.change_s == pytest.approx(changed.delay_s)


def test_delay_is_that_of_the_manual() -> None:
    # X = .8: 0.5 * 60 * .25 / .6 = 12.5 s; 225 (-.2 + sqrt(.04 + 3.2 / 225)) = 7.4 s
    told = delay_s(720.0, 1_800.0, 30.0, 60.0)
    random = 225 * (-0.2 + np.sqrt(0.04 + 4 * 0.8 / (900 * 0.25)))
    assert told == pytest.approx(12.5 + random)
    assert delay_s(0.0, 1_800.0, 30.0, 60.0) == pytest.approx(7.5)
    assert delay_s(1_800.0, 1_800.0, 30.0, 60.0) > 225


@pytest.mark.parametrize(
    ("approaches", "present", "told"),
    [
        ([], None, "no approach"),
        ([Approach("n", "A", float("nan"))], None, "n has no flow"),
        ([Approach("n", "A", 10.0, lanes=0.0)], None, "n has no flow or no lane"),
        ([Approach("n", "A", 10.0)], Timing(60.0, {"B": 30.0}), "lacks a phase"),
    ],
)
def test_what_cannot_be_is_refused(
    approaches: list[Approach], present: Timing | None, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        suggest(approaches, present=present)


def test_the_longest_cycle_is_left_for_flows_that_no_cycle_passes() -> None:
    found = longest(crossing(1_200.0, 800.0), lost_s=5.0)
    assert found.cycle_s == 150.0
    assert found.green_s["A"] == pytest.approx(140 * 0.6)
    assert sum(found.green_s.values()) == pytest.approx(140.0)
    uneven = [Approach("n", "A", 2_000.0), Approach("e", "B", 1.0, least_green_s=20.0)]
    assert longest(uneven).green_s["B"] == 20.0
