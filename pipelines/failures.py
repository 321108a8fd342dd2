"""LeptonErrors through Dagster and back: told in full in its UI, raised anew for our callers."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from lepton.errors import ContractViolation, LeptonError, MachineError
from lepton_edge import atomic
from pipelines.scope import Scope, plain_run_id

RECORD = "lepton_error"
_FIELDS = ("code", "where", "found", "remedy")


@contextmanager
def told_to_dagster() -> Iterator[None]:
    """Turns what a stage raises into a Failure with code, place, remedy and every detail.

    Only faults of the machine (disk, memory, permission) are left to the step's RetryPolicy:
    the same data and settings fail the same way again.
    """
    try:
        yield
    except (OSError, MachineError) as error:
        raise as_failure(error, allow_retries=True) from error
    except Exception as error:
        raise as_failure(error, allow_retries=False) from error


def as_failure(error: Exception, *, allow_retries: bool) -> dg.Failure:
    """`error` as Dagster shows it."""
    if not isinstance(error, LeptonError):
        return dg.Failure(f"{type(error).__name__}: {error}", allow_retries=allow_retries)
    metadata: dict[str, Any] = {name: getattr(error, name) for name in _FIELDS}
    metadata[RECORD] = dg.MetadataValue.json(_record(error))
    if error.details:
        metadata["details"] = details_table(error.details)
    return dg.Failure(str(error), metadata=metadata, allow_retries=allow_retries)


def details_table(lines: Iterable[str]) -> dg.TableMetadataValue:
    """One row a line, as Dagster's UI draws tables."""
    schema = dg.TableSchema([dg.TableColumn("what", "string")])
    return dg.MetadataValue.table([dg.TableRecord({"what": line}) for line in lines], schema)


def as_error(failure: dg.DagsterEvent, log: str) -> LeptonError:
    """The LeptonError behind a failed step; one with code LK949 where a stage broke otherwise.

    log: where the whole traceback is, for the remedy.
    """
    told = failure.step_failure_data.user_failure_data
    record = told.metadata.get(RECORD) if told else None
    if record is not None:
        return _from_record(dict(record.value))  # type: ignore[arg-type]
    found = (told.description if told else None) or _deepest(failure.step_failure_data.error)
    return LeptonError(
        "LK949",
        where=f"step {failure.step_key}",
        found=f"unexpected failure: {found.strip()}",
        remedy=f"the traceback is in {log}",
    )


def as_violation(evaluation: dg.AssetCheckEvaluation) -> ContractViolation:
    """The error behind a blocking check that did not pass."""
    broken = evaluation.metadata.get("broken")
    lines = (
        [str(row.data["what"]) for row in broken.records]
        if isinstance(broken, dg.TableMetadataValue)
        else []
    )
    return ContractViolation(
        "LK299",
        where=evaluation.asset_key.to_user_string(),
        found=f"the stored rows break {len(lines)} rule(s) of check '{evaluation.check_name}'",
        remedy="mend the source, or the contract in data_contracts; nothing downstream has run",
        details=lines,
    )


def failure_record(scope: Scope) -> dg.HookDefinition:
    """A hook that writes what failed into the run's folder as failure.json, and never raises."""

    @dg.failure_hook(name=f"{scope.name}_failure_record")
    def record(context: dg.HookContext) -> None:
        error = context.op_exception
        content = {
            "solution": scope.name,
            "run_id": context.run_id,
            "step": context.op.name,
            "failed_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "error": str(error) or type(error).__name__,
        }
        folder = scope.project.workspace.run(scope.name, plain_run_id(context.run_id))
        try:
            atomic.write_text(folder / "failure.json", json.dumps(content, indent=2) + "\n")
        except OSError as disk:
            context.log.warning(f"failure.json could not be written: {disk}")
        context.log.error(f"{content['step']} failed, nothing deployed has changed: {error}")

    return record


def _deepest(error: SerializableErrorInfo | None) -> str:
    """Message of the first cause of `error`."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message if error else "no reason given"


def _record(error: LeptonError) -> dict[str, Any]:
    fields = {name: getattr(error, name) for name in _FIELDS}
    return {"type": type(error).__name__, "details": list(error.details), **fields}


def _from_record(record: dict[str, Any]) -> LeptonError:
    kinds = {kind.__name__: kind for kind in _kinds(LeptonError)}
    kind = kinds.get(record["type"], LeptonError)
    told = {name: record[name] for name in ("where", "found", "remedy")}
    return kind(record["code"], **told, details=record["details"])


def _kinds(root: type[LeptonError]) -> Iterator[type[LeptonError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)
