"""Sections on the data: contract, calendar, features that are off, drift."""

from __future__ import annotations

from typing import Final

import pandas as pd

from lepton.evaluation.stability import FEWEST_ROWS
from lepton.report import choice_plots, time_plots
from lepton.report.blocks import Block, Section, picture, table_or
from lepton.report.calendar import LEAST, MOST, WEEKS_BACK
from lepton.report.content import ReportContent
from lepton.report.tables import cut_lines, each, make_table, number, percent

_SEVERITY: Final = {"rows": "quarantine", "table": "table refused", "warning": "told only"}
"""What a broken rule leads to."""
_TOP_DRIFT: Final = 10
_WARN: Final = 0.2
_FAIL: Final = 0.3
"""PSI that is worth a look, and that says the rows are others (specs)."""


def contract(content: ReportContent) -> Section:
    """The scorecard of the data contract, and what absent columns cost."""
    data = content.data
    blocks = [
        *_scorecard(data.rules),
        Block("Broken rules", lines=cut_lines(data.violations) or ["None: every rule is kept."]),
        *_quarantine(content),
        table_or(
            "Columns that were not delivered, and what that costs",
            make_table(("column", "what is lost without it"), data.absent),
            "Every optional column of the contract was delivered.",
        ),
        _switched_off(content),
        *([Block("Notes", lines=cut_lines(data.notes))] if data.notes else []),
    ]
    text = "What came in, rule by rule, and what became of the rows that break one."
    return Section("contract", "Data contract", text, blocks, "Contract")


def _scorecard(rules: pd.DataFrame) -> list[Block]:
    if rules.empty:
        return [Block("Scorecard", missing="The contract's rules were not handed to the report.")]
    order = rules.sort_values("broken", ascending=False, kind="stable")
    rows = [
        (
            "broken" if row.broken else "kept",
            f"{row.table}.{row.column}" if row.column else row.table,
            f"not {row.rule}" if row.rule.startswith("at least") else row.rule,
            row.passed,
            row.broken,
            _SEVERITY.get(str(row.severity), str(row.severity)),
        )
        for row in each(order)
    ]
    broken = [place for place, row in enumerate(rows) if row[0] == "broken"]
    table = make_table(
        ("", "column", "what would break the rule", "rows passed", "rows broken", "then"),
        rows,
        broken,
    )
    kept = len(rows) - len(broken)
    return [
        Block("Scorecard", f"{kept:,} of {len(rows):,} rules are kept by every row.", table=table)
    ]


def _quarantine(content: ReportContent) -> list[Block]:
    held = sorted(content.data.quarantined.items())
    if not held:
        return []
    return [Block("Quarantine", table=make_table(("table", "rows in quarantine"), held))]


def _switched_off(content: ReportContent) -> Block:
    rows = [(off.feature, ", ".join(off.missing), off.cost) for off in content.data.switched_off]
    table = make_table(("feature", "missing columns", "what that costs"), rows)
    return table_or("Features switched off", table, "None: the data feed every feature.")


def calendar(content: ReportContent) -> Section:
    """Volume and share of positives by day, odd days, the parts along time."""
    words, frame = content.spec.words, content.data.calendar
    if not content.is_timed:
        text = f"The {words.rows} came without an instant, so there are parts but no days."
        return Section("calendar", "What was used for what", text, [_parts(content)], "Parts")
    along = choice_plots.split_along_time(content.data.parts) if not content.is_grouped else None
    blocks = [
        *picture(
            "Volume",
            f"{words.rows.capitalize()} of each day (UTC). Unusual is a day below "
            f"{LEAST:.0%} or above {MOST:.0%} of the median of the same weekday in up to "
            f"{WEEKS_BACK} weeks before.",
            time_plots.volume(frame, words.rows),
            "No calendar: the report was given no rows with an event time.",
        ),
        *picture(
            f"Share of {words.positives} by day",
            f"Darker is more. Hatched days are not all known yet: outcomes take "
            f"{_delay(content)}, so their share will still rise.",
            time_plots.calendar_heat(frame, words.positives),
            f"No heat map: no day has a known {words.positive}.",
        ),
        *_odd_days(frame),
        *picture(
            "Parts along time",
            "The light stretches between the bars are the gaps that the label delay needs.",
            along,
        ),
        _parts(content),
    ]
    text = f"How many {words.rows} a day, how many {words.positives}, what was used for what."
    return Section("calendar", "Volume and calendar", text, blocks, "Calendar")


def _delay(content: ReportContent) -> str:
    days = content.data.delay_days
    return "a stated delay" if days is None else f"{number(round(days, 1))} days for 95 % of rows"


def _odd_days(frame: pd.DataFrame) -> list[Block]:
    odd = frame[frame["odd"]] if len(frame) else frame
    if odd.empty:
        return []
    rows = [
        (f"{row.day:%a %d %b %Y}", row.rows, row.usual, percent(row.rows / row.usual))
        for row in each(odd)
    ]
    table = make_table(("day", "rows", "usual on this weekday", "of the usual"), rows, most=10)
    return [Block("Unusual days", table=table)]


def _parts(content: ReportContent) -> Block:
    data = content.data
    dropped = [f"{count:,} rows left out: {why}" for why, count in data.dropped.items() if count]
    dates = ("first", "last") if content.is_timed else ()
    table = make_table(
        ("part", "rows", content.spec.words.positives, "share", *dates),
        [
            (
                p.name,
                p.rows,
                p.positives,
                percent(p.positives / max(p.rows, 1)),
                *((p.first_at, p.last_at) if content.is_timed else ()),
            )
            for p in data.parts
        ],
    )
    return Block("What was used for what", lines=dropped, table=table)


def drift(content: ReportContent) -> Section:
    """How far the features of the holdout are from those of training."""
    frame = content.data.drift
    known = frame.dropna(subset=["psi"]) if len(frame) else frame
    text = (
        "How far each feature has moved between the training rows and the holdout, by the "
        "population stability index over tenths of the training rows."
    )
    if known.empty:
        reason = f"Not applicable: it takes {FEWEST_ROWS} rows on either side."
        return Section("drift", "Drift", text, [Block(missing=reason)])
    rows = [
        (
            row.feature,
            round(row.psi, 2),
            _judged(row.psi),
            percent(row.missing_before),
            percent(row.missing_after),
        )
        for row in each(known.head(_TOP_DRIFT))
    ]
    high = int((known["psi"] > _FAIL).sum())
    some = int(((known["psi"] > _WARN) & (known["psi"] <= _FAIL)).sum())
    told = (
        f"Of {len(known):,} features {high:,} moved strongly (above {_FAIL:g}) and {some:,} "
        f"noticeably (above {_WARN:g}). Those that look back over a growing past, or at labels "
        "that take time to be known, move by themselves while history builds up. The ten that "
        "moved most:"
    )
    columns = ("feature", "stability index", "", "missing in training", "missing in holdout")
    return Section("drift", "Drift", text, [Block(text=told, table=make_table(columns, rows))])


def _judged(psi: float) -> str:
    return "moved strongly" if psi > _FAIL else "moved noticeably" if psi > _WARN else "stable"


__all__ = ["calendar", "contract", "drift"]
