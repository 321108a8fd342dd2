"""When a pipeline runs by itself: jobs, schedules, and a sensor on the source's files."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines.failures import failure_record
from pipelines.scope import Scope
from pipelines.scores import AGAIN, ASSET

Job = UnresolvedAssetJobDefinition

EXECUTOR = dg.in_process_executor
"""Measured: 0.03 s a step; a process a step would import everything again, 2 to 6 s each."""


def train_job(scope: Scope) -> Job:
    """From the source to a published version."""
    group = dg.AssetSelection.groups(scope.name)
    apart = dg.AssetSelection.assets(*(scope.key(name) for name in scored_assets(scope)))
    return dg.define_asset_job(
        f"{scope.name}_train",
        selection=group - apart,
        description=f"{scope.solution.title}: read, validate, search, compress, publish.",
        config=scope.run_config(),
        hooks={failure_record(scope)},
        executor_def=EXECUTOR,
        tags={"lepton/solution": scope.name},
    )


def score_job(scope: Scope) -> Job:
    """One day's scores."""
    return _job_of(scope, "score", ASSET, "score one day with the current version.")


def reforecast_job(scope: Scope) -> Job:
    """Forecasts made again by the newest values."""
    return _job_of(scope, "reforecast", AGAIN, "the last forecasts, moved by what has come since.")


def _job_of(scope: Scope, name: str, asset: str, what: str) -> Job:
    """The job that makes one asset alone."""
    return dg.define_asset_job(
        f"{scope.name}_{name}",
        selection=dg.AssetSelection.assets(scope.key(asset)),
        description=f"{scope.solution.title}: {what}",
        config=scope.run_config(),
        hooks={failure_record(scope)},
        executor_def=EXECUTOR,
        tags={"lepton/solution": scope.name},
    )


def scored_assets(scope: Scope) -> tuple[str, ...]:
    """What a training run does not make."""
    return (ASSET, AGAIN) if scope.is_forecast else (ASSET,)


def reforecast_schedule(scope: Scope, job: Job) -> dg.ScheduleDefinition:
    """Makes forecasts again at the settings' `reforecast`."""
    cron = scope.config.schedule.reforecast
    if cron is None:
        raise ValueError("no `reforecast` in the settings' schedule")
    return dg.ScheduleDefinition(
        name=f"{scope.name}_reforecast",
        job=job,
        cron_schedule=cron,
        execution_timezone=scope.config.schedule.timezone,
    )


def retrain_schedule(scope: Scope, job: Job) -> dg.ScheduleDefinition:
    """Trains anew at the settings' `retrain`."""
    return dg.ScheduleDefinition(
        name=f"{scope.name}_retrain",
        job=job,
        cron_schedule=scope.config.schedule.retrain,
        execution_timezone=scope.config.schedule.timezone,
    )


def score_schedule(scope: Scope, job: Job) -> dg.ScheduleDefinition:
    """Scores the last day that is over, at the settings' `score`."""

    @dg.schedule(
        name=f"{scope.name}_score_daily",
        job=job,
        cron_schedule=scope.config.schedule.score,
        execution_timezone=scope.config.schedule.timezone,
    )
    def score_daily(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        day = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
        if day < scope.config.schedule.scores_from:
            return dg.SkipReason(f"{day} is before scores_from")
        return dg.RunRequest(run_key=day, partition_key=day, run_config=scope.run_config())

    return score_daily


def new_file_sensor(scope: Scope, job: Job) -> dg.SensorDefinition:
    """Trains anew when the source's files have changed and have come to rest."""

    @dg.sensor(
        name=f"{scope.name}_new_file",
        job=job,
        minimum_interval_seconds=60,
        description="Source files that differ from the last run's and were equal twice in a row.",
    )
    def new_file(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = _fingerprint(_source_files(scope))
        before = json.loads(context.cursor or "{}")
        settled = now == before.get("seen")
        if now is None:
            yield dg.SkipReason("not every source file is there")
        elif now == before.get("trained"):
            yield dg.SkipReason("the source files are those of the last run")
        elif not settled:
            yield dg.SkipReason("the source files are new; a run follows when they rest")
        else:
            yield dg.RunRequest(run_key=now, run_config=scope.run_config())
        trained = now if settled and now is not None else before.get("trained")
        context.update_cursor(json.dumps({"seen": now, "trained": trained}))

    return new_file


def _source_files(scope: Scope) -> list[Path]:
    return [scope.project.root / path for path in scope.config.source.values()]


def _fingerprint(files: list[Path]) -> str | None:
    """sha256 of names, sizes and modification times; None where a file is missing."""
    try:
        stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    except FileNotFoundError:
        return None
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()
