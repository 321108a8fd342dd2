"""The policy: least expected cost, a day's places, a random sample; batch and stream act alike."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lepton_edge.policy import (
    DAY_US,
    DAYS_KEPT,
    Action,
    Policy,
    Sample,
    policy_from_json,
    policy_to_json,
)

PASS = Action("pass", positive=(10.0, 1.0), negative=(0.0, 0.0))
CHECK = Action("check", positive=(4.0, 0.0), negative=(4.0, 0.0), limited=True)
STOP = Action("stop", positive=(0.0, 0.0), negative=(30.0, 0.0))
NOON = 20_000 * DAY_US + DAY_US // 2


def policy(capacity: float | None = None, price: float = 0.0, zone: str = "UTC") -> Policy:
    return Policy((PASS, CHECK, STOP), capacity=capacity, price=price, zone=zone)


def chosen(found: Policy, p: float, value: float, at: int = NOON, floor: int = 0) -> str:
    return found.actions[found.choose(found.costs(p, value), at, "k", floor).action].name


@pytest.mark.parametrize(
    ("p", "value", "action"),
    [
        # checking costs 4, passing p * (10 + value), stopping (1 - p) * 30
        (0.03, 100.0, "pass"),
        (0.04, 100.0, "check"),
        (0.01, 500.0, "check"),
        (0.30, 1.0, "pass"),
        (0.86, 100.0, "check"),
        (0.88, 100.0, "stop"),
    ],
)
def test_the_action_of_least_expected_cost_depends_on_the_value(
    p: float, value: float, action: str
) -> None:
    assert chosen(policy(), p, value) == action


def test_a_day_has_so_many_places_and_the_next_day_as_many_again() -> None:
    found = policy(capacity=2)
    today = [chosen(found, 0.5, 100.0) for _ in range(3)]
    # without a place the best of the others: 0.5 * 30 to stop against 0.5 * 110 to pass
    assert today == ["check", "check", "stop"]
    assert chosen(found, 0.5, 100.0, NOON + DAY_US) == "check"
    assert chosen(found, 0.5, 100.0, NOON) == "stop"


def test_a_place_goes_only_to_a_row_that_is_worth_its_price() -> None:
    # checking saves 0.1 * 110 - 4 = 7
    assert chosen(policy(price=7.5), 0.1, 100.0) == "pass"
    assert chosen(policy(price=6.5), 0.1, 100.0) == "check"


def test_days_begin_at_midnight_in_the_zone() -> None:
    found = policy(capacity=1, zone="Europe/Berlin")
    midnight_utc = 20_000 * DAY_US
    hour = DAY_US // 24
    # day 20,000 lies in October: Berlin is two hours ahead of UTC
    assert chosen(found, 0.5, 100.0, midnight_utc - 3 * hour) == "check"
    assert chosen(found, 0.5, 100.0, midnight_utc - 1 * hour) == "check"
    assert chosen(found, 0.5, 100.0, midnight_utc + 1 * hour) == "stop"


def test_an_active_rule_makes_an_action_stricter_and_never_milder() -> None:
    assert chosen(policy(), 0.0, 100.0, floor=1) == "check"
    assert chosen(policy(), 0.99, 100.0, floor=1) == "stop"
    full = policy(capacity=0)
    assert chosen(full, 0.0, 100.0, floor=1) == "check"
    assert full.used == {NOON // DAY_US: 1}


def test_the_sample_depends_on_the_key_alone_and_has_its_rate() -> None:
    sample = Sample(0.02, "salt")
    keys = [f"t{number}" for number in range(20_000)]
    drawn = {key for key in keys if sample.draws(key)}
    assert {key for key in reversed(keys) if sample.draws(key)} == drawn
    # 400 expected, standard deviation 20
    assert 320 < len(drawn) < 480
    other = {key for key in keys if Sample(0.02, "another").draws(key)}
    assert len(drawn & other) < 30
    assert not any(Sample(0.0, "salt").draws(key) for key in keys)


def test_only_rows_that_pass_are_drawn_and_they_take_a_place() -> None:
    found = Policy((PASS, CHECK, STOP), capacity=5, sample=Sample(1.0, "s"))
    passed = found.choose(found.costs(0.0, 1.0), NOON, "a")
    checked = found.choose(found.costs(0.5, 100.0), NOON, "b")
    assert (passed.action, passed.sample) == (0, True)
    assert (checked.action, checked.sample) == (1, False)
    assert found.used == {NOON // DAY_US: 2}


def test_a_restored_policy_goes_on_counting_where_it_was() -> None:
    found = policy(capacity=2)
    assert chosen(found, 0.5, 100.0) == "check"
    again = policy(capacity=2)
    again.restore(json.loads(json.dumps(found.state())))
    assert [chosen(again, 0.5, 100.0) for _ in range(2)] == ["check", "stop"]


def test_counts_of_days_long_gone_are_forgotten() -> None:
    found = policy(capacity=1)
    for day in range(30):
        chosen(found, 0.5, 100.0, NOON + day * DAY_US)
    assert len(found.used) == DAYS_KEPT


def test_costs_of_many_rows_are_those_of_each_alone_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    p, value = rng.random(500), rng.lognormal(4, 1, 500)
    found = policy()
    together = np.column_stack(found.costs(p, value))
    alone = [found.costs(*row) for row in zip(p.tolist(), value.tolist(), strict=True)]
    assert together.tolist() == alone


def test_the_formula_is_plain_data_and_reads_back_equal() -> None:
    made = Policy((PASS, CHECK, STOP), capacity=3, price=1.5, zone="UTC", sample=Sample(0.1, "x"))
    told = json.loads(json.dumps(policy_to_json(made)))
    assert policy_to_json(policy_from_json(told)) == told


@pytest.mark.parametrize(
    "actions",
    [(), (CHECK,), (CHECK, PASS), (PASS, CHECK, Action("b", (0, 0), (1, 0), limited=True))],
)
def test_tables_that_leave_no_free_action_are_refused(actions: tuple[Action, ...]) -> None:
    with pytest.raises(ValueError, match="free of limits"):
        Policy(actions)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars/Base"):
        policy(zone="Mars/Base")
