"""What a maintenance report shows beside the core's own figures: fleet, alarms, lives, cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from lepton.evaluation.events import EventRule, count_raises, event_curve
from lepton.evaluation.results import Evaluation
from lepton.solution import Figure
from solutions.predictive_maintenance.replacement import (
    YEAR_H,
    Costs,
    Ends,
    best_interval,
    cost_rate,
    cycles,
    plans_by_probability,
)
from solutions.predictive_maintenance.told import RULE, Told, told

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

WEEK: Final = pd.Timedelta(days=7)
SHOWN_ASSETS: Final = 20
SHOWN_LIVES: Final = 4
LEVELS: Final = 24
FEWEST_FAILURES: Final = 3
"""With fewer, a curve over failures is a few steps of luck."""
EVER: Final = pd.Timedelta(days=36_500)
MOST_HORIZONS: Final = 8
"""So many horizons of a life before its failure are drawn."""
Draw = Callable[[Evaluation], Any]


def _of_lives(draw: Callable[[Told], Any]) -> Draw:
    """`draw` on the lives of a report; where there are none, the sentence that says so, but
    nothing where rows stand alone or no failure was learnt from."""

    @wraps(draw)
    def drawn(evaluation: Evaluation) -> Any:
        found = told(evaluation.scored)
        scored = evaluation.scored
        is_alone = len(scored) > 0 and "group" in scored and not scored["group"].duplicated().any()
        if isinstance(found, str) and (is_alone or evaluation.facts.get("failures") == 0):
            return None
        return found if isinstance(found, str) else draw(found)

    return drawn


def fleet_board(evaluation: Evaluation) -> pd.DataFrame | str:
    """Assets by their newest score, the worst first."""
    scored = evaluation.scored
    if scored.empty or "group" not in scored or not scored["group"].duplicated().any():
        return "The readings name no asset that comes again, so there is no fleet to rank."
    rows = scored.sort_values("event_at", kind="stable")
    newest = rows.groupby("group", observed=True).last()
    recent = rows[rows["event_at"] > rows["group"].map(newest["event_at"]) - WEEK]
    week = recent.groupby("group", observed=True)
    board = pd.DataFrame(
        {
            "asset": newest.index.astype("str"),
            "newest score": newest["score"].round(3).to_numpy(),
            "highest of the week": week["score"].max().round(3).reindex(newest.index).to_numpy(),
            "warnings of the week": week["decision"].sum().reindex(newest.index).to_numpy(),
            "last reading": newest["event_at"].dt.strftime("%Y-%m-%d %H:%M").to_numpy(),
        }
    )
    if "asset_type" in newest:
        board.insert(1, "type", newest["asset_type"].astype("str").to_numpy())
    order = ["newest score", "highest of the week", "asset"]
    board = board.sort_values(order, ascending=[False, False, True], ignore_index=True)
    return board.head(SHOWN_ASSETS)


@_of_lives
def trajectories(lives: Told) -> Drawing | str:
    """Scores of the longest failing life of a few assets against the time to its failure."""
    from lepton.report import drawing

    failing = lives.rows.dropna(subset="failed_at")
    ahead = failing["failed_at"] - failing["event_at"]
    failing = failing[ahead <= MOST_HORIZONS * lives.horizon]
    lives_by_size = failing.groupby(["asset_id", "life"]).size().sort_values(kind="stable")
    longest = lives_by_size.groupby(level="asset_id").tail(1).index[::-1][:SHOWN_LIVES]
    figure = drawing.new_figure()
    axes = drawing.new_axes(figure, xlabel="days to the failure", ylabel="score")
    for colour, (asset, life) in zip(drawing.SERIES, longest, strict=False):
        own = failing[failing["life"] == life]
        days = (own["failed_at"] - own["event_at"]).dt.total_seconds() / 86_400
        axes.plot(days, own["score"], color=colour, linewidth=1.1, label=drawing.name_of(asset))
    _bands(axes, lives)
    axes.axvline(lives.horizon / pd.Timedelta(days=1), color=drawing.MUTED, linestyle=":")
    axes.invert_xaxis()
    drawing.legend(axes, "upper left")
    return figure


@_of_lives
def timeline(lives: Told) -> Drawing | str:
    """Score and alarms of the asset with most failures, along time."""
    from lepton.report import drawing

    names = lives.failures["asset_id"].value_counts()
    name = min(names[names == names.max()].index)
    rows = lives.rows[lives.rows["asset_id"] == name]
    figure = drawing.new_figure(*drawing.WIDE)
    axes = drawing.new_axes(figure, xlabel="", ylabel=f"score of {drawing.name_of(name)}")
    for _, own in rows.groupby("life"):
        axes.plot(own["event_at"], own["score"], color=drawing.BLUE, linewidth=1.0)
    _bands(axes, lives)
    own = lives.failures["asset_id"] == name
    for place, at in enumerate(lives.failures.loc[own, "failed_at"]):
        label = "failure" if place == 0 else None
        axes.axvline(at, color=drawing.RED, linewidth=1.2, label=label)
    raised = lives.raises(lives.threshold)
    at = raised.loc[raised["asset_id"] == name, "raised_at"]
    axes.plot(
        at, np.full(len(at), 1.04), "v", color=drawing.SERIES[1], markersize=6, label="raised"
    )
    axes.set_ylim(0, 1.12)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2,
        frameon=False,
        fontsize=9,
        labelcolor=drawing.INK,
    )
    drawing.date_axis(axes)
    return figure


@_of_lives
def recall_by_false_raises(lives: Told) -> Drawing | str:
    """Failures that were warned of against false raises an asset-month, over all levels."""
    from lepton.report import drawing

    if len(lives.failures) < FEWEST_FAILURES:
        return f"{len(lives.failures)} failures are too few for a curve."
    levels = np.quantile(lives.rows["score"], np.linspace(0.3, 0.995, LEVELS))
    seen = lives.lives
    curve = event_curve(seen, lives.raises, levels, lives.rule)
    here = event_curve(seen, lives.raises, [lives.threshold], lives.rule)
    if not np.isfinite(curve.false_per_month).any():
        return "These lives are too short to tell a false raise from a right one."
    figure = drawing.new_figure()
    axes = drawing.new_axes(
        figure, xlabel="false raises an asset-month", ylabel="failures warned of, %"
    )
    axes.plot(curve.false_per_month, 100 * curve.recall, "o", color=drawing.PALE, markersize=3.5)
    rate, best = _front(curve.false_per_month, curve.recall)
    axes.plot(rate, 100 * best, color=drawing.BLUE, linewidth=1.6, drawstyle="steps-post")
    axes.plot(here.false_per_month, 100 * here.recall, "s", color=drawing.RED, label="in use")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 105)
    drawing.legend(axes, "upper right")
    return figure


def _front(rate: np.ndarray, recall: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Highest recall at no more than each rate of false raises, by rising rates."""
    order = np.argsort(rate, kind="stable")
    return rate[order], np.maximum.accumulate(recall[order])


@_of_lives
def lead_times(lives: Told) -> Drawing | str:
    """How long before the failure the first right alarm was raised."""
    from matplotlib.ticker import MaxNLocator

    from lepton.report import drawing

    raised, seen = lives.raises(lives.threshold), lives.lives
    right = count_raises(seen, raised, lives.rule).lead_h
    ever = count_raises(seen, raised, EventRule(EVER)).lead_h
    if not np.isfinite(ever).any():
        return "No failure had an alarm in its life."
    early = np.where(np.isfinite(right), np.nan, ever) / 24
    right = right / 24
    figure = drawing.new_figure()
    axes = drawing.new_axes(figure, xlabel="days from alarm to failure", ylabel="failures")
    edges = np.linspace(0, np.nanmax(ever) / 24, 25).tolist()
    groups = {"in time": (right, drawing.BLUE), "too early": (early, drawing.SERIES[1])}
    known = {f"{np.isfinite(v).sum()} {name}": v[np.isfinite(v)] for name, (v, _) in groups.items()}
    colours = [colour for _, colour in groups.values()]
    axes.hist(list(known.values()), edges, stacked=True, color=colours, label=list(known))
    axes.axvline(lives.horizon / pd.Timedelta(days=1), color=drawing.MUTED, linestyle=":")
    never = int((~np.isfinite(ever)).sum())
    axes.set_title(f"{never} without an alarm", fontsize=9.5, color=drawing.MUTED, loc="left")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    drawing.legend(axes, "upper right")
    return figure


def policy_cost(evaluation: Evaluation) -> Drawing | str:
    """What replacing at each age costs, against ordering on the decision's warnings."""
    from lepton.report import drawing

    lives = told(evaluation.scored)
    if isinstance(lives, str):
        return lives
    ends, row, life = _ends(lives)
    if int(ends.failed.sum()) < FEWEST_FAILURES:
        return f"{int(ends.failed.sum())} failures of lives seen whole are too few for a cost."
    costs = _costs(lives)
    if not costs.c_failure > costs.c_planned:
        return "A failure costs no more than a replacement, so running to failure is cheapest."
    ages = np.linspace(ends.hours.min(), ends.hours.max(), 120)
    rates = [cost_rate(cycles(ends, np.full(len(ends), at), costs)) * YEAR_H for at in ages]
    age = (lives.rows["event_at"] - lives.rows["began"]).dt.total_seconds().to_numpy() / 3600
    score = lives.rows["score"].to_numpy(dtype=np.float64)
    plans = plans_by_probability(score[row], life, age[row], ends, costs, lives.threshold)
    policy = cost_rate(cycles(ends, plans, costs)) * YEAR_H
    figure = drawing.new_figure()
    axes = drawing.new_axes(figure, xlabel="age at replacement, days", ylabel="money an asset-year")
    axes.plot(ages / 24, rates, color=drawing.BLUE, linewidth=1.8, label="fixed interval")
    axes.axhline(policy, color=drawing.SERIES[1], linewidth=1.8, label="on warnings")
    best = best_interval(ends, costs)
    if np.isfinite(best):
        axes.axvline(best / 24, color=drawing.MUTED, linestyle=":", linewidth=1)
    axes.set_ylim(0, 1.15 * max(np.nanquantile(rates, 0.9), policy))
    drawing.legend(axes, "lower right")
    return figure


def _ends(lives: Told) -> tuple[Ends, np.ndarray, np.ndarray]:
    """Lives whose beginning is among the readings, the rows that are theirs, and their place."""
    rows = lives.rows
    first = rows.groupby("asset_id")["life"].transform("min") == rows["life"]
    row = np.flatnonzero(~first)
    own = rows.iloc[row]
    life = np.unique(own["life"].to_numpy(), return_inverse=True)[1]
    by_life = own.groupby("life")
    last, began = by_life["event_at"].max(), by_life["began"].first()
    hours = (last - began).dt.total_seconds().to_numpy(dtype=np.float64) / 3600
    failed = by_life["failed_at"].first().notna().to_numpy()
    asset = np.unique(by_life["asset_id"].first(), return_inverse=True)[1]
    return Ends(hours, failed, asset), row, life


def _costs(lives: Told) -> Costs:
    """What a failure and a replacement cost, from what rows state: both shared out among the
    readings that could have warned of one failure."""
    rows = lives.rows
    positive = rows[rows["target"] == 1]
    readings = len(positive) / max(int(positive["life"].nunique()), 1)
    miss, alert = (float(rows[name].mean()) * readings for name in ("miss_cost", "alert_cost"))
    return Costs(miss, alert)


def _bands(axes: Axes, lives: Told) -> None:
    from lepton.report import drawing

    spec = lives.spec(lives.threshold)
    axes.axhspan(spec.lo, spec.hi, color=drawing.PALE, alpha=0.6, linewidth=0)
    axes.axhline(spec.hi, color=drawing.MUTED, linestyle="--", linewidth=1)


_ALARM: Final = (
    f"An alarm is raised by {RULE.m} of {RULE.n} readings at the threshold and cleared once all of "
    f"{RULE.hold_off_h:g} hours were below {RULE.lo:g} of its odds (pale band)."
)

_OF_RISK: Final = ("failure", "anomaly")
"""Tasks whose score is larger where it is worse; hours left have a section of their own."""
FIGURES: Final = (
    Figure(
        "The fleet, worst first",
        f"Assets that no model learnt from, by the score of their newest reading whose outcome is "
        f"known; at most {SHOWN_ASSETS}. Warnings are readings at the threshold.",
        fleet_board,
        tasks=_OF_RISK,
    ),
    Figure(
        "Alarms of one asset",
        f"The asset with most failures. {_ALARM} Where the line is missing, nobody knows yet what "
        "followed, or the machine stood still.",
        timeline,
        tasks=_OF_RISK,
    ),
    Figure(
        "Lives that failed",
        f"The longest of up to {SHOWN_LIVES} assets; dashed: threshold, pale: where an alarm "
        "neither rises nor clears, dotted: the horizon.",
        trajectories,
        tasks=_OF_RISK,
    ),
    Figure(
        "Failures warned of by false raises",
        f"{_ALARM} Each point is another threshold; the line is the best so far. An alarm that no "
        "failure follows within the horizon is false, one that was raised too early among them.",
        recall_by_false_raises,
        tasks=_OF_RISK,
    ),
    Figure(
        "Lead times",
        "From the first alarm within the horizon (dotted) to the failure; where there is none, "
        "from the first of that life, which counts as too early.",
        lead_times,
        tasks=_OF_RISK,
    ),
    Figure(
        "Cost of replacing",
        "Each life replaced at one age, against replacing at the first reading at the threshold; "
        "dotted: the best age in hindsight. Both act at once, as if parts were at hand. Lives that "
        "were cut off are weighed as in survival analysis.",
        policy_cost,
        section="value",
        tasks=_OF_RISK,
    ),
)

__all__ = ["FIGURES"]
