"""A solution as a value, and the registry that finds solutions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import lepton
from lepton.alarms import AlarmRule
from lepton.contracts.model import Contract, Violation
from lepton.dataset import TabularDataset
from lepton.errors import ConfigError, nearest
from lepton.evaluation.results import Evaluation, Metric
from lepton.evaluation.splits import SplitSpec
from lepton.features.spec import FeatureSpec
from lepton.forecast.spec import ForecastSpec
from lepton.names import check_id
from lepton.progress import Progress
from lepton.recommend.spec import RecommendSpec
from lepton.task import Allowed, TaskSpec
from lepton.workspace import Workspace
from lepton_edge.policy import Action

Scorer = Callable[[TabularDataset], np.ndarray]


@dataclass(frozen=True)
class Baseline:
    """A naive rule that every model must beat: fit(train) returns dataset -> scores in 0..1."""

    name: str
    fit: Callable[[TabularDataset], Scorer]
    about: str


@dataclass(frozen=True)
class DecisionSpec:
    """What acting and not acting cost, from which the threshold follows.

    costs: name -> default amount, overlaid by solution.yaml.
    miss_cost, alert_cost: (rows, costs) -> money per row, float64.
    capacity: the name among `costs` that bounds the alerts of one day, if any.
    actions: costs -> what can be done with a row, from the mildest action (let it pass) to the
    strictest, at most one of them limited by `capacity`; None where the threshold is all.
    bounds: name of a cost -> the least and the most it can be.
    """

    costs: Mapping[str, float]
    miss_cost: Callable[[TabularDataset, Mapping[str, float]], np.ndarray]
    alert_cost: Callable[[TabularDataset, Mapping[str, float]], np.ndarray]
    capacity: str | None = None
    actions: Callable[[Mapping[str, float]], tuple[Action, ...]] | None = None
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """One piece of a report: what it shows in a sentence, and how it is made.

    tasks: names of those that it says something of, none for all.
    draw(evaluation) returns a matplotlib Figure, a DataFrame that is shown as a table, a sentence
    that says why there is neither, or None where it is left out without a word. In a report its
    scored rows also have the columns of `report.history`. section: anchor of where it stands.
    """

    title: str
    caption: str
    draw: Callable[[Evaluation], Any]
    section: str = "performance"
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Words:
    """What the people who read a report call a row, a positive row and an entity."""

    row: str = "row"
    rows: str = "rows"
    positive: str = "positive"
    positives: str = "positives"
    entity: str = "entity"
    entities: str = "entities"

    @property
    def an_entity(self) -> str:
        """The entity with its article."""
        return f"{'an' if self.entity[:1] in 'aeiou' else 'a'} {self.entity}"


@dataclass(frozen=True)
class ReportSpec:
    """What a report needs to know of the domain beside its figures.

    by_fold: metrics that are followed fold by fold (none that rates a decision); groups: columns
    over which false alerts should be even; rules: the baseline that stands for the rules in use.
    """

    words: Words = field(default_factory=Words)
    by_fold: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    rules: str | None = None


@dataclass(frozen=True)
class BenchRequest:
    """What `lepton bench` was asked for."""

    data: Path
    options: Mapping[str, str]
    progress: Progress
    seed: int = 0

    def settings(self, **defaults: str) -> dict[str, str]:
        """`defaults` under the options; raises ConfigError LK112 for an option without default."""
        unknown = sorted(set(self.options) - set(defaults))
        if unknown:
            raise ConfigError(
                "LK112",
                where="--set",
                found=f"this protocol has no option '{unknown[0]}'{nearest(unknown[0], defaults)}",
                remedy=f"known are: {', '.join(defaults) or 'none'}",
            )
        return {**defaults, **self.options}

    def numbers(self, **defaults: float) -> dict[str, float]:
        """As `settings`, of options that are all numbers; raises ConfigError LK112 for another."""
        told = self.settings(**{name: f"{value:g}" for name, value in defaults.items()})
        found = {}
        for name, text in told.items():
            try:
                found[name] = float(text)
            except ValueError as error:
                raise ConfigError(
                    "LK112",
                    where=f"--set {name}",
                    found=f"'{text}' is no number",
                    remedy=f"give a number, for instance {defaults[name]:g}",
                ) from error
        return found

    def option_refused(self, name: str, choices: Sequence[str]) -> ConfigError:
        """LK112 for an option whose value is none of `choices`; to be raised."""
        given = self.options[name]
        return ConfigError(
            "LK112",
            where=f"--set {name}",
            found=f"{name} can't be '{given}'{nearest(given, choices)}",
            remedy=f"choose one of: {', '.join(choices)}",
        )


@dataclass(frozen=True)
class RealismGate:
    """One demand on a simulator: the number found on its rows must lie in low..high."""

    name: str
    found: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.low <= self.found <= self.high


@dataclass(frozen=True)
class LifeColumns:
    """Columns of assembled rows that tell how long lives last.

    left: hours to the failure, or that the life lasted at least; failed: which of them it is; age:
    feature with the hours of the life so far; steps: settings -> hours that times are counted in,
    and the ends of the steps ahead, rising, for which chances are told.
    """

    left: str
    failed: str
    age: str
    steps: Callable[[Mapping[str, float]], tuple[float, tuple[float, ...]]]


@dataclass(frozen=True)
class RemainingLife:
    """How a regression's shares become hours: full_h: settings -> hours of a share of 1; soon_h:
    hours left from which an alarm is raised; edge: how far targets keep from 0 and 1; clocks:
    features that tell the age, without which the recipe is tried too."""

    full_h: Callable[[Mapping[str, float]], float]
    soon_h: Callable[[Mapping[str, float]], float]
    edge: float
    clocks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PastLives:
    """How lives that failed are remembered: life, left, failed, mode: columns of assembled rows
    (hours to the end, whether it is a failure, of what); picture: patterns of the features by which
    lives are compared; ahead_h: settings -> hours before a failure that matter."""

    life: str
    left: str
    failed: str
    mode: str
    picture: tuple[str, ...]
    ahead_h: Callable[[Mapping[str, float]], float]


Assemble = Callable[[Mapping[str, pd.DataFrame], Mapping[str, float]], pd.DataFrame]
"""From canonical tables and settings to the rows of the task's table, targets included."""


Allows = Callable[[TaskSpec, pd.DataFrame, bool], Allowed]
"""(task asked for, its assembled rows, whether they are split by group) -> what they allow."""


@dataclass(frozen=True)
class Solution:
    """All that one domain adds to the core.

    tables: contracts in data_contracts/<name>/, the task's own first; optional: those of them that
    a customer may lack. assemble(tables, settings): the task's rows where they are made of several
    tables; settings: name -> default of what it may be told, overlaid by solution.yaml;
    setting_bounds: the least and the most that each can be. together(tables): what canonical tables
    must keep to beyond each one's contract.
    families: names under lepton.automl.families. gates: name -> default of what is needed.
    slices: columns by which the report tells results apart; report: what else it needs to know.
    reasons: phrase -> patterns (`customer_count_*`) of the features that it stands for in a reason;
    the first that fits counts, and a feature that none fits is named itself.
    simulate(rng, size): canonical tables of about `size` rows of the task's table.
    lives: columns by which chances over several spans are told beside a binary score.
    remaining: how a regression's shares become hours that are left.
    allows: what task the rows are enough for, None where the one asked for is learnt or refused.
    similar: how past lives are remembered, which alarms then name; None for not at all.
    copies: settings, name of the task -> how often assets are learnt from once more, and without
    which share of their sensors; None for never.
    alarms: settings -> when the scores of an asset's readings raise an alarm, None for never.
    forecast: which series are forecast, and from what; None where rows are scored.
    recommend: who took what, the catalogue and its rules; None where nothing is recommended.
    realism(contract, rng, size): whether these are as hard as real ones; contract of that table.
    benchmarks: protocol's name -> function that returns the JSON of specs' protocols.
    """

    name: str
    title: str
    about: str
    tables: tuple[str, ...]
    tasks: tuple[TaskSpec, ...]
    features: FeatureSpec
    families: tuple[str, ...]
    baselines: tuple[Baseline, ...]
    metrics: tuple[Metric, ...]
    decision: DecisionSpec
    gates: Mapping[str, float]
    split: SplitSpec
    simulate: Callable[[np.random.Generator, int], Mapping[str, pd.DataFrame]]
    figures: tuple[Figure, ...] = ()
    slices: tuple[str, ...] = ()
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    report: ReportSpec = field(default_factory=ReportSpec)
    benchmarks: Mapping[str, Callable[[BenchRequest], Mapping[str, Any]]] = field(
        default_factory=dict
    )
    realism: Callable[[Contract, np.random.Generator, int], Sequence[RealismGate]] | None = None
    optional: tuple[str, ...] = ()
    assemble: Assemble | None = None
    together: Callable[[Mapping[str, pd.DataFrame]], Iterable[Violation]] | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    setting_bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    alarms: Callable[[Mapping[str, float]], AlarmRule] | None = None
    forecast: ForecastSpec | None = None
    recommend: RecommendSpec | None = None
    allows: Allows | None = None
    lives: LifeColumns | None = None
    remaining: RemainingLife | None = None
    similar: PastLives | None = None
    copies: Callable[[Mapping[str, float], str], tuple[float, float]] | None = None

    def rows(
        self, tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float] | None = None
    ) -> pd.DataFrame:
        """The task's rows, with what other tables say of them."""
        if self.assemble is None:
            return tables[self.task.table]
        return self.assemble(tables, {**self.settings, **(settings or {})})

    def task_named(self, name: str | None) -> TaskSpec:
        """The task called `name`, the primary one for None; ConfigError LK116 for another."""
        found = {task.name: task for task in self.tasks}
        if name is not None and name not in found:
            raise ConfigError(
                "LK116",
                where="task",
                found=f"{self.name} has no task '{name}'{nearest(name, found)}",
                remedy=f"known are: {', '.join(found)}",
            )
        return self.task if name is None else found[name]

    def figures_of(self, task: TaskSpec) -> tuple[Figure, ...]:
        """Those figures that say something of `task`."""
        return tuple(one for one in self.figures if not one.tasks or task.name in one.tasks)

    @property
    def task(self) -> TaskSpec:
        """The primary task."""
        return self.tasks[0]


@dataclass(frozen=True)
class Project:
    """A checkout, a clone or the installed kit: where solutions and their files live."""

    root: Path
    solutions: Mapping[str, Solution]
    state: Path | None = None

    @property
    def workspace(self) -> Workspace:
        """Its folders; the installed kit itself is never written to."""
        return Workspace(self.root, self.state)

    def solution(self, name: str) -> Solution:
        """The solution called `name`; raises ConfigError LK111 with the nearest known name."""
        check_id(name, "solution")
        if name not in self.solutions:
            raise ConfigError(
                "LK111",
                where=str(self.root),
                found=f"no solution '{name}'{nearest(name, self.solutions)}",
                remedy=f"known are: {', '.join(self.solutions) or 'none'}",
            )
        return self.solutions[name]


def kit_root() -> Path:
    """Root of the installed kit: its package data, or the checkout it is installed from."""
    package = Path(lepton.__file__).parent
    packed = package / "_kit"
    return packed if packed.is_dir() else package.parents[1]


def find_project(start: Path) -> Project:
    """The project around `start`: the nearest folder with `solutions/`, else the installed kit."""
    candidates = [start, *start.parents]
    root = next((place for place in candidates if _is_project(place)), kit_root())
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    solutions = {name: _load(name) for name in _names(root)}
    return Project(root, solutions, state=start if root.name == "_kit" else None)


def _is_project(place: Path) -> bool:
    return (place / "solutions" / "__init__.py").is_file() and (place / "data_contracts").is_dir()


def _names(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "solutions").glob("*/__init__.py"))


def _load(name: str) -> Solution:
    module = importlib.import_module(f"solutions.{name}")
    solution: Solution = module.SOLUTION
    return solution


__all__ = [
    "Action",
    "AlarmRule",
    "Baseline",
    "BenchRequest",
    "DecisionSpec",
    "Figure",
    "LifeColumns",
    "PastLives",
    "Project",
    "RealismGate",
    "RemainingLife",
    "ReportSpec",
    "Scorer",
    "Solution",
    "Words",
    "find_project",
    "kit_root",
]
