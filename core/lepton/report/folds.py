"""How a configuration fared window by window: metrics with intervals, the holdout last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.evaluation.intervals import intervals
from lepton.evaluation.results import Evaluation, Metric, MetricResult

HOLDOUT: Final = "holdout"
WEEK: Final = "holdout week"
MAX_WEEKS: Final = 8
FEWEST_POSITIVES: Final = 5
"""With fewer positives in a window nothing is told: any number there would be chance."""
_RESAMPLES: Final = 100


@dataclass(frozen=True)
class Window:
    """One window of time with its scored rows (columns of `results.SCORED`)."""

    name: str
    scored: pd.DataFrame


def fold_frame(
    windows: Sequence[Window],
    evaluation: Evaluation,
    metrics: Sequence[Metric],
    rng: np.random.Generator,
    *,
    is_grouped: bool = False,
) -> pd.DataFrame:
    """One row a window, then one a week of the holdout unless it is groups, then one for all of it.

    Columns: fold, first_at, last_at, rows, positives, and each metric with `_low` and `_high`,
    NaN where it cannot be told. The holdout's own numbers are those of the evaluation where it
    has them.
    """
    weeks = () if is_grouped else _weeks(evaluation.scored)
    told = [_rated(one, metrics, rng) for one in (*windows, *weeks)]
    known = {result.name: result for result in evaluation.metrics}
    held = [known[metric.name] for metric in metrics if metric.name in known]
    return pd.DataFrame([*told, _row(Window(HOLDOUT, evaluation.scored), held)])


def _weeks(scored: pd.DataFrame) -> Iterator[Window]:
    """The holdout by weeks from its first day on, where there are two or more; the days that are
    left belong to the last one."""
    if scored.empty:
        return
    day = (scored["event_at"] - scored["event_at"].min().floor("D")) // pd.Timedelta(days=1)
    whole = (int(day.max()) + 1) // 7
    week = np.minimum(day.to_numpy() // 7, whole - 1)
    if 2 <= whole <= MAX_WEEKS:
        yield from (Window(WEEK, scored[week == number]) for number in np.unique(week))


def _rated(window: Window, metrics: Sequence[Metric], rng: np.random.Generator) -> dict[str, Any]:
    enough = int((window.scored["target"] == 1).sum()) >= FEWEST_POSITIVES
    results = intervals(metrics, window.scored, rng=rng, n=_RESAMPLES) if enough else ()
    return _row(window, results or [MetricResult(metric.name, None) for metric in metrics])


def _row(window: Window, results: Sequence[MetricResult]) -> dict[str, Any]:
    event, target = window.scored["event_at"], window.scored["target"]
    row: dict[str, Any] = {
        "fold": window.name,
        "first_at": event.min(),
        "last_at": event.max(),
        "rows": len(window.scored),
        "positives": int((target == 1).sum()),
    }
    for result in results:
        row[result.name] = _number(result.value)
        row[f"{result.name}_low"] = _number(result.low)
        row[f"{result.name}_high"] = _number(result.high)
    return row


def _number(value: float | None) -> float:
    return np.nan if value is None else value


__all__ = ["FEWEST_POSITIVES", "HOLDOUT", "WEEK", "Window", "fold_frame"]
