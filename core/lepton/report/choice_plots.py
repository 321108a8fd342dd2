"""Figures of how the model was chosen: trials, compression front, parts along time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from lepton.report.content import PartFact
from lepton.report.drawing import (
    BLUE,
    HALF,
    INK,
    LINE,
    MUTED,
    PALE,
    RED,
    SERIES,
    WIDE,
    date_axis,
    dress,
    name_of,
    new_axes,
    new_figure,
)
from lepton.report.tables import label_of


def learning(trials: pd.DataFrame, baselines: Mapping[str, float], metric: str) -> Figure | None:
    """Score of every trial against the seconds of fitting up to it, the best so far as steps."""
    if trials.empty or not trials["score"].notna().any():
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="seconds of fitting, added up", ylabel=label_of(metric))
    spent = trials["seconds"].cumsum()
    for (family, rows), colour in zip(trials.groupby("family"), SERIES, strict=False):
        at = spent[rows.index]
        axes.plot(at, rows["score"], "o", ms=5, color=colour, alpha=0.85, label=name_of(family))
    best = trials["score"].cummax()
    axes.step(spent, best, where="post", color=INK, lw=1.3, label="best so far")
    for place, (name, score) in enumerate(baselines.items()):
        axes.axhline(score, color=MUTED, lw=1, ls=(0, (4, 3)))
        axes.annotate(
            name_of(name),
            (max(1 - 0.26 * place, 0.3), score),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8.5,
            color=MUTED,
        )
    axes.set_xlim(0, None)
    axes.set_ylim(*_limits([*trials["score"].dropna(), *baselines.values()], 1.3))
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=9, labelcolor=INK)
    return figure


def _limits(values: Sequence[float], room: float) -> tuple[float, float]:
    """Limits of an axis that begins, or where scores are losses ends, at 0, with `room` beyond."""
    low, high = min(0.0, *values), max(0.0, *values)
    return low, high * room if high > 0 else (1.0 - room) * low


def families(trials: pd.DataFrame, baselines: Mapping[str, float], metric: str) -> Figure | None:
    """Best score of each family, the best first, baselines below."""
    if trials.empty or not trials["score"].notna().any():
        return None
    best = trials.groupby("family")["score"].max().dropna().sort_values(ascending=False)
    ruled = pd.Series(dict(baselines), dtype="float64").dropna().sort_values(ascending=False)
    counts = trials["family"].value_counts()
    labels = [f"{name_of(name)} ({counts[name]})" for name in best.index]
    labels += [name_of(name) for name in ruled.index]
    values, places = [*best, *ruled], -np.arange(len(best) + len(ruled))
    figure = new_figure(HALF[0], 0.9 + 0.36 * max(len(values), 4))
    axes = new_axes(figure, xlabel=f"best {label_of(metric)}", ylabel="")
    axes.barh(places, values, color=[BLUE] * len(best) + [PALE] * len(ruled), height=0.58)
    for place, value in zip(places, values, strict=True):
        beside = max(value, 0.0)
        axes.text(beside, float(place), f" {value:.3f}", va="center", fontsize=9, color=INK)
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_xlim(*_limits(values, 1.2))
    axes.grid(visible=False, axis="y")
    return figure


def front(artefacts: pd.DataFrame, metric: str, cost: str, unit: str) -> Figure | None:
    """Score of each artefact with its interval against what it costs (a column); controls and
    the chosen apart. unit: what the cost is divided by, in words, "bytes" as kB."""
    if artefacts.empty or cost not in artefacts or not artefacts[cost].notna().any():
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel=unit, ylabel=label_of(metric))
    size = artefacts[cost].to_numpy(dtype=np.float64) / (1000 if cost == "bytes" else 1)
    score = artefacts["score"].to_numpy(dtype=np.float64)
    low, high = (artefacts[name].to_numpy(dtype=np.float64) for name in ("low", "high"))
    axes.vlines(size, low, high, color=PALE, lw=3, label="95 % interval")
    control, accepted = (artefacts[name].to_numpy(dtype=bool) for name in ("control", "accepted"))
    for mask, mark, colour, label in (
        (~control & accepted, "o", BLUE, "accepted"),
        (~control & ~accepted, "X", RED, "refused"),
        (control, "D", SERIES[1], "control"),
    ):
        if mask.any():
            axes.plot(size[mask], score[mask], mark, ms=6, color=colour, label=label)
    chosen = artefacts["chosen"].to_numpy(dtype=bool)
    axes.plot(size[chosen], score[chosen], "o", ms=14, mfc="none", mec=INK, mew=1.4, label="chosen")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    least, most = float(np.nanmin([*low, *score])), float(np.nanmax([*high, *score]))
    room = max(most - least, 1e-3)
    axes.set_ylim(least - 0.45 * room, most + 0.08 * room)
    axes.legend(loc="lower right", ncols=2, frameon=False, fontsize=9, labelcolor=INK)
    return figure


def split_along_time(parts: Sequence[PartFact]) -> Figure | None:
    """The parts as bars along time, the gap that the label delay leaves between them."""
    held = [part for part in parts if part.first_at is not None and part.last_at is not None]
    if not held:
        return None
    figure = new_figure(WIDE[0], 1.4)
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


__all__ = ["families", "front", "learning", "split_along_time"]
