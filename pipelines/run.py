"""`lepton run`: the same assets as in Dagster's UI, materialized in this process."""

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.execution.plan.objects import ErrorSource
from dagster._core.instance.ref import InstanceRef

from lepton.config import SolutionConfig
from lepton.errors import LeptonError
from lepton.progress import Progress
from lepton.registry.lock import hold
from lepton.run_clock import RunClock
from lepton.solution import Project, Solution
from lepton.workspace import Workspace
from pipelines.factory import build_solution_defs
from pipelines.failures import as_error, as_violation
from pipelines.run_log import KEY, quiet_terminal
from pipelines.scope import CLOCK, PROGRESS, lock_key, lock_path, plain_run_id

LOCK_WAIT_S = 10.0
"""How long a run waits for another of the same solution before it is refused."""

# Dagster captures a step's terminal through a `tail` process, which would garble progress.
_TERMINAL_STAYS = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    version: None where gates refused; refused: names of those gates; metrics: of the holdout;
    task: what was learnt; why: a sentence where it is not what was asked for.
    """

    run_id: str
    report: Path
    bundle: Path
    version: int | None
    promoted: bool
    refused: tuple[str, ...]
    metrics: Mapping[str, float | None]
    task: str = ""
    why: str = ""


def run_solution(
    project: Project,
    solution: Solution,
    config: SolutionConfig,
    progress: Progress,
    *,
    config_path: Path | None = None,
    run: str | None = None,
    clock: RunClock | None = None,
) -> RunOutcome:
    """Materialize every asset of `solution` from the source to the published version.

    run: a new UUID that the run is to have; clock: since when its budget counts.
    A run of this solution whose process died is told to Dagster as failed.
    The run is recorded in the project's Dagster instance, so `dagster dev` shows it.
    Raises the LeptonError of the stage that failed; what is deployed has not changed then.
    Raises MachineError LK905 where another run of this solution is under way, and
    KeyboardInterrupt where a person stopped it.
    """
    run = run or str(uuid.uuid4())
    clock = clock or RunClock()
    workspace = project.workspace
    log = workspace.run(solution.name, plain_run_id(run)) / "run.log"
    defs = build_solution_defs(project, solution, config, config_path=config_path)
    job = defs.resolve_job_def(f"{solution.name}_train")
    with (
        hold(lock_path(workspace, solution.name), run, wait_s=LOCK_WAIT_S),
        quiet_terminal(),
        _instance(workspace) as instance,
    ):
        close_dead_runs(instance, job.name)
        result = job.execute_in_process(
            run_id=run,
            instance=instance,
            run_config={"loggers": {KEY: {"config": {"path": str(log)}}}},
            resources={PROGRESS: progress, CLOCK: clock, lock_key(solution.name): None},
            raise_on_error=False,
        )
    if not result.success:
        raise _failure(result, log)
    return _outcome(result, solution.name)


def close_dead_runs(instance: dg.DagsterInstance, job: str) -> None:
    """Record as failed what Dagster still holds for running; called under the solution's lock,
    which the kernel frees only when its holder has died."""
    alive = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.STARTED])
    for dead in instance.get_runs(alive):
        instance.report_run_failed(dead, "its process died before it could say how it ended")


def _outcome(result: dg.ExecuteInProcessResult, name: str) -> RunOutcome:
    def value(asset: str) -> Any:
        return result.asset_value(dg.AssetKey([name, asset]))

    published = value("published")
    return RunOutcome(
        run_id=plain_run_id(result.run_id),
        report=value("report"),
        bundle=value("bundle").path,
        version=published.version,
        promoted=published.promoted,
        refused=published.refused,
        metrics={metric.name: metric.value for metric in value("evaluation").metrics},
        task=value("features").task,
        why=value("features").why,
    )


def _failure(result: dg.ExecuteInProcessResult, log: Path) -> BaseException:
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if evaluation.blocking and not evaluation.passed:
                return as_violation(evaluation)
        if event.is_step_failure:
            interrupted = event.step_failure_data.error_source is ErrorSource.INTERRUPT
            return KeyboardInterrupt() if interrupted else as_error(event, str(log))
    return LeptonError(
        "LK948",
        where=f"run {result.run_id}",
        found="Dagster stopped the run before any step failed",
        remedy=f"the log is {log}",
    )


@contextmanager
def _instance(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """The project's Dagster instance; its folder and settings are made where they are missing."""
    home = workspace.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    settings, shipped = home / "dagster.yaml", workspace.root / ".dagster" / "dagster.yaml"
    if not settings.exists() and shipped.exists():
        shutil.copyfile(shipped, settings)
    ref = InstanceRef.from_dir(str(home.resolve()), overrides=_TERMINAL_STAYS)
    with dg.DagsterInstance.from_ref(ref) as instance:
        yield instance
