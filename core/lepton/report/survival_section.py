"""Chances over several spans: told against what happened, beside what the age alone tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton.evaluation.survival import Landmarks, outlived
from lepton.report.blocks import Block, Section, picture
from lepton.report.content import ReportContent
from lepton.report.drawing import (
    BLUE,
    MUTED,
    RED,
    SERIES,
    WIDE,
    legend,
    name_of,
    new_axes,
    new_figure,
)
from lepton.report.tables import frame_table, interval, label_of, make_table, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWN, BY_AGE = "outlives_", "by_age_"
THIRDS: Final = ("least at risk", "in between", "most at risk")
SHOWN: Final = 12
MOST_SPANS: Final = 30
FEWEST: Final = 30
"""Landmarks of a third with which a curve of what happened is drawn."""
_NAMES: Final = ("concordance", "survival_brier")


def survival(content: ReportContent) -> Section | None:
    """Survival by risk, told and seen; the newest chances of each asset; None without lives."""
    frame = content.evaluation.survival
    if frame.empty or content.is_share:
        return None
    words = content.spec.words
    blocks = [
        *picture(
            "Told and seen",
            f"Share of {words.entities} still working, in thirds of {words.rows} by what was told: "
            "lines what was told, dots what happened, lives that were cut off counted for as long "
            "as they were seen.",
            _thirds(frame, OWN),
        ),
        *picture(
            "By age alone",
            "The same by what the age tells, which is all that a fixed interval knows.",
            _thirds(frame, BY_AGE),
        ),
        Block("In numbers", table=make_table(_HEAD, list(_numbers(content)))),
        Block(
            "Newest chances to fail",
            f"Held-out {words.entities} by their newest {words.row} that was drawn, the worst "
            f"first; at most {SHOWN}. Median: when half of such would have failed.",
            table=frame_table(_newest(frame, words.entity), most=SHOWN),
        ),
    ]
    text = (
        f"{len(frame):,} {words.rows} drawn from {frame['group'].nunique():,} held-out "
        f"{words.entities}; a hazard in steps makes chances over any span of one score."
    )
    return Section("survival", "How long they last", text, blocks, "Survival")


def hours(content: ReportContent) -> Section | None:
    """Hours left with intervals against what was left, with and without the age; None without."""
    frame = content.evaluation.survival
    if frame.empty or not content.is_share:
        return None
    words = content.spec.words
    rows = [
        (label_of(one.name), one.value, interval(one), one.about)
        for one in content.evaluation.metrics
        if one.name in _OF_HOURS
    ]
    blocks = [
        *picture(
            "Told and left",
            f"Newest of the drawn {words.rows} of each held-out {words.entity}: point and interval "
            "of what was told, red what was left.",
            _spans(frame),
        ),
        Block("In hours", table=make_table(("", "value", "95 % interval", "what it says"), rows)),
        Block(
            "Each of them, least left first",
            table=frame_table(_left(frame, words.entity), most=SHOWN),
        ),
    ]
    text = (
        f"{len(frame):,} {words.rows} drawn from {frame['group'].nunique():,} held-out "
        f"{words.entities}; intervals count each {words.entity} once."
    )
    return Section("survival", "How long they last", text, blocks, "Hours left")


_OF_HOURS: Final = ("rmse_h", "rmse_h_age_blind", "coverage_90", "width_h")


def _drawn_last(frame: pd.DataFrame) -> pd.DataFrame:
    newest = frame.sort_values("event_at", kind="stable").groupby("group").tail(1)
    return newest.sort_values(["point_h", "group"], kind="stable")


def _spans(frame: pd.DataFrame) -> Figure:
    newest = _drawn_last(frame).head(MOST_SPANS)
    figure = new_figure(WIDE[0], WIDE[1])
    axes = new_axes(figure, xlabel="", ylabel="days left")
    at = np.arange(len(newest))
    low, point, high, true = (
        newest[f"{name}_h"].to_numpy() / 24 for name in ("low", "point", "high", "true")
    )
    axes.vlines(at, low, high, color=BLUE, lw=6, alpha=0.35)
    axes.plot(at, point, "o", ms=5, color=BLUE, label="told")
    axes.plot(at, true, "_", ms=12, mew=2, color=RED, label="left")
    axes.set_xticks(at, [name_of(one) for one in newest["group"]], rotation=60, fontsize=8)
    axes.set_ylim(bottom=0)
    legend(axes, "upper left")
    return figure


def _left(frame: pd.DataFrame, entity: str) -> pd.DataFrame:
    newest = _drawn_last(frame)
    columns = {"told": "point_h", "at least": "low_h", "at most": "high_h", "left": "true_h"}
    if "blind_h" in newest:
        columns["told without the age"] = "blind_h"
    return pd.DataFrame(
        {
            entity: newest["group"].to_numpy(),
            "row": newest["event_at"].dt.strftime("%Y-%m-%d %H:%M").to_numpy(),
            **{name: [_span(h) for h in newest[column]] for name, column in columns.items()},
        }
    )


_HEAD: Final = ("", "this model", "95 % interval", "age alone", "what it says")


def _numbers(content: ReportContent) -> Iterator[tuple[object, ...]]:
    age = {one.name: one.value for one in content.evaluation.baselines.get("age", ())}
    for one in content.evaluation.metrics:
        if one.name in _NAMES:
            yield label_of(one.name), one.value, interval(one), age.get(one.name), one.about


def _thirds(frame: pd.DataFrame, kind: str) -> Figure | None:
    columns = [name for name in frame if str(name).startswith(kind)]
    ends = np.array([float(str(name).removeprefix(kind)) for name in columns])
    told = frame[columns].to_numpy()
    mean = told.mean(axis=1)
    edges = np.unique(np.quantile(mean, [1 / 3, 2 / 3]))
    third = len(edges) - np.searchsorted(edges, mean, side="right")
    marks = Landmarks(
        frame["left_h"].to_numpy(),
        frame["failed"].to_numpy(dtype=bool),
        np.full(len(frame), np.nan),
        np.zeros(len(frame), dtype=np.int64),
    )
    figure = new_figure()
    axes = new_axes(figure, xlabel="days ahead", ylabel="still working, %")
    names = THIRDS if len(edges) == 2 else ("",) * 3
    for place, (name, colour) in enumerate(zip(names, SERIES, strict=False)):
        own = np.flatnonzero(third == place)
        if len(own) < FEWEST:
            continue
        days = np.concatenate([[0.0], ends / 24])
        line = 100 * np.concatenate([[1.0], told[own].mean(axis=0)])
        axes.plot(days, line, color=colour, lw=1.8, label=name or None)
        axes.plot(ends / 24, 100 * outlived(marks.at(own), ends), "o", ms=4.5, color=colour)
    axes.set_ylim(0, 103)
    axes.plot([], [], "o", ms=4.5, color=MUTED, label="happened")
    legend(axes, "lower left")
    return figure


def _newest(frame: pd.DataFrame, entity: str) -> pd.DataFrame:
    """Newest chances of each asset to fail within the spans, and the median."""
    newest = frame.sort_values("event_at", kind="stable").groupby("group").tail(1)
    columns = [str(name) for name in frame if str(name).startswith(OWN)]
    ends = [float(name.removeprefix(OWN)) for name in columns]
    risk = 1.0 - newest[columns].to_numpy()
    order = np.argsort(-risk[:, len(ends) // 2], kind="stable")
    shown = range(0, len(ends), 2)
    return pd.DataFrame(
        {
            entity: newest["group"].to_numpy()[order],
            "last row": newest["event_at"].dt.strftime("%Y-%m-%d %H:%M").to_numpy()[order],
            **{
                f"within {_span(ends[k])}": [percent(float(p)) for p in risk[order, k]]
                for k in shown
            },
            "median": [_median(row, ends) for row in risk[order]],
        }
    )


def _median(risk: np.ndarray, ends: list[float]) -> str:
    if risk[-1] < 0.5:
        return f"beyond {_span(ends[-1])}"
    at = np.interp(0.5, np.concatenate([[0.0], risk]), np.concatenate([[0.0], ends]))
    return _span(float(at))


def _span(hours: float) -> str:
    return f"{hours:.3g} h" if hours < 72 else f"{hours / 24:.3g} d"


__all__ = ["hours", "survival"]
