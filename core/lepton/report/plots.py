"""Figures of what the holdout says; each is None where the rows have nothing to show."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lepton.evaluation.results import REFERENCE, Evaluation
from lepton.evaluation.shares import wilson
from lepton.report.drawing import (
    BLUE,
    INK,
    MUTED,
    PALE,
    RED,
    SERIES,
    legend,
    name_of,
    new_axes,
    new_figure,
)

MAX_POINTS: Final = 400
_TICKS: Final = np.array([0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
EXPECTED_PER_BIN: Final = 12
MAX_BINS: Final = 12


def precision_recall(evaluation: Evaluation) -> Figure | None:
    """Precision against recall of the bundle, the baselines and the uncompressed model."""
    target = evaluation.scored["target"].to_numpy()
    if not 0 < target.sum() < len(target):
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="recall: share of positives found", ylabel="precision")
    rivals = evaluation.rival_scores
    names = [name for name in rivals if name != REFERENCE]
    for name, colour in zip(names, SERIES[1:] * (len(names) // 5 + 1), strict=False):
        _curve(axes, target, rivals[name].to_numpy(), label=name_of(name), color=colour, lw=1.4)
    if REFERENCE in rivals:
        style = {"color": MUTED, "lw": 1.2, "ls": (0, (2, 2))}
        _curve(axes, target, rivals[REFERENCE].to_numpy(), label=REFERENCE, **style)
    score = evaluation.scored["score"].to_numpy()
    _curve(axes, target, score, label="this model", color=BLUE, lw=2.4)
    _mark_decision(axes, evaluation.scored)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    legend(axes, "upper right")
    return figure


def _curve(axes: Axes, target: np.ndarray, score: np.ndarray, **style: Any) -> None:
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(target[order])
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, np.True_))
    recall, precision = hits[ends] / hits[-1], hits[ends] / (ends + 1.0)
    at = np.unique(np.searchsorted(recall, np.linspace(0, 1, MAX_POINTS)).clip(0, len(ends) - 1))
    axes.plot(recall[at], precision[at], **style)


def _mark_decision(axes: Axes, scored: pd.DataFrame) -> None:
    alerts, positives = scored["decision"] == 1, scored["target"] == 1
    if alerts.any():
        caught = float((alerts & positives).sum())
        place = caught / positives.sum(), caught / alerts.sum()
        axes.plot(*place, "o", ms=8, mfc="white", mec=BLUE, mew=2.2, label="decision", zorder=5)


def score_histogram(evaluation: Evaluation) -> Figure | None:
    """How many rows have which score, by class; both axes so that rare rows stay visible."""
    scored = evaluation.scored
    place = _log_odds(scored["score"].to_numpy())
    edges = np.linspace(place.min() - 0.01, place.max() + 0.01, 46)
    figure = new_figure()
    axes = new_axes(figure, xlabel="score", ylabel="rows")
    positive = scored["target"].to_numpy() == 1
    for mask, colour, label in ((~positive, PALE, "negative"), (positive, RED, "positive")):
        counts = np.histogram(place[mask], edges)[0]
        axes.stairs(counts, edges, fill=True, color=colour, alpha=0.85, label=label)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, None)
    if "threshold" in evaluation.facts:
        _threshold_line(axes, float(_log_odds(np.array([evaluation.facts["threshold"]]))[0]))
    _score_ticks(axes, edges[0], edges[-1])
    legend(axes, "upper right")
    return figure


def _log_odds(score: np.ndarray) -> np.ndarray:
    kept = np.clip(score, 1e-5, 1 - 1e-5)
    return np.asarray(np.log(kept / (1 - kept)))


def _score_ticks(axes: Axes, low: float, high: float) -> None:
    places = _log_odds(_TICKS)
    shown = (places >= low) & (places <= high)
    if shown.sum() < 2:
        inner = np.linspace(low, high, 5)[1:-1]
        axes.set_xticks(inner, [f"{1 / (1 + np.exp(-place)):.2g}" for place in inner])
        return
    axes.set_xticks(places[shown], [f"{tick:g}" for tick in _TICKS[shown]])


def _threshold_line(axes: Axes, place: float) -> None:
    axes.axvline(place, color=INK, lw=1.2, ls=(0, (4, 3)), label="threshold")


def reliability(evaluation: Evaluation) -> Figure | None:
    """Rate of positives against mean score in bins of as many expected positives, 95 % ranges.

    Bins of as many rows would crowd where rare positives are not.
    """
    target = evaluation.scored["target"].to_numpy(dtype=np.float64)
    score = evaluation.scored["score"].to_numpy(dtype=np.float64)
    if not target.sum():
        return None
    bins = _bins_of_expected(score)
    rows = np.bincount(bins)
    held = rows > 0
    rate = (np.bincount(bins, target)[held]) / rows[held]
    mean = (np.bincount(bins, score)[held]) / rows[held]
    low, high = wilson(rate, rows[held])
    figure = new_figure()
    axes = new_axes(figure, xlabel="mean score of the bin", ylabel="rate of positives")
    floor = max(min(mean.min(), rate[rate > 0].min()) / 2, 1e-6)
    axes.plot([floor, 1], [floor, 1], color=MUTED, lw=1.2, ls=(0, (4, 3)), label="ideal")
    axes.vlines(mean, np.maximum(low, floor), high, color=PALE, lw=4)
    axes.plot(mean, np.maximum(rate, floor), "o", color=BLUE, ms=5, label="bins")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    legend(axes, "upper left")
    return figure


def _bins_of_expected(score: np.ndarray) -> np.ndarray:
    """Bin number of each score: about as large a sum of scores in each, equal scores together."""
    order = np.argsort(score, kind="stable")
    running = np.cumsum(score[order])
    n_bins = int(np.clip(running[-1] / EXPECTED_PER_BIN, 4, MAX_BINS))
    ends = np.searchsorted(running, running[-1] * np.arange(1, n_bins) / n_bins)
    edges = np.unique(score[order][np.minimum(ends, len(score) - 1)])
    return np.searchsorted(edges, score, side="right")


def cost_curve(evaluation: Evaluation) -> Figure | None:
    """Money saved per 1,000 rows against the threshold, the chosen one marked."""
    scored = evaluation.scored
    if not scored["miss_cost"].any() and not scored["alert_cost"].any():
        return None
    order = np.argsort(-scored["score"].to_numpy(), kind="stable")
    gain = scored["miss_cost"].where(scored["target"] == 1, 0.0) - scored["alert_cost"]
    saved = np.cumsum(gain.to_numpy()[order]) * 1000 / len(scored)
    score = scored["score"].to_numpy()[order]
    shown = np.unique(np.geomspace(1, len(scored), MAX_POINTS).astype(np.int64)) - 1
    figure = new_figure()
    axes = new_axes(figure, xlabel="threshold", ylabel="saved per 1,000 rows")
    axes.axhline(0, color=MUTED, lw=1)
    axes.plot(_log_odds(score[shown]), saved[shown], color=BLUE, lw=2.2)
    if "threshold" in evaluation.facts:
        alerts = int(evaluation.facts["alerts"])
        place = float(_log_odds(score[alerts - 1 : alerts])[0])
        _threshold_line(axes, place)
        axes.plot([place], [saved[alerts - 1]], "o", ms=8, mfc="white", mec=BLUE, mew=2.2)
    best = max(float(saved.max()), -0.2 * float(saved.min()), 1e-9)
    axes.set_ylim(max(float(saved.min()), -best) - 0.08 * best, 1.12 * best)
    _score_ticks(axes, *axes.get_xlim())
    legend(axes, "lower right")
    return figure


__all__ = [
    "cost_curve",
    "precision_recall",
    "reliability",
    "score_histogram",
]
