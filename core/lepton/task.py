"""What is to be predicted: kind, target and the metric that candidates are ranked by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class TaskKind(StrEnum):
    """What a prediction looks like."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    SURVIVAL = "survival"
    FORECAST = "forecast"
    RECOMMEND = "recommend"
    ANOMALY = "anomaly"


@dataclass(frozen=True)
class TaskSpec:
    """One question to the data.

    table: canonical table whose rows are predicted; target: its column, 0/1, or for a regression
    a share in 0..1, which a score then is too; metric: name of the metric that search and
    compression compare by; min_positives: fewest rows of the rare class with which the task may be
    learnt; features: patterns (`*_slope`) of those that it learns from, none for all; metrics:
    names of those of the solution's that say something of it, none for all; gates: what it needs
    in place of the solution's. An anomaly is learnt without a target: where one is known, its
    positive rows are left out of what counts as healthy.
    """

    name: str
    kind: TaskKind
    table: str
    target: str
    metric: str
    min_positives: int = 50
    features: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    gates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Allowed:
    """What data allow: the name of the task that is learnt from them; why: a sentence where it is
    not the one that was asked for, and what more would take, else empty."""

    task: str
    why: str = ""
