"""A solution as a Dagster component, for projects that keep their definitions in defs.yaml.

type: pipelines.component.SolutionComponent
attributes:
  solution: fraud_detection
  config: solutions/fraud_detection/solution.yaml
"""

from pathlib import Path

import dagster as dg

from lepton.config import load_config
from lepton.solution import find_project
from pipelines.factory import build_solution_defs


class SolutionComponent(dg.Component, dg.Model, dg.Resolvable):
    """One solution's pipeline, by its name.

    config: a solution.yaml relative to the project's root; the solution's own where absent.
    """

    solution: str
    config: str | None = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The same definitions as without components: solution.yaml stays the truth."""
        project = find_project(Path(__file__).resolve().parent)
        solution = project.solution(self.solution)
        default = project.workspace.config(solution.name)
        path = project.root / self.config if self.config else default
        return build_solution_defs(project, solution, load_config(path), config_path=path)
