"""Checks of assets: the data contract, which blocks, and the gates, which only warn."""

from typing import Any

import dagster as dg

from lepton.context import Context
from lepton.contracts.model import Mapped, Severity, Validated
from lepton.errors import ContractViolation
from lepton.evaluation.results import Evaluation
from pipelines import metadata
from pipelines.failures import details_table, told_to_dagster
from pipelines.scope import Scope


def contract_check(scope: Scope) -> dg.AssetChecksDefinition:
    """The check `contract` on `validated`: a step of its own, before anything downstream."""

    @dg.asset_check(
        asset=scope.key("validated"),
        name="contract",
        blocking=True,
        description="The stored rows keep every rule of the data contract.",
        required_resource_keys=scope.resources,
    )
    def contract(context: dg.AssetCheckExecutionContext, validated: Any) -> dg.AssetCheckResult:
        with told_to_dagster():
            ctx = scope.context(context.run.run_id, context.resources)
            return contract_result(ctx, validated)

    return contract


def contract_result(ctx: Context, validated: Validated) -> dg.AssetCheckResult:
    """Passed where the stored rows break no rule; the first judgement's violations beside it."""
    broken = _broken(ctx, validated)
    return dg.AssetCheckResult(
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "rows": sum(len(rows) for rows in validated.tables.values()),
            "broken": details_table(broken or ["nothing"]),
            "violations": metadata.violations_table(validated.violations),
        },
    )


def gates_check(scope: Scope) -> dg.AssetChecksDefinition:
    """The check `gates` on `evaluation`: a warning, since the registry itself refuses."""

    @dg.asset_check(
        asset=scope.key("evaluation"),
        name="gates",
        description="Every gate holds. Where one does not, nothing is published.",
    )
    def gates(evaluation: Any) -> dg.AssetCheckResult:
        return gates_result(evaluation)

    return gates


def gates_result(evaluation: Evaluation) -> dg.AssetCheckResult:
    """Passed where every gate holds."""
    return dg.AssetCheckResult(
        passed=evaluation.passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"gates": metadata.gates_table(evaluation)},
    )


def _broken(ctx: Context, validated: Validated) -> list[str]:
    """Rules that the stored tables break, one line each; none where the contract is kept."""
    from lepton.contracts.validate import validate

    again = {table: Mapped(rows, ()) for table, rows in validated.tables.items()}
    try:
        found = validate(again, ctx.contracts, task=ctx.checked_task, docs=None)
    except ContractViolation as refused:
        return list(refused.details) or [str(refused)]
    return [str(fault) for fault in found.violations if fault.severity is not Severity.WARNING]
