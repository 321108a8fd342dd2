"""The checkout's own pipelines: what `dagster dev` loads, and at what cost."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, cast

import dagster as dg

from lepton.solution import find_project, kit_root
from pipelines.component import SolutionComponent
from pipelines.definitions import project_defs

HEAVY = {"great_expectations", "lightgbm", "matplotlib", "onnx", "onnxruntime", "sklearn", "torch"}
SHOW = "import json, sys; print(json.dumps(list(sys.modules)))"
PROJECT = find_project(kit_root())


def test_every_solution_of_the_project_has_its_jobs() -> None:
    jobs = {job.name for job in project_defs(PROJECT).resolve_all_job_defs()}
    assert {f"{name}_{verb}" for name in PROJECT.solutions for verb in ("train", "score")} <= jobs


def test_definitions_load_without_anything_heavy() -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import pipelines.definitions\n{SHOW}"],
        capture_output=True, text=True, check=True, cwd=PROJECT.root,
    )  # fmt: skip
    assert HEAVY & set(json.loads(told.stdout)) == set()


def test_definitions_can_be_loaded_by_dagster_itself() -> None:
    dg.Definitions.validate_loadable(project_defs(PROJECT))


def test_a_component_gives_the_same_definitions() -> None:
    nothing = cast(Any, None)
    built = SolutionComponent(solution="fraud_detection").build_defs(nothing)
    direct = project_defs(PROJECT).resolve_asset_graph()
    keys = built.resolve_asset_graph().get_all_asset_keys()
    assert keys == {key for key in direct.get_all_asset_keys() if key.path[0] == "fraud_detection"}
