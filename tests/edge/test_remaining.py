"""Hours left and their interval from a score that is a share."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from lepton_edge.remaining import RemainingPlan

PLAN = RemainingPlan(1_000.0, 0.1, 0.9, (0.4,), (0.2, 0.1))


@pytest.mark.parametrize(
    ("score", "point", "low", "high"),
    [
        (0.5, 500.0, 400.0, 600.0),
        (0.26, 200.0, 0.0, 400.0),
        (0.05, 0.0, 0.0, 200.0),
        (0.95, 1_000.0, 900.0, 1_000.0),
    ],
)
def test_hours_follow_from_the_share_and_the_margin_of_its_bin(
    score: float, point: float, low: float, high: float
) -> None:
    found = PLAN.told(score)
    assert (found["point"], found["low"], found["high"]) == pytest.approx((point, low, high))
    assert found["level"] == 0.9


def test_too_few_assets_leave_the_whole_range() -> None:
    found = replace(PLAN, edges=(), margins=(inf,)).told(0.5)
    assert (found["low"], found["high"]) == (0.0, 1_000.0)


def test_risk_grows_as_hours_fall() -> None:
    assert PLAN.risk_at(0.0) > PLAN.risk_at(100.0) > PLAN.risk_at(2_000.0)
    assert PLAN.risk_at(500.0) == PLAN.risk(0.5)


def test_a_plan_is_read_back() -> None:
    plan = replace(PLAN, margins=(0.2, inf))
    assert RemainingPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("changed", [{"full_h": 0.0}, {"margins": (0.1,)}, {"edge": 0.5}])
def test_what_does_not_fit_together_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need"):
        replace(PLAN, **changed)
