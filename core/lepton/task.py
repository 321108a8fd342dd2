"""What is to be predicted: kind, target and the metric that candidates are ranked by."""

from __future__ import annotations

from dataclasses import dataclass
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

    table: canonical table whose rows are predicted; target: its column;
    metric: name of the metric, greater is better, that search and compression compare by;
    min_positives: fewest rows of the rare class with which the task may be learnt.
    """

    name: str
    kind: TaskKind
    table: str
    target: str
    metric: str
    min_positives: int = 50
