"""A score's chances over several spans: falling, monotone in the score, read back as written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lepton_edge.hazard import HazardPlan

PLAN = HazardPlan((12.0, 24.0, 48.0), 24.0, (-3.0, -2.0, -1.0), 0.8, -0.2, 0.5, 0.1)


def test_chances_to_last_fall_with_the_span_and_with_the_score() -> None:
    score = np.array([0.01, 0.2, 0.9, 1.0])
    found = PLAN.survival(score, np.full(4, 100.0))
    assert (np.diff(found, axis=1) < 0).all()
    assert (np.diff(found, axis=0) < 0).all()


def test_the_first_step_is_the_formula() -> None:
    z, a, s = np.log(0.2 / 0.8), np.log1p(100.0 / 24.0), np.log(0.5)
    odds = -3.0 + (0.8 - 0.2 * s) * z + (0.5 + 0.1 * s) * a
    found = PLAN.survival(np.array([0.2]), np.array([100.0]))
    assert found[0, 0] == pytest.approx(1.0 - 1.0 / (1.0 + np.exp(-odds)), abs=1e-14)
    assert PLAN.fails_within(0.2, 100.0)["12"] == 1.0 - found[0, 0]


def test_an_unknown_age_is_none() -> None:
    assert PLAN.fails_within(0.3, np.nan) == PLAN.fails_within(0.3, 0.0)


def test_a_plan_is_read_back() -> None:
    assert HazardPlan.from_json(json.loads(json.dumps(PLAN.to_json()))) == PLAN


@pytest.mark.parametrize(
    "changed",
    [
        {"ends_h": (24.0, 12.0, 48.0)},
        {"ends_h": ()},
        {"level": (0.0,)},
        {"risk": np.nan},
        {"span_h": 0.0},
    ],
)
def test_what_does_not_fit_together_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a hazard needs"):
        replace(PLAN, **changed)
