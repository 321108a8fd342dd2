"""Tables of a report as text, cut where they are long, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.intervals import day_blocks
from lepton.evaluation.results import Evaluation, MetricResult

MAX_ROWS: Final = 40
MAX_TEXT: Final = 240
_BUDGETS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500)


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
    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return number(float(value)) if math.isfinite(value) else "–"
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


def shorten(text: str) -> str:
    """`text`, at most `MAX_TEXT` characters of it."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def interval(result: MetricResult) -> str:
    """The 95 % interval in words, or why there is none."""
    if result.low is None or result.high is None:
        return result.reason
    return f"{number(result.low)}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{number(result.high)}"


def frame_table(frame: pd.DataFrame, marked: Iterable[int] = (), *, most: int = MAX_ROWS) -> Table:
    """The rows of `frame` under its column names, underscores read as spaces."""
    columns = [str(name).replace("_", " ") for name in frame.columns]
    return make_table(columns, frame.itertuples(index=False, name=None), marked, most=most)


def metric_table(evaluation: Evaluation) -> Table:
    """Every metric with its interval, beside the uncompressed model and the baselines."""
    rivals = {"uncompressed": evaluation.reference, **evaluation.baselines}
    values = {name: {r.name: r.value for r in results} for name, results in rivals.items()}
    rows = [
        (
            result.name.replace("_", " "),
            result.value,
            interval(result),
            *(values[name].get(result.name) for name in values),
            result.about + (f" ({result.unit})" if result.unit else ""),
        )
        for result in evaluation.metrics
    ]
    return make_table(("metric", "this model", "95 % interval", *values, "what it says"), rows)


def budget_table(evaluation: Evaluation) -> Table:
    """What a number of alerts a day buys: recall, precision, money; the decision marked."""
    scored = evaluation.scored.sort_values("score", ascending=False, kind="stable")
    days = len(np.unique(day_blocks(scored)))
    hits = np.cumsum(scored["target"].to_numpy(dtype=np.float64))
    worth = scored["miss_cost"].where(scored["target"] == 1, 0.0) - scored["alert_cost"]
    saved = np.cumsum(worth.to_numpy(dtype=np.float64))
    chosen = evaluation.facts.get("alerts", 0.0) / days
    budgets = sorted({float(k) for k in _BUDGETS if k * days <= len(scored)} | {chosen} - {0.0})
    rows = []
    for budget in budgets:
        n = max(round(budget * days), 1)
        recall = hits[n - 1] / hits[-1] if hits[-1] else None
        least = float(scored["score"].iloc[n - 1])
        rows.append((round(budget, 1), least, recall, hits[n - 1] / n, saved[n - 1] / days))
    columns = ("alerts a day", "threshold", "recall", "precision", "saved a day")
    return make_table(columns, rows, [budgets.index(chosen)] if chosen in budgets else [])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


__all__ = [
    "MAX_ROWS",
    "Table",
    "budget_table",
    "cut_lines",
    "frame_table",
    "interval",
    "make_table",
    "metric_table",
    "number",
    "shorten",
    "text_of",
]
