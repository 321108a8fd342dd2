"""What a report's page is laid out from: sections of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lepton.report.drawing import data_uri, is_narrow
from lepton.report.tables import MAX_ROWS, Table, frame_table
from lepton.solution import Figure


@dataclass(frozen=True)
class Card:
    """One headline number: label, value, interval, what it says."""

    label: str
    value: str
    interval: str
    about: str


@dataclass(frozen=True)
class Slider:
    """A value per position that a person slides along: names of the values, and their texts.

    start: the position that is shown first.
    """

    label: str
    names: tuple[str, ...]
    positions: tuple[tuple[str, ...], ...]
    start: int


@dataclass(frozen=True)
class Block:
    """One piece of a section: a title and any of text, lines, table, picture, slider.

    picture: data URI; half: whether it may stand beside another one; missing: the sentence that
    says why there is nothing to show.
    """

    title: str = ""
    text: str = ""
    lines: Sequence[str] = ()
    table: Table | None = None
    picture: str = ""
    half: bool = False
    missing: str = ""
    slider: Slider | None = None


@dataclass(frozen=True)
class Section:
    """One section: its anchor, title, short name in the navigation, opening sentence, blocks."""

    anchor: str
    title: str
    text: str
    blocks: Sequence[Block]
    short: str = ""


def picture(title: str, caption: str, figure: Any, missing: str = "") -> list[Block]:
    """A figure under its title, or `missing` in its place; nothing where both are empty."""
    if figure is None:
        return [Block(title, missing=missing)] if missing else []
    return [Block(title, caption, picture=data_uri(figure), half=is_narrow(figure))]


def shown(figure: Figure, drawn: Any, *, most: int = MAX_ROWS) -> list[Block]:
    """What a solution's `Figure.draw` gave: a picture, a table or a sentence."""
    if isinstance(drawn, str):
        return [Block(figure.title, missing=drawn)]
    if isinstance(drawn, pd.DataFrame):
        return [Block(figure.title, figure.caption, table=frame_table(drawn, most=most))]
    return picture(figure.title, figure.caption, drawn)


def table_or(title: str, table: Table, missing: str, text: str = "") -> Block:
    """A table under its title, or `missing` where it has no row."""
    return Block(title, text, table=table) if table.rows else Block(title, missing=missing)


__all__ = ["Block", "Card", "Section", "Slider", "picture", "shown", "table_or"]
