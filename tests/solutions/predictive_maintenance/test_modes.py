"""The mode that data allow: what is asked for where it can be learnt, else the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.task import TaskSpec
from solutions.predictive_maintenance import SOLUTION
from solutions.predictive_maintenance.modes import allows, known

TASK = {task.name: task for task in SOLUTION.tasks}


def fleet(failures: int, assets: int, n_before: int = 10) -> pd.DataFrame:
    """Lives that fail, dealt out to `assets`, and as many that go on; readings of both."""
    parts = []
    for number in range(2 * failures):
        fails = number < failures
        failed = np.zeros(40)
        failed[40 - n_before :] = float(fails)
        asset = f"a{number % assets}"
        life = {"asset_id": asset, "life_id": f"{asset}#{number}", "is_failure": fails}
        parts.append(pd.DataFrame({"failed": failed, **life}))
    empty = {"failed": [0.0], "asset_id": ["a"], "life_id": ["a#0"], "is_failure": [False]}
    return pd.concat([pd.DataFrame(empty), *parts], ignore_index=True)


@pytest.mark.parametrize(
    ("asked", "rows", "by_group", "expected"),
    [
        ("failure", fleet(20, 8), True, "failure"),
        ("failure", fleet(19, 8), True, "remaining_life"),
        ("failure", fleet(20, 7), True, "anomaly"),
        ("failure", fleet(20, 7), False, "failure"),
        ("failure", fleet(20, 8, n_before=1), True, "remaining_life"),
        ("failure", fleet(7, 7), True, "anomaly"),
        ("remaining_life", fleet(8, 8), True, "remaining_life"),
        ("remaining_life", fleet(7, 7), True, "anomaly"),
        ("anomaly", fleet(40, 10), True, "anomaly"),
    ],
)
def test_the_first_mode_is_taken_that_failures_are_enough_for(
    asked: str, rows: pd.DataFrame, by_group: bool, expected: str
) -> None:
    found = allows(TASK[asked], rows, by_group)
    assert found.task == expected
    assert bool(found.why) is (asked != expected)


def test_the_sentence_names_what_is_known_and_what_more_would_take() -> None:
    why = allows(TASK["failure"], fleet(5, 5), True).why
    assert why.startswith("How far readings lie from health (`anomaly`) is judged, since failure")
    assert "5 of 5 are known, with 50 such readings" in why
    assert why.endswith("8 failures of 8 assets would allow the remaining life.")


def test_rows_that_stand_alone_have_no_remaining_life() -> None:
    rows = pd.DataFrame({"asset_id": [f"r{k}" for k in range(900)], "failed": 0.0})
    rows.loc[:29, "failed"] = 1.0
    assert known(rows).failures == 30
    found = allows(TASK["failure"], rows, True)
    assert found.task == "anomaly"
    assert "remaining" not in found.why


def test_where_no_failure_is_known_at_all_oddness_is_judged() -> None:
    rows = SOLUTION.rows(
        {"telemetry": SOLUTION.simulate(np.random.default_rng(0), 600)["telemetry"]}
    )
    task: TaskSpec = TASK["failure"]
    assert allows(task, rows, True).task == "anomaly"
    assert (rows["near_failure"] == 0).all()
