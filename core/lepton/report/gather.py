"""From the values of a run's stages to what its report says."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING

import pandas as pd

from lepton.contracts.model import Validated
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.results import Evaluation
from lepton.report.content import DataFacts, ModelFacts, part_facts

if TYPE_CHECKING:
    from lepton.automl.leaderboard import Leaderboard
    from lepton.compress.front import Front
    from lepton.export.bundle import Bundle

_LIBRARIES = ("lightgbm", "scikit-learn", "onnxruntime", "polars", "pandas")


def data_facts(
    validated: Validated, dataset: TabularDataset, parts: Parts, evaluation: Evaluation
) -> DataFacts:
    """What was refused, ignored, switched off and cut."""
    return DataFacts(
        violations=[str(violation) for violation in validated.violations],
        quarantined={table: len(rows) for table, rows in validated.quarantine.items()},
        notes=validated.notes,
        switched_off=dataset.switched_off,
        parts=part_facts(parts, evaluation),
        dropped=parts.dropped,
    )


def model_facts(leaderboard: Leaderboard, front: Front) -> ModelFacts:
    """How the model was found and how far it was reduced."""
    artefacts = front.to_frame().rename(columns={"loss_bound": "bound", "row_us": "us_per_row"})
    return ModelFacts(
        metric=leaderboard.metric,
        leaderboard=leaderboard.to_frame(),
        front=artefacts,
        importance=_importance(front),
        notes=(*leaderboard.notes, *front.notes),
    )


def environment(bundle: Bundle, dataset: TabularDataset, seed: int) -> Mapping[str, str]:
    """Versions, machine and fingerprints, in the order of the page."""
    manifest = bundle.manifest
    return {
        "model fingerprint": str(manifest["model_fingerprint"]),
        "features": f"{len(dataset.numeric)} numeric, {len(dataset.categorical)} categorical",
        "seed": str(seed),
        "measured on": str((manifest.get("timing") or {}).get("device", platform.machine())),
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
