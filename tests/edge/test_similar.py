"""Past lives on a device: who is near, how long they had left, and which mode that speaks for."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from lepton_edge.alarm import AlarmSpec
from lepton_edge.alarm_modes import ModeAlarms, likeness
from lepton_edge.similar import PastLife, SimilarLives, SimilarPlan


def _life(
    name: str, mode: str | None, *pictures: tuple[float, float], weight: float = 1.0
) -> PastLife:
    left = tuple(24.0 * at for at in range(len(pictures)))
    return PastLife(name, "2026-01-01T00:00:00+00:00", mode, weight, left, pictures)


PLAN = SimilarPlan(
    columns=("heat", "noise"),
    scale=(2.0, 1.0),
    width=1.0,
    reach=2.0,
    modes=("burnt", "cracked"),
    lives=(
        _life("a", "burnt", (8.0, 0.0), (4.0, 0.0)),
        _life("b", "cracked", (0.0, 4.0), (0.0, 2.0)),
        _life("c", None, (20.0, 20.0)),
        _life("d", "burnt", (10.0, math.nan)),
    ),
)
LIVES = SimilarLives(PLAN)


def _picture(heat: float, noise: float) -> np.ndarray:
    return LIVES.picture({"heat": heat, "noise": noise})


def test_the_closest_picture_of_each_life_says_how_long_it_had_left() -> None:
    found = LIVES.matches(_picture(4.0, 0.0))
    assert (found[0].life.name, found[0].left_h, found[0].distance) == ("a", 24.0, 0.0)
    late = LIVES.matches(_picture(8.0, 0.0))
    assert (late[0].life.name, late[0].left_h) == ("a", 0.0)


def test_what_is_missing_is_left_out_of_the_distance_and_nothing_known_is_like_nobody() -> None:
    # of d only heat is known: two spreads off
    found = {one.life.name: one.distance for one in LIVES.matches(_picture(8.0, 0.0))}
    assert found["d"] == pytest.approx(1.0)
    blind = _picture(math.nan, math.nan)
    assert LIVES.matches(blind) == ()
    assert LIVES.shares(blind) is None
    assert LIVES.likeliest(blind)[0] is None


def test_beyond_the_reach_no_life_is_similar_and_no_mode_is_told() -> None:
    assert likeness(LIVES, {"heat": -40.0, "noise": -40.0}) == {"similar": [], "mode": None}


def test_shares_follow_the_formula_with_weights() -> None:
    plan = replace(PLAN, lives=(*PLAN.lives[:2], _life("e", "cracked", (0.0, 3.0), weight=3.0)))
    found = SimilarLives(plan).shares(np.array([0.0, 3.0]))
    # squared offsets in spreads, averaged over two columns
    near = {"a": (2.0**2 + 3.0**2) / 2, "b": 1.0 / 2, "e": 0.0}
    weight = {"a": math.exp(-near["a"]), "b": math.exp(-near["b"]), "e": 3.0}
    assert found is not None
    assert found[0] == pytest.approx(weight["a"] / sum(weight.values()))
    assert found.sum() == pytest.approx(1.0)


def test_lives_without_a_mode_take_their_share_from_those_that_are_told() -> None:
    found = LIVES.shares(_picture(20.0, 20.0))
    assert found is not None
    assert found.sum() < 0.01


def test_a_plan_is_the_same_after_json_and_a_wrong_one_is_refused() -> None:
    text = json.dumps(PLAN.to_json(), allow_nan=False)
    again = SimilarPlan.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    np.testing.assert_array_equal(
        SimilarLives(again).matches(_picture(9.0, 1.0)), LIVES.matches(_picture(9.0, 1.0))
    )
    endless = replace(PLAN, reach=math.inf)
    assert SimilarPlan.from_json(json.loads(json.dumps(endless.to_json()))).reach == math.inf
    with pytest.raises(ValueError, match="do not fit the columns"):
        SimilarPlan.from_json(
            {**PLAN.to_json(), "columns": ["heat", "noise", "dust"]} | {"scale": [1.0, 1.0, 1.0]}
        )
    with pytest.raises(ValueError, match="too many or missing"):
        SimilarPlan.from_json({"columns": []})


SPEC = AlarmSpec(hi=0.5, lo=0.3, m=2, n=3, hold_off_s=3.0, plan=0.8)
HOT, LOUD, BOTH = (
    {"heat": 8.0, "noise": 0.0},
    {"heat": 0.0, "noise": 4.0},
    {"heat": 4.0, "noise": 2.0},
)


def test_the_likeliest_modes_alarm_is_raised_and_the_other_one_is_not() -> None:
    alarms = ModeAlarms(SPEC, LIVES)
    found = [one for at in range(4) for one in alarms.read("p", at, 0.6, HOT)]
    assert [(mode, event.kind, event.is_call) for mode, event in found] == [
        ("burnt", "raised", False)
    ]
    assert alarms.standing("p") == {"burnt": "watch"}
    assert alarms.standing("q") == {}


def test_a_second_mode_calls_a_person_and_the_first_goes_when_it_is_no_longer_likely() -> None:
    alarms = ModeAlarms(SPEC, LIVES)
    for at in range(3):
        alarms.read("p", at, 0.6, HOT)
    found = [one for at in range(3, 9) for one in alarms.read("p", at, 0.6, LOUD)]
    assert [(mode, event.kind, event.is_call) for mode, event in found] == [
        ("cracked", "raised", True),
        ("burnt", "cleared", False),
    ]
    assert alarms.standing("p") == {"cracked": "watch"}


def test_what_looks_like_no_known_life_neither_raises_nor_clears_a_modes_alarm() -> None:
    alarms = ModeAlarms(SPEC, LIVES)
    for at in range(3):
        alarms.read("p", at, 0.6, HOT)
    strange = {"heat": -40.0, "noise": -40.0}
    assert [one for at in range(3, 30) for one in alarms.read("p", at, 0.6, strange)] == []
    assert alarms.standing("p") == {"burnt": "watch"}


def test_modes_go_on_after_a_restart_and_end_with_the_life() -> None:
    whole, first = ModeAlarms(SPEC, LIVES), ModeAlarms(SPEC, LIVES)
    readings = [(float(at), 0.6, (HOT, BOTH, LOUD)[at // 4]) for at in range(12)]
    wanted = [whole.read("p", *one) for one in readings]
    for cut in range(1, 12):
        first = ModeAlarms(SPEC, LIVES)
        told = [first.read("p", *one) for one in readings[:cut]]
        again = ModeAlarms(SPEC, LIVES)
        again.restore(json.loads(json.dumps(first.state())))
        assert told + [again.read("p", *one) for one in readings[cut:]] == wanted
    closed = whole.reset("p", 12.0)
    assert {event.kind for _, event in closed} == {"closed"}
    assert whole.standing("p") == {}


def test_an_acknowledged_mode_calls_nobody_when_it_comes_back() -> None:
    for is_seen in (False, True):
        alarms = ModeAlarms(SPEC, LIVES)
        told = [HOT] * 3 + [BOTH] * 3
        for at, features in enumerate(told):
            alarms.read("p", at, 0.6, features)
        assert set(alarms.standing("p")) == {"burnt", "cracked"}
        if is_seen:
            alarms.acknowledge("p")
        gone = [one for at in range(6, 16) for one in alarms.read("p", at, 0.6, HOT)]
        assert [(mode, event.kind) for mode, event in gone] == [("cracked", "cleared")]
        back = [one for at in range(16, 20) for one in alarms.read("p", at, 0.6, BOTH)]
        assert [(mode, event.kind, event.is_call) for mode, event in back] == [
            ("cracked", "reopened", not is_seen)
        ]
