"""Alarms judged failure by failure: recall, false raises, lead times, and what cannot be told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.events import (
    EventRule,
    Lives,
    alarm_raises,
    count_raises,
    event_curve,
    false_at_recall,
    judge_events,
    observed_lives,
)
from lepton_edge.alarm import AlarmSpec

START = pd.Timestamp("2024-01-01T00:00Z")
DAY = pd.Timedelta(days=1)
RULE = EventRule(horizon=10 * DAY, lead_time=2 * DAY)


def table(days: Mapping[str, Sequence[float]], name: str) -> pd.DataFrame:
    """One row an asset and day (days since START), in a shuffled order."""
    rows = [(asset, START + day * DAY) for asset, ones in days.items() for day in ones]
    frame = pd.DataFrame(rows, columns=["asset_id", name])
    frame[name] = pd.Series(frame[name], dtype="datetime64[us, UTC]")
    return frame.sample(frac=1.0, random_state=0)


def lives(
    last: Mapping[str, float],
    failed: Mapping[str, Sequence[float]],
    replaced: Mapping[str, Sequence[float]] | None = None,
) -> Lives:
    readings = table({asset: (0.0, day) for asset, day in last.items()}, "event_at")
    planned = None if replaced is None else table(replaced, "done_at")
    return observed_lives(readings, table(failed, "failed_at"), planned)


def raises(days: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    return table(days, "raised_at")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_lives_lie_between_failures_replacements_and_the_last_reading() -> None:
    found = lives({"b": 50.0, "a": 30.0}, {"a": [12.0, 30.0]}, {"a": [20.0], "b": [40.0]})
    origin = START.value // 1_000
    day = 86_400_000_000
    assert [found.assets[code] for code in found.code] == ["a", "a", "a", "b", "b"]
    assert ((found.started - origin) / day).tolist() == [0, 12, 20, 0, 40]
    assert ((found.ended - origin) / day).tolist() == [12, 20, 30, 40, 50]
    assert found.failed.tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("raised", "what"),
    [
        (89.9, "false"),
        (90.0, "caught"),
        (98.0, "caught"),
        (98.1, "late"),
        (100.0, "late"),
        (50.0, "false"),
    ],
)
def test_a_raise_counts_from_the_horizon_to_the_lead_time(raised: float, what: str) -> None:
    found = count_raises(lives({"a": 100.0}, {"a": [100.0]}), raises({"a": [raised]}), RULE)
    counts = {"caught": found.caught, "false": found.false, "late": found.late}
    assert {name: one.tolist() for name, one in counts.items()} == {
        name: [1.0 if name == what else 0.0] for name in counts
    }


def test_a_failure_is_caught_once_and_by_its_first_raise() -> None:
    found = count_raises(
        lives({"a": 100.0}, {"a": [50.0, 100.0]}), raises({"a": [47.0, 44.0, 30.0]}), RULE
    )
    assert found.caught.tolist() == [1.0]
    assert found.false.tolist() == [1.0]
    assert found.lead_h[0] == 6 * 24
    assert np.isnan(found.lead_h[1])


def test_a_raise_before_a_replacement_does_not_warn_of_the_next_life() -> None:
    one = lives({"a": 100.0}, {"a": [60.0]}, {"a": [57.0]})
    found = count_raises(one, raises({"a": [55.0, 40.0]}), RULE)
    assert found.caught.tolist() == [0.0]
    # five days before it was replaced: nobody knows; seventeen days before: nothing followed
    assert (found.undecided.tolist(), found.false.tolist()) == ([1.0], [1.0])


def test_time_in_which_nothing_can_be_told_is_no_healthy_time() -> None:
    month = 365.25 / 12
    found = count_raises(lives({"a": 4 * month}, {"a": [month]}), raises({"a": []}), RULE)
    # a failed life counts whole, a life cut off without its last ten days
    assert found.months[0] == pytest.approx(4 - 10 / month)
    assert found.all_months[0] == pytest.approx(4.0)


def test_an_asset_without_failures_has_false_raises_only() -> None:
    two = lives({"a": 100.0, "b": 100.0}, {"a": [100.0]})
    found = count_raises(two, raises({"b": [95.0, 93.0, 50.0], "a": [95.0]}), RULE)
    assert found.failures.tolist() == [1.0, 0.0]
    assert found.caught.tolist() == [1.0, 0.0]
    assert found.false.tolist() == [0.0, 1.0]
    assert found.undecided.tolist() == [0.0, 2.0]


def test_a_failure_of_an_asset_without_readings_is_missed() -> None:
    found = lives({"a": 100.0}, {"b": [20.0]})
    counts = count_raises(found, raises({"c": [3.0]}), RULE)
    assert counts.failures.tolist() == [0.0, 1.0]
    assert (counts.caught.sum(), counts.false.sum()) == (0.0, 0.0)
    # a raise after the last reading belongs to no life, not to the next asset's
    after = count_raises(found, raises({"a": [101.0]}), RULE)
    assert (after.caught.sum(), after.false.sum(), after.undecided.sum()) == (0.0, 0.0, 0.0)
    assert counts.all_months[1] == 0.0


def fleet(n: int = 60) -> tuple[Lives, pd.DataFrame]:
    """`n` assets of 300 days that fail at the end; four in five are warned of 5 days before, and
    every third has one false raise."""
    names = [f"pump {at:02d}" for at in range(n)]
    raised = {
        name: [*([295.0] if at % 5 else []), *([100.0] if at % 3 == 0 else [])]
        for at, name in enumerate(names)
    }
    found = lives(dict.fromkeys(names, 300.0), {name: [300.0] for name in names})
    return found, raises(raised)


def test_recall_false_raises_and_lead_time_have_intervals_over_assets() -> None:
    known, raised = fleet()
    found = judge_events(known, raised, RULE, rng=rng())
    months = 60 * 300 * 12 / 365.25
    assert found.recall.value == pytest.approx(0.8)
    assert found.false_per_month.value == pytest.approx(20 / months)
    assert found.lead_h.value == 5 * 24
    assert found.lead_quantiles_h == (120.0,) * 5
    assert (found.n_failures, found.n_caught, found.n_false) == (60, 48, 20)
    # binomial: 1.96 * sqrt(0.8 * 0.2 / 60) = 0.10
    assert found.recall.low == pytest.approx(0.7, abs=0.04)
    assert found.recall.high == pytest.approx(0.9, abs=0.04)
    low, high = found.false_per_month.low, found.false_per_month.high
    assert low is not None
    assert high is not None
    assert low < 20 / months < high < 2 * 20 / months


def test_undecided_raises_are_false_in_the_worst_case() -> None:
    found = judge_events(
        lives({"a": 100.0, "b": 60.0}, {"a": [100.0]}), raises({"b": [55.0]}), RULE, rng=rng()
    )
    assert (found.n_undecided, found.false_per_month.value) == (1, 0.0)
    assert found.most_false_per_month.value == pytest.approx(365.25 / 12 / 160)


def test_what_cannot_be_rated_says_why() -> None:
    found = judge_events(lives({"a": 5.0}, {"a": []}), raises({"a": []}), RULE, rng=rng())
    assert (found.recall.value, found.recall.reason) == (None, "no failure")
    assert found.false_per_month.value is None
    assert "told right from false" in found.false_per_month.reason
    assert (found.lead_h.value, found.lead_h.reason) == (None, "no failure was warned of")


def raises_at(threshold: float) -> pd.DataFrame:
    """Assets 0 to 9: 0 to 8 score 8 five days before they fail; healthy scores of 1 to 10."""
    found: dict[str, list[float]] = {f"a{at}": [] for at in range(10)}
    for at in range(10):
        found[f"a{at}"] += [295.0] if at < 9 and threshold <= 8 else []
        found[f"a{at}"] += [100.0] if threshold <= 1 + at else []
    return raises({name: days for name, days in found.items() if days} or {"a0": []})


def test_the_curve_trades_recall_against_false_raises() -> None:
    known = lives({f"a{at}": 300.0 for at in range(10)}, {f"a{at}": [300.0] for at in range(10)})
    curve = event_curve(known, raises_at, [9.0, 2.0, 8.0, 8.0, 11.0], RULE)
    month = 365.25 / 12
    assert curve.thresholds.tolist() == [2.0, 8.0, 9.0, 11.0]
    assert curve.recall.tolist() == [0.9, 0.9, 0.0, 0.0]
    assert (curve.false_per_month * 3_000 / month).round(6).tolist() == [9.0, 3.0, 2.0, 0.0]
    point = false_at_recall(curve, rng=rng(), recall=0.9)
    assert (point.threshold, point.recall) == (8.0, 0.9)
    assert point.false_per_month.value == pytest.approx(3 * month / 3_000)
    tied = event_curve(known, lambda high: raises_at(min(high, 2.0)), [2.0, 3.0], RULE)
    assert false_at_recall(tied, rng=rng()).threshold == 3.0
    beyond = false_at_recall(curve, rng=rng(), recall=0.95)
    assert beyond.threshold is None
    assert beyond.false_per_month.reason.endswith("the highest recall is 0.900")


def test_each_resample_chooses_its_own_threshold() -> None:
    known, raised = fleet(200)
    strict = raised[raised["raised_at"] > START + 200 * DAY]
    curve = event_curve(known, lambda high: strict if high > 0 else raised, [0.0, 1.0], RULE)
    point = false_at_recall(curve, rng=rng(), recall=0.75)
    assert point.threshold == 1.0
    assert (point.false_per_month.value, point.false_per_month.low) == (0.0, 0.0)
    # nothing seen in so many asset-months: at most 3.69 expected (Garwood 1936)
    most = -math.log(0.025) / (200 * 300 * 12 / 365.25)
    assert point.false_per_month.high == pytest.approx(most)


def test_alarms_without_a_fault_are_not_taken_for_certain() -> None:
    names = [f"a{at}" for at in range(20)]
    known = lives(dict.fromkeys(names, 300.0), {name: [300.0] for name in names})
    found = judge_events(known, raises({name: [295.0] for name in names}), RULE, rng=rng())
    # Wilson's lower limit of 20 in 20: 20 / (20 + 1.96 ** 2)
    assert (found.recall.value, found.recall.high) == (1.0, 1.0)
    assert found.recall.low == pytest.approx(20 / (20 + 1.96**2), rel=1e-4)
    assert found.false_per_month.value == 0.0
    months = 20 * 300 * 12 / 365.25
    assert found.false_per_month.high == pytest.approx(-math.log(0.025) / months)


def test_raises_of_the_alarm_are_judged_life_by_life() -> None:
    days = np.arange(0.0, 60.0)
    scores = np.where((days >= 25) & (days < 30), 9.0, 0.0)
    scores[[40, 55, 56, 57, 58, 59]] = 9.0
    readings = table({"a": days.tolist()}, "event_at").sort_values("event_at")
    readings = readings.assign(score=scores).sample(frac=1.0, random_state=1)
    ends = table({"a": [30.0]}, "ended_at")
    spec = AlarmSpec(hi=5.0, lo=5.0, hold_off_s=2 * 86_400.0)
    found = alarm_raises(readings, spec, ends)
    assert ((found["raised_at"] - START) / DAY).tolist() == [25.0, 40.0, 55.0]
    assert found["is_reopened"].tolist() == [False, False, True]
    assert str(found["raised_at"].dtype) == "datetime64[us, UTC]"
    known = lives({"a": 59.0}, {"a": [30.0, 59.0]})
    counts = count_raises(known, found, RULE)
    assert (counts.caught.tolist(), counts.false.tolist()) == ([2.0], [1.0])
    silent = alarm_raises(readings.assign(score=0.0), spec)
    assert silent.empty
    assert count_raises(known, silent, RULE).caught.tolist() == [0.0]


def test_many_assets_over_years_keep_their_own_raises() -> None:
    names = [f"{at:05d}" for at in range(3_000)]
    known = lives(dict.fromkeys(names, 3_650.0), {name: [3_650.0] for name in names})
    warned = {name: [3_650.0 - 2 - 1e-6] for name in names[::7]}
    found = count_raises(known, raises(warned), RULE)
    assert np.flatnonzero(found.caught).tolist() == list(range(0, 3_000, 7))


def test_a_rule_needs_a_lead_time_below_its_horizon() -> None:
    with pytest.raises(ValueError, match="not from 0 to below the horizon"):
        EventRule(DAY, DAY)


def test_a_failure_after_the_last_reading_ends_the_life_of_those_readings() -> None:
    start = pd.Timestamp("2025-01-01", tz="UTC")
    days = [start + pd.Timedelta(days=k) for k in (0, 1, 2)]
    readings = pd.DataFrame({"asset_id": ["a"] * 3, "event_at": days})
    failures = pd.DataFrame({"asset_id": ["a"], "failed_at": [start + pd.Timedelta(days=3)]})
    lives = observed_lives(readings, failures)
    assert lives.failed.tolist() == [True]
    raised = pd.DataFrame({"asset_id": ["a"], "raised_at": [days[1]]})
    found = count_raises(lives, raised, EventRule(pd.Timedelta(days=5)))
    assert (found.caught.sum(), found.undecided.sum()) == (1, 0)
    assert found.lead_h.tolist() == [48.0]
