"""What a bundle is told beside its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lepton
from lepton.alarms import AlarmRule
from lepton.dataset import TabularDataset
from lepton.features.spec import FeatureSpec
from lepton.graph.timing import Timing
from lepton.rules import RuleSet
from lepton.task import TaskSpec
from lepton_edge.hazard import HazardPlan
from lepton_edge.policy import Policy
from lepton_edge.remaining import RemainingPlan
from lepton_edge.similar import SimilarPlan
from lepton_edge.waveform import WavePlan


@dataclass(frozen=True)
class Decisions:
    """What a bundle is told of decisions, beside its threshold.

    policy: its formula, capacity and zone, price and sample not yet settled; unseen: rows that
    are new to the model, on which they are; review_sample: share of the capacity for rows drawn
    at random; phrases: phrase -> patterns of features; rules: beside the model, if any.
    """

    policy: Policy
    unseen: TabularDataset
    review_sample: float = 0.0
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: RuleSet | None = None


@dataclass(frozen=True)
class Alarms:
    """What a bundle is told of alarms: when one is raised, and the phrases (phrase -> patterns of
    features) for what no single sensor says."""

    rule: AlarmRule
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class BundleContext:
    """What a bundle says beside its model.

    contracts: table -> ODCS file; sample: real rows, of which some become golden rows and
    all the reference for drift; features: how the model's inputs are computed; lateness_s: how
    far out of order events may come to a device that computes them; decisions: what is done with
    a row beyond the threshold; levels: categorical feature -> categories that the model learnt
    from; alarms: when the scores of an asset's readings raise one, None for never; hazard: chances
    over several spans beside the score, None for none; remaining: how a share becomes hours that
    are left, and soon_h, from how many on an alarm is raised; similar: past lives that an alarm
    names, None for none; waves: how blocks of samples in a reading are reduced.
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
    ahead_s: float = 300.0
    decisions: Decisions | None = None
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    alarms: Alarms | None = None
    hazard: HazardPlan | None = None
    remaining: RemainingPlan | None = None
    soon_h: float = 0.0
    similar: SimilarPlan | None = None
    waves: tuple[WavePlan, ...] = ()
    kit_version: str = field(default=lepton.__version__)


__all__ = ["Alarms", "BundleContext", "Decisions"]
