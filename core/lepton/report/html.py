"""The report as one HTML file that needs nothing but itself."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from lepton.report.content import DataFacts, ModelFacts, PartFact, ReportContent, part_facts
from lepton.report.sections import cards, sections, verdict
from lepton.report.tables import shorten
from lepton_edge import atomic


def write_report(out: Path, content: ReportContent) -> Path:
    """Write the report on `content` to the file `out`, atomically, and return `out`.

    One page without scripts or outer references: style and pictures are inside, and a content
    security policy forbids everything else. All text is escaped; long tables are cut.
    """
    atomic.write_text(out, render(content))
    return out


def render(content: ReportContent) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("lepton.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        content=content,
        subtitle=shorten(content.subtitle),
        title=shorten(content.title),
        links={shorten(text): path for text, path in content.links.items() if _is_inside(path)},
        verdict=verdict(content.evaluation),
        cards=cards(content),
        sections=sections(content),
    )


def _is_inside(path: str) -> bool:
    """Whether a link is a plain relative path: no scheme, no root, no way up."""
    parts = path.replace("\\", "/").split("/")
    return ":" not in path and not path.startswith(("/", "\\")) and ".." not in parts


__all__ = [
    "DataFacts",
    "ModelFacts",
    "PartFact",
    "ReportContent",
    "part_facts",
    "render",
    "write_report",
]
