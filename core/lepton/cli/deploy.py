"""Verbs on what is deployed: promote, rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.options import SolutionName, open_project
from lepton.cli.screen import told

if TYPE_CHECKING:
    from lepton.registry.store import Registry


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    app.command("promote")(promote)
    app.command("rollback")(rollback)


def promote(
    ctx: typer.Context,
    solution: SolutionName,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="its number; else the candidate")
    ] = None,
) -> None:
    """Deploy a published version; the former is then previous."""
    registry = _registry(ctx, solution)
    _tell(registry, registry.promote(version).number)


def rollback(ctx: typer.Context, solution: SolutionName) -> None:
    """Deploy the previous version again."""
    registry = _registry(ctx, solution)
    _tell(registry, registry.rollback().number)


def _registry(ctx: typer.Context, solution: str) -> Registry:
    from lepton.registry.store import Registry

    project = open_project(ctx)
    return Registry(project.workspace.registry(project.solution(solution).name))


def _tell(registry: Registry, number: int) -> None:
    previous = registry.pointers().previous
    told("current", f"version {number}")
    told("previous", f"version {previous}" if previous else "none")
