"""The page of a network's queues: what alarms told of them, when, and what that was worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import matplotlib.dates
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lepton.report.blocks import Block, Section, picture
from lepton.report.content import ReportContent
from lepton.report.drawing import (
    BLUE,
    INK,
    MUTED,
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
from lepton.report.tables import exact, make_table, percent

HUES: Final = (SERIES[0], SERIES[2], SERIES[3], INK)
"""Colours of alarms, in turns."""
MOST_ROWS: Final = 60
SLOW: Final = 0.6


def queues(content: ReportContent) -> Section | None:
    """Alarms of the holdout, and what other policies would have cost; None of what is not
    watched."""
    found, facts = content.evaluation, content.evaluation.facts
    near = content.forecast.near if content.forecast else None
    if near is None or "watch_cost" not in facts:
        return None
    blocks = [
        *picture(
            "One alarm a queue",
            "The day with most alarms: where congestion was (red), and the stays of detectors in "
            "alarms (frames; a colour and a number is one alarm). A frame that begins left of the "
            "red was a warning.",
            alarm_map(found.scored, found.stays, near.network),
            "No alarm was raised.",
        ),
        Block(
            "What alarms are worth",
            "A queue counts as missed where no alarm of one of its first detectors came before it; "
            "an alarm is false where nothing was congested until an hour after it. Alarms come "
            "from the chance that cost the least on the days before.",
            table=_policies(content),
        ),
        *picture(
            "How early queues are told",
            "Minutes by which an alarm came before its queue.",
            leads(found.queues),
            "No queue was warned of.",
        ),
    ]
    text = (
        "Detectors that are congested, or likely to be, and are neighbours are one queue, and a "
        "queue has one alarm however it grows."
    )
    return Section("queues", "Alarms of queues", text, blocks, "Alarms")


def worth(content: ReportContent) -> Iterator[str]:
    """What alarms were worth in sentences, none of what is not watched."""
    found, facts = content.evaluation, content.evaluation.facts
    if not facts.get("watch_queues"):
        return
    lead = found.queues["lead_min"].dropna()
    told = f"Alarms came before {percent(len(lead) / len(found.queues))} of the queues"
    early = f", half of these {lead.median():.0f} minutes before" if len(lead) else ""
    share = f"; {percent(found.alarms['came'].mean())} came true" if len(found.alarms) else ""
    yield (
        f"{told}{early}{share}. They cost {exact(facts['watch_cost'])}; alarms of what is slow "
        f"already cost {exact(facts['watch_cost_slow'])}, none {exact(facts['watch_cost_never'])}."
    )


def _policies(content: ReportContent) -> Any:
    facts, found = content.evaluation.facts, content.evaluation
    n, warned = facts["watch_queues"], int(found.queues["lead_min"].notna().sum())
    rows = [
        ("no alarms", "0", "0", exact(facts["watch_cost_never"])),
        (
            "alarm once traffic is slow",
            f"{facts['watch_warned_slow']:.0f}",
            f"{facts['watch_false_slow']:.0f}",
            exact(facts["watch_cost_slow"]),
        ),
        (
            f"alarm from a chance of {percent(facts['watch_threshold'])}",
            f"{warned}",
            f"{facts['watch_false']:.0f}",
            exact(facts["watch_cost"]),
        ),
    ]
    columns = ("policy", f"warned of {n:.0f} queues", "false alarms", "cost")
    return make_table(columns, rows, marked=[2])


def alarm_map(scored: pd.DataFrame, stays: pd.DataFrame, network: pd.DataFrame) -> Figure | None:
    """Congestion and stays in alarms of the day with most alarms, a row a detector."""
    if stays.empty or scored.empty:
        return None
    zone = scored["local_at"] - scored["event_at"].dt.tz_localize(None)
    shift = zone.median()
    stays = stays.assign(
        begin=stays["from_at"].dt.tz_localize(None) + shift,
        end=stays["until"].dt.tz_localize(None) + shift,
    )
    day: Any = stays.groupby(stays["begin"].dt.floor("D"))["alarm"].nunique().idxmax()
    until = day + pd.Timedelta(days=1)
    own = stays[(stays["begin"] < until) & (stays["end"] > day)]
    touched = own.groupby("series").size().sort_values(ascending=False).index[:MOST_ROWS]
    order = network[network["series"].isin(touched)].reset_index(drop=True)
    place = pd.Series(np.arange(len(order)), index=order["series"])
    figure = new_figure(WIDE[0], min(9.0, 0.19 * len(order) + 1.3))
    axes = dress(figure.add_subplot())
    axes.grid(axis="y", visible=False)
    slow = scored[(scored["local_at"] >= day) & (scored["local_at"] < until)]
    slow = slow[slow["entity"].isin(place.index)].drop_duplicates(["entity", "event_at"])
    slow = slow[slow["target"] < SLOW * slow["entity"].map(order.set_index("series")["free"])]
    hours = float(np.diff(np.sort(scored["lead_h"].unique())).min())
    step = pd.Timedelta(seconds=round(hours * 3_600))
    slow = _lasting(slow, step)
    rows = slow["entity"].map(place).to_numpy(float)
    left = slow["local_at"].to_numpy()
    width: Any = [step] * len(rows)
    axes.barh(rows, width, left=left, height=0.8, color=RED, alpha=0.55, lw=0)
    numbers = {alarm: number for number, alarm in enumerate(sorted(own["alarm"].unique()))}
    own = own.assign(is_first=~own.duplicated(["alarm", "series"]))
    for stay in own.itertuples():
        if stay.series in place.index:
            _frame(axes, stay, float(place[stay.series]), numbers)
    axes.set_xlim(day, until)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_yticks(place.to_numpy(), [name_of(name) for name in place.index], fontsize=6.5)
    for row in np.flatnonzero((order["road"] != order["road"].shift()).to_numpy())[1:]:
        axes.axhline(row - 0.5, color=MUTED, lw=0.5)
    axes.set_title(f"{day:%d %b %Y}, local time", fontsize=10, color=INK)
    date_axis(axes)
    return figure


def _lasting(slow: pd.DataFrame, step: pd.Timedelta) -> pd.DataFrame:
    """Without intervals that are slow alone: one makes no congestion."""
    there = pd.MultiIndex.from_frame(slow[["entity", "event_at"]])
    beside = [
        pd.MultiIndex.from_arrays([slow["entity"], slow["event_at"] + way * step]).isin(there)
        for way in (-1, 1)
    ]
    return slow[beside[0] | beside[1]]


def _frame(axes: Any, stay: Any, row: float, numbers: dict[Any, int]) -> None:
    """The frame of one stay, its alarm's number at the left."""
    dates: Any = matplotlib.dates
    first, last = dates.date2num(stay.begin), dates.date2num(stay.end)
    number = numbers[stay.alarm]
    hue = HUES[number % len(HUES)]
    place, size = (first, row - 0.4), (last - first, 0.8)
    axes.add_patch(Rectangle(place, *size, fill=False, edgecolor=hue, lw=1.0))
    if stay.is_first:
        axes.text(first, row, f"{number + 1} ", ha="right", va="center", fontsize=5.5, color=hue)


def leads(queues: pd.DataFrame) -> Figure | None:
    """How many minutes before a queue its alarm came."""
    told = queues["lead_min"].dropna()
    if told.empty:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="minutes before the queue, 60 or more as 60", ylabel="queues")
    edges = np.arange(0, 65, 5)
    axes.hist(told, bins=list(edges), color=BLUE, rwidth=0.85)
    axes.axvline(told.median(), color=MUTED, ls="--", lw=1, label=f"median {told.median():.0f} min")
    axes.set_xticks(edges[::2])
    legend(axes, "upper left")
    return figure


__all__ = ["alarm_map", "leads", "queues"]
