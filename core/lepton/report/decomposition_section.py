"""The total taken apart: trend, year, week, day, holidays, and what it cost to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lepton.forecast.decomposition import Decomposition
from lepton.report.blocks import Block, Section, picture, table_or
from lepton.report.content import ReportContent
from lepton.report.drawing import BLUE, INK, MUTED, RED, WIDE, date_axis, dress, new_figure
from lepton.report.tables import each, make_table, percent

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Mar", "May", "Jul", "Sep", "Nov")
_MONTH_DAYS = (0, 59, 120, 181, 243, 304)


def decomposition(content: ReportContent) -> Section:
    """Curves and holidays, or the sentence that says why there are none."""
    facts = content.forecast
    assert facts is not None
    found, unit = facts.decomposition, facts.unit
    title, short = "What the total is made of", "Decomposition"
    if isinstance(found, str):
        return Section("decomposition", title, "", [Block("", missing=found)], short)
    blocks = [
        *picture(
            "Trend, year, week and day",
            "By Prophet, on all before the holdout. The trend goes on for a year in red; the "
            "others are what time adds to it, by the local wall clock.",
            _drawn(found, unit),
        ),
        table_or(
            "Holidays",
            _holidays(found, unit),
            "No country is told of this series, or no holiday was seen.",
            "What each day adds to the load of such a day, the strongest first.",
        ),
        Block("What it is worth as a forecast", lines=list(_worth(found, facts.own_error))),
    ]
    text = f"{found.name} taken apart by Prophet. It reads well; it is no part of the forecast."
    return Section("decomposition", title, text, blocks, short)


def _worth(found: Decomposition, own: float | None) -> Iterator[str]:
    if found.error is not None:
        told = "" if own is None else f"; the bundle, a day ahead, is off by {percent(own)}"
        yield (
            "On the holdout, told weeks ahead without weather and without yesterday, it is off by "
            f"{percent(found.error)} of the mean{told}."
        )
    if found.trend["value"].nunique() == 1:
        yield (
            "The history has less than two years: growth and season cannot be told apart, and the "
            "trend is held flat."
        )
    yield f"Its fit on {found.rows:,} hours and these curves took {found.cpu_s:g} CPU seconds."


def _holidays(found: Decomposition, unit: str) -> Any:
    columns = ("holiday", "days seen", f"effect, {unit}" if unit else "effect", "% of mean")
    rows = [
        (row.holiday, row.days, row.effect, 100 * row.effect / found.mean)
        for row in each(found.holidays)
    ]
    return make_table(columns, rows)


def _drawn(found: Decomposition, unit: str) -> Figure:
    figure = new_figure(WIDE[0], 5.2)
    grid: Any = figure.subplots(2, 2)
    trend, year, week, day = grid.flat
    dress(trend, ylabel=unit)
    ahead = found.trend["is_ahead"]
    trend.plot(found.trend["at"][~ahead], found.trend["value"][~ahead], color=BLUE, lw=1.7)
    trend.plot(found.trend["at"][ahead], found.trend["value"][ahead], color=RED, lw=1.5, ls="--")
    trend.set_ylim(_room(found.trend["value"]))
    date_axis(trend)
    _curve(year, found.year, "year", _MONTH_DAYS, _MONTHS)
    _curve(week, found.week, "week", tuple(24 * n for n in range(7)), _WEEKDAYS)
    hours = tuple(range(0, 24, 4))
    _curve(day, found.day, "day", hours, tuple(f"{hour} h" for hour in hours))
    trend.set_title("trend", fontsize=10, color=INK)
    return figure


def _curve(
    axes: Any, curve: pd.DataFrame, name: str, ticks: tuple[int, ...], labels: tuple[str, ...]
) -> None:
    dress(axes)
    axes.set_title(name, fontsize=10, color=INK)
    if curve["effect"].isna().all():
        told = "the history is too short to know"
        axes.text(0.5, 0.5, told, ha="center", color=MUTED, transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.plot(curve["at"], curve["effect"], color=BLUE, lw=1.7)
    axes.set_xticks(ticks, labels)
    axes.margins(x=0)


def _room(values: pd.Series) -> tuple[float, float]:
    """Limits that show a flat trend as flat: a tenth of its size at least."""
    low, high = float(values.min()), float(values.max())
    middle, half = (low + high) / 2, max((high - low) * 0.6, 0.05 * float(np.abs(values).mean()))
    return middle - half, middle + half


__all__ = ["decomposition"]
