"""`lepton`: the verbs, one file a group, and how a fault ends the process.

Nothing heavy is imported here: `lepton --help` answers in less than half a CPU second.
"""

from __future__ import annotations

import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

import lepton
from lepton.cli import data, deploy, judge, model, project
from lepton.cli.screen import fault, say
from lepton.errors import LeptonError
from lepton.threads import one_thread_each
from lepton_edge.errors import EdgeError

EXIT_CODES = """Exit codes: 0 done; 1 unexpected, or no model found; 2 wrong usage; 3 configuration
or clone; 4 data or features; 5 refused by a gate (the report is written, nothing is published);
6 damaged bundle, registry or export; 7 machine (disk, memory, permission, a lock); 130 interrupted;
143 terminated."""

app = typer.Typer(
    name="lepton",
    help="Industry solutions from raw tables to a sealed model on your own hardware.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (project, data, model, judge, deploy):
    group.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"lepton-kit {lepton.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    ctx: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option("--project", help="the project's folder; else the one around here"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    ctx.obj = project


def main() -> None:
    """Run the command line; every fault ends in one message and a documented exit code."""
    one_thread_each()
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app(prog_name="lepton")
    except (LeptonError, EdgeError) as error:
        fault(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        fault(_unexpected(error))
        sys.exit(1)


def _terminated(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


def _unexpected(error: Exception) -> str:
    """One line for a fault that nobody foresaw, and where all of it stands."""
    from lepton_edge.atomic import write_text

    at = datetime.now(UTC).strftime("%Y%m%d_%H%M%S_%f")
    log = _log_folder() / f"unexpected_{at}.log"
    try:
        write_text(log, "".join(traceback.format_exception(error)))
        place = f"all of it stands in {log}"
    except OSError as refused:
        place = f"and no log could be written: {refused.strerror}"
    told = str(error).splitlines()[0][:300] if str(error) else "no message"
    return f"unexpected {type(error).__name__}: {told}\n  {place}"


def _log_folder() -> Path:
    """`.lepton/logs` of the project around the working directory, or of that directory."""
    here = Path.cwd()
    around = (place for place in (here, *here.parents) if (place / "data_contracts").is_dir())
    return next(around, here) / ".lepton" / "logs"


__all__ = ["app", "main"]
