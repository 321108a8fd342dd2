"""Suggested timings of signals through the last days: a page of the report. Nothing is switched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from lepton.forecast.spec import Page, Story
from solutions.traffic_forecasting.signal_flows import counts_of
from solutions.traffic_forecasting.signal_worth import (
    BUSY,
    KNOWN,
    MEAN,
    QUARTER_MIN,
    SUGGESTED,
    Forecast,
    Worth,
    forecast_quarters,
    worths,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST_BEFORE_D: Final = 3
"""Days before those that are judged, for what is usual."""
MOST_DRAWN, MOST_LISTED = 4, 20
LEAST_SAVED_H: Final = 0.5
"""Vehicle hours a day below which a fixed timing counts as good as suggestions."""
_NAMES: Final = {
    MEAN: "fixed, for mean flows",
    BUSY: "fixed, for the busiest hour",
    KNOWN: "flows known",
    SUGGESTED: "suggested",
}


def signal_pages(story: Story) -> tuple[Page, ...]:
    """A page where approaches of signals deliver flows over the days that are judged and some days
    before; none otherwise."""
    counts = counts_of(story.tables)
    if counts is None or story.judged.empty:
        return ()
    first = counts.row(story.judged["event_at"].min())
    if first < FEWEST_BEFORE_D * counts.grid.a_day:
        return ()
    made = forecast_quarters(counts, first)
    found = list(worths(counts, made, first, MOST_LISTED))
    if not found:
        return ()
    text = (
        "Timings that flows forecast 15 minutes ahead suggest, every quarter of an hour: "
        "suggestions that a person decides on, nothing is switched by them. Cycle and greens are "
        "Webster's, delays those of the Highway Capacity Manual for the flows that then came: "
        "calculated, not measured. Fixed timings were set by the days before; the timing that is "
        "in use is not delivered, so that there is none to compare with."
    )
    pieces = [
        *(_piece(one, counts.zone) for one in found[:MOST_DRAWN]),
        _delays(found),
        _flows(made, counts.grid.ids),
    ]
    sentences = [*(_sentence(one) for one in found), _judged(made, counts.grid.ids)]
    title = "Signals: timings to decide on"
    return (Page("signals", title, "Signals", text, sentences, pieces),)


def _sentence(one: Worth) -> str:
    quarters = sum(1 for told in one.suggestions if told.timing is None)
    none = f" In {quarters} quarters of an hour nothing could be suggested." if quarters else ""
    fixed, saved = _NAMES[one.best_fixed].removeprefix("fixed, "), one.saved_h_a_day
    worth = (
        f"who decides for them would save {saved:,.1f} vehicle hours a day."
        if saved >= LEAST_SAVED_H
        else "the fixed one is as good."
    )
    return (
        f"{one.signal}: by the suggestions a vehicle would wait {one.delay(SUGGESTED):.1f} s on "
        f"the mean, {one.delay(one.best_fixed):.1f} s by the better of two fixed timings ({fixed}) "
        f"and {one.delay(KNOWN):.1f} s were flows known: {worth}{none}"
    )


def _judged(made: Forecast, ids: tuple[str, ...]) -> str:
    told, usual, latest = made.errors(ids).iloc[-1][["told", "usual", "latest"]].astype(float)
    return (
        f"Flows 15 minutes ahead were wrong by {told:,.0f} veh/h on the mean; what is usual at "
        f"that time by {usual:,.0f}, the latest quarter of an hour by {latest:,.0f}."
    )


def _delays(found: list[Worth]) -> tuple[str, str, pd.DataFrame]:
    rows = [
        {
            "signal": one.signal,
            "vehicles a day": one.flow.mean() * 24,
            **{f"{name}, s": one.delay(way) for way, name in _NAMES.items()},
            "saved, vehicle hours a day": round(one.saved_h_a_day),
        }
        for one in found
    ]
    about = (
        "Of the busiest signals: mean seconds of a vehicle over the judged days, and what "
        "suggestions would save a day against the better fixed timing."
    )
    return "Delay by timing", about, pd.DataFrame(rows).round(1)


def _flows(made: Forecast, ids: tuple[str, ...]) -> tuple[str, str, pd.DataFrame]:
    told = made.errors(ids)
    listed = pd.concat([told.iloc[:-1].head(MOST_LISTED), told.iloc[-1:]])
    names = {"flow": "mean flow", "told": "forecast", "latest": "latest quarter"}
    about = (
        "Mean absolute error in veh/h of the flow of a quarter of an hour, forecast 15 minutes "
        "before, beside what is usual at that time and the latest quarter of an hour."
    )
    return "How flows are forecast", about, listed.rename(columns=names).round(0)


def _piece(one: Worth, zone: str) -> tuple[str, str, Any]:
    about = (
        "The last whole day. Above how much of the green flows need; then the suggested cycle, "
        "made of the greens of its phases and time that is lost between them; below the delay of a "
        "vehicle by the flows that came. In gaps an approach told no flow."
    )
    return f"{one.signal}: suggestions over a day", about, _drawn(one, zone)


def _drawn(one: Worth, zone: str) -> Figure | str:
    from lepton.report.drawing import INK, WIDE, date_axis, dress, name_of, new_figure

    local = one.at.tz_convert(zone).tz_localize(None)
    days = local.normalize()
    sizes = pd.Series(days).value_counts().sort_index()
    whole = sizes[sizes >= 0.9 * sizes.max()]
    own = np.flatnonzero(np.asarray(days == whole.index[-1]))
    if len(own) < 4:
        return "Too few quarters of an hour are known."
    figure = new_figure(WIDE[0], 6.0)
    grid: Any = figure.subplots(3, 1, sharex=True)
    every = pd.date_range(one.at[own[0]], one.at[own[-1]], freq=f"{QUARTER_MIN:g}min")
    place = one.at.get_indexer(every)
    hours = every.tz_convert(zone).tz_localize(None)
    labels = ("flow ratio Y", "cycle, s", "delay, s a vehicle")
    for axes, draw, label in zip(grid, (_ratios, _cycles, _waits), labels, strict=True):
        dress(axes, ylabel=label)
        draw(axes, one, hours, place)
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        _beside(axes)
    grid[0].set_title(name_of(f"{one.signal}, {hours[0]:%a %d %b %Y}"), fontsize=10, color=INK)
    figure.align_ylabels()
    date_axis(grid[-1])
    return figure


def _beside(axes: Axes) -> None:
    """The legend to the right of its figure."""
    from lepton.report.drawing import INK

    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        reverse=len(axes.collections) > 1,
    )


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The values at these places, NaN at -1: a quarter that is not known is a gap."""
    return np.where(place >= 0, values[place], np.nan)


def _ratios(axes: Axes, one: Worth, hours: pd.DatetimeIndex, place: np.ndarray) -> None:
    from lepton.report.drawing import BLUE, MUTED

    axes.plot(hours, _at(one.came, place), color=MUTED, lw=1.1, label="as it came")
    axes.plot(hours, _at(one.loaded, place), color=BLUE, lw=1.6, label="forecast")


def _cycles(axes: Axes, one: Worth, hours: pd.DatetimeIndex, place: np.ndarray) -> None:
    from lepton.report.drawing import LINE, SERIES

    timings = [one.suggestions[at].timing if at >= 0 else None for at in place.tolist()]
    cycle = np.array([np.nan if t is None else t.cycle_s for t in timings])
    greens = np.array([[np.nan if t is None else t.green_s[phase] for t in timings]
                       for phase in one.phases])  # fmt: skip
    rows = [*greens, cycle - greens.sum(axis=0)]
    names = [*(f"green of {phase}" for phase in one.phases), "lost between phases"]
    colours = [*(SERIES[at % len(SERIES)] for at in range(len(one.phases))), LINE]
    axes.stackplot(hours, rows, colors=colours, labels=names, alpha=0.85, lw=0)


def _waits(axes: Axes, one: Worth, hours: pd.DatetimeIndex, place: np.ndarray) -> None:
    from lepton.report.drawing import BLUE, MUTED, SERIES

    looks = {MEAN: (MUTED, "--"), BUSY: (SERIES[1], "-"), SUGGESTED: (BLUE, "-")}
    for way, (colour, style) in looks.items():
        delays = _at(one.delays[way], place)
        axes.plot(hours, delays, color=colour, ls=style, lw=1.5, label=_NAMES[way])


__all__ = ["signal_pages"]
