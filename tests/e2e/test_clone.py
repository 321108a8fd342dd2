"""A customer's project passes its own tests, on its own solutions and contracts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lepton.clone.new import create
from lepton.solution import find_project, kit_root

# The clone runs in this environment: its folders come before those of the checkout.
COMMAND = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "solutions",
    [
        ["fraud_detection"],
        ["predictive_maintenance"],
        ["energy_load"],
        ["traffic_forecasting"],
        ["retail_recommendation"],
        ["fraud_detection", "predictive_maintenance"],
    ],
    ids=["fraud", "maintenance", "energy", "traffic", "retail", "both"],
)
def test_a_fresh_clone_passes_its_own_tests(tmp_path: Path, solutions: list[str]) -> None:
    made = create("acme", solutions, tmp_path / "acme", find_project(kit_root()))
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    told = subprocess.run(COMMAND, cwd=made, env=env, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-1000:]
    assert str(made) in subprocess.run(
        [sys.executable, "-c", "import pipelines; print(pipelines.__file__)"],
        cwd=made, env=env, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert not (made / ".lepton/registry").exists()
