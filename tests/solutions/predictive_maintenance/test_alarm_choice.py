"""The rule of raising is the one that small fleets of known lives ask for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.events import EventRule, count_raises
from solutions.predictive_maintenance.alarm_choice import (
    History,
    choose_alarm,
    history,
    max_gap_s,
    raises,
    rates,
)

START = pd.Timestamp("2025-01-01", tz="UTC").as_unit("us")
RULE = EventRule(pd.Timedelta(hours=10))
N = 60


def fleet(n: int = 12, *, failing: int = 6) -> History:
    """Hourly readings; the score of the assets that fail steps up 8 hours before they do."""
    names = [f"a{k:02d}" for k in range(n)]
    rows = pd.DataFrame(
        {
            "asset_id": np.repeat(names, N),
            "event_at": np.tile(START + pd.to_timedelta(np.arange(N), unit="h"), n),
        }
    )
    place = np.tile(np.arange(N), n)
    fails = np.repeat(np.arange(n) < failing, N)
    rng = np.random.default_rng(0)
    rows["score"] = 0.1 + 0.05 * rng.random(len(rows)) + 0.8 * (fails & (place >= N - 8))
    # one reading of each healthy asset is a spike
    rows.loc[~fails & (place == 20), "score"] = 0.99
    failures = pd.DataFrame(
        {"asset_id": names[:failing], "failed_at": START + pd.Timedelta(hours=N)}
    )
    return history(rows.sample(frac=1.0, random_state=1), {"failures": failures})


def test_spikes_are_not_raised_and_every_failure_is_warned_of() -> None:
    told = fleet()
    found = choose_alarm(told, RULE, most_false=0.0, gap_s=np.inf)
    assert (found.recall, found.false_per_month) == (1.0, 0.0)
    assert found.spec.m > 1
    assert set(raises(told, found.spec)["asset_id"]) == {f"a{k:02d}" for k in range(6)}


def test_what_is_chosen_is_what_counting_its_raises_gives() -> None:
    told = fleet()
    found = choose_alarm(told, RULE, most_false=1.0, gap_s=np.inf)
    counted = count_raises(told.lives, raises(told, found.spec), RULE)
    assert rates(counted) == (found.recall, found.false_per_month)


def test_fewest_false_raises_are_taken_where_no_rule_has_few_enough() -> None:
    told = fleet()
    noise = np.random.default_rng(3).random(len(told.readings))
    lost = History(told.readings.assign(score=noise), told.ends, told.lives)
    found = choose_alarm(lost, RULE, most_false=-1.0, gap_s=np.inf, wanted=2.0)
    other = choose_alarm(lost, RULE, most_false=1e9, gap_s=np.inf)
    assert found.false_per_month < other.false_per_month
    assert found.recall < other.recall


def test_only_replacements_end_a_life_beside_failures() -> None:
    rows = pd.DataFrame(
        {
            "asset_id": ["a"] * 4,
            "event_at": START + pd.to_timedelta(np.arange(4), unit="D"),
            "score": 0.0,
        }
    )
    works = pd.DataFrame(
        {
            "asset_id": ["a", "a", "b"],
            "done_at": START + pd.to_timedelta([12, 36, 36], unit="h"),
            "kind": ["inspect", "replace", "replace"],
        }
    )
    told = history(rows, {"maintenance": works})
    assert len(told.ends) == 1
    assert len(told.lives.ended) == 2


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({}, 72 * 3600.0),
        ({"sensors": pd.DataFrame({"sensor": ["t"]})}, 72 * 3600.0),
        ({"sensors": pd.DataFrame({"max_gap_s": [10.0, 30.0, 20.0, np.nan]})}, 20.0),
    ],
    ids=["no register", "no gap stated", "median"],
)
def test_longest_gap_is_the_usual_one_of_the_register(
    tables: dict[str, pd.DataFrame], expected: float
) -> None:
    assert max_gap_s(tables) == expected
