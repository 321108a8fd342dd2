"""What a report says where no outcome is learnt from: how odd a row is, and what oddness raises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from lepton.evaluation.extremes import ScoreThreshold
from lepton.evaluation.watched import WARNED
from lepton.report.blocks import Block, Section, picture
from lepton.report.content import ReportContent
from lepton.report.drawing import (
    BLUE,
    LINE,
    MUTED,
    RED,
    WIDE,
    date_axis,
    legend,
    name_of,
    new_axes,
    new_figure,
)
from lepton.report.own import own_blocks
from lepton.report.summary import gate_lines, limit_lines
from lepton.report.tables import cut_lines, interval, label_of, make_table, number, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SHOWN: Final = 12


def summary(content: ReportContent) -> Section:
    """What those who decide need to know, each sentence from numbers further down."""
    blocks = [
        Block("What was found", lines=list(_found(content)), half=True),
        Block("Gates in plain words", lines=cut_lines(list(gate_lines(content))), half=True),
        Block("What limits this", lines=cut_lines(list(_limits(content))), half=True),
    ]
    text = "For those who decide; every number has its page below, with the rows it comes from."
    return Section("summary", "Summary", text, blocks)


def performance(content: ReportContent) -> Section:
    """The tail that the threshold comes from, what alarms did, every number."""
    rows = [
        (
            label_of(one.name),
            one.value,
            interval(one),
            one.about + (f" ({one.unit})" if one.unit else ""),
        )
        for one in content.evaluation.metrics
    ]
    blocks = [
        *picture(
            "Where an alarm begins",
            "How many clusters of high scores in a month of one asset reach a distance from "
            "health, on the selection part: counted (steps) and as the fitted tail goes on (line).",
            _tail(content.threshold),
            "Too few high scores to fit a tail to.",
        ),
        *picture(
            "When it was raised",
            f"At most {MOST_SHOWN} {content.spec.words.entities}, those that stood out most; grey: "
            "read, red: at the threshold.",
            _when(content),
        ),
        *own_blocks(content, "performance"),
        Block(
            "In numbers",
            table=make_table(("", "value", "95 % interval", "what it says"), rows),
        ),
    ]
    text = f"{len(content.evaluation.scored):,} {content.spec.words.rows} read once, at the end."
    return Section("performance", "Alarms on the holdout", text, blocks, "Alarms")


def _found(content: ReportContent) -> Iterator[str]:
    evaluation, words = content.evaluation, content.spec.words
    facts, scored = evaluation.facts, evaluation.scored
    rate, warned = evaluation.metrics[0], evaluation.metric(WARNED)
    months = facts.get("asset_months")
    over = "" if months is None else f", {number(round(months, 1))} months of {words.entities},"
    yield (
        f"{len(scored):,} {words.rows}{over} that nothing was learnt from were judged by how far "
        "they lie from health."
    )
    if rate.value is not None:
        whole = "a thousand rows" if months is None else f"a month of one {words.entity}"
        yield (
            f"Alarms that no known failure followed: {number(rate.value)} {whole} "
            f"({interval(rate)}); {facts['wanted_per_month']:g} were asked for."
        )
    if warned.value is None:
        yield "No failure is known there, so nobody can say which alarms were right."
    else:
        yield (
            f"Of {number(facts['failures'])} known failures {number(facts['failures_warned'])} had "
            f"an alarm ({percent(warned.value)})."
        )


def _limits(content: ReportContent) -> Iterator[str]:
    """The reason for this mode stands first; of outcomes there is nothing to say."""
    few = f"{content.spec.words.positives} to judge by are few"
    yield from (line for line in limit_lines(content) if few not in line)


def _when(content: ReportContent) -> Figure | None:
    """Readings of the assets that stood out most, along time; None where rows stand alone."""
    scored = content.evaluation.scored
    if "group" not in scored or not scored["group"].duplicated().any():
        return None
    most = scored.groupby("group", observed=True)["decision"].sum()
    shown = most[most > 0].sort_values(ascending=False, kind="stable").index[:MOST_SHOWN]
    if not len(shown):
        return None
    figure = new_figure(WIDE[0], 0.9 + 0.24 * len(shown))
    axes = new_axes(figure, xlabel="", ylabel="")
    for place, name in enumerate(reversed(shown)):
        own = scored[scored["group"] == name]
        acted = own[own["decision"] == 1]
        axes.plot(own["event_at"], np.full(len(own), place), ".", color=LINE, ms=3)
        axes.plot(acted["event_at"], np.full(len(acted), place), "|", color=RED, ms=9)
    axes.set_yticks(range(len(shown)), [name_of(name) for name in reversed(shown)])
    date_axis(axes)
    return figure


def _tail(threshold: ScoreThreshold | None) -> Figure | None:
    tail = None if threshold is None else threshold.tail
    if threshold is None or tail is None or not len(tail.peaks):
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="distance from health", ylabel="clusters a month")
    counted = np.arange(len(tail.peaks), 0, -1) / tail.asset_months
    axes.step(tail.peaks, counted, where="pre", color=MUTED, lw=1.2, label="counted")
    last = max(float(tail.peaks[-1]), threshold.value)
    if tail.scale > 0:
        at = np.linspace(tail.start, last + 0.1 * (last - tail.start), 200)
        axes.plot(at, [tail.rate(x) for x in at], color=BLUE, lw=2, label="fitted tail")
    axes.axvline(threshold.value, color=RED, lw=1.2, ls="--", label="alarm")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.3 / tail.asset_months)
    legend(axes, "upper right")
    return figure


__all__ = ["performance", "summary"]
