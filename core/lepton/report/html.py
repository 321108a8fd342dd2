"""The report as one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from lepton.report.content import DataFacts, ModelFacts, PartFact, ReportContent, part_facts
from lepton.report.sections import sections
from lepton.report.summary import cards, verdict
from lepton.report.tables import shorten
from lepton_edge import atomic


def write_report(out: Path, content: ReportContent) -> Path:
    """Write the report on `content` to the file `out`, atomically, and return `out`.

    One page without outer references: style, pictures and one small script (for sliders, by its
    hash) are inside, and a content security policy forbids everything else. It says the same
    where scripts are off. All text is escaped; long tables are cut.
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
    script = _part("report.js").strip()
    return environment.get_template("report.html.j2").render(
        content=content,
        subtitle=shorten(content.subtitle),
        title=shorten(content.title),
        links={shorten(text): path for text, path in content.links.items() if _is_inside(path)},
        verdict=verdict(content.evaluation),
        cards=cards(content),
        sections=sections(content),
        style=_part("report.css"),
        script=script,
        script_hash=_hash(script),
    )


def _part(name: str) -> str:
    return files("lepton.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """What the content security policy knows the script by."""
    digest = hashlib.sha256(script.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


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
