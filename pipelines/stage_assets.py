"""The assets of one solution: one for each real stage, each a thin caller of lepton.stages."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from lepton.context import Context
from pipelines import metadata
from pipelines.failures import told_to_dagster
from pipelines.scope import Scope

RETRIES = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)
"""For steps that may be repeated and touch the disk: never the bundle nor the registry."""

Describe = Callable[[Context, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Stage:
    """One asset: the function of lepton.stages that makes it, and what the UI shows of it.

    needs: assets whose values are the function's arguments, in its order.
    """

    asset: str
    verb: str
    needs: tuple[str, ...]
    kinds: frozenset[str]
    about: str
    describe: Describe
    retried: bool = False


STAGES = (
    Stage(
        "source",
        "read",
        (),
        frozenset({"parquet"}),
        "The customer's tables under canonical names and types, every row as it came.",
        metadata.of_source,
        retried=True,
    ),
    Stage(
        "validated",
        "validate",
        ("source",),
        frozenset({"greatexpectations"}),
        "Rows that keep the data contract; the others are in quarantine with their reasons.",
        metadata.of_validated,
        retried=True,
    ),
    Stage(
        "features",
        "featurize",
        ("validated",),
        frozenset({"polars"}),
        "One row an event with features that know only the past.",
        metadata.of_features,
    ),
    Stage(
        "leaderboard",
        "search",
        ("features",),
        frozenset({"lightgbm", "scikitlearn"}),
        "Every model of the search beside the baselines; the best is kept whole.",
        metadata.of_leaderboard,
    ),
    Stage(
        "model",
        "compress",
        ("features", "leaderboard"),
        frozenset({"lightgbm"}),
        "Smaller artefacts beside the best model; the smallest inside the bound is chosen.",
        metadata.of_front,
    ),
    Stage(
        "bundle",
        "export",
        ("features", "leaderboard", "model"),
        frozenset({"onnx"}),
        "A folder that runs by itself on a device; every file's sha256 is in its manifest.",
        metadata.of_bundle,
    ),
    Stage(
        "evaluation",
        "evaluate",
        ("features", "model", "bundle"),
        frozenset({"onnx"}),
        "The one read of the holdout: metrics with intervals, gates, what decisions are worth.",
        metadata.of_evaluation,
    ),
    Stage(
        "report",
        "report",
        ("validated", "features", "leaderboard", "model", "bundle", "evaluation"),
        frozenset({"html"}),
        "One self-contained HTML page for the people who decide.",
        metadata.of_report,
        retried=True,
    ),
    Stage(
        "published",
        "publish",
        ("bundle", "evaluation", "report"),
        frozenset({"registry"}),
        "The version that the registry took, or the gates that refused it.",
        metadata.of_published,
    ),
)


def stage_asset(scope: Scope, stage: Stage) -> dg.AssetsDefinition:
    """The asset of `stage` in one solution; its value is kept by the solution's store."""

    @dg.asset(
        key=scope.key(stage.asset),
        ins={need: dg.AssetIn(key=scope.key(need)) for need in stage.needs},
        group_name=scope.name,
        kinds=set(stage.kinds),
        description=stage.about,
        io_manager_key=scope.store_key,
        required_resource_keys=scope.writing_resources,
        retry_policy=RETRIES if stage.retried else None,
    )
    def materialize(context: dg.AssetExecutionContext, **values: Any) -> dg.MaterializeResult[Any]:
        with told_to_dagster():
            ctx = scope.context(context.run.run_id, context.resources)
            value = _function(stage.verb)(ctx, *(values[need] for need in stage.needs))
            shown = stage.describe(ctx, value)
        return dg.MaterializeResult(value=value, metadata=shown)

    return materialize


def _function(verb: str) -> Callable[..., Any]:
    """The stage called `verb`; imported here, so that loading definitions stays cheap."""
    found: Callable[..., Any] = getattr(importlib.import_module("lepton.stages"), verb)
    return found
