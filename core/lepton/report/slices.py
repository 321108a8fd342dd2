"""Recall of the decision by groups of rows, with intervals, as a table and a figure."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lepton.evaluation.intervals import blocks_of
from lepton.evaluation.shares import Share, shares
from lepton.report.drawing import BLUE, HALF, INK, MUTED, name_of, new_axes, new_figure
from lepton.report.tables import Table, make_table, percent, percent_span

MAX_GROUPS: Final = 12
FEWEST: Final = 10
"""With fewer rows to judge by, a group is shown pale."""


def recall_by(scored: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Share of positives that are alerted in each group: group, positives, recall, low, high."""
    positive = scored["target"].to_numpy() == 1
    return _by_group(scored, groups, _alerted(scored), positive, ("positives", "recall"))


def false_alerts_by(scored: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Share of negatives that are alerted in each group: group, negatives, rate, low, high."""
    negative = scored["target"].to_numpy() == 0
    return _by_group(scored, groups, _alerted(scored), negative, ("negatives", "rate"))


def _alerted(scored: pd.DataFrame) -> np.ndarray:
    return np.asarray(scored["decision"].to_numpy() == 1)


def _by_group(
    scored: pd.DataFrame,
    groups: pd.Series,
    hit: np.ndarray,
    counted: np.ndarray,
    names: tuple[str, str],
) -> pd.DataFrame:
    """Groups in their own order where they are ordered, else the largest first."""
    held = groups[counted].dropna()
    sizes = held.value_counts(sort=not isinstance(groups.dtype, pd.CategoricalDtype))
    found = list(sizes[sizes > 0].index[:MAX_GROUPS])
    inside = np.column_stack([(groups == group).to_numpy() & counted for group in found] or [hit])
    told = shares(inside & hit[:, None], inside, blocks_of(scored), np.random.default_rng(0))
    rows = [(str(group), *_told(one)) for group, one in zip(found, told, strict=False)]
    return pd.DataFrame(rows, columns=["group", names[0], names[1], "low", "high"])


def _told(share: Share) -> tuple[int, float | None, float | None, float | None]:
    return int(share.whole), share.value, share.low, share.high


def table(frame: pd.DataFrame) -> Table:
    """The same in numbers: for names that no figure can draw."""
    rows = [
        (row[0], row[1], percent(row[2]), percent_span(row[3], row[4]))
        for row in frame.itertuples(index=False)
    ]
    return make_table((*frame.columns[:3], "95 % interval"), rows)


def bars(frame: pd.DataFrame, xlabel: str, *, whole: float | None = None) -> Figure | None:
    """One bar a row of `recall_by`, in per cent, its interval, and the value of all as a line."""
    if frame.empty:
        return None
    names = frame.columns
    figure = new_figure(HALF[0], 0.75 + 0.34 * max(len(frame), 3))
    axes = new_axes(figure, xlabel=xlabel, ylabel="")
    places = -np.arange(len(frame))
    few = frame[names[1]].to_numpy() < FEWEST
    colours: Any = np.where(few, "#9fbcdc", BLUE)
    value = 100 * frame[names[2]].to_numpy(dtype=np.float64)
    axes.barh(places, value, color=colours, height=0.58)
    axes.hlines(places, 100 * frame["low"], 100 * frame["high"], color=INK, lw=1.4)
    labels = [f"{name_of(row[0])} ({row[1]:,})" for row in frame.itertuples(index=False)]
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", labelcolor=INK)
    if whole is not None:
        axes.axvline(100 * whole, color=MUTED, lw=1, ls=(0, (4, 3)))
    most = 100.0 if names[2] == "recall" else 1.1 * max(float((100 * frame["high"]).max()), 1e-6)
    axes.set_xlim(0, most)
    axes.set_ylim(-max(len(frame), 3) + 0.4, 0.6)
    axes.grid(visible=False, axis="y")
    return figure


__all__ = ["bars", "false_alerts_by", "recall_by", "table"]
