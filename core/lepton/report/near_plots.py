"""Figures of forecasts of the next minutes: the network, a road over a day, warnings, faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from lepton.report.drawing import (
    BLUE,
    INK,
    MUTED,
    SERIES,
    WIDE,
    date_axis,
    dress,
    legend,
    name_of,
    new_axes,
    new_figure,
)

FLOW: Final = LinearSegmentedColormap.from_list(
    "flow", ["#8f1d14", "#d9652f", "#f2c46d", "#c3d9cf", "#3d8f8e"]
)
"""Red where traffic stands, green where it flows; also apart in grey."""
AHEAD_MIN: Final = (15, 30, 60)
MOST_NAMES: Final = 45
_HOURS: Final = 24


def network_map(scored: pd.DataFrame, network: pd.DataFrame) -> Figure | None:
    """Forecast over free flow of every series, road by road, at the issue with most congestion."""
    rows = _with_place(scored, network)
    if rows.empty:
        return None
    worst = rows.groupby("issued_at")["ratio"].mean().idxmin()
    own = rows[rows["issued_at"] == worst]
    roads = list(dict.fromkeys(network["road"]))
    figure = new_figure(WIDE[0], 0.42 * len(roads) + 1.5)
    grid: Any = figure.subplots(1, len(AHEAD_MIN), sharey=True)
    image: Any = None
    for axes, minutes in zip(grid, AHEAD_MIN, strict=True):
        dress(axes, xlabel="km")
        axes.grid(axis="x", visible=False)
        here = own[own["ahead"] == minutes]
        image = axes.scatter(
            here["km"],
            here["road"].map(roads.index),
            c=here["ratio"],
            cmap=FLOW,
            vmin=0.2,
            vmax=1.0,
            s=90,
            marker="s",
            edgecolors="white",
            linewidths=0.8,
        )
        axes.set_title(f"in {minutes} minutes", fontsize=10, color=INK)
        axes.margins(x=0.08)
    grid[0].set_yticks(range(len(roads)), [name_of(road) or "network" for road in roads])
    grid[0].invert_yaxis()
    _bar(figure, image, list(grid), "forecast over free flow")
    return figure


def space_time(scored: pd.DataFrame, network: pd.DataFrame, minutes: int = 30) -> Figure | None:
    """The road and day with most congestion: what came, and what was forecast so long before."""
    rows = _with_place(scored, network)
    rows = rows[rows["ahead"] == minutes]
    if rows.empty:
        return None
    rows = rows.assign(day=rows["local_at"].dt.floor("D"), slow=rows["target"] < 0.6 * rows["free"])
    busiest: Any = rows.groupby(["road", "day"])["slow"].sum().idxmax()
    road, day = busiest
    own = rows[(rows["road"] == road) & (rows["day"] == day)]
    if own["km"].nunique() < 2 or own["local_at"].nunique() < 4:
        return None
    figure = new_figure(WIDE[0], 3.3)
    grid: Any = figure.subplots(1, 2, sharey=True)
    image: Any = None
    for axes, column, title in zip(
        grid, ("target", "q50"), ("what came", f"forecast {minutes} minutes before"), strict=True
    ):
        dress(axes)
        axes.grid(visible=False)
        ratio = own[column] / own["free"]
        table = ratio.groupby([own["km"], own["local_at"]]).mean().unstack()
        image = axes.pcolormesh(
            table.columns.to_numpy(),
            np.arange(len(table)),
            table.to_numpy(float),
            cmap=FLOW,
            vmin=0.2,
            vmax=1.0,
            shading="nearest",
        )
        step = max(1, len(table) // 8)
        axes.set_yticks(np.arange(len(table))[::step], [f"{km:.1f}" for km in table.index[::step]])
        axes.set_title(f"{name_of(road)}, {day:%d %b}: {title}", fontsize=10, color=INK)
        date_axis(axes)
    grid[0].set_ylabel("km", color=MUTED, fontsize=9.5)
    _bar(figure, image, list(grid), "over free flow")
    return figure


def health(matrix: pd.DataFrame) -> Figure | None:
    """Share of each day that is missing or not believed, a row a series."""
    if matrix.empty:
        return None
    figure = new_figure(WIDE[0], min(7.0, 0.13 * len(matrix) + 1.2))
    axes = dress(figure.add_subplot())
    axes.grid(visible=False)
    days = matrix.columns.to_numpy()
    image = axes.pcolormesh(
        days,
        np.arange(len(matrix)),
        100 * matrix.to_numpy(float),
        cmap=LinearSegmentedColormap.from_list("faults", ["#eef2f6", "#d9652f", "#8f1d14"]),
        vmin=0,
        vmax=100,
        shading="nearest",
    )
    step = -(-len(matrix) // MOST_NAMES)
    places = np.arange(len(matrix))[::step]
    axes.set_yticks(places, [name_of(name) for name in matrix.index[::step]], fontsize=6.5)
    axes.invert_yaxis()
    date_axis(axes)
    _bar(figure, image, [axes], "missing or suspect, %")
    return figure


def by_minutes(scored: pd.DataFrame) -> Figure | None:
    """Mean absolute error by minutes ahead, of the bundle and of its floors."""
    if scored.empty:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="minutes ahead", ylabel="mean absolute error")
    shown = {
        "q50": "this forecast",
        "median_persistence": "latest value",
        "median_habit": "what is usual",
        "median_drift": "from latest to usual",
    }
    ends = _ends(scored)
    for colour, (column, label) in zip(SERIES, shown.items(), strict=False):
        if column in scored:
            error = (scored["target"] - scored[column]).abs().groupby(ends).mean()
            axes.plot(error.index, error, color=colour, lw=1.7, label=label)
    axes.set_ylim(bottom=0)
    legend(axes, "lower right")
    return figure


def precision_recall(facts: Mapping[str, float]) -> Figure | None:
    """Precision of warnings of congestion by the share of onsets that they catch."""
    points = _numbered(facts, "onset_precision_at_")
    if not points:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="onsets that are warned of, %", ylabel="warnings that come true")
    axes.plot(list(points), list(points.values()), "o-", color=BLUE, ms=4, lw=1.5)
    if "onset_base_rate" in facts:
        axes.axhline(facts["onset_base_rate"], ls="--", lw=1, color=MUTED, label="base rate")
    axes.set_ylim(0, 1)
    legend(axes, "upper right")
    return figure


def lead_times(facts: Mapping[str, float]) -> Figure | None:
    """How many minutes ahead the onsets lay that were warned of."""
    found = {
        at: share for at, share in _numbered(facts, "onset_lead_").items() if np.isfinite(share)
    }
    if not found:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="minutes before congestion", ylabel="of warned onsets, %")
    places = sorted(found)
    width = 0.8 * min(np.diff(places), default=5.0)
    axes.bar(places, [100 * found[at] for at in places], width=width, color=BLUE)
    return figure


def dead(facts: Mapping[str, float]) -> Figure | None:
    """Error of all series by the share of them that tell nothing."""
    figure = new_figure()
    axes = new_axes(figure, xlabel="series without any reading, %", ylabel="rise of the error, %")
    drawn = False
    for colour, minutes in zip(SERIES, AHEAD_MIN, strict=False):
        points = {
            int(name.split("_")[1]): value
            for name, value in facts.items()
            if name.startswith("dead_") and name.endswith(f"_{minutes}")
        }
        if points.get(0):
            rise = [100 * (points[share] / points[0] - 1) for share in sorted(points)]
            axes.plot(sorted(points), rise, "o-", color=colour, ms=4, label=f"{minutes} minutes")
            drawn = True
    legend(axes, "upper left")
    return figure if drawn else None


def _with_place(scored: pd.DataFrame, network: pd.DataFrame) -> pd.DataFrame:
    """The scored rows with road, km, free flow, ratio of the median to it, minutes ahead."""
    if scored.empty or network.empty:
        return scored.iloc[:0]
    place = network.rename(columns={"series": "entity"})
    rows = scored.merge(place, on="entity", how="inner", validate="many_to_one")
    return rows.assign(ratio=rows["q50"] / rows["free"], ahead=_ends(rows))


def _ends(scored: pd.DataFrame) -> pd.Series:
    """Minutes from the issue to the end of each interval."""
    leads = np.sort(scored["lead_h"].unique())
    step = float(np.diff(leads).min()) if len(leads) > 1 else 0.0
    return ((scored["lead_h"] + step) * 60).round().astype(int)


def _numbered(facts: Mapping[str, float], prefix: str) -> dict[float, float]:
    """Facts whose names end in a number, by it."""
    found = {}
    for name, value in facts.items():
        end = name.removeprefix(prefix)
        if end != name and end.replace(".", "", 1).isdigit():
            found[float(end)] = value
    return found


def _bar(figure: Figure, image: Any, axes: list[Any], label: str) -> None:
    bar = figure.colorbar(image, ax=axes, pad=0.015, fraction=0.03)
    bar.set_label(label, color=MUTED, fontsize=9.5)
    bar.ax.tick_params(colors=MUTED, labelsize=9, length=0)
    outline: Any = bar.outline
    outline.set_visible(False)


__all__ = [
    "by_minutes",
    "dead",
    "health",
    "lead_times",
    "network_map",
    "precision_recall",
    "space_time",
]
