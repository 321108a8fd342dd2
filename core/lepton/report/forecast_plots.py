"""Figures of forecasts: fans, errors by hour, calibration, what each step adds, response."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
    legend,
    name_of,
    new_axes,
    new_figure,
)
from lepton.report.tables import each
from lepton.report.time_plots import HEAT

QUANTILES: Final = tuple(f"q{level}" for level in range(10, 100, 10))
_BANDS: Final = (("q10", "q90", "#dbe6f3"), ("q20", "q80", "#b9cfe7"), ("q40", "q60", "#86abd6"))
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FEWEST: Final = 20


def fans(scored: pd.DataFrame, unit: str) -> Figure | None:
    """Of the largest series, the best, a usual and the worst forecast, and that of the peak."""
    if scored.empty:
        return None
    size = scored.assign(size=scored["target"].abs()).groupby("entity")["size"].sum()
    name = str(size.idxmax())
    own = scored[scored["entity"] == name]
    loss = (own["target"] - own["q50"]).abs().groupby(own["issued_at"]).mean().sort_values()
    if len(loss) < 4:
        return None
    peak = own.sort_values("target", kind="stable")["issued_at"].iloc[-1]
    picked = {
        "best": loss.index[0],
        "usual": loss.index[len(loss) // 2],
        "worst": loss.index[-1],
        "highest value": peak,
    }
    figure = new_figure(WIDE[0], 5.4)
    grid: Any = figure.subplots(2, 2)
    for axes, (told, issued) in zip(grid.flat, picked.items(), strict=True):
        _fan(dress(axes, ylabel=unit), own[own["issued_at"] == issued])
        rows = own[own["issued_at"] == issued]
        begins = f"{rows['local_at'].iloc[0]:%d %b %Y}"
        axes.set_title(f"{name_of(name)}, {told}: {begins}", fontsize=10, color=INK)
    legend(grid.flat[0], "upper left")
    return figure


def _fan(axes: Axes, rows: pd.DataFrame) -> None:
    at = rows["local_at"]
    for low, high, colour in _BANDS:
        label = f"{low[1:]} to {high[1:]} %"
        axes.fill_between(at, rows[low], rows[high], color=colour, lw=0, label=label)
    axes.plot(at, rows["q50"], color=BLUE, lw=1.6, label="forecast")
    axes.plot(at, rows["target"], color=INK, lw=1.6, ls="--", label="what came")
    axes.margins(x=0)
    date_axis(axes)


def by_hour(scored: pd.DataFrame) -> Figure | None:
    """Mean absolute error over the mean value, by local hour and day of the week."""
    if scored.empty:
        return None
    local = scored["local_at"].dt
    level = scored["entity"].map(scored["target"].abs().groupby(scored["entity"]).mean())
    error = (scored["target"] - scored["q50"]).abs() / level.where(level > 0)
    by = [local.day_of_week.rename("day"), local.hour.rename("hour")]
    table = error.groupby(by).mean().unstack().reindex(index=range(7), columns=range(24))
    figure = new_figure(WIDE[0], 2.7)
    axes = dress(figure.add_subplot(), xlabel="local hour of the interval")
    axes.grid(visible=False)
    edges = np.arange(25) - 0.5, np.arange(8) - 0.5
    white: dict[str, Any] = {"edgecolors": "white", "linewidth": 1.2}
    image = axes.pcolormesh(*edges, 100 * table.to_numpy(float), cmap=HEAT, vmin=0, **white)
    axes.invert_yaxis()
    axes.set_yticks(range(7), _WEEKDAYS)
    axes.set_xticks(range(0, 24, 3))
    axes.spines["bottom"].set_visible(False)
    bar = figure.colorbar(image, ax=axes, pad=0.015, fraction=0.03)
    bar.set_label("error, % of mean", color=MUTED, fontsize=9.5)
    bar.ax.tick_params(colors=MUTED, labelsize=9, length=0)
    bar.outline.set_visible(False)
    return figure


def reliability(scored: pd.DataFrame) -> Figure | None:
    """Share of values below each decile: on the dashed line a decile is what it says."""
    if len(scored) < FEWEST:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="decile of the forecast", ylabel="share of values below it")
    said = np.arange(1, 10) / 10
    found = [float((scored["target"] <= scored[name]).mean()) for name in QUANTILES]
    axes.plot([0, 1], [0, 1], ls="--", color=MUTED, lw=1)
    axes.plot(said, found, "o-", color=BLUE, ms=5, lw=1.4)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return figure


def coverage_by_week(scored: pd.DataFrame) -> Figure | None:
    """Share of values inside the 80 % interval, week by week."""
    if len(scored) < FEWEST:
        return None
    inside = (scored["target"] >= scored["q10"]) & (scored["target"] <= scored["q90"])
    week = scored["event_at"].dt.tz_localize(None).dt.to_period("W").dt.start_time
    found = inside.groupby(week).agg(["mean", "size"])
    found = found[found["size"] >= FEWEST]
    figure = new_figure()
    axes = new_axes(figure, xlabel="", ylabel="inside the 80 % interval")
    axes.axhline(0.8, ls="--", color=MUTED, lw=1)
    axes.plot(found.index, found["mean"], "o-", color=BLUE, ms=5, lw=1.4)
    axes.set_ylim(min(0.5, float(found["mean"].min()) - 0.05) if len(found) else 0.5, 1)
    date_axis(axes)
    return figure


def ladder(rungs: pd.DataFrame) -> Figure | None:
    """Loss of every step with its interval, the last one the bundle's."""
    if rungs.empty:
        return None
    figure = new_figure(WIDE[0], 0.42 * len(rungs) + 1.0)
    axes = new_axes(
        figure, xlabel="loss (CRPS over the range of the past); lower is better", ylabel=""
    )
    axes.grid(axis="y", visible=False)
    for place, rung in enumerate(each(rungs)):
        own = place == len(rungs) - 1
        axes.plot([rung.low, rung.high], [place, place], color=PALE, lw=6, solid_capstyle="butt")
        axes.plot([rung.loss], [place], "o", color=RED if own else BLUE, ms=7)
    axes.set_yticks(range(len(rungs)), [name_of(name) for name in rungs["name"]])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.invert_yaxis()
    return figure


def response(curves: pd.DataFrame, xlabel: str) -> Figure | None:
    """Median and middle half of the load over the level of its series, by what weather was."""
    if curves.empty:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel=xlabel, ylabel="load over its usual level")
    for colour, (name, rows) in zip(SERIES, curves.groupby("part", sort=False), strict=False):
        axes.fill_between(rows["at"], rows["low"], rows["high"], color=colour, alpha=0.15, lw=0)
        axes.plot(rows["at"], rows["middle"], color=colour, lw=1.8, label=name_of(name))
    legend(axes, "upper left")
    return figure


def by_lead(scored: pd.DataFrame) -> Figure | None:
    """Mean absolute error over the mean value, by hours ahead, of the bundle and of baselines."""
    if scored.empty or scored["lead_h"].nunique() < 3:
        return None
    level = scored["entity"].map(scored["target"].abs().groupby(scored["entity"]).mean())
    figure = new_figure()
    axes = new_axes(figure, xlabel="hours ahead", ylabel="error, % of mean")
    shown = {
        "q50": "this forecast",
        "median_profile": "calendar mean",
        "median_seasonal_naive": "last week",
    }
    for colour, (column, label) in zip(SERIES, shown.items(), strict=False):
        if column in scored:
            error = 100 * (scored["target"] - scored[column]).abs() / level.where(level > 0)
            found = error.groupby(scored["lead_h"].round(2)).mean()
            axes.plot(found.index, found, color=colour, lw=1.7, label=label)
    axes.set_ylim(bottom=0)
    legend(axes, "lower right")
    return figure


def made_again(told: pd.DataFrame, unit: str) -> Figure | None:
    """Mean absolute error before and after, by hours since the newest value."""
    if len(told) < 2:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="hours after the newest value", ylabel=f"error, {unit}")
    axes.plot(told["ahead_h"], told["before"], color=MUTED, lw=1.7, label="as first issued")
    axes.plot(told["ahead_h"], told["after"], "o-", color=BLUE, ms=4, lw=1.7, label="made again")
    axes.set_ylim(bottom=0)
    legend(axes, "lower right")
    return figure


__all__ = [
    "by_hour",
    "by_lead",
    "coverage_by_week",
    "fans",
    "ladder",
    "made_again",
    "reliability",
    "response",
]
