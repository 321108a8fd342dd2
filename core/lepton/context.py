"""Who asks: what every stage needs to know beside the values of the stages before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lepton.alarms import AlarmRule
from lepton.config import SolutionConfig, load_config, overlay, within
from lepton.contracts.mapping import TableMapping, load_mappings
from lepton.contracts.model import Contract, Extras, extra_name
from lepton.contracts.odcs import load_contracts
from lepton.errors import ConfigError
from lepton.evaluation.results import Metric
from lepton.features.spec import Category
from lepton.progress import Progress, Silent
from lepton.rules import RuleSet, load_rules
from lepton.run_clock import RunClock
from lepton.solution import Project, Solution
from lepton.task import Allowed, TaskSpec
from lepton.workspace import Workspace
from lepton_edge.policy import Policy, Sample


@dataclass(frozen=True)
class Context:
    """Who asks: the project, one of its solutions, a customer's settings, and this run."""

    project: Project
    solution: Solution
    config: SolutionConfig
    run_id: str
    config_path: Path
    progress: Progress = field(default_factory=Silent)
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: RunClock = field(default_factory=RunClock)

    def enter(self, stage: str) -> None:
        """A stage begins: those who watch are told, and the run's clock notes when."""
        self.progress.stage(stage)
        self.clock.enter(stage)

    @property
    def workspace(self) -> Workspace:
        """The project's folders."""
        return self.project.workspace

    @property
    def folder(self) -> Path:
        """What this run writes for people."""
        return self.workspace.run(self.solution.name, self.run_id)

    @property
    def first(self) -> Path:
        """The best model so far of this run as `model.onnx`, from early on."""
        return self.folder / "first"

    @cached_property
    def contracts(self) -> Mapping[str, Contract]:
        """The solution's contracts by table, without optional tables that the source lacks."""
        found = load_contracts(self.workspace.contracts(self.solution.name))
        lacking = set(self.solution.optional) - set(self.config.source)
        return {table: found[table] for table in self.solution.tables if table not in lacking}

    @property
    def task(self) -> TaskSpec:
        """What is to be predicted."""
        return self.solution.task_named(self.config.task)

    @property
    def checked_task(self) -> TaskSpec:
        """The task as contracts are checked for it: few positives refuse nothing where the solution
        says what they allow."""
        return self.task if self.solution.allows is None else replace(self.task, min_positives=0)

    def allowed(self, rows: pd.DataFrame) -> Allowed:
        """What the assembled `rows` allow to be learnt."""
        if self.solution.allows is None:
            return Allowed(self.task.name)
        return self.solution.allows(self.task, rows, self.by_group)

    @property
    def by_group(self) -> bool:
        """Whether parts and folds are whole groups."""
        return (self.config.split.by or self.solution.split.by) == "group"

    def doing(self, task: str) -> Context:
        """The context of the same run for the task of that name; "" for the one it has."""
        if task in ("", self.task.name):
            return self
        return replace(self, config=self.config.model_copy(update={"task": task}))

    @property
    def settings(self) -> Mapping[str, float]:
        """What the task's rows are assembled by."""
        settings = overlay(self.solution.settings, self.config.settings, where="settings")
        within(settings, self.solution.setting_bounds, where="settings")
        return settings

    def rows(self, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """The task's rows, made of canonical tables."""
        return self.solution.rows(tables, self.settings)

    @cached_property
    def mappings(self) -> Mapping[str, TableMapping]:
        """How this customer's columns become canonical ones."""
        path = self.config_path.parent / self.config.mapping if self.config.mapping else None
        return load_mappings(path, self.contracts)

    @property
    def contract(self) -> Contract:
        """The contract of the task's table."""
        return self.contracts[self.task.table]

    @property
    def extras(self) -> Extras:
        """The customer's own columns that pass through as features."""
        return self.mappings[self.task.table].extras

    def check(self) -> None:
        """Nothing where the settings can be used; raises ConfigError LK109, LK113, LK114, LK117 or
        LK130 before any work is done, not where a stage first asks for them."""
        _ = (
            self.task,
            self.settings,
            self.mappings,
            self.costs,
            self.gates,
            self.rules,
            self.policy,
            self.alarms,
        )

    @property
    def costs(self) -> Mapping[str, float]:
        """What acting and not acting cost, in money."""
        decision = self.solution.decision
        costs = overlay(decision.costs, self.config.costs, where="costs")
        within(costs, decision.bounds, where="costs")
        return costs

    @cached_property
    def rules(self) -> RuleSet | None:
        """The rules beside the model, where the settings name a file of them."""
        if self.config.rules is None or self.solution.decision.actions is None:
            return None
        nodes = self.solution.features.nodes
        texts = {node.name for node in nodes if isinstance(node, Category)}
        return load_rules(
            self.config_path.parent / self.config.rules,
            actions=[action.name for action in self.solution.decision.actions(self.costs)],
            numeric={node.name for node in nodes} - texts | {*self.extras.numbers},
            categorical=texts | {*map(extra_name, self.extras.category)},
        )

    @property
    def policy(self) -> Policy | None:
        """What can be done with a row, its price and its sample not settled yet.

        Raises ConfigError LK114 where this machine does not know the settings' zone.
        """
        decision = self.solution.decision
        if decision.actions is None:
            return None
        named = f"{self.solution.name}/{self.config.customer}/{self.config.seed}"
        try:
            return Policy(
                decision.actions(self.costs),
                capacity=self.costs[decision.capacity] if decision.capacity else None,
                zone=self.config.schedule.timezone,
                sample=Sample(salt=hashlib.sha256(named.encode()).hexdigest()),
            )
        except ValueError as error:
            raise ConfigError(
                "LK114",
                where="schedule.timezone",
                found=str(error),
                remedy="name a zone of the IANA database, such as Europe/Berlin, or UTC",
            ) from error

    @property
    def alarms(self) -> AlarmRule | None:
        """When an alarm is raised; ConfigError LK117 where the settings of it do not agree."""
        if self.solution.alarms is None:
            return None
        rule = self.solution.alarms(self.settings)
        try:
            rule.spec(0.5, usual_s=1.0)
        except ValueError as error:
            raise ConfigError(
                "LK117",
                where="settings",
                found=str(error),
                remedy="mend the settings of alarms",
            ) from error
        return rule

    @property
    def gates(self) -> Mapping[str, float]:
        """What each gate needs."""
        needed = {**self.solution.gates, **self.task.gates}
        return overlay(needed, self.config.gates, where="gates")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of the solution's metrics that say something of the task."""
        wanted = self.task.metrics
        return tuple(one for one in self.solution.metrics if not wanted or one.name in wanted)

    @cached_property
    def metric(self) -> Metric:
        """The metric that search and compression compare by."""
        return {metric.name: metric for metric in self.solution.metrics}[self.task.metric]

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator of its own for each purpose, from the configured seed."""
        digest = hashlib.sha256(f"{self.config.seed}/{purpose}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def make_context(
    project: Project,
    name: str,
    *,
    run_id: str,
    config_path: Path | None = None,
    progress: Progress | None = None,
    **changes: object,
) -> Context:
    """The context of solution `name` under its solution.yaml, with `changes` to its keys."""
    solution = project.solution(name)
    path = config_path or project.workspace.config(name)
    config = load_config(path).model_copy(update=changes)
    return Context(project, solution, config, run_id, path, progress or Silent())


def new_run_id(now: datetime) -> str:
    """An id that sorts by time: r20260131_093000_123456."""
    return now.strftime("r%Y%m%d_%H%M%S_%f")
