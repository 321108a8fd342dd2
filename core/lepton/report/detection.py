"""How soon an entity in trouble is found: from its first positive row to the first one alerted."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lepton.report.drawing import BLUE, INK, MUTED, new_axes, new_figure
from lepton.report.history import TROUBLE_DAYS

_HOURS: Final = {0.1: "6 min", 1.0: "1 h", 6.0: "6 h", 24.0: "1 d", 168.0: "7 d", 720.0: "30 d"}


def detection_hours(scored: pd.DataFrame) -> pd.Series:
    """Hours from each entity's first positive row to its first one that is alerted, by entity.

    Infinite where none is alerted; 0 where the very first is. Where the rows tell when trouble
    began, entities whose trouble began before these rows are left out: they may have been found
    already.
    """
    rows = scored[(scored["target"] == 1) & scored["entity"].notna()]
    if TROUBLE_DAYS in rows:
        began = rows.groupby("entity")[TROUBLE_DAYS].transform("min")
        rows = rows[began == 0]
    begin = rows.groupby("entity")["event_at"].min()
    found = rows[rows["decision"] == 1].groupby("entity")["event_at"].min().reindex(begin.index)
    hours = (found - begin).dt.total_seconds() / 3600
    return hours.fillna(np.inf)


def curve(hours: pd.Series, entities: str) -> Figure | None:
    """Share of entities in trouble that are found, by hours since it began."""
    if hours.empty:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="time since the first one", ylabel=f"{entities} found, %")
    finite = np.sort(hours[np.isfinite(hours)].to_numpy())
    grid = np.concatenate([[0.05], np.maximum(finite, 0.05), [1000.0]])
    share = 100 * np.concatenate(
        [[(finite <= 0).sum()], np.arange(1, len(finite) + 1), [len(finite)]]
    )
    axes.step(grid, np.maximum.accumulate(share) / len(hours), where="post", color=BLUE, lw=2)
    axes.axhline(50, color=MUTED, lw=1, ls=(0, (4, 3)))
    never = int((~np.isfinite(hours)).sum())
    told = f"{never:,} of {len(hours):,} never found"
    axes.annotate(told, (0.97, 0.06), xycoords="axes fraction", ha="right", fontsize=9, color=INK)
    axes.set_xscale("log")
    axes.set_xlim(0.05, 1000)
    axes.set_xticks(list(_HOURS), list(_HOURS.values()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, 100)
    return figure


__all__ = ["curve", "detection_hours"]
