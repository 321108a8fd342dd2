"""A pipeline of the real shape over stages that only count, so that Dagster itself is tested."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest

from lepton import stored
from lepton.config import BudgetConfig, SolutionConfig
from lepton.solution import Project, Solution
from lepton.stages import Published
from lepton.task import TaskKind
from pipelines import checks, stage_assets
from pipelines.failures import details_table

DAGSTER_YAML = Path(__file__).parents[2] / ".dagster" / "dagster.yaml"


@dataclass
class Demo:
    """A project with one solution whose stages are the functions in `stages`."""

    project: Project
    solution: Solution
    config: SolutionConfig
    called: list[str] = field(default_factory=list)
    stages: dict[str, Callable[..., Any]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def stage(self, verb: str) -> Callable[..., Any]:
        """The stage's function, which notes that it was called."""

        def call(ctx: Any, *values: Any) -> Any:
            self.called.append(verb)
            return self.stages[verb](ctx, *values) if verb in self.stages else {"made_by": verb}

        return call


def _save(value: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "value").write_text(json.dumps(value, default=str), encoding="utf-8")


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """The project under tmp_path; nothing of it is made yet but its Dagster settings."""
    (tmp_path / ".dagster").mkdir()
    (tmp_path / ".dagster/dagster.yaml").write_text(DAGSTER_YAML.read_text())
    task = SimpleNamespace(name="rows", kind=TaskKind.BINARY)
    named = {"figures": (), "task_named": lambda _: task}
    solution: Any = SimpleNamespace(name="demo", title="Demonstration", **named)
    project = Project(tmp_path, cast("dict[str, Solution]", {"demo": solution}))
    config = SolutionConfig(
        solution="demo",
        source={"rows": "data/rows.csv"},
        budget=BudgetConfig(work_units=7),
        seed=3,
    )
    made = Demo(project, solution, config)
    monkeypatch.setattr(stage_assets, "_function", made.stage)
    monkeypatch.setattr(checks, "gates_result", lambda evaluation: dg.AssetCheckResult(passed=True))
    monkeypatch.setattr(checks, "contract_result", lambda ctx, validated: _judged(made))
    for stage in stage_assets.STAGES:
        monkeypatch.setitem(stage.__dict__, "describe", lambda ctx, value: {})
    monkeypatch.setattr(stored, "save", _save)
    monkeypatch.setattr(stored, "kind", lambda value: "json")
    monkeypatch.setattr(
        stored, "load", lambda kind, folder: json.loads((folder / "value").read_text())
    )
    made.stages["publish"] = lambda ctx, *values: Published(1, promoted=True, refused=())
    return made


@pytest.fixture
def whole(demo: Demo) -> Demo:
    """The demo with stages that return what an outcome is made of."""
    metric = SimpleNamespace(name="ap", value=0.5)
    demo.stages["featurize"] = lambda *_: SimpleNamespace(task="demo", why="")
    demo.stages["export"] = lambda *_: SimpleNamespace(path=Path("bundle"))
    demo.stages["evaluate"] = lambda *_: SimpleNamespace(metrics=(metric,))
    demo.stages["report"] = lambda *_: Path("report.html")
    return demo


def _judged(made: Demo) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not made.broken, metadata={"broken": details_table(made.broken or ["nothing"])}
    )
