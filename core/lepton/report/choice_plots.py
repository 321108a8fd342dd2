"""Figures of how the model was chosen: trials, compression front, parts along time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from lepton.report.content import PartFact
from lepton.report.drawing import (
    BLUE,
    INK,
    LINE,
    MUTED,
    PALE,
    RED,
    SERIES,
    date_axis,
    dress,
    legend,
    new_axes,
    new_figure,
)


def trials(leaderboard: pd.DataFrame, metric: str) -> Figure | None:
    """Score of every trial against the seconds it took; baselines as lines."""
    known = leaderboard.dropna(subset=["score"]) if len(leaderboard) else leaderboard
    tried = known[known["family"] != "baseline"] if len(known) else known
    if tried.empty:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="seconds of the trial", ylabel=f"{metric} on selection")
    for (family, rows), colour in zip(tried.groupby("family"), SERIES, strict=False):
        axes.plot(rows["seconds"], rows["score"], "o", ms=6, color=colour, alpha=0.8, label=family)
    best = tried.iloc[int(tried["score"].to_numpy().argmax())]
    axes.plot([best["seconds"]], [best["score"]], "o", ms=13, mfc="none", mec=INK, mew=1.4)
    for _, rule in known[known["family"] == "baseline"].iterrows():
        axes.axhline(rule["score"], color=MUTED, lw=1, ls=(0, (4, 3)))
        axes.annotate(
            str(rule["name"])[:30],
            (1, rule["score"]),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8.5,
            color=MUTED,
        )
    axes.set_xlim(0, None)
    legend(axes, "center right")
    return figure


def front(artefacts: pd.DataFrame, metric: str) -> Figure | None:
    """Score of each artefact against its size, with the bound; controls and the chosen apart."""
    if artefacts.empty:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="size in kB", ylabel=f"{metric} on selection")
    size = artefacts["bytes"].to_numpy(dtype=np.float64) / 1000
    score = artefacts["score"].to_numpy(dtype=np.float64)
    worst = (artefacts["score"] + artefacts["loss"] - artefacts["bound"]).to_numpy()
    axes.vlines(size, worst, score, color=PALE, lw=3, label="down to the bound")
    control, accepted = (artefacts[name].to_numpy(dtype=bool) for name in ("control", "accepted"))
    for mask, mark, colour, label in (
        (~control & accepted, "o", BLUE, "accepted"),
        (~control & ~accepted, "X", RED, "refused"),
        (control, "D", SERIES[1], "control"),
    ):
        if mask.any():
            axes.plot(size[mask], score[mask], mark, ms=7, color=colour, label=label)
    chosen = artefacts["chosen"].to_numpy(dtype=bool)
    axes.plot(size[chosen], score[chosen], "o", ms=15, mfc="none", mec=INK, mew=1.4, label="chosen")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    legend(axes, "lower right")
    return figure


def split_along_time(parts: Sequence[PartFact]) -> Figure | None:
    """The parts as bars along time, the gap that the label delay leaves between them."""
    held = [part for part in parts if part.first_at is not None and part.last_at is not None]
    if not held:
        return None
    figure = new_figure(7.2, 1.5)
    axes = dress(figure.add_subplot())
    axes.grid(visible=False)
    ends = [(_day(part.first_at), _day(part.last_at)) for part in held]
    axes.barh(0, ends[-1][1] - ends[0][0], left=ends[0][0], height=0.5, color=LINE)
    colours = (PALE, "#8fb3d9", BLUE)
    for part, (start, stop), colour in zip(held, ends, colours, strict=False):
        axes.barh(0, max(stop - start, 1e-3), left=start, height=0.5, color=colour)
        axes.text((start + stop) / 2, 0.42, part.name, ha="center", fontsize=9.5, color=INK)
    axes.set_yticks([])
    axes.set_ylim(-0.35, 0.75)
    axes.xaxis_date()
    date_axis(axes)
    return figure


def _day(instant: pd.Timestamp | None) -> float:
    """Days since 1970, as matplotlib counts them."""
    return float("nan") if instant is None else instant.timestamp() / 86_400


__all__ = ["front", "split_along_time", "trials"]
