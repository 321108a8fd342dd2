"""What `dagster dev` loads: the pipelines of every solution of the project around this file."""

from pathlib import Path

import dagster as dg

from lepton.config import load_config
from lepton.solution import Project, find_project
from pipelines.factory import build_solution_defs


def project_defs(project: Project) -> dg.Definitions:
    """The pipelines of all solutions of `project`, each under its solution.yaml."""
    return dg.Definitions.merge(
        *(
            build_solution_defs(project, solution, load_config(project.workspace.config(name)))
            for name, solution in project.solutions.items()
        )
    )


defs = project_defs(find_project(Path(__file__).resolve().parent))
