"""What an evaluation finds: metrics with intervals, gates, and the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Metric:
    """A number that rates scored rows; greater is better unless said.

    prepare(scored) sorts once and returns a function of row weights, so that a bootstrap may
    ask for it a thousand times. `scored` has the columns of `Scored` (see `SCORED`).
    """

    name: str
    prepare: Callable[[pd.DataFrame], Callable[[np.ndarray], float]]
    about: str
    greater_is_better: bool = True
    unit: str = ""

    def of(self, scored: pd.DataFrame) -> float:
        """Value on all rows of `scored`, each with weight one."""
        return self.prepare(scored)(np.ones(len(scored)))


SCORED = (
    "key",
    "event_at",
    "entity",
    "value",
    "target",
    "score",
    "decision",
    "miss_cost",
    "alert_cost",
)
"""Columns of a frame of scored rows, named by role; entity and value may be absent.

target 0/1; score in 0..1; decision 0/1; miss_cost: money lost where a positive row is let
pass; alert_cost: money spent where a row is acted on.
"""


@dataclass(frozen=True)
class MetricResult:
    """A metric's value with its 95 % interval; None, with the reason, where there is none."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    about: str = ""
    unit: str = ""
    reason: str = ""


@dataclass(frozen=True)
class GateResult:
    """One gate: what it asks, what was found, whether it holds."""

    name: str
    passed: bool
    needed: str
    found: str
    about: str


@dataclass(frozen=True)
class Evaluation:
    """The one read of the holdout.

    metrics: of the bundle; baselines: name -> the same metrics; reference: the uncompressed
    model's; scored: the bundle's rows (columns SCORED); facts: further named numbers.
    """

    metrics: tuple[MetricResult, ...]
    baselines: Mapping[str, tuple[MetricResult, ...]]
    reference: tuple[MetricResult, ...]
    gates: tuple[GateResult, ...]
    scored: pd.DataFrame
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every gate holds."""
        return all(gate.passed for gate in self.gates)

    def metric(self, name: str) -> MetricResult:
        """The bundle's metric called `name`; KeyError where there is none."""
        return {result.name: result for result in self.metrics}[name]
