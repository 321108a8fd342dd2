"""Figures of what the holdout says; each is None where the rows have nothing to show."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lepton.evaluation.metrics import mass_bins
from lepton.evaluation.results import REFERENCE, Evaluation, Metric
from lepton.report.drawing import (
    BLUE,
    HALF,
    INK,
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

MAX_POINTS: Final = 400
_TICKS: Final = np.array([0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
_BINS: Final = 15


def precision_recall(evaluation: Evaluation) -> Figure | None:
    """Precision against recall of the bundle, the baselines and the uncompressed model."""
    target = evaluation.scored["target"].to_numpy()
    if not 0 < target.sum() < len(target):
        return None
    figure = new_figure(*HALF)
    axes = new_axes(figure, xlabel="recall: share of positives found", ylabel="precision")
    rivals = evaluation.rival_scores
    names = [name for name in rivals if name != REFERENCE]
    for name, colour in zip(names, SERIES[1:] * (len(names) // 5 + 1), strict=False):
        _curve(axes, target, rivals[name].to_numpy(), label=_short(str(name)), color=colour, lw=1.4)
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
    figure = new_figure(*HALF)
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
    axes.set_xticks(places[shown], [f"{tick:g}" for tick in _TICKS[shown]])


def _threshold_line(axes: Axes, place: float) -> None:
    axes.axvline(place, color=INK, lw=1.2, ls=(0, (4, 3)), label="threshold")


def reliability(evaluation: Evaluation) -> Figure | None:
    """Rate of positives against mean score in bins of equal mass, with 95 % ranges."""
    target = evaluation.scored["target"].to_numpy(dtype=np.float64)
    score = evaluation.scored["score"].to_numpy(dtype=np.float64)
    if not target.sum():
        return None
    bins = mass_bins(score, _BINS)
    rows = np.bincount(bins)
    held = rows > 0
    rate = (np.bincount(bins, target)[held]) / rows[held]
    mean = (np.bincount(bins, score)[held]) / rows[held]
    low, high = _wilson(rate, rows[held])
    figure = new_figure(*HALF)
    axes = new_axes(figure, xlabel="mean score of the bin", ylabel="rate of positives")
    floor = max(min(mean.min(), rate[rate > 0].min()) / 2, 1e-6)
    axes.plot([floor, 1], [floor, 1], color=MUTED, lw=1.2, ls=(0, (4, 3)), label="ideal")
    axes.vlines(mean, np.maximum(low, floor), high, color=PALE, lw=4)
    axes.plot(mean, np.maximum(rate, floor), "o", color=BLUE, ms=5, label="bins of equal mass")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    legend(axes, "upper left")
    return figure


def _wilson(rate: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share (Wilson 1927)."""
    z = 1.96
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def over_time(evaluation: Evaluation, metric: Metric) -> Figure | None:
    """The metric by week (by day below three weeks), above the calendar of positives."""
    scored = evaluation.scored
    instants = scored["event_at"].dt.tz_convert("UTC").dt.tz_localize(None)
    days = (instants.max() - instants.min()).days + 1
    period = instants.dt.to_period("W" if days >= 21 else "D").dt.start_time
    groups = [(start, scored[period == start]) for start in sorted(period.unique())]
    figure = new_figure(*HALF)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    values = [metric.of(rows) for _, rows in groups]
    dress(above, ylabel=metric.name)
    middle = pd.Timedelta(days=3.5 if days >= 21 else 0.5)
    above.plot([start + middle for start, _ in groups], values, "o-", color=BLUE, lw=2, ms=5)
    overall = evaluation.metric(metric.name).value
    if overall is not None:
        above.axhline(overall, color=MUTED, lw=1, ls=(0, (4, 3)), label="whole holdout")
    above.set_ylim(0, 1.15 * max([*filter(np.isfinite, values), 1e-6]))
    legend(above, "lower left")
    _calendar(below, scored, instants)
    date_axis(below)
    return figure


def _calendar(axes: Axes, scored: pd.DataFrame, instants: pd.Series) -> None:
    daily = scored["target"].groupby(instants.dt.floor("D")).agg(["size", "sum"])
    dress(axes, ylabel="rows a day")
    axes.bar(daily.index, daily["size"], width=0.86, color=PALE)
    twin = dress(axes.twinx(), ylabel="positives a day")
    twin.grid(visible=False)
    twin.plot(daily.index, daily["sum"], color=RED, lw=1.6)
    twin.set_ylim(0, None)
    twin.yaxis.label.set_color(RED)


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
    best = max(float(saved.max()), 1e-9)
    axes.set_ylim(max(float(saved.min()), -best) - 0.08 * best, 1.12 * best)
    _score_ticks(axes, *axes.get_xlim())
    legend(axes, "lower right")
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 28 else name[:27] + "…"


__all__ = ["cost_curve", "over_time", "precision_recall", "reliability", "score_histogram"]
