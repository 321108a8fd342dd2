"""Daily scores with the current version: one partition a day, overwritten as a whole."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg

from pipelines.failures import told_to_dagster
from pipelines.scope import Scope
from pipelines.stage_assets import RETRIES

ASSET = "scores"
AGAIN = "reforecasts"


def partitions(scope: Scope) -> dg.DailyPartitionsDefinition:
    """Days since the settings' `scores_from`, in their time zone."""
    schedule = scope.config.schedule
    return dg.DailyPartitionsDefinition(schedule.scores_from, timezone=schedule.timezone)


def scores_asset(scope: Scope) -> dg.AssetsDefinition:
    """Scores and decisions of one day's rows, stamped with run and model version."""

    @dg.asset(
        key=scope.key(ASSET),
        deps=[scope.key("published")],
        partitions_def=partitions(scope),
        group_name=scope.name,
        kinds={"onnx", "parquet"},
        description="Scores and decisions of one day, by the version that is current.",
        io_manager_key=scope.scores_key,
        required_resource_keys=scope.resources,
        retry_policy=RETRIES,
    )
    def scores(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from lepton.scoring import score

        with told_to_dagster():
            ctx = scope.context(context.run.run_id, context.resources)
            found = score(ctx, day=date.fromisoformat(context.partition_key))
            beside = _kept_beside(scope, context.partition_key, found.also)
        shown: dict[str, Any] = {
            "rows": len(found.frame),
            **beside,
            **({"alerts": int(found.frame["decision"].sum())} if "decision" in found.frame else {}),
            "quarantined": found.quarantined,
            "unseen_categories": dict(found.unseen),
            "model_version": found.version.number,
            "fingerprint": _fingerprint(found.frame),
        }
        return dg.MaterializeResult(value=found.frame, metadata=shown)

    return scores


def _kept_beside(scope: Scope, partition: str, also: Mapping[str, Any]) -> dict[str, Any]:
    """Writes what the solution tells beside the day's scores next to them; where each one is."""
    from lepton import frames

    folder = scope.project.workspace.assets(scope.name) / ASSET
    paths = {name: folder / f"{partition}_{name}.parquet" for name in also}
    for name, path in paths.items():
        frames.write_parquet(also[name], path)
    return {name: dg.MetadataValue.path(str(path)) for name, path in paths.items()}


def reforecasts_asset(scope: Scope) -> dg.AssetsDefinition:
    """The last forecasts of every series, made again by the newest values; the latest only."""

    @dg.asset(
        key=scope.key(AGAIN),
        deps=[scope.key("published")],
        group_name=scope.name,
        kinds={"onnx", "parquet"},
        description="Forecasts of the next hours, by the error of the newest values.",
        io_manager_key=scope.scores_key,
        required_resource_keys=scope.resources,
        retry_policy=RETRIES,
    )
    def reforecasts(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from lepton.scoring import reforecast

        with told_to_dagster():
            found = reforecast(scope.context(context.run.run_id, context.resources))
        shown: dict[str, Any] = {
            "rows": len(found.frame),
            "quarantined": found.quarantined,
            "model_version": found.version.number,
        }
        if len(found.frame):
            shown["made_at"] = str(found.frame["issued_at"].max())
        return dg.MaterializeResult(value=found.frame, metadata=shown)

    return reforecasts


def _fingerprint(frame: Any) -> str:
    """sha256 of the scored rows without the run's own id: equal when a day is scored again."""
    from lepton import frames

    return frames.fingerprint(frame.drop(columns="run_id"))
