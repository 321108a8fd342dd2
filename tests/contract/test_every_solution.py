"""The whole contract over every registered solution, so that a new one cannot escape it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lepton.solution import Action, find_project
from lepton.testing import check_solution

PROJECT = find_project(Path(__file__).parent)


@pytest.mark.parametrize("name", sorted(PROJECT.solutions))
def test_a_solution_keeps_its_contract(name: str) -> None:
    assert check_solution(PROJECT.solutions[name], PROJECT.root) == []


def test_actions_that_are_never_best_and_bounds_of_nothing_are_told() -> None:
    def actions(costs: Mapping[str, float]) -> tuple[Action, ...]:
        return (
            Action("pass", positive=(10.0, 0.0), negative=(0.0, 0.0)),
            Action("waste", positive=(11.0, 0.0), negative=(1.0, 0.0)),
            Action("stop", positive=(0.0, 0.0), negative=(5.0, 0.0)),
        )

    solution = next(iter(PROJECT.solutions.values()))
    decision = replace(solution.decision, actions=actions, bounds={"none": (0.0, 1.0)})
    told = check_solution(replace(solution, decision=decision), PROJECT.root, rows=1_000)
    assert told == [
        "bounds are given for the cost none, which has no default",
        "action waste is never the one that costs least",
    ]
