"""What a solution adds to a section of its report."""

from __future__ import annotations

from lepton.report.blocks import Block, shown
from lepton.report.content import ReportContent


def own_blocks(content: ReportContent, anchor: str) -> list[Block]:
    """The blocks of the solution's figures that belong to the section at `anchor`."""
    return [
        block
        for figure in content.figures
        if figure.section == anchor
        for block in shown(figure, figure.draw(content.evaluation))
    ]


__all__ = ["own_blocks"]
