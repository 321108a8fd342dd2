"""The whole contract over every registered solution, so that a new one cannot escape it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton.solution import find_project
from lepton.testing import check_solution

PROJECT = find_project(Path(__file__).parent)


@pytest.mark.parametrize("name", sorted(PROJECT.solutions))
def test_a_solution_keeps_its_contract(name: str) -> None:
    assert check_solution(PROJECT.solutions[name], PROJECT.root) == []
