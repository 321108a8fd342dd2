"""What a report says where targets are shares between 0 and 1, such as what is left of a life."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton.report.blocks import Block, Section, picture
from lepton.report.content import ReportContent
from lepton.report.drawing import BLUE, INK, MUTED, new_axes, new_figure
from lepton.report.own import own_blocks
from lepton.report.summary import gate_lines, limit_lines
from lepton.report.tables import (
    cut_lines,
    interval,
    label_of,
    make_table,
    metric_table,
    number,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS: Final = 10
POINTS: Final = 4000


def summary(content: ReportContent) -> Section:
    """What those who decide need to know, each sentence from numbers further down."""
    blocks = [
        Block("What was found", lines=list(_found(content)), half=True),
        Block("Gates in plain words", lines=cut_lines(list(gate_lines(content))), half=True),
        Block("What limits this", lines=cut_lines(list(limit_lines(content))), half=True),
    ]
    text = "For those who decide; every number has its page below, with the rows it comes from."
    return Section("summary", "Summary", text, blocks)


def performance(content: ReportContent) -> Section:
    """Predicted against true, the error by how much is really left, every metric."""
    scored = content.evaluation.scored
    rows = [
        (f"{low:.2f} to {high:.2f}", n, mean, spread)
        for low, high, n, mean, spread in _by_true(scored)
    ]
    table = make_table(("true", content.spec.words.rows, "mean error", "typical error"), rows)
    blocks = [
        *picture(
            "Predicted against true",
            f"Each dot is one of at most {POINTS:,} {content.spec.words.rows}; on the dashed line "
            "both agree.",
            _agreement(scored),
        ),
        *picture(
            "Error by what is true",
            "Above zero more is predicted than is left, which is the dangerous side; the bar spans "
            "the middle four fifths of the errors.",
            _errors(scored),
        ),
        *own_blocks(content, "performance"),
        Block("The same in numbers", table=table),
        Block("All metrics", table=metric_table(content.evaluation)),
    ]
    text = f"{len(scored):,} {content.spec.words.rows} that the search never saw, read once."
    return Section("performance", "Performance on the holdout", text, blocks, "Performance")


def _found(content: ReportContent) -> Iterator[str]:
    evaluation, words = content.evaluation, content.spec.words
    name = content.model.metric
    yield (
        f"{len(evaluation.scored):,} {words.rows} of "
        f"{evaluation.scored['entity'].nunique() if 'entity' in evaluation.scored else 0:,} "
        f"{words.entities} that the search never saw."
    )
    own = next((r for r in evaluation.metrics if r.name == name), None)
    if own is None or own.value is None:
        return
    yield f"{label_of(name).capitalize()} is {number(own.value)} ({interval(own)})."
    rivals = {
        rule: next((r.value for r in results if r.name == name), None)
        for rule, results in evaluation.baselines.items()
    }
    known = {rule: value for rule, value in rivals.items() if value is not None}
    if known:
        best = min(known, key=lambda rule: known[rule])
        yield (
            f"The best naive rule, '{shorten(best)}', reaches {number(known[best])} on the same "
            f"{words.rows}."
        )


def _by_true(scored: pd.DataFrame) -> Iterator[tuple[float, float, int, float, float]]:
    """(low, high, rows, mean error, root of mean squared error) of each tenth of the target."""
    target, score = (scored[name].to_numpy(dtype=np.float64) for name in ("target", "score"))
    edges = np.linspace(target.min(), target.max(), BINS + 1)
    place = np.clip(np.searchsorted(edges, target, side="right") - 1, 0, BINS - 1)
    for at, (low, high) in enumerate(pairwise(edges)):
        error = (score - target)[place == at]
        if len(error):
            spread = float(np.sqrt(np.mean(error**2)))
            yield float(low), float(high), len(error), float(error.mean()), spread


def _agreement(scored: pd.DataFrame) -> Figure:
    shown = scored.sample(min(POINTS, len(scored)), random_state=0)
    figure = new_figure()
    axes = new_axes(figure, xlabel="true", ylabel="predicted")
    axes.plot([0, 1], [0, 1], ls=(0, (2, 2)), color=MUTED, lw=1.2)
    axes.plot(shown["target"], shown["score"], "o", ms=2.2, color=BLUE, alpha=0.25, mew=0)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return figure


def _errors(scored: pd.DataFrame) -> Figure:
    target, error = scored["target"].to_numpy(), (scored["score"] - scored["target"]).to_numpy()
    edges = np.linspace(target.min(), target.max(), BINS + 1)
    place = np.clip(np.searchsorted(edges, target, side="right") - 1, 0, BINS - 1)
    figure = new_figure()
    axes = new_axes(figure, xlabel="true", ylabel="error")
    axes.axhline(0, color=MUTED, lw=1)
    for at in np.unique(place):
        low, middle, high = np.quantile(error[place == at], [0.1, 0.5, 0.9])
        x = (edges[at] + edges[at + 1]) / 2
        axes.vlines(x, low, high, color=BLUE, lw=6, alpha=0.35)
        axes.plot(x, middle, "o", ms=5, color=INK)
    return figure


__all__ = ["performance", "summary"]
