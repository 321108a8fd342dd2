"""Sections that a person who doubts reads: gates, parity, speed, what it was made with."""

from __future__ import annotations

from typing import Final

from lepton.evaluation.results import Evaluation
from lepton.report.blocks import Block, Section
from lepton.report.content import ReportContent
from lepton.report.own import own_blocks
from lepton.report.tables import make_table, number


def gates(evaluation: Evaluation) -> Section:
    """Every gate with what it needs and what was found."""
    failed = [i for i, gate in enumerate(evaluation.gates) if not gate.passed]
    rows = [
        ("holds" if gate.passed else "refused", gate.name, gate.found, gate.needed, gate.about)
        for gate in evaluation.gates
    ]
    table = make_table(("", "gate", "found", "needed", "why it is asked"), rows, failed)
    text = "A version is published only where every gate holds on data the search never saw."
    return Section("gates", "Gates", text, [Block(table=table)])


def evidence(content: ReportContent) -> Section:
    """Parity of the bundle, its speed, the model card, versions and fingerprints."""
    made = [
        ("run", content.run_id),
        ("made at", f"{content.made_at:%Y-%m-%d %H:%M %Z}"),
        ("Lepton Kit", content.kit_version),
        *content.environment.items(),
    ]
    blocks = [
        Block("Parity", _COMPARED, table=make_table(("", "found"), _parity(content)), half=True),
        *([_card(content)] if content.card else []),
        *own_blocks(content, "evidence"),
        Block("Environment", table=make_table(("", "value"), made)),
    ]
    text = (
        "That the bundle answers as the model does, how fast, and what it takes to make it again."
    )
    return Section("evidence", "Evidence", text, blocks)


_COMPARED: Final = (
    "Bundle against model, on the holdout, on rows mixed cell by cell, on missing, huge and unseen "
    "values, on both sides of trees' thresholds where there are trees, and on the golden rows."
)


def _parity(content: ReportContent) -> list[tuple[str, str]]:
    facts = content.evaluation.facts
    if "parity_max_abs_diff" not in facts:
        return [("bundle against model", "not available: it was not compared")]
    return [
        ("largest difference of a score", number(facts["parity_max_abs_diff"])),
        ("decisions that differ on the golden rows", number(facts.get("parity_flips", 0.0))),
        ("rows of the holdout scored by the bundle itself", f"{len(content.evaluation.scored):,}"),
    ]


def _card(content: ReportContent) -> Block:
    return Block("Model card", table=make_table(("", "value"), content.card.items()), half=True)


__all__ = ["evidence", "gates"]
