"""The settings of alarms, and what an alarm says of its sensors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lepton.config import load_config
from lepton.context import Context, make_context
from lepton.errors import ConfigError
from lepton.export.decision import groups_of
from lepton.solution import find_project
from solutions.predictive_maintenance.alarms import (
    ALARM_BOUNDS,
    ALARM_SETTINGS,
    REASONS,
    alarm_rule,
)

ROOT = Path(__file__).parents[3]
NAME = "predictive_maintenance"


def _context(**settings: float) -> Context:
    project = find_project(ROOT)
    config = load_config(project.workspace.config(NAME))
    return make_context(project, NAME, run_id="r1", settings={**config.settings, **settings})


def test_the_defaults_and_the_settings_of_the_sample_give_a_rule() -> None:
    assert set(ALARM_SETTINGS) == set(ALARM_BOUNDS)
    wanted = alarm_rule(ALARM_SETTINGS)
    assert _context().alarms == wanted
    assert wanted.spec(0.2, usual_s=8 * 3_600.0).max_gap_s == 2 * 86_400.0


def test_settings_of_the_customer_reach_the_rule() -> None:
    found = _context(alarm_m=2, alarm_n=8, alarm_gap_h=12, alarm_stop=50).alarms
    assert found is not None
    assert (found.m, found.n, found.max_gap_h, found.stop) == (2, 8, 12.0, 50.0)


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"alarm_m": 6.0}, "LK117", "1 <= m <= n"),
        ({"alarm_plan": 20.0}, "LK117", "lo <= hi <= plan <= stop"),
        ({"alarm_lo": 2.0}, "LK113", "alarm_lo"),
        ({"alarm_holdoff_h": 2.0}, "LK109", "did you mean 'alarm_hold_off_h'"),
    ],
)
def test_settings_of_alarms_that_cannot_be_used_are_refused_before_any_work(
    settings: dict[str, float], code: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=code) as refused:
        _context(**settings).check()
    assert told in str(refused.value)


def test_a_solution_without_alarms_has_none() -> None:
    ctx = _context()
    assert replace(ctx, solution=replace(ctx.solution, alarms=None)).alarms is None


def test_what_belongs_to_no_single_sensor_is_told_in_words() -> None:
    names = ["drift_1_slow", "pca_q_own", "health", "age_h", "since_service_h", "asset_type"]
    found = {one["phrase"]: one["features"] for one in groups_of([*names, "odd"], REASONS)}
    assert found["several sensors drift as in wear"] == ["drift_1_slow"]
    assert found["sensors that do not fit together"] == ["pca_q_own", "health"]
    assert found["unusual odd"] == ["odd"]
