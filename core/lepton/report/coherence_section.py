"""Whether the forecasts of a network add up, and what that costs or gains each part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure

from lepton.report.blocks import Block, Section, picture
from lepton.report.content import CoherenceFacts, ReportContent
from lepton.report.drawing import (
    BLUE,
    INK,
    MUTED,
    PALE,
    RED,
    WIDE,
    name_of,
    new_axes,
    new_figure,
)
from lepton.report.tables import cut_lines, each, make_table, number, percent

METHODS: Final = {
    "direct": "each by itself",
    "bottom_up": "bottom-up: leaves alone are believed",
    "least_squares": "least squares: all are moved as little as can be",
    "by_variance": "by variance: those that err little are moved little",
    "mint": "MinT: by how all err together",
}
MOST_SHOWN: Final = 30


def coherence(content: ReportContent) -> Section:
    """What was chosen and why, what it did on the holdout, node by node."""
    facts = content.forecast.coherence if content.forecast else None
    assert facts is not None
    unit = content.forecast.unit if content.forecast else ""
    blocks = [
        Block("What was found", lines=cut_lines(list(_found(facts, unit)))),
        Block(
            "Methods",
            "Mean absolute error over mean size: of all series on the mean, and of those that "
            "belong to none. The method is chosen on the selection, each stretch of it by errors "
            "of the others, and bottom-up is kept where others gain less than 1 %; the holdout "
            "only shows what came of it.",
            table=_methods(facts),
        ),
        *picture(
            f"Each {content.spec.words.entity}",
            "Error over that of the same forecast by itself, below 1 is better: of the median in "
            "blue where it gained and red where it lost, of all deciles in pale.",
            _drawn(facts.nodes),
        ),
        Block("The same in numbers", table=_nodes(facts)),
    ]
    text = (
        "What flows into a network is what its parts take. A batch of forecasts (lepton score) is "
        "reconciled, so that medians add up; a device forecasts each series by itself."
    )
    return Section("coherence", "Coherence of sums", text, blocks, "Coherence")


def _found(facts: CoherenceFacts, unit: str) -> Iterator[str]:
    rows = {row.method: row for row in each(facts.methods)}
    own, direct, below = (rows[name] for name in (facts.method, "direct", "bottom_up"))
    yield f"Chosen on the selection: {METHODS[facts.method]}."
    yield (
        f"Before, medians and sums of parts differed by up to {number(facts.gap[0])} {unit}; after "
        f"it by {facts.gap[1]:.1e} {unit}."
    )
    better = min(direct.roots_later, below.roots_later)
    yield (
        f"The total is off by {percent(own.roots_later)}, by itself it was "
        f"{percent(direct.roots_later)} and bottom-up {percent(below.roots_later)}: "
        f"{own.roots_later / better:.3f} times the better of the two."
    )
    yield f"All series on the mean: {own.loss_later / direct.loss_later:.3f} times as before."
    yield from facts.notes


def _methods(facts: CoherenceFacts) -> Any:
    columns = ("method", "selection, %", "its total, %", "holdout, %", "its total, %", "gap")
    rows = [
        (
            METHODS[row.method],
            100 * row.loss,
            100 * row.roots,
            100 * row.loss_later,
            100 * row.roots_later,
            f"{row.gap:.1e}",
        )
        for row in each(facts.methods)
    ]
    chosen = [at for at, row in enumerate(each(facts.methods)) if row.method == facts.method]
    return make_table(columns, rows, chosen)


def _nodes(facts: CoherenceFacts) -> Any:
    columns = ("series", "leaves", "by itself, %", "reconciled, %", "ratio", "of deciles")
    rows = [
        (r.node, r.parts, 100 * r.direct, 100 * r.reconciled, r.ratio, r.crps_ratio)
        for r in each(facts.nodes)
    ]
    return make_table(columns, rows)


def _drawn(nodes: pd.DataFrame) -> Figure | None:
    shown = nodes[nodes["ratio"].notna()].head(MOST_SHOWN)
    if shown.empty:
        return None
    figure = new_figure(WIDE[0], 0.24 * len(shown) + 1.0)
    axes: Any = new_axes(figure, xlabel="error over that of the forecast by itself", ylabel="")
    axes.grid(axis="y", visible=False)
    axes.axvline(1.0, color=MUTED, lw=1, ls="--")
    for place, row in enumerate(each(shown)):
        axes.plot([row.crps_ratio], [place], "o", color=PALE, ms=9)
        axes.plot([row.ratio], [place], "o", color=BLUE if row.ratio <= 1 else RED, ms=6)
    axes.set_yticks(range(len(shown)), [name_of(name) for name in shown["node"]])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.invert_yaxis()
    return figure


__all__ = ["coherence"]
