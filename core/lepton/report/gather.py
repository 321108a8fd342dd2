"""From the values of a run's stages to what its report says."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pandas as pd

from lepton import roles
from lepton.contracts.checks import checks_of
from lepton.contracts.model import Contract, Validated, Violation
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.results import Evaluation
from lepton.evaluation.stability import stability
from lepton.report.calendar import daily
from lepton.report.content import DataFacts, ModelFacts, part_facts

if TYPE_CHECKING:
    from lepton.automl.leaderboard import Leaderboard
    from lepton.compress.front import Front
    from lepton.export.bundle import Bundle

_LIBRARIES = ("lightgbm", "scikit-learn", "onnxruntime", "polars", "pandas")


def data_facts(
    validated: Validated,
    contracts: Mapping[str, Contract],
    dataset: TabularDataset,
    parts: Parts,
    evaluation: Evaluation,
) -> DataFacts:
    """What was refused, ignored, switched off and cut; how the rows lie along time."""
    calendar, delay_days = daily(dataset)
    absent = list(absent_columns(validated, contracts))
    return DataFacts(
        violations=[str(violation) for violation in validated.violations],
        quarantined={table: len(rows) for table, rows in validated.quarantine.items()},
        notes=[note for note in validated.notes if note not in _absence_notes(absent)],
        switched_off=dataset.switched_off,
        parts=part_facts(parts, evaluation),
        dropped=parts.dropped,
        rules=scorecard(validated, contracts),
        absent=absent,
        calendar=calendar,
        delay_days=delay_days,
        drift=_drift(dataset, parts),
    )


def model_facts(leaderboard: Leaderboard, front: Front, folds: pd.DataFrame) -> ModelFacts:
    """How the model was found and how far it was reduced."""
    artefacts = front.to_frame().rename(columns={"loss_bound": "bound", "row_us": "us_per_row"})
    trials = [(t.family, t.score, t.seconds, t.raced_out) for t in leaderboard.trials]
    return ModelFacts(
        metric=leaderboard.metric,
        leaderboard=leaderboard.to_frame(),
        front=artefacts,
        importance=_importance(front),
        notes=(*leaderboard.notes, *front.notes),
        trials=pd.DataFrame(trials, columns=["family", "score", "seconds", "raced_out"]).astype(
            {"score": "float64", "seconds": "float64"}
        ),
        folds=folds,
        blend=_blend(leaderboard),
        budget=_budget(leaderboard),
    )


def card(bundle: Bundle) -> Mapping[str, str]:
    """What the bundle is, from its manifest."""
    manifest = bundle.manifest
    timing, inputs = manifest.get("timing") or {}, manifest["inputs"]
    told = {
        "family": str(manifest.get("family", "")),
        "inputs": f"{len(inputs['numeric'])} numeric, {len(inputs['categorical'])} categorical",
        "threshold": f"{manifest['threshold']:.6g}",
        "size": f"{bundle.n_bytes / 1e6:.2f} MB in {len(manifest['files'])} files, "
        f"model {manifest['files']['model.onnx']['bytes'] / 1e3:.1f} kB",
    }
    if timing:
        told |= {
            "one row alone": f"{timing['cpu_us_batch_1']:.1f} µs of processor time",
            "a row in a batch": f"{timing['cpu_us_per_row_batch_1024']:.2f} µs",
            "measured on": str(timing.get("device", "")),
        }
    return told


def environment(bundle: Bundle, dataset: TabularDataset, seed: int) -> Mapping[str, str]:
    """Versions, machine and fingerprints, in the order of the page."""
    return {
        "model fingerprint": str(bundle.manifest["model_fingerprint"]),
        "features": f"{len(dataset.numeric)} numeric, {len(dataset.categorical)} categorical",
        "seed": str(seed),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _LIBRARIES},
    }


def _importance(front: Front) -> pd.DataFrame:
    """Share of the splits' gain by feature, where the model tells it."""
    gains = front.model.importance()
    total = sum(gains.values())
    rows = [(name, gain / total) for name, gain in gains.items() if gain > 0] if total else []
    frame = pd.DataFrame(rows, columns=["feature", "share"])
    return frame.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _blend(leaderboard: Leaderboard) -> pd.DataFrame:
    """Members of the best entrant and their shares; empty where one configuration won."""
    newest = leaderboard.best.newest
    members = zip(newest.members, newest.weights, strict=True)
    rows = [(f"{one.family}, {_settings(one.params)}", one.family, share) for one, share in members]
    return pd.DataFrame(rows, columns=["member", "family", "weight"])


def _settings(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(params.items()))


def _budget(leaderboard: Leaderboard) -> str:
    budget, spent = leaderboard.budget, leaderboard.spent
    allowed = (
        f"{budget.work_units:,} fits" if budget.seconds is None else f"{budget.seconds:g} seconds"
    )
    return f"Of {allowed} it used {spent.work_units:,} fits in {spent.seconds:.0f} seconds."


def _drift(dataset: TabularDataset, parts: Parts) -> pd.DataFrame:
    """Features of training against those from the holdout's begin on; no target is read."""
    if parts.groups:
        later = dataset.role(roles.GROUP).isin(parts.groups["holdout"])
    else:
        later = dataset.role(roles.EVENT_AT) >= parts.cuts["holdout"]
    return stability(parts.train, dataset.take(later.to_numpy()))


def scorecard(validated: Validated, contracts: Mapping[str, Contract]) -> pd.DataFrame:
    """One row a rule that the delivered columns allow, with how many rows passed."""
    found = [
        (table, check.column or "", check.rule, str(check.severity), total - broken, broken)
        for table, frame in validated.tables.items()
        for total in [len(frame) + len(validated.quarantine.get(table, ()))]
        for check in checks_of(
            contracts[table],
            frame,
            now=pd.Timestamp.now("UTC"),
            min_rows=contracts[table].min_rows,
        )
        for broken in [_broken(validated.violations, table, check.column, check.rule)]
    ]
    told = {(v.table, v.column or "", v.rule) for v in validated.violations}
    listed = {row[:3] for row in found}
    found += [
        (v.table, v.column or "", v.rule, str(v.severity), v.total - v.count, v.count)
        for v in validated.violations
        if (v.table, v.column or "", v.rule) in told - listed
    ]
    columns = ["table", "column", "rule", "severity", "passed", "broken"]
    return pd.DataFrame(found, columns=columns)


def _broken(violations: tuple[Violation, ...], table: str, column: str | None, rule: str) -> int:
    return sum(
        one.count
        for one in violations
        if (one.table, one.column, one.rule) == (table, column, rule)
    )


def absent_columns(
    validated: Validated, contracts: Mapping[str, Contract]
) -> Iterator[tuple[str, str]]:
    for table, frame in validated.tables.items():
        for column in contracts[table].columns:
            if not column.present and column.lost_without and column.name not in frame:
                yield column.name, column.lost_without


def _absence_notes(absent: list[tuple[str, str]]) -> set[str]:
    """The notes that say the same as the table of absent columns."""
    return {f"no '{name}': {cost}" for name, cost in absent}


__all__ = ["absent_columns", "card", "data_facts", "environment", "model_facts", "scorecard"]
