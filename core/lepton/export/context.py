"""What a bundle is told beside its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import lepton
from lepton.dataset import TabularDataset
from lepton.features.spec import FeatureSpec
from lepton.graph.timing import Timing
from lepton.task import TaskSpec


@dataclass(frozen=True)
class BundleContext:
    """What a bundle says beside its model.

    contracts: table -> ODCS file; sample: real rows, of which some become golden rows and
    all the reference for drift; features: how the model's inputs are computed; lateness_s: how
    far out of order events may come to a device that computes them.
    """

    solution: str
    customer: str
    run_id: str
    contracts: Mapping[str, Path]
    task: TaskSpec
    costs: Mapping[str, float]
    sample: TabularDataset
    features: FeatureSpec
    timing: Timing | None = None
    lateness_s: float = 3_600.0
    kit_version: str = field(default=lepton.__version__)


__all__ = ["BundleContext"]
