"""What was changed in a history before anything was learnt from it, value by value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lepton.forecast.panel import OK
from lepton.forecast.prepared import Prepared
from lepton.report.blocks import Block, Section, picture, table_or
from lepton.report.content import CleaningFacts, ReportContent
from lepton.report.drawing import (
    BLUE,
    INK,
    MUTED,
    RED,
    WIDE,
    date_axis,
    dress,
    name_of,
    new_figure,
)
from lepton.report.tables import MAX_ROWS, frame_table

STRETCH_D: Final = 10
"""Days of the stretch that is drawn."""


def cleaning_facts(prepared: Prepared, link: str) -> CleaningFacts:
    """From the audit of a run; link: of the file that lists every change, beside the report."""
    audit = prepared.audit
    named = audit.rename(columns={"series_id": "series"})
    counts = (
        named.assign(bridged=named["after"].notna())
        .groupby(["series", "reason"], sort=False)
        .agg(values=("ts", "size"), bridged=("bridged", "sum"), first=("ts", "min"))
        .reset_index()
        .sort_values("values", ascending=False, ignore_index=True)
    )
    points = named[named["reason"] != "missing"].sort_values(["ts", "series"], ignore_index=True)
    holdout = pd.Timestamp(prepared.cuts.holdout_s, unit="s", tz="UTC")
    late = audit[(audit["ts"] >= holdout) & (audit["quality"] != OK)]
    return CleaningFacts(
        counts=counts,
        worst=_worst(prepared),
        points=points.head(MAX_ROWS)[["series", "ts", "reason", "before", "after"]],
        total=(len(audit), len(prepared.panel.rows)),
        unjudged={str(reason): int(n) for reason, n in late["reason"].value_counts().items()},
        link=link,
    )


def _worst(prepared: Prepared) -> pd.DataFrame:
    """series, ts, before, after, changed: the ten days in which most values that came were not
    believed, of the series whose share of them is largest there; empty where all were."""
    rows, audit = prepared.panel.rows, prepared.audit
    wrong = audit[audit["reason"] != "missing"]
    if wrong.empty:
        return pd.DataFrame(columns=["series", "ts", "before", "after", "changed"])
    width = pd.Timedelta(days=STRETCH_D)
    by = wrong.groupby(["series_id", wrong["ts"].dt.floor(width)]).size()
    most: Any = by.idxmax()
    name, start = str(most[0]), pd.Timestamp(most[1])
    own = rows[(rows["series_id"] == name) & (rows["ts"] >= start) & (rows["ts"] < start + width)]
    told = audit[audit["series_id"] == name].set_index("ts")
    before = own["ts"].map(told["before"])
    changed = own["ts"].isin(told.index)
    return pd.DataFrame(
        {
            "series": own["series_id"],
            "ts": own["ts"],
            "before": before.where(changed, own["y"]),
            "after": own["ts"].map(told["after"]).where(changed, own["y"]),
            "changed": changed,
        }
    ).sort_values("ts", ignore_index=True)


def cleaning(content: ReportContent) -> Section:
    """Counts, the worst stretch before and after, the first points, and where all are."""
    facts = content.forecast.cleaning if content.forecast else None
    if facts is None:
        return Section("cleaning", "Cleaning", "", [])
    blocks = [
        *picture(
            "The worst ten days",
            "What came in red where it is not believed, and what stands in for it in blue.",
            _drawn(facts.worst, content.forecast.unit if content.forecast else ""),
        ),
        table_or(
            f"By {content.spec.words.entity} and reason",
            frame_table(facts.counts),
            "Every value is as it came.",
            "Of bridged ones something stands in where the past is looked at.",
        ),
        table_or(
            "The first that are not believed",
            frame_table(facts.points),
            "Every value that came is believed.",
            f"All changes, gaps among them, are listed in {facts.link} beside this report.",
        ),
        Block("What is not judged by", lines=[_unjudged(facts.unjudged)]),
    ]
    changed, total = facts.total
    text = f"{changed:,} of {total:,} values are missing or not believed. "
    if facts.counts.empty or facts.counts["bridged"].any():
        text += (
            "What stands in is looked at, but never learnt from as a target nor judged by. A "
            "forecast sees a verdict that needs days on both sides only a week later; until then "
            "it sees what looked right when it came."
        )
    else:
        text += "Nothing stands in for them: a forecast does without."
    return Section("cleaning", "Cleaning audit", text, blocks, "Cleaning")


def _unjudged(found: Mapping[str, int]) -> str:
    if not found:
        return "Every value of the holdout is judged by as it came."
    told = ", ".join(f"{n:,} {reason}" for reason, n in found.items())
    return f"Of the holdout these are left out, and nothing stands in for them: {told}."


def _drawn(worst: pd.DataFrame, unit: str) -> Figure | None:
    if worst.empty:
        return None
    figure = new_figure(*WIDE)
    axes: Any = dress(figure.add_subplot(), ylabel=unit)
    at = worst["ts"].dt.tz_localize(None)
    wrong = worst["changed"].to_numpy()
    # a line that also touches the neighbours, so that single values are seen
    near = wrong | np.roll(wrong, 1) | np.roll(wrong, -1)
    axes.plot(at, worst["before"].where(near), color=RED, lw=1.3, label="as it came")
    axes.plot(at, worst["after"], color=BLUE, lw=1.4, label="as it is used")
    held = worst["after"].where(wrong)
    if held.notna().any():
        axes.plot(at, held, "o", color=BLUE, ms=3, label="stands in")
    axes.set_title(name_of(worst["series"].iloc[0]), fontsize=10, color=INK, loc="right")
    axes.tick_params(axis="x", labelcolor=MUTED)
    axes.margins(x=0.01)
    date_axis(axes)
    above: Any = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3}
    axes.legend(**above, frameon=False, fontsize=9, labelcolor=INK)
    return figure


__all__ = ["cleaning", "cleaning_facts"]
