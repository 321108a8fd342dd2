"""Figures along time: volume, the calendar of positives, folds, drift of the score's worth."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lepton.report.drawing import (
    BLUE,
    INK,
    MUTED,
    PALE,
    RED,
    SERIES,
    WIDE,
    date_axis,
    dress,
    new_axes,
    new_figure,
)
from lepton.report.folds import HOLDOUT, WEEK
from lepton.report.tables import each

WEEKS_SHOWN: Final = 60
HEAT: Final = LinearSegmentedColormap.from_list(
    "heat", ["#f3ead9", "#d98a1f", "#8c2d04", "#3b0f02"]
)
"""From hardly any to many, falling in brightness, so that it holds in grey."""
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def volume(calendar: pd.DataFrame, rows: str) -> Figure | None:
    """Rows a day, what is usual on such a day as a line, days outside it marked."""
    if calendar.empty:
        return None
    figure = new_figure(WIDE[0], 2.5)
    axes = new_axes(figure, xlabel="", ylabel=f"{rows} a day")
    matured = calendar["matured"].to_numpy(dtype=bool)
    for mask, colour, label in (
        (matured, BLUE, "outcomes known"),
        (~matured, PALE, "outcomes not all known yet"),
    ):
        days = calendar[mask]
        if len(days):
            axes.bar(days["day"], days["rows"], width=0.9, color=colour, label=label)
    if calendar["usual"].notna().any():
        style: dict[str, Any] = {"color": INK, "lw": 1, "label": "usual for the weekday"}
        axes.plot(calendar["day"], calendar["usual"], **style)
    odd = calendar[calendar["odd"]]
    if len(odd):
        axes.plot(odd["day"], odd["rows"], "v", color=RED, ms=7, label="unusual")
    axes.set_ylim(0, 1.22 * max(calendar["rows"].max(), 1))
    axes.margins(x=0.01)
    date_axis(axes)
    _legend_row(axes)
    return figure


def _legend_row(axes: Axes) -> None:
    axes.legend(loc="upper left", ncols=4, frameon=False, fontsize=9, labelcolor=INK)


def calendar_heat(calendar: pd.DataFrame, positives: str) -> Figure | None:
    """Share of positives by day, a column a week; crossed out where outcomes are not known yet."""
    known = calendar[calendar["known"] > 0] if len(calendar) else calendar
    if known.empty or not known["positives"].sum():
        return None
    shown = calendar.assign(week=_monday(calendar["day"]))
    weeks = sorted(shown["week"].unique())[-WEEKS_SHOWN:]
    grid = np.full((7, len(weeks)), np.nan)
    figure = new_figure(WIDE[0], 2.6)
    axes = dress(figure.add_subplot())
    axes.grid(visible=False)
    for row in each(shown[shown["week"].isin(weeks)]):
        place = weeks.index(row.week), row.day.weekday()
        if row.known:
            grid[place[1], place[0]] = 100 * row.positives / row.known
        if not row.matured:
            axes.add_patch(_hatched(*place))
    top = max(float(np.nanquantile(grid, 0.98)), 1e-9)
    edges = np.arange(len(weeks) + 1) - 0.5, np.arange(8) - 0.5
    white: dict[str, Any] = {"edgecolors": "white", "linewidth": 1.6}
    image = axes.pcolormesh(*edges, grid, cmap=HEAT, vmin=0, vmax=top, **white)
    axes.invert_yaxis()
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks(range(0, 7, 2), _WEEKDAYS[::2])
    at = np.unique(np.linspace(0, len(weeks) - 1, min(len(weeks), 9)).astype(int))
    axes.set_xticks(at, [f"{weeks[i]:%d %b}" for i in at])
    bar = figure.colorbar(image, ax=axes, pad=0.015, fraction=0.03, extend="max")
    bar.set_label(f"{positives}, %", color=MUTED, fontsize=9.5)
    bar.ax.tick_params(colors=MUTED, labelsize=9, length=0)
    bar.outline.set_visible(False)
    return figure


def _monday(day: pd.Series) -> pd.Series:
    monday: pd.Series = day - pd.to_timedelta(day.dt.day_of_week, "D")
    return monday


def _hatched(x: int, y: int) -> Rectangle:
    style: dict[str, Any] = {"fill": False, "hatch": "////", "edgecolor": MUTED, "lw": 0}
    return Rectangle((x - 0.5, y - 0.5), 1, 1, zorder=3, **style)


def folds(
    frame: pd.DataFrame, metric: str, label: str, ceiling: str | None, *, is_grouped: bool = False
) -> Figure | None:
    """One bar a window (a fold of groups) with its interval, the holdout and its weeks apart,
    ceilings as lines."""
    if metric not in frame or not frame[metric].notna().any():
        return None
    figure = new_figure()
    below = "fold" if is_grouped else "first day of the window"
    axes = new_axes(figure, xlabel=below, ylabel=label)
    held = (frame["fold"] == HOLDOUT).to_numpy()
    week = (frame["fold"] == WEEK).to_numpy()
    places = np.arange(len(frame)) + 0.4 * (week | held) + 0.4 * held
    value, low, high = (frame[name].to_numpy(dtype=np.float64) for name in _named(metric))
    for mask, colour, name in (
        (~held & ~week, BLUE, "selection"),
        (week, "#f0cf9f", "holdout by week"),
        (held, SERIES[1], "holdout"),
    ):
        if mask.any():
            axes.bar(places[mask], np.nan_to_num(value[mask]), color=colour, width=0.7, label=name)
    axes.vlines(places, low, high, color=INK, lw=1.3)
    most = float(np.nanmax([*value, *high, 1e-9]))
    if ceiling is not None:
        top = frame[ceiling].to_numpy(dtype=np.float64)
        axes.hlines(top, places - 0.4, places + 0.4, color=RED, lw=2, label="ceiling")
        most = max(most, float(np.nanmax([*top, 0.0])))
    days = [f"{day:%d\n%b}" for day in frame["first_at"]]
    axes.set_xticks(places, frame["fold"].tolist() if is_grouped else days)
    axes.set_ylim(0, 1.32 * most if most > 1e-6 else 1.0)
    axes.grid(visible=False, axis="x")
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=8.5, labelcolor=INK)
    return figure


def _named(metric: str) -> tuple[str, str, str]:
    return metric, f"{metric}_low", f"{metric}_high"


__all__ = ["calendar_heat", "folds", "volume"]
