"""What actions and rules were worth, on rows whose money can be added up by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.actions import action_facts, rule_table, worth_of
from lepton_edge.policy import Action, Policy
from lepton_edge.rules import Rule

PASS = Action("pass", positive=(10.0, 1.0), negative=(0.0, 0.0))
CHECK = Action("check", positive=(4.0, 0.0), negative=(4.0, 0.0), limited=True)
STOP = Action("stop", positive=(0.0, 0.0), negative=(30.0, 0.0))
POLICY = Policy((PASS, CHECK, STOP), capacity=1.0)


def rows() -> pd.DataFrame:
    """Eight days of five rows: two positives of 90 and 10 among them, the first found by all."""
    day = pd.DataFrame(
        {
            "target": [1.0, 1.0, 0.0, 0.0, 0.0],
            "value": [90.0, 10.0, 50.0, 50.0, 50.0],
            "score": [0.5, 0.6, 0.4, 0.1, 0.1],
            "decision": [0, 1, 0, 0, 0],
            "action": ["check", "pass", "stop", "pass", "pass"],
            "rules": ["a", "a,b", "b", "b", ""],
            "review_sample": [False, False, False, True, False],
        }
    )
    days = [
        day.assign(event_at=pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(days=number))
        for number in range(8)
    ]
    return pd.concat(days, ignore_index=True)


def facts(**changes: Any) -> dict[str, float]:
    return action_facts(rows().assign(**changes), POLICY, np.random.default_rng(0))


def test_money_follows_the_table_once_the_outcome_is_known() -> None:
    worth = worth_of(rows().head(5), POLICY.actions)
    assert worth.chosen.tolist() == [4.0, 20.0, 30.0, 0.0, 0.0]
    assert worth.saved.tolist() == [96.0, 0.0, -30.0, 0.0, 0.0]


def test_actions_and_the_random_sample_are_counted_apart() -> None:
    found = facts()
    assert [found[f"action_{name}"] for name in ("pass", "check", "stop")] == [24, 8, 8]
    assert (found["review_sample"], found["review_sample_positives"]) == (8, 0)
    # a check and a drawn row a day
    assert (found["by_hand_per_day"], found["by_hand_most"]) == (2, 2)


def test_gains_are_shares_of_what_each_rival_saves() -> None:
    found = facts()
    assert found["policy_saved"] == 8 * 66.0
    # the graph checks the row of 10, which saves 20 - 4
    assert (found["fixed_saved"], found["fixed_alerts"]) == (8 * 16.0, 8)
    assert found["policy_gain"] == pytest.approx(66 / 16 - 1)
    assert found["policy_gain_low"] == pytest.approx(66 / 16 - 1)
    # eight checks in hindsight, by score: only the rows of 10
    assert (found["hindsight_saved"], found["hindsight_alerts"]) == (8 * 16.0, 8)
    # by expected value the rows of 90 come first
    assert found["value_saved"] == 8 * 96.0
    assert found["value_gain"] == pytest.approx(96 / 16 - 1)
    # stopping down to 0.5 saves 20 + 100 a day
    assert found["single_saved"] == 8 * 120.0


def test_a_gain_over_nothing_is_not_told() -> None:
    found = facts(decision=0)
    assert "policy_gain" not in found
    assert found["fixed_saved"] == 0


def test_the_interval_lies_around_the_gain_and_is_the_same_again() -> None:
    noisy = rows()
    noisy["value"] += np.random.default_rng(1).exponential(80.0, len(noisy))
    first, second = (action_facts(noisy, POLICY, np.random.default_rng(2)) for _ in range(2))
    assert first == second
    assert first["policy_gain_low"] < first["policy_gain"] < first["policy_gain_high"]


def rule(name: str, action: str) -> Rule:
    return Rule(name, ["name", "x"], ("x",), (), action, "shadow", "because")


def test_each_rule_is_held_against_the_outcome_and_the_policy() -> None:
    rules = [rule("a", "check"), rule("b", "stop"), rule("c", "check")]
    table = rule_table(rows(), POLICY.actions, rules, {"c": ("x",)}, {"a": "x > 1"})
    a, b, c = (line for _, line in table.iterrows())
    assert (a["hits"], a["positives"], a["precision"], a["recall"]) == (16, 16, 1.0, 1.0)
    assert (a["also_alerted"], a["only_policy"], a["when"]) == (8, 8, "x > 1")
    # only the row of 10 would be treated more strictly: 20 becomes 4
    assert a["would_save"] == 8 * 16.0
    assert (b["precision"], b["recall"], b["also_alerted"]) == (pytest.approx(1 / 3), 0.5, 8)
    # stopping the row of 10 saves 20, the honest row that passed costs 30
    assert b["would_save"] == 8 * (20.0 - 30.0)
    assert (c["missing"], c["hits"]) == ("x", 0)
    assert np.isnan(c["precision"])
    assert np.isnan(c["recall"])
