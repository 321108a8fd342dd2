"""Verbs on a project: run, new, doctor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lepton.cli.options import (
    ConfigFile,
    DataFile,
    JsonFile,
    SolutionName,
    open_project,
    with_data,
    write_json,
)
from lepton.cli.progress import shown
from lepton.cli.screen import fault, note, number, say, table, told

if TYPE_CHECKING:
    from lepton.config import BudgetConfig, SolutionConfig
    from lepton.run_clock import RunClock
    from lepton.solution import Project
    from pipelines.run import RunOutcome

GATE_REFUSED = 5
MACHINE = 7


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    app.command("run")(run)
    app.command("new")(new)
    app.command("doctor")(doctor)


def run(
    ctx: typer.Context,
    solution: SolutionName,
    config: ConfigFile = None,
    data: DataFile = None,
    budget: Annotated[
        str | None,
        typer.Option(help="what the run may spend: 60s of time, or the search: 12u work units"),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """From data to report and bundle; published where gates hold."""
    from lepton.config import load_config
    from lepton.run_clock import RunClock

    clock = RunClock(began_s=time.monotonic() - time.process_time())
    project = open_project(ctx)
    path = config or project.workspace.config(project.solution(solution).name)
    settings = load_config(path)
    changes: dict[str, Any] = {}
    if data is not None:
        changes["source"] = with_data(project, solution, settings.source, data)
    if budget is not None:
        changes["budget"] = parse_budget(budget)
    outcome = _materialize(project, solution, settings.model_copy(update=changes), path, clock)
    write_json(json_file, _as_json(outcome))
    _tell(outcome, solution)


def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="the customer: a-z, 0-9 and _")],
    solution: Annotated[
        list[str], typer.Option("--solution", help="a solution to take along; may be repeated")
    ],
    to: Annotated[Path, typer.Option("--to", help="the folder to make")],
    force: Annotated[
        bool, typer.Option("--force", help="write over a folder that has content")
    ] = False,
) -> None:
    """Make a customer's own project, the kit's wheel inside it."""
    from lepton.clone.new import create

    made = create(name, solution, to, open_project(ctx), force=force)
    told("project", made)
    say(f"next: cd {made} && make demo; its README.md leads on from there")


def doctor(ctx: typer.Context) -> None:
    """Examine machine, libraries, project and registries."""
    from lepton.doctor import Level, examine

    findings = examine(open_project(ctx))
    for finding in findings:
        say(f"{finding.level:<5}{finding.what}: {finding.found}")
        if finding.remedy:
            say(f"       remedy: {finding.remedy}")
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(MACHINE)


def parse_budget(text: str) -> BudgetConfig:
    """`60s` as seconds, `12u` as work units; raises ConfigError LK151 for anything else."""
    from lepton.config import BudgetConfig
    from lepton.errors import ConfigError

    amount, unit = text[:-1], text[-1:]
    try:
        if unit == "s":
            return BudgetConfig(seconds=float(amount))
        if unit == "u":
            return BudgetConfig(work_units=int(amount))
    except ValueError:
        unit = ""
    raise ConfigError(
        "LK151",
        where="--budget",
        found=f"{text[:40]!r} is not a budget",
        remedy="give seconds as 60s or work units as 12u, more than none",
    )


def _materialize(
    project: Project, solution: str, settings: SolutionConfig, path: Path, clock: RunClock
) -> RunOutcome:
    import uuid

    from lepton.scout import scouting

    run = uuid.uuid4()
    with scouting(project, settings, path, run.hex):
        from pipelines.run import run_solution

        chosen = project.solution(solution)
        with shown(f"{chosen.title}, customer {settings.customer}") as progress:
            return run_solution(
                project, chosen, settings, progress, config_path=path, run=str(run), clock=clock
            )


def _tell(outcome: RunOutcome, solution: str) -> None:
    rows = [(name, number(value)) for name, value in outcome.metrics.items()]
    table("On the holdout", ("metric", "value"), rows)
    told("task", outcome.task)
    if outcome.why:
        note(outcome.why)
    told("report", outcome.report)
    told("bundle", outcome.bundle)
    if outcome.refused:
        fault(f"refused by {', '.join(outcome.refused)}: nothing is published; the report says why")
        raise typer.Exit(GATE_REFUSED)
    told("version", f"{outcome.version}{', current' if outcome.promoted else ', candidate'}")
    if not outcome.promoted:
        note(f"deploy it with: lepton promote {solution}")


def _as_json(outcome: RunOutcome) -> dict[str, Any]:
    return {
        "run_id": outcome.run_id,
        "report": str(outcome.report),
        "bundle": str(outcome.bundle) if outcome.bundle else None,
        "version": outcome.version,
        "promoted": outcome.promoted,
        "refused": list(outcome.refused),
        "metrics": dict(outcome.metrics),
        "task": outcome.task,
        "why": outcome.why,
    }
