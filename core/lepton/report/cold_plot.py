"""The figure of series that no model learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from matplotlib.figure import Figure

from lepton.report.drawing import MUTED, SERIES, legend, new_axes, new_figure

_NAMES: Final = {"0": "none", "6": "6 hours", "24": "1 day", "72": "3 days", "all": "all"}
_AHEAD_MIN: Final = (15, 30, 60)


def cold(facts: Mapping[str, float]) -> Figure | None:
    """Rise of the error of series that were not learnt from, by how much of their own past is
    known; None where it was not told."""
    told = {
        minutes: {
            name: 100 * (facts[f"cold_{name}_{minutes}"] - 1)
            for name in _NAMES
            if f"cold_{name}_{minutes}" in facts
        }
        for minutes in _AHEAD_MIN
    }
    shown = [name for name in _NAMES if any(name in points for points in told.values())]
    if not shown:
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="own past that is known", ylabel="rise of the error, %")
    colours: Any = zip(SERIES, told.items(), strict=False)
    for colour, (minutes, points) in colours:
        if points:
            places = [shown.index(name) for name in points]
            label = f"{minutes} minutes"
            axes.plot(places, list(points.values()), "o-", color=colour, ms=4, label=label)
    axes.axhline(0, color=MUTED, lw=1, ls="--")
    axes.set_xticks(range(len(shown)), [_NAMES[name] for name in shown])
    legend(axes, "upper right")
    return figure


__all__ = ["cold"]
