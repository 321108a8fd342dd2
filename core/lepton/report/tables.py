"""Tables of a report as text, cut where they are long, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import Evaluation, MetricResult

MAX_ROWS: Final = 40
MAX_TEXT: Final = 240
NOT_TOLD: Final = "–"
_LABELS: Final = {
    "ap": "average precision",
    "auc": "ROC AUC",
    "ece": "calibration error",
    "brier": "Brier score",
    "rcrps": "CRPS over range",
    "wape": "error over size",
    "mase": "error over last week's",
    "coverage80": "coverage of 80 %",
    "width80": "width of 80 %",
    "rmse_h": "typical error, hours",
    "rmse_h_age_blind": "typical error without the age, hours",
    "coverage_90": "held by 90 % intervals",
    "width_h": "mean width of an interval, hours",
    "survival_brier": "Brier score of lasting",
    "warned_ahead_h": "warned ahead",
    "recall_at_fpr_1": "recall at 1 % false alerts",
    "recall_at_fpr_5": "recall at 5 % false alerts",
}


@dataclass(frozen=True)
class Table:
    """Cells as text; `numeric` columns are right-aligned; `marked` rows stand out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    marked: frozenset[int] = frozenset()
    note: str = ""


def make_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    marked: Iterable[int] = (),
    *,
    most: int = MAX_ROWS,
) -> Table:
    """`rows` under `columns`, cut after `most` with a note of how many are left out."""
    content = [tuple(row) for row in rows]
    shown = content[:most]
    left = len(content) - len(shown)
    numeric = tuple(
        bool(shown) and all(_is_number(row[i]) or row[i] is None for row in shown)
        for i in range(len(columns))
    )
    texts = tuple(tuple(text_of(cell) for cell in row) for row in shown)
    note = f"{left:,} further rows are not shown." if left else ""
    return Table(tuple(columns), texts, numeric, frozenset(marked), note)


def cut_lines(lines: Sequence[str]) -> list[str]:
    """At most `MAX_ROWS` of `lines`, each of bounded length, with a last one for the rest."""
    shown = [shorten(line) for line in lines[:MAX_ROWS]]
    left = len(lines) - len(shown)
    return [*shown, f"… and {left:,} more"] if left else shown


def text_of(value: object) -> str:
    """`value` as people read it: yes and no, thousands parted, four significant digits."""
    if value is None or value is pd.NA or value is pd.NaT:
        return NOT_TOLD
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}" if value != value.normalize() else f"{value:%Y-%m-%d}"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return number(float(value)) if math.isfinite(value) else NOT_TOLD
    return shorten(str(value))


def number(value: float) -> str:
    """At most four significant digits below a thousand, whole with parted thousands above."""
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.1f}"
    if abs(value) >= 1:
        return f"{value:.4g}"
    return f"{value:.4f}" if abs(value) >= 0.001 else f"{value:.2g}"


def label_of(metric: str) -> str:
    """What a metric is called by people."""
    return _LABELS.get(metric, metric.replace("_", " "))


def exact(value: float) -> str:
    """A number that a person has set, without trailing zeros."""
    return f"{value:,.6g}"


def shorten(text: str) -> str:
    """`text`, at most `MAX_TEXT` characters of it."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def interval(result: MetricResult) -> str:
    """The 95 % interval in words, or why there is none."""
    if result.low is None or result.high is None:
        return result.reason
    return span(result.low, result.high)


def span(low: float | None, high: float | None) -> str:
    """Two limits in words; a dash where one of them cannot be told."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return NOT_TOLD
    return f"{number(low)}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{number(high)}"


def percent(value: float | None) -> str:
    """A share as a percentage: whole above ten, one digit below; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOT_TOLD
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.2g} %"


def percent_span(low: float | None, high: float | None) -> str:
    """Two limits of a share as percentages."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return NOT_TOLD
    return f"{percent(low)}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{percent(high)}"


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of `frame`, their cells by the columns' names."""
    yield from frame.itertuples()


def frame_table(frame: pd.DataFrame, marked: Iterable[int] = (), *, most: int = MAX_ROWS) -> Table:
    """The rows of `frame` under its column names, underscores read as spaces."""
    columns = [shorten(str(name).replace("_", " ")) for name in frame.columns]
    return make_table(columns, frame.itertuples(index=False, name=None), marked, most=most)


def metric_table(evaluation: Evaluation) -> Table:
    """Every metric with its interval, beside the uncompressed model and the baselines."""
    rivals = {"uncompressed": evaluation.reference, **evaluation.baselines}
    values = {name: {r.name: r.value for r in results} for name, results in rivals.items()}
    rows = [
        (
            label_of(result.name),
            result.value,
            interval(result),
            *(values[name].get(result.name) for name in values),
            result.about + (f" ({result.unit})" if result.unit else ""),
        )
        for result in evaluation.metrics
    ]
    return make_table(("metric", "this model", "95 % interval", *values, "what it says"), rows)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


__all__ = [
    "MAX_ROWS",
    "NOT_TOLD",
    "Table",
    "cut_lines",
    "each",
    "exact",
    "frame_table",
    "interval",
    "label_of",
    "make_table",
    "metric_table",
    "number",
    "percent",
    "percent_span",
    "shorten",
    "span",
    "text_of",
]
