"""What an evaluation finds: metrics with intervals, gates, and the whole of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Metric:
    """A number that rates scored rows; greater is better unless said.

    prepare(scored) sorts once and returns a function of row weights, so that a bootstrap may
    ask for it a thousand times. `scored` has the columns of `Scored` (see `SCORED`). undefined:
    why it may be no number on rows with which nothing else is wrong.
    """

    name: str
    prepare: Callable[[pd.DataFrame], Callable[[np.ndarray], float]]
    about: str
    greater_is_better: bool = True
    unit: str = ""
    undefined: str = ""

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

DECIDED: Final = ("action", "reasons", "rules", "review_sample")
"""Further columns where a policy decides: name of the action; up to three phrases joined by "; ";
names of the rules that hit joined by ","; whether the row was drawn at random to be looked at."""

REFERENCE: Final = "uncompressed"
"""Name of the uncompressed model among the rivals."""


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


_TABLES: Final = ("rules", "survival", "similar", "alarms", "queues", "stays", "incidents")
"""Tables of an evaluation that are empty where nothing is to be said."""


@dataclass(frozen=True)
class Evaluation:
    """The one read of the holdout.

    metrics: of the bundle; baselines: name -> the same metrics; reference: the uncompressed
    model's; scored: the bundle's rows (columns SCORED); facts: further named numbers, finite;
    rival_scores: the same rows as baselines and REFERENCE score them, one column each; rules: one
    row a rule beside the model, as `evaluation.actions.rule_table` makes it; survival: one row a
    landmark of the holdout, as `lifetimes.with_survival` makes it; similar: one row a life whose
    alarm was raised, as `similar.with_similar` makes it; alarms, queues, stays, incidents: of
    a network that is watched, as `nearwatch.with_watch` makes them. Where the bundle has a policy,
    `scored` also has the columns DECIDED.
    """

    metrics: tuple[MetricResult, ...]
    baselines: Mapping[str, tuple[MetricResult, ...]]
    reference: tuple[MetricResult, ...]
    gates: tuple[GateResult, ...]
    scored: pd.DataFrame
    facts: Mapping[str, float] = field(default_factory=dict)
    rival_scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    rules: pd.DataFrame = field(default_factory=pd.DataFrame)
    survival: pd.DataFrame = field(default_factory=pd.DataFrame)
    similar: pd.DataFrame = field(default_factory=pd.DataFrame)
    alarms: pd.DataFrame = field(default_factory=pd.DataFrame)
    queues: pd.DataFrame = field(default_factory=pd.DataFrame)
    stays: pd.DataFrame = field(default_factory=pd.DataFrame)
    incidents: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def passed(self) -> bool:
        """Whether every gate holds."""
        return all(gate.passed for gate in self.gates)

    def metric(self, name: str) -> MetricResult:
        """The bundle's metric called `name`; KeyError where there is none."""
        return {result.name: result for result in self.metrics}[name]

    def to_json(self) -> dict[str, Any]:
        """All but the rows as plain values; a number that is not finite is None."""
        return {
            "passed": self.passed,
            "metrics": [_plain(result) for result in self.metrics],
            "baselines": {
                name: [_plain(result) for result in results]
                for name, results in self.baselines.items()
            },
            "reference": [_plain(result) for result in self.reference],
            "gates": [asdict(gate) for gate in self.gates],
            "facts": {name: _finite(value) for name, value in self.facts.items()},
        }

    def save(self, folder: Path) -> None:
        """Write rows as parquet and the rest as JSON into the empty `folder`."""
        from lepton.frames import write_parquet

        write_parquet(self.scored, folder / "scored.parquet")
        write_parquet(self.rival_scores, folder / "rival_scores.parquet")
        for name in _TABLES:
            write_parquet(getattr(self, name), folder / f"{name}.parquet")
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The evaluation that `save` wrote into `folder`."""
        from lepton.frames import read_parquet

        content = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        return cls(
            metrics=_results(content["metrics"]),
            baselines={name: _results(rows) for name, rows in content["baselines"].items()},
            reference=_results(content["reference"]),
            gates=tuple(GateResult(**gate) for gate in content["gates"]),
            scored=read_parquet(folder / "scored.parquet"),
            facts={k: v for k, v in content["facts"].items() if v is not None},
            rival_scores=read_parquet(folder / "rival_scores.parquet"),
            **{name: _read_if_there(folder / f"{name}.parquet") for name in _TABLES},
        )


def _read_if_there(path: Path) -> pd.DataFrame:
    """The frame at `path`, empty where an evaluation of an older kit wrote none."""
    from lepton.frames import read_parquet

    return read_parquet(path) if path.is_file() else pd.DataFrame()


def _plain(result: MetricResult) -> dict[str, Any]:
    numbers = {name: _finite(getattr(result, name)) for name in ("value", "low", "high")}
    return {**asdict(result), **numbers}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _results(rows: list[dict[str, Any]]) -> tuple[MetricResult, ...]:
    return tuple(MetricResult(**row) for row in rows)
