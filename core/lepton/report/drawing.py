"""One look for all figures, drawn without any global state of matplotlib."""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import Any, Final, Literal

import matplotlib.dates
import matplotlib.font_manager
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK: Final = "#1f2a37"
MUTED: Final = "#6b7785"
LINE: Final = "#dfe4ea"
BLUE: Final = "#1f5fa8"
RED: Final = "#c2402e"
PALE: Final = "#c9d8ea"
SERIES: Final = ("#1f5fa8", "#d98a1f", "#3d8f6e", "#8a5aa8", "#a8566a", "#6b7785")
"""Colours of series: apart from each other also for the colour-blind, and in grey."""

HALF: Final = (4.8, 3.2)
"""Inches of a figure that stands beside another one."""


WIDE: Final = (9.9, 3.0)
"""Inches of a figure over the whole width; narrow screens scroll it."""


MAX_NAME: Final = 40


def new_figure(width: float = HALF[0], height: float = HALF[1]) -> Figure:
    """An empty figure of `width` by `height` inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    return figure


def is_narrow(figure: Any) -> bool:
    """Whether a figure may stand beside another one."""
    return float(figure.get_figwidth()) <= HALF[0] + 0.1


def new_axes(figure: Figure, *, xlabel: str, ylabel: str) -> Axes:
    """The only axes of `figure`, in the common look."""
    return dress(figure.add_subplot(), xlabel=xlabel, ylabel=ylabel)


def dress(axes: Axes, *, xlabel: str = "", ylabel: str = "") -> Axes:
    """`axes` with light lines, no box, quiet labels."""
    axes.set_xlabel(xlabel, color=MUTED, fontsize=9.5)
    axes.set_ylabel(ylabel, color=MUTED, fontsize=9.5)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.grid(visible=True, color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LINE)
    return axes


Corner = Literal["upper left", "upper right", "lower left", "lower right", "center right"]


def date_axis(axes: Axes) -> None:
    """Few and short dates along x."""
    dates: Any = matplotlib.dates
    locator = dates.AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def legend(axes: Axes, location: Corner) -> None:
    """A legend without a frame, where anything is labelled."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=location, frameon=False, fontsize=9, labelcolor=INK)


def name_of(text: object) -> str:
    """A name for an axis or a legend: at most `MAX_NAME` characters of it, never mathematics,
    a dot for each character that the font lacks."""
    name = "".join(letter if is_drawable(letter) else "·" for letter in str(text)[: MAX_NAME + 1])
    plain = name.replace("$", r"\$").replace("\n", " ")
    return plain if len(name) <= MAX_NAME else plain[: MAX_NAME - 1] + "…"


def is_drawable(text: str) -> bool:
    """Whether the font of the figures has every character of `text`."""
    return all(letter == "\n" or ord(letter) in _glyphs() for letter in text)


@cache
def _glyphs() -> frozenset[int]:
    fonts: Any = matplotlib.font_manager
    return frozenset(fonts.get_font(fonts.findfont("DejaVu Sans")).get_charmap())


def data_uri(figure: Any) -> str:
    """`figure` as an SVG inside a data URI: text as outlines, no outer reference, no clock."""
    stream = io.BytesIO()
    canvas: Any = FigureCanvasSVG(figure)
    with rc_context({"svg.hashsalt": "lepton", "svg.fonttype": "path"}):
        canvas.print_svg(stream, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


__all__ = [
    "BLUE",
    "HALF",
    "INK",
    "LINE",
    "MUTED",
    "PALE",
    "RED",
    "SERIES",
    "WIDE",
    "data_uri",
    "date_axis",
    "dress",
    "is_drawable",
    "is_narrow",
    "legend",
    "name_of",
    "new_axes",
    "new_figure",
]
