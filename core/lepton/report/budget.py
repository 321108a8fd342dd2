"""What a number of alerts a day buys, and the slider that shows it."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.intervals import day_blocks
from lepton.evaluation.results import Evaluation
from lepton.evaluation.shares import shares
from lepton.report.blocks import Slider
from lepton.report.tables import Table, each, make_table, number, percent, percent_span, span

FEWEST: Final = 5
MOST: Final = 200
"""Alerts a day that the slider reaches at least, where there are as many rows."""
POSITIONS: Final = 196
_STEPS: Final = (5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 500, 1000, 2500)


def budget_frame(evaluation: Evaluation, budgets: np.ndarray) -> pd.DataFrame:
    """One row a budget (alerts a day, the highest scores first): budget, threshold, recall,
    precision, saved_a_day, each with `_low` and `_high` but the threshold."""
    scored = evaluation.scored.sort_values("score", ascending=False, kind="stable")
    blocks = day_blocks(scored)
    _, day = np.unique(blocks, return_inverse=True)
    per_day, days = np.bincount(day), len(np.unique(day))
    n = np.clip(np.round(budgets * days).astype(np.int64), 1, len(scored))
    alerted = (np.arange(len(scored))[:, None] < n).astype(np.float64)
    positive = scored["target"].to_numpy(dtype=np.float64) == 1
    gain = np.where(positive, scored["miss_cost"], 0.0) - scored["alert_cost"].to_numpy()
    found = alerted * positive[:, None]
    every = np.ones((1, len(n)))
    columns = {
        "recall": (found, positive[:, None] * every),
        "precision": (found, alerted),
        "saved_a_day": (alerted * gain[:, None], (1 / per_day[day])[:, None] * every),
    }
    frame = pd.DataFrame({"budget": budgets, "threshold": scored["score"].to_numpy()[n - 1]})
    for name, (part, whole) in columns.items():
        told = shares(part, whole, blocks, np.random.default_rng(0))
        frame[name] = [one.value for one in told]
        frame[f"{name}_low"] = [one.low for one in told]
        frame[f"{name}_high"] = [one.high for one in told]
    return frame.astype("float64")


def budget_table(evaluation: Evaluation) -> Table:
    """Budgets in plain steps and the one of the decision, which is marked."""
    chosen, per_day = alerts_a_day(evaluation), _rows_a_day(evaluation)
    budgets = np.array(sorted({float(k) for k in _STEPS if k <= per_day} | {chosen} - {0.0}))
    if not len(budgets):
        return make_table((), [])
    rows = [
        (
            round(row.budget, 1),
            number(row.threshold),
            f"{percent(row.recall)} ({percent_span(row.recall_low, row.recall_high)})",
            f"{percent(row.precision)} ({percent_span(row.precision_low, row.precision_high)})",
            f"{number(row.saved_a_day)} ({span(row.saved_a_day_low, row.saved_a_day_high)})",
        )
        for row in each(budget_frame(evaluation, budgets))
    ]
    columns = ("alerts a day", "threshold", "recall", "precision", "money saved a day")
    marked = [i for i, budget in enumerate(budgets) if budget == chosen]
    return make_table(columns, rows, marked)


def budget_slider(evaluation: Evaluation) -> Slider | None:
    """Every number of alerts a day from few to many; None where a day has hardly a row."""
    per_day, chosen = _rows_a_day(evaluation), alerts_a_day(evaluation)
    most = min(max(MOST, 2 * chosen), per_day)
    if most < FEWEST + 1:
        return None
    budgets = np.unique(np.round(np.linspace(FEWEST, most, POSITIONS)))
    budgets = budgets[budgets <= per_day]
    frame = budget_frame(evaluation, budgets)
    positions = tuple(
        (
            number(row.budget),
            percent(row.recall),
            percent(row.precision),
            number(row.saved_a_day),
            number(row.threshold),
        )
        for row in each(frame)
    )
    start = int(np.argmin(np.abs(budgets - chosen)))
    names = ("recall", "precision", "money saved a day", "threshold")
    return Slider("Alerts a day", names, positions, start)


def alerts_a_day(evaluation: Evaluation) -> float:
    """Alerts of the decision a day, on average."""
    return evaluation.facts.get("alerts", 0.0) / _days(evaluation)


def _rows_a_day(evaluation: Evaluation) -> float:
    return len(evaluation.scored) / _days(evaluation)


def _days(evaluation: Evaluation) -> int:
    return max(len(np.unique(day_blocks(evaluation.scored))), 1)


__all__ = ["alerts_a_day", "budget_frame", "budget_slider", "budget_table"]
