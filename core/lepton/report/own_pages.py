"""Pages of a report of forecasts that its solution wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from lepton.forecast.spec import Page
from lepton.report.blocks import Block, Section, picture
from lepton.report.content import ReportContent
from lepton.report.tables import cut_lines, frame_table


def own_pages(content: ReportContent) -> list[Section]:
    """A section for each page."""
    pages = content.forecast.pages if content.forecast else ()
    return [Section(one.anchor, one.title, one.text, _blocks(one), one.short) for one in pages]


def _blocks(page: Page) -> list[Block]:
    found = [Block("What was found", lines=cut_lines(list(page.found)))] if page.found else []
    return [*found, *(block for piece in page.pieces for block in _of(*piece))]


def _of(title: str, caption: str, drawn: Any) -> Iterator[Block]:
    if isinstance(drawn, str):
        yield Block(title, missing=drawn)
    elif isinstance(drawn, pd.DataFrame):
        yield Block(title, caption, table=frame_table(drawn))
    else:
        yield from picture(title, caption, drawn)


__all__ = ["own_pages"]
