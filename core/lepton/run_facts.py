"""What the report of a run says of its data, its search, its machine and its bundle."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from lepton.context import Context
from lepton.contracts.model import Validated
from lepton.report.content import DataFacts, ModelFacts

if TYPE_CHECKING:
    from lepton.export.bundle import Bundle


class Board(Protocol):
    """A search: what it went by, what it tried, what it cost."""

    @property
    def metric(self) -> str:
        """What candidates are compared by."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences beside the table."""

    @property
    def spent_units(self) -> int:
        """Fits."""

    @property
    def spent_s(self) -> float:
        """Seconds."""

    def to_frame(self) -> pd.DataFrame:
        """One row a candidate."""


class Front(Protocol):
    """Smaller forms of what was found."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences beside the table."""

    def to_frame(self) -> pd.DataFrame:
        """One row a form."""


def data_facts(ctx: Context, validated: Validated) -> DataFacts:
    """What was refused, what is absent, rule by rule."""
    from lepton.report.gather import absent_columns, scorecard

    absent = list(absent_columns(validated, ctx.contracts))
    told = {f"no '{name}': {cost}" for name, cost in absent}
    return DataFacts(
        violations=[str(violation) for violation in validated.violations],
        quarantined={table: len(rows) for table, rows in validated.quarantine.items()},
        notes=[note for note in validated.notes if note not in told],
        rules=scorecard(validated, ctx.contracts),
        absent=absent,
    )


def model_facts(ctx: Context, board: Board, front: Front) -> ModelFacts:
    """What was tried under which budget, and what became of it."""
    budget = ctx.config.budget
    allowed = f"{budget.work_units:,} fits" if budget.seconds is None else f"{budget.seconds:g} s"
    return ModelFacts(
        metric=board.metric,
        leaderboard=board.to_frame(),
        front=front.to_frame(),
        notes=(*board.notes, *front.notes),
        budget=f"Of {allowed} it used {board.spent_units:,} fits in {board.spent_s:.0f} seconds.",
    )


def environment(
    ctx: Context, bundle: Bundle, features: str, libraries: Sequence[str]
) -> Mapping[str, str]:
    """What the bundle was made with; features: how many, "" where that says nothing."""
    return {
        "model fingerprint": str(bundle.manifest["model_fingerprint"]),
        **({"features": features} if features else {}),
        "seed": str(ctx.config.seed),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in libraries},
    }


def card(bundle: Bundle) -> Mapping[str, str]:
    """What the bundle is: family, size, what it costs."""
    manifest = bundle.manifest
    return {
        "family": str(manifest.get("family", "")),
        "size": f"{bundle.n_bytes / 1e6:.2f} MB in {len(manifest['files'])} files, "
        f"model {manifest['files']['model.onnx']['bytes'] / 1e3:,.1f} kB",
        **{name: str(value) for name, value in manifest.get("timing", {}).items()},
    }


__all__ = ["card", "data_facts", "environment", "model_facts"]
