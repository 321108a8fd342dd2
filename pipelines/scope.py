"""What every definition of one solution's pipeline shares: names, settings, the run's context."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from lepton.config import BudgetConfig, SolutionConfig, parse_model
from lepton.context import Context
from lepton.solution import Project, Solution
from lepton.task import TaskKind
from lepton.workspace import Workspace

PROGRESS = "progress"
"""Resource that is told where the work stands."""


CLOCK = "run_clock"
"""Resource that counts the run's seconds."""


class RunSettings(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What the launchpad may change for one run; it opens with the values of solution.yaml."""

    budget_seconds: float | None = Field(
        default=None, gt=0, description="Wall time of the run; a promise, not reproducible"
    )
    budget_work_units: int | None = Field(
        default=None, gt=0, description="Fits of one model on one fold; reproducible"
    )
    seed: int = Field(default=0, description="Every random choice follows from it")

    def applied(self, config: SolutionConfig, where: str) -> SolutionConfig:
        """`config` with these values; raises ConfigError LK108 where both budgets are given."""
        given = {"seconds": self.budget_seconds, "work_units": self.budget_work_units}
        budget = parse_model(BudgetConfig, given, where=where)
        return config.model_copy(update={"budget": budget, "seed": self.seed})


@dataclass(frozen=True)
class Scope:
    """One solution of one project under one customer's settings, as Dagster sees it."""

    project: Project
    solution: Solution
    config: SolutionConfig
    config_path: Path

    @property
    def name(self) -> str:
        """The solution's id: the assets' group and the first part of their keys."""
        return self.solution.name

    @property
    def is_forecast(self) -> bool:
        """Whether the settings' task is one of forecasts."""
        return self.solution.task_named(self.config.task).kind is TaskKind.FORECAST

    @property
    def settings_key(self) -> str:
        """Key of the resource with this solution's RunSettings."""
        return f"{self.name}_settings"

    @property
    def store_key(self) -> str:
        """Key of the IO manager for values between the stages."""
        return f"{self.name}_store"

    @property
    def scores_key(self) -> str:
        """Key of the IO manager for partitions of scores."""
        return f"{self.name}_scores_store"

    @property
    def resources(self) -> set[str]:
        """Keys of the resources that `context` reads."""
        return {self.settings_key, PROGRESS, CLOCK}

    @property
    def writing_resources(self) -> set[str]:
        """As `resources`, for what only one run at a time may write."""
        return {*self.resources, lock_key(self.name)}

    def key(self, asset: str) -> dg.AssetKey:
        """Key of one asset of this solution."""
        return dg.AssetKey([self.name, asset])

    def settings(self) -> dict[str, Any]:
        """RunSettings' values in solution.yaml."""
        budget = self.config.budget
        values = {
            "budget_seconds": budget.seconds,
            "budget_work_units": budget.work_units,
            "seed": self.config.seed,
        }
        return {name: value for name, value in values.items() if value is not None}

    def run_config(self) -> Mapping[str, Any]:
        """Run config with which the launchpad opens."""
        return {"resources": {self.settings_key: {"config": self.settings()}}}

    def context(self, run_id: str, resources: Any) -> Context:
        """What the stages ask for, in the run `run_id` with Dagster's `resources`."""
        settings: RunSettings = getattr(resources, self.settings_key)
        where = f"run config of {self.settings_key}"
        return Context(
            self.project,
            self.solution,
            settings.applied(self.config, where),
            plain_run_id(run_id),
            self.config_path,
            progress=getattr(resources, PROGRESS),
            clock=getattr(resources, CLOCK),
        )


def plain_run_id(run_id: str) -> str:
    """Dagster's run id (a UUID) as an id that may name a folder."""
    return run_id.replace("-", "")


def lock_key(solution: str) -> str:
    """Key of the resource that keeps a second training run of `solution` out."""
    return f"{solution}_lock"


def lock_path(workspace: Workspace, solution: str) -> Path:
    """The file that a training run of `solution` holds locked."""
    return workspace.home / "locks" / f"{solution}_train.lock"
