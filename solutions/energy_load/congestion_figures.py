"""What a report shows of congestion: who was over, who was called, and the fullest days."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from lepton.evaluation.results import Evaluation
from lepton.solution import Figure
from solutions.energy_load.congestion import judged

_DAYS: Final = 3
_NONE: Final = (
    "No meter passed its limit or was likely to. A limit is the agreed power, or what the "
    "connection bears, times `limit_share` of the settings."
)


def calls(evaluation: Evaluation) -> pd.DataFrame | str:
    """Meters that were over their limit, or were called."""
    if "limit_kw" not in evaluation.scored:
        return "The register knows no limits."
    found = judged(evaluation.scored)
    return found if len(found) else _NONE


def fullest_days(evaluation: Evaluation) -> Any:
    """Power, its interval and the limit around the fullest hour of the fullest meter."""
    from lepton.report.drawing import (
        BLUE,
        INK,
        PALE,
        RED,
        WIDE,
        date_axis,
        new_axes,
        new_figure,
    )

    scored = evaluation.scored
    if "limit_kw" not in scored or not scored["call"].any():
        return None
    share = scored["target"].abs() / scored["limit_kw"]
    top = scored[share == share.max()].iloc[0]
    near = (scored["event_at"] - top["event_at"]).abs() <= pd.Timedelta(days=_DAYS)
    rows = scored[near & (scored["entity"] == top["entity"])]
    figure = new_figure(*WIDE)
    axes = new_axes(figure, xlabel="", ylabel=f"{top['entity']}, kW")
    at = rows["local_at"]
    axes.fill_between(at, rows["q10"], rows["q90"], color=PALE, lw=0, label="80 % interval")
    axes.plot(at, rows["q50"], color=BLUE, lw=1.5, label="forecast")
    axes.plot(at, rows["target"], color=INK, lw=1.4, ls="--", label="what came")
    axes.axhline(float(top["limit_kw"]), color=RED, lw=1.2, label="limit")
    called = rows[rows["call"]]
    low, high = axes.get_ylim()
    foot = low - 0.06 * (high - low)
    axes.plot(called["local_at"], [foot] * len(called), "s", color=RED, ms=4, label="call")
    axes.set_ylim(foot - 0.04 * (high - low), high + 0.2 * (high - low))
    axes.margins(x=0)
    date_axis(axes)
    axes.legend(loc="upper left", ncols=5, frameon=False, fontsize=9, labelcolor=INK)
    return figure


FIGURES: Final = (
    Figure(
        "Congestion",
        "Intervals of the holdout in which a meter passed its limit, and the calls of flexible "
        "load a day ahead. A Brier score below 1 is better than telling the usual share.",
        calls,
    ),
    Figure(
        "The fullest days",
        "Around the interval that came closest to its limit or passed it the most. Marks at "
        "the foot are intervals in which flexible load is called.",
        fullest_days,
    ),
)

__all__ = ["FIGURES", "calls", "fullest_days"]
