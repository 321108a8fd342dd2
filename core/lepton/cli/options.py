"""Arguments that several verbs share, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from lepton.context import Context
    from lepton.progress import Progress
    from lepton.solution import Project

SolutionName = Annotated[
    str, typer.Argument(metavar="SOLUTION", help="a folder's name under solutions/")
]
DataFile = Annotated[
    Path | None,
    typer.Option(
        "--data", help="read the task's table from this file, not from the one configured"
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="solution.yaml to use, not the solution's own")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="write the result here as JSON too")]


def open_project(ctx: typer.Context) -> Project:
    """The project named by `--project`, else the one around the working directory.

    Raises ConfigError LK150 where the named folder is not a project.
    """
    from lepton.errors import ConfigError
    from lepton.solution import find_project

    named: Path | None = ctx.obj
    project = find_project((named or Path.cwd()).resolve())
    if named is not None and project.root != named.resolve():
        raise ConfigError(
            "LK150",
            where=str(named),
            found="not a project: no solutions/ and data_contracts/ there",
            remedy="name the folder that `lepton new` made, or leave --project out",
        )
    return project


def open_context(
    ctx: typer.Context,
    solution: str,
    *,
    data: Path | None = None,
    config: Path | None = None,
    progress: Progress | None = None,
) -> Context:
    """A new run's context of `solution`, its table read from `data` where given."""
    from datetime import UTC, datetime

    from lepton.config import load_config
    from lepton.context import make_context, new_run_id

    project = open_project(ctx)
    changes: dict[str, Any] = {}
    if data is not None:
        path = config or project.workspace.config(project.solution(solution).name)
        changes["source"] = with_data(project, solution, load_config(path).source, data)
    return make_context(
        project,
        solution,
        run_id=new_run_id(datetime.now(UTC)),
        config_path=config,
        progress=progress,
        **changes,
    )


def with_data(
    project: Project, solution: str, source: Mapping[str, str], data: Path
) -> dict[str, str]:
    """`source` with the task's table read from `data`, a path from the working directory."""
    return {**source, project.solution(solution).task.table: str(data.resolve())}


def write_json(path: Path | None, content: Mapping[str, Any]) -> None:
    """Write `content` to `path` where one is given; numbers that are not finite become null."""
    if path is None:
        return
    import json

    from lepton.registry.machine import clear_faults
    from lepton.registry.sealed import finite
    from lepton_edge.atomic import write_text

    with clear_faults(path):
        write_text(path, json.dumps(finite(content), indent=2, allow_nan=False) + "\n")
