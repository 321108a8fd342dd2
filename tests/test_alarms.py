"""A rule on alarms becomes a spec for the model at hand."""

from __future__ import annotations

import math

import pytest

from lepton.alarms import GAP_READINGS, AlarmRule


def _odds(p: float) -> float:
    return p / (1.0 - p)


@pytest.mark.parametrize("threshold", [1e-9, 0.03, 0.5, 0.97])
def test_levels_are_multiples_of_the_odds_at_the_threshold(threshold: float) -> None:
    found = AlarmRule(lo=0.5, plan=3.0, stop=10.0).spec(threshold, usual_s=60.0)
    assert found.hi == threshold
    assert found.plan is not None
    assert found.stop is not None
    wanted = [times * _odds(threshold) for times in (0.5, 3.0, 10.0)]
    assert [_odds(p) for p in (found.lo, found.plan, found.stop)] == pytest.approx(wanted)
    assert 0 < found.lo < found.hi < found.plan < found.stop < 1


@pytest.mark.parametrize("threshold", [5e-324, 1.0 - 2**-53])
def test_a_threshold_that_no_score_or_every_score_reaches_gives_a_spec_too(
    threshold: float,
) -> None:
    found = AlarmRule(m=2, n=3, lo=0.5, plan=3.0, stop=10.0).spec(threshold, usual_s=60.0)
    assert found.thresholds == tuple(sorted(found.thresholds))


def test_a_level_that_is_not_wanted_is_never_reached() -> None:
    assert AlarmRule().spec(0.4, usual_s=1.0).thresholds == (0.4, math.inf, math.inf)


def test_the_gap_follows_the_readings_where_nobody_says_it() -> None:
    assert AlarmRule().spec(0.5, usual_s=600.0).max_gap_s == GAP_READINGS * 600.0
    assert AlarmRule(max_gap_h=2.0).spec(0.5, usual_s=600.0).max_gap_s == 7_200.0
    assert AlarmRule().spec(0.5, usual_s=0.0).max_gap_s == math.inf


def test_a_rule_whose_parts_do_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="1 <= m <= n"):
        AlarmRule(m=4, n=3).spec(0.5, usual_s=1.0)
    with pytest.raises(ValueError, match="lo <= hi <= plan <= stop"):
        AlarmRule(plan=10.0, stop=3.0).spec(0.5, usual_s=1.0)
