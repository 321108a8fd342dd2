"""From a Solution and its settings to everything Dagster needs to show and run it."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from lepton.config import SolutionConfig
from lepton.progress import Progress
from lepton.run_clock import RunClock
from lepton.solution import Project, Solution
from pipelines import automation
from pipelines.checks import contract_check, gates_check
from pipelines.io_managers import ScoresStore, StageStore
from pipelines.run_log import KEY, run_log
from pipelines.scope import CLOCK, PROGRESS, RunSettings, Scope, lock_key, lock_path
from pipelines.scores import reforecasts_asset, scores_asset
from pipelines.stage_assets import STAGES, stage_asset


class LogProgress:
    """Progress as lines of the run's log."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self.log = log

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.log.info(name)

    def step(
        self,
        text: str,
        *,
        done: float | None = None,
        best: float | None = None,
        left_s: float | None = None,
    ) -> None:
        """One line: what happened, share done, best so far, seconds left."""
        told = [
            text,
            "" if done is None else f"{done:.0%} done",
            "" if best is None else f"best {best:.4f}",
            "" if left_s is None else f"{left_s:.0f} s left",
        ]
        self.log.info(" · ".join(part for part in told if part))


@dg.resource(description="Tells where the work stands")
def log_progress(context: dg.InitResourceContext) -> Progress:
    """Progress in the run's log, where nobody else watches."""
    if context.log is None:
        raise ValueError("Dagster gives every run a log")
    return LogProgress(context.log)


@dg.resource(description="Counts the run's seconds from its start")
def run_clock(context: dg.InitResourceContext) -> RunClock:
    """Begins when Dagster says that the run did, whatever process a step is in."""
    if context.instance is None or context.run is None:
        return RunClock()
    started = getattr(context.instance.get_run_stats(context.run.run_id), "start_time", None)
    ago_s = max(time.time() - started, 0.0) if started else 0.0
    return RunClock(began_s=time.monotonic() - ago_s)


def run_lock(scope: Scope) -> dg.ResourceDefinition:
    """Held from a training run's first step to its last; frees itself where the run dies."""

    @dg.resource(description="Keeps a second training run out")
    def lock(context: dg.InitResourceContext) -> Iterator[None]:
        from lepton.registry.lock import hold

        run = context.run.run_id if context.run else "unknown"
        with hold(lock_path(scope.project.workspace, scope.name), run):
            yield

    return lock


def build_solution_defs(
    project: Project,
    solution: Solution,
    config: SolutionConfig,
    *,
    config_path: Path | None = None,
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensor of one solution under one customer's settings.

    config_path: where `config` was read; its mapping file is found beside it.
    """
    path = config_path or project.workspace.config(solution.name)
    scope = Scope(project, solution, config, path)
    train, score = automation.train_job(scope), automation.score_job(scope)
    again = [automation.reforecast_job(scope)] if scope.is_forecast else []
    is_timed = scope.is_forecast and config.schedule.reforecast is not None
    scored = [scores_asset(scope), *(reforecasts_asset(scope) for _ in again)]
    return dg.Definitions(
        assets=[*(stage_asset(scope, stage) for stage in STAGES), *scored],
        asset_checks=[contract_check(scope), gates_check(scope)],
        jobs=[train, score, *again],
        schedules=[
            automation.retrain_schedule(scope, train),
            automation.score_schedule(scope, score),
            *(automation.reforecast_schedule(scope, job) for job in again if is_timed),
        ],
        sensors=[automation.new_file_sensor(scope, train)],
        resources=_resources(scope),
        executor=automation.EXECUTOR,
        loggers={"console": dg.colored_console_logger, KEY: run_log},
    )


def _resources(scope: Scope) -> dict[str, object]:
    folder = str(scope.project.workspace.assets(scope.name))
    return {
        PROGRESS: log_progress,
        CLOCK: run_clock,
        lock_key(scope.name): run_lock(scope),
        scope.settings_key: RunSettings(**scope.settings()),
        scope.store_key: StageStore(root=folder),
        scope.scores_key: ScoresStore(root=folder),
    }
