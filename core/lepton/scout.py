"""A first model within a fifth of a run's budget, beside the run and not part of it.

`python -m lepton.scout` reads what the run reads, keeps the rows that pass our own checks, and
fits one small model on the newest of them: a file that scores before validation and features of
all rows have ended. It is never published, and whatever goes wrong is left for the run to tell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lepton.threads import one_thread_each

if TYPE_CHECKING:
    from lepton.config import SolutionConfig
    from lepton.context import Context
    from lepton.solution import Project

NEWEST_ROWS: Final = 60_000
"""Rows that are looked at: enough for a model of few rounds, few enough for seconds."""


@contextmanager
def scouting(
    project: Project, config: SolutionConfig, config_path: Path, run_id: str
) -> Iterator[None]:
    """A scout at work beside what is inside, ended with it; none where work units are counted."""
    if config.budget.seconds is None:
        yield
        return
    asked = {
        "root": str(project.root),
        "state": None if project.state is None else str(project.state),
        "config": config.model_dump(mode="json"),
        "config_path": str(config_path),
        "run_id": run_id,
    }
    scout = subprocess.Popen(
        [sys.executable, "-m", "lepton.scout", json.dumps(asked)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        scout.kill()
        scout.wait()


def first_model(ctx: Context) -> Path | None:
    """The folder with `model.onnx` and `model.json` of a small model of the newest valid rows.

    None where no family has a quick configuration, and where nobody needs it any more: the search
    has written its own.
    Raises the LeptonError of the stage that could not go on.
    """
    from lepton import stages
    from lepton.automl.checkpoint import Checkpoint
    from lepton.automl.families import family
    from lepton.automl.fits import Bench
    from lepton.automl.machine import quiet_and_single_threaded
    from lepton.automl.trial import Plan
    from lepton.contracts.validate import validate

    source, task = stages.read(ctx), ctx.checked_task
    valid = validate(source, ctx.contracts, task=task, docs=None, with_suites=False)
    table = task.table
    newest = {**valid.tables, table: valid.tables[table].tail(NEWEST_ROWS)}
    parts = stages.split(ctx, stages.featurize(ctx, replace(valid, tables=newest)))
    name = next((one for one in ctx.solution.families if family(one).fast is not None), None)
    if name is None:
        return None
    bench = Bench(parts.folds[-1:], ctx.config.seed, ctx.clock.clock)
    with quiet_and_single_threaded():
        bench.prepare(name, 0)
        fit = bench.run(Plan(name, family(name).fast or {}, "scout"), 0)
    if fit.model is None or (ctx.first / "model.onnx").exists():
        return None
    Checkpoint(ctx.first).offer(fit.model, 0.0, 0, done=0.0, after_s=ctx.clock.spent_s)
    return ctx.first


def main(asked: Mapping[str, Any]) -> None:
    """Do what `scouting` asked for, at most once."""
    from lepton.config import SolutionConfig
    from lepton.context import Context
    from lepton.errors import LeptonError
    from lepton.progress import Silent
    from lepton.solution import find_project

    found = find_project(Path(asked["root"]))
    config = SolutionConfig.model_validate(asked["config"])
    state = None if asked["state"] is None else Path(asked["state"])
    with suppress(LeptonError):
        first_model(
            Context(
                replace(found, state=state),
                found.solution(config.solution),
                config,
                asked["run_id"],
                Path(asked["config_path"]),
                Silent(),
            )
        )


if __name__ == "__main__":
    one_thread_each()
    main(json.loads(sys.argv[1]))

__all__ = ["NEWEST_ROWS", "first_model", "scouting"]
