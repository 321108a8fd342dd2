"""The sections of a report as values that the template lays out: texts, tables, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Evaluation, MetricResult
from lepton.report import choice_plots, plots
from lepton.report.content import ReportContent
from lepton.report.drawing import data_uri
from lepton.report.tables import (
    Table,
    budget_table,
    cut_lines,
    frame_table,
    interval,
    make_table,
    metric_table,
    number,
)

_MOST_TRIALS: Final = 15
_LABELS: Final = {"ap": "average precision", "auc": "ROC AUC", "ece": "calibration error"}


@dataclass(frozen=True)
class Card:
    """One headline number: label, value, interval, what it says."""

    label: str
    value: str
    interval: str
    about: str


@dataclass(frozen=True)
class Block:
    """One piece of a section: a title and any of text, lines, table, picture (data URI)."""

    title: str = ""
    text: str = ""
    lines: Sequence[str] = ()
    table: Table | None = None
    picture: str = ""


@dataclass(frozen=True)
class Section:
    """One section: its anchor, title, opening sentence and blocks."""

    anchor: str
    title: str
    text: str
    blocks: Sequence[Block]


def verdict(evaluation: Evaluation) -> str:
    """Published or refused, and why, in one sentence."""
    failed = [gate for gate in evaluation.gates if not gate.passed]
    if not failed:
        return f"All {len(evaluation.gates)} gates hold: this version may be published."
    first = failed[0]
    more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"Gate {first.name} does not hold ({first.found}){more}: nothing is published."


def cards(content: ReportContent) -> tuple[Card, ...]:
    """The headline metrics that the evaluation has."""
    found = {result.name: result for result in content.evaluation.metrics}
    return tuple(_card(found[name]) for name in content.headline if name in found)


def sections(content: ReportContent) -> tuple[Section, ...]:
    """Every section of the page, in reading order."""
    return (
        _gates(content.evaluation),
        _data(content),
        _choice(content),
        _front(content),
        _performance(content),
        _value(content.evaluation),
        _switched_off(content),
        _making(content),
    )


def _card(result: MetricResult) -> Card:
    value = "–" if result.value is None else number(result.value)
    about = result.about + (f" ({result.unit})" if result.unit else "")
    label = _LABELS.get(result.name, result.name.replace("_", " "))
    return Card(label, value, interval(result), about)


def _gates(evaluation: Evaluation) -> Section:
    failed = [i for i, gate in enumerate(evaluation.gates) if not gate.passed]
    rows = [
        ("holds" if gate.passed else "refused", gate.name, gate.found, gate.needed, gate.about)
        for gate in evaluation.gates
    ]
    table = make_table(("", "gate", "found", "needed", "why it is asked"), rows, failed)
    return Section(
        "gates",
        "Verdict and gates",
        "A version is published only where every gate holds on data the search never saw.",
        [Block(table=table)],
    )


def _data(content: ReportContent) -> Section:
    data = content.data
    quarantine = make_table(("table", "rows in quarantine"), sorted(data.quarantined.items()))
    parts = make_table(
        ("part", "rows", "positives", "share", "first", "last"),
        [
            (p.name, p.rows, p.positives, p.positives / max(p.rows, 1), p.first_at, p.last_at)
            for p in data.parts
        ],
    )
    dropped = [f"{count:,} rows left out: {why}" for why, count in data.dropped.items() if count]
    blocks = [
        Block("Broken rules", lines=cut_lines(data.violations) or ["None: every rule is kept."]),
        *([Block("Quarantine", table=quarantine)] if data.quarantined else []),
        *([Block("Notes", lines=cut_lines(data.notes))] if data.notes else []),
        Block("Parts along time", lines=dropped, table=parts),
    ]
    return Section(
        "data", "Data", "What came in, what its contract refused, what was used for what.", blocks
    )


def _choice(content: ReportContent) -> Section:
    model = content.model
    picture = _picture(
        "Trials",
        f"Each dot is one trial; higher is better. Dashed lines are naive rules, the ring is the "
        f"trial with the best {model.metric}.",
        choice_plots.trials(model.leaderboard, model.metric),
    )
    board = frame_table(model.leaderboard, [0], most=_MOST_TRIALS)
    blocks = [
        *picture,
        *([Block("Leaderboard", lines=cut_lines(model.notes), table=board)] if board.rows else []),
        *_importance(content),
    ]
    text = f"What the search tried, by {model.metric} on the selection part."
    return Section("choice", "Model choice", text, blocks)


def _importance(content: ReportContent) -> list[Block]:
    frame = content.model.importance
    if frame.empty:
        return []
    return [Block("What the model looks at", table=frame_table(frame, most=_MOST_TRIALS))]


def _front(content: ReportContent) -> Section:
    frame, metric = content.model.front, content.model.metric
    shown = frame.drop(columns="control", errors="ignore")
    chosen = [i for i, is_chosen in enumerate(frame.get("chosen", ())) if is_chosen]
    blocks = [
        *_picture(
            "Size against score",
            "Further left is smaller, higher is better; the pale bar reaches down to the bound "
            "that decides. The ring is what was taken.",
            choice_plots.front(frame, metric),
        ),
        *([Block(table=frame_table(shown, chosen))] if len(frame) else []),
    ]
    text = (
        "The smallest artefact whose loss stays inside the limit with 95 % confidence is taken; "
        "a control, a small shape trained from scratch, stands beside it."
    )
    return Section("front", "Compression", text, blocks)


def _performance(content: ReportContent) -> Section:
    found, name = content.evaluation, content.model.metric
    metric = METRICS.get(name, METRICS["ap"])
    held = metric.name in {result.name for result in found.metrics}
    blocks = [
        *_picture(
            "Precision and recall",
            "The further to the upper right the better; the circle is where the decision stands.",
            plots.precision_recall(found),
        ),
        *_picture(
            "Scores by class",
            "The less red under the pale hill, the better the classes are told apart.",
            plots.score_histogram(found),
        ),
        *_picture(
            "Calibration",
            "Dots on the dashed line mean that scores can be read as probabilities.",
            plots.reliability(found),
        ),
        *_picture(
            "Over time",
            "A line that falls towards the right means that the model ages.",
            plots.over_time(found, metric) if held else None,
        ),
        *_own_figures(content),
        Block("All metrics", table=metric_table(found)),
    ]
    text = f"{number(found.facts.get('rows', 0))} rows that the search never saw, read once."
    return Section("performance", "Performance on the holdout", text, blocks)


def _own_figures(content: ReportContent) -> Iterator[Block]:
    for figure in content.figures:
        yield from _picture(figure.title, figure.caption, figure.draw(content.evaluation))


def _value(evaluation: Evaluation) -> Section:
    blocks = [
        *_picture(
            "What a threshold is worth",
            "The circle is the chosen threshold; left of it are more alerts, right of it fewer.",
            plots.cost_curve(evaluation),
        ),
        Block("What a budget of alerts buys", table=budget_table(evaluation)),
    ]
    text = "Savings are losses avoided less the cost of alerts, against doing nothing."
    return Section("value", "Decisions and value", text, blocks)


def _switched_off(content: ReportContent) -> Section:
    rows = [(off.feature, ", ".join(off.missing), off.cost) for off in content.data.switched_off]
    table = make_table(("feature", "missing columns", "what that costs"), rows)
    text = (
        "These features need columns that the data do not have."
        if rows
        else "None: the data feed every feature."
    )
    return Section("switched-off", "Features switched off", text, [Block(table=table)])


def _making(content: ReportContent) -> Section:
    rows = [
        ("run", content.run_id),
        ("made at", f"{content.made_at:%Y-%m-%d %H:%M %Z}"),
        ("Lepton Kit", content.kit_version),
        *content.environment.items(),
    ]
    blocks = [
        *_picture(
            "Parts along time",
            "The light stretches between the bars are the gaps that the label delay needs.",
            choice_plots.split_along_time(content.data.parts),
        ),
        Block("Environment", table=make_table(("", "value"), rows)),
    ]
    return Section("making", "How this was made", "What it takes to make it again.", blocks)


def _picture(title: str, caption: str, figure: Any) -> list[Block]:
    return [] if figure is None else [Block(title, caption, picture=data_uri(figure))]


__all__ = ["Block", "Card", "Section", "cards", "sections", "verdict"]
