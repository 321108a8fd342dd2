"""Sections on decisions: their value, budgets and actions, rules beside them, reasons and cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from lepton.report import cases, overlap, plots
from lepton.report.blocks import Block, Section, picture, table_or
from lepton.report.budget import budget_slider, budget_table
from lepton.report.content import ReportContent
from lepton.report.own import own_blocks
from lepton.report.tables import (
    each,
    exact,
    frame_table,
    make_table,
    number,
    percent,
    text_of,
)


def value(content: ReportContent) -> Section:
    """Cost curve, slider and table of alert budgets, actions, the costs behind them."""
    found = content.evaluation
    costs = make_table(
        ("what", "money"),
        [(name.replace("_", " "), exact(amount)) for name, amount in content.costs.items()],
    )
    blocks = [
        *picture(
            "What a threshold is worth",
            "The circle is the chosen threshold; left of it are more alerts, right of it fewer.",
            plots.cost_curve(found),
            "No curve: no costs are stated.",
        ),
        *([Block("The costs behind it", table=costs, half=True)] if content.costs else []),
        *_budgets(content),
        *_actions(content),
        *_worth(content.evaluation.facts),
        *own_blocks(content, "value"),
    ]
    text = (
        "Savings are losses avoided less the cost of alerts, against doing nothing. Curve, slider "
        "and table are those of one threshold; what the actions of the policy did stands below."
        if "action" in found.scored
        else "Savings are losses avoided less the cost of alerts, against doing nothing."
    )
    return Section("value", "Decisions and value", text, blocks, "Value")


def _budgets(content: ReportContent) -> list[Block]:
    """What alerts a day buy; nothing where rows have no days, or a day hardly has rows."""
    if not content.is_timed:
        return []
    slider, table = budget_slider(content.evaluation), budget_table(content.evaluation)
    slides = [Block("Try a budget", _SLIDE, slider=slider)] if slider else []
    bought = [Block("What a budget of alerts buys", _BUDGET, table=table)] if table.rows else []
    return slides + bought


_SLIDE: Final = "Alerts a day on average, the highest scores first, on the rows of the holdout."
_BUDGET: Final = (
    "In brackets 95 % intervals over days; the marked row is the decision as it stands."
)


def _actions(content: ReportContent) -> list[Block]:
    scored, words = content.evaluation.scored, content.spec.words
    if "action" not in scored:
        return []
    grouped = scored.assign(hit=scored["target"] == 1).groupby("action", observed=True)
    frame = grouped.agg(rows=("hit", "size"), positives=("hit", "sum"), rate=("hit", "mean"))
    ordered = frame.sort_values("rows", ascending=False).reset_index()
    rows = [
        (r.action, r.rows, percent(r.rows / len(scored)), r.positives, percent(r.rate))
        for r in each(ordered)
    ]
    columns = ("action", words.rows, "of all", words.positives, f"{words.positives} among them")
    return [Block("What was done", table=make_table(columns, rows))]


_RIVALS: Final = (
    ("the actions of the policy", "policy_saved", ""),
    ("one threshold, settled ahead", "fixed_saved", "policy_gain"),
    ("the best threshold in hindsight", "hindsight_saved", "hindsight_gain"),
    ("the best single action without limit, in hindsight", "single_saved", "single_gain"),
)
"""What is told, the fact of its money, the fact of what the policy saves beyond it."""


def _worth(facts: Mapping[str, float]) -> list[Block]:
    """Money of the actions beside simpler ways, and how the analysts' day was filled."""
    if "policy_saved" not in facts:
        return []
    rows = [
        (name, facts[saved], _beyond(facts, gain))
        for name, saved, gain in _RIVALS
        if saved in facts
    ]
    table = make_table(("way to decide", "money saved in these days", "the policy beside it"), rows)
    lines = []
    if "by_hand_per_day" in facts:
        lines.append(
            f"{number(facts['by_hand_per_day'])} rows a day are looked at by hand, on the fullest "
            f"day {number(facts['by_hand_most'])}."
        )
    if facts.get("review_sample"):
        lines.append(
            f"{number(facts['review_sample'])} of them were drawn at random among those let pass, "
            f"so that labels stay honest; {number(facts['review_sample_positives'])} were positive."
        )
    return [Block("What the actions were worth", lines=lines, table=table)]


def _beyond(facts: Mapping[str, float], gain: str) -> str:
    if gain not in facts:
        return ""
    low, high = facts.get(f"{gain}_low"), facts.get(f"{gain}_high")
    limits = "" if low is None or high is None else f" ({_signed(low)} to {_signed(high)})"
    return f"{_signed(facts[gain])}{limits}"


def _signed(share: float) -> str:
    return f"{100 * share:+.0f} %"


def rules(content: ReportContent) -> Section:
    """Who alerts what: the rules in use beside the model."""
    words = content.spec.words
    found = overlap.overlap(content.evaluation, content.spec.rules)
    title = "Rules and model"
    if found is None:
        why = "Not compared: neither is there a rule that hits, nor alerts beside a baseline."
        missing = [Block(missing=why)]
        return Section("rules", title, "", missing, "Rules")
    frame = overlap.counts(found)
    rows = [(row[0], row[1], row[2], percent(row[3])) for row in frame.itertuples(index=False)]
    columns = ("alerted by", words.rows, words.positives, f"{words.positives} among them")
    blocks = [
        *picture("Overlap", "Rows in each region.", overlap.venn(found, words.positives)),
        Block("In numbers", table=make_table(columns, rows)),
        *_by_rule(content),
        *own_blocks(content, "rules"),
    ]
    return Section("rules", title, f"Rules here are {found.how}.", blocks, "Rules")


def _by_rule(content: ReportContent) -> list[Block]:
    """Rule by rule, where the evaluation tells it."""
    table, words = content.evaluation.rules, content.spec.words
    if table.empty:
        return []
    rows = [
        (
            f"{r.rule} ({r.mode})",
            f"{r.when}, then {r.action}",
            f"off: no {r.missing}" if r.missing else r.hits,
            r.positives,
            f"{percent(r.precision)} / {percent(r.recall)}",
            r.also_alerted,
            text_of(round(r.would_save)),
        )
        for r in each(table)
    ]
    columns = (
        "rule",
        "what it says",
        "rows hit",
        words.positives,
        "precision / recall",
        "the model acts on",
        "would save beyond the policy",
    )
    caption = "A rule in shadow is recorded and changes nothing; below 0 it would have cost money."
    return [Block("Rule by rule", caption, table=make_table(columns, rows))]


def reasons(content: ReportContent) -> Section:
    """Why rows were acted on, and ten of them told."""
    scored, words = content.evaluation.scored, content.spec.words
    named = cases.reasons(scored)
    rows = [(r.reason, r.rows, r.positives, percent(r.share_positive)) for r in each(named)]
    told = _cases(content)
    blocks = [
        table_or(
            "Most frequent reasons",
            make_table(
                (
                    "reason",
                    f"{words.rows} acted on",
                    words.positives,
                    f"{words.positives} among them",
                ),
                rows,
            ),
            "This version gives no reasons with its decisions.",
        ),
        table_or(
            "Worked cases",
            frame_table(told),
            "No case to tell: nothing was alerted, and nothing missed.",
            f"The dearest {words.positives} that were caught and that were missed, and the surest "
            "false alerts; identifiers are masked.",
        ),
        *own_blocks(content, "reasons"),
    ]
    return Section("reasons", "Reasons and cases", "Why it decided as it did.", blocks, "Cases")


def _cases(content: ReportContent) -> pd.DataFrame:
    """Worked cases in few columns: what was done beside how it ended, who beside what."""
    words = content.spec.words
    told = cases.worked_cases(content.evaluation.scored, _told_slices(content))
    if "action" in told:
        told["outcome"] += ", " + told.pop("action")
    name = words.row
    if "entity" in told:
        told["row"] += " / " + told.pop("entity")
        name = f"{words.row} / {words.entity}"
    return told.rename(columns={"row": name})


def _told_slices(content: ReportContent) -> tuple[str, ...]:
    """Slices that a single case may show: never a protected group."""
    return tuple(name for name in content.slices if name not in content.spec.groups)


__all__ = ["reasons", "rules", "value"]
