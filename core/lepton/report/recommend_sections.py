"""What a report says of recommendations, in reading order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lepton.report.blocks import Block, Section, picture, table_or
from lepton.report.content import RecommendFacts, ReportContent
from lepton.report.drawing import BLUE, MUTED, new_axes, new_figure
from lepton.report.own import own_blocks
from lepton.report.summary import gate_lines
from lepton.report.tables import Table, cut_lines, frame_table, make_table, metric_table, percent


def summary(content: ReportContent) -> Section:
    """What those who decide need to know, each sentence from numbers further down."""
    blocks = [
        Block("What was found", lines=list(_found(content)), half=True),
        Block("Gates in plain words", lines=cut_lines(list(gate_lines(content))), half=True),
        Block("What limits this", lines=cut_lines(list(_limits(content))), half=True),
    ]
    text = "For those who decide; every number has its page below, with the rows it comes from."
    return Section("summary", "Summary", text, blocks)


def _facts(content: ReportContent) -> RecommendFacts:
    return content.recommend or RecommendFacts()


def _found(content: ReportContent) -> Iterator[str]:
    told = {one.name: one.value for one in content.evaluation.metrics}
    n = len(content.evaluation.scored)
    yield (
        f"Lists for {n:,} {content.spec.words.entities} were made from what was known before the "
        "holdout and compared with what each took in it."
    )
    if told.get("hit10_all") is not None:
        yield f"{percent(told['hit10_all'] or 0)} took at least one of the first ten."
    if told.get("hit10_new") is not None:
        share = percent(told["hit10_new"] or 0)
        yield f"{share} took one of ten that they had never taken before."
    device = told.get("edge_ndcg10_all")
    champion = told.get("ndcg10_all")
    if device is not None and champion:
        yield f"The device's graph reaches {percent(device / champion)} of the champion's NDCG@10."


def _limits(content: ReportContent) -> Iterator[str]:
    yield from _facts(content).limits
    if content.simulated:
        yield "The data are simulated: no number here says what to expect from real ones."
    for table, rows in content.data.quarantined.items():
        yield f"{rows:,} rows of {table} broke the contract and were left out."


def performance(content: ReportContent) -> Section:
    """Metrics of both modes beside simple rules, by segment, and what lists do beside hitting."""
    facts = _facts(content)
    blocks = [
        Block("All metrics", table=metric_table(content.evaluation)),
        Block("Simple rules on the same customers", table=_rivals(content)),
        table_or("By orders before", frame_table(facts.segments), "There was no window to tell."),
        table_or(
            "Beyond accuracy",
            frame_table(facts.beyond),
            "There was no window to tell.",
            "Share of items that anybody is shown, how unevenly (Gini), and how popular they are "
            "against what the same customers took before.",
        ),
        *picture(
            "Shown and sold",
            "How evenly lists, and sales, are spread over items, the least first.",
            lorenz(facts),
            "There was no window to tell.",
        ),
        *own_blocks(content, "performance"),
    ]
    text = "The holdout, read once. Segments and what follows are of the window before it."
    return Section("performance", "Performance", text, blocks)


def _rivals(content: ReportContent) -> Table:
    rows = []
    for name, results in content.evaluation.baselines.items():
        told = {one.name: one.value for one in results}
        rows.append((name, told.get("ndcg10_all"), told.get("ndcg10_new"), told.get("hit10_all")))
    return make_table(("rule", "NDCG@10, all", "NDCG@10, new", "hit@10, all"), rows)


def lorenz(facts: RecommendFacts) -> Figure | None:
    """Lorenz curves of lists and of sales over items; None without any."""
    if not facts.shown.sum() or not facts.sold.sum():
        return None
    figure = new_figure()
    axes = new_axes(figure, xlabel="share of items", ylabel="share of lists, of sales")
    for values, colour, name in ((facts.sold, MUTED, "sales"), (facts.shown, BLUE, "lists")):
        told = np.cumsum(np.sort(values)) / values.sum()
        axes.plot(np.linspace(0, 1, len(told)), told, color=colour, label=name)
    axes.legend(frameon=False)
    return figure


def lists(content: ReportContent) -> Section:
    """Lists of some customers, with what speaks for each item."""
    facts = _facts(content)
    device = pd.DataFrame(list(facts.device.items()), columns=["of the device", "is"])
    blocks = [
        table_or(
            "Lists of some customers",
            frame_table(facts.examples),
            "There was no customer to show.",
            "The first three that are new to each, and what they took before that speaks most for "
            "it; `taken` says whether they took it afterwards.",
        ),
        table_or("On a device", frame_table(device), "Nothing was exported."),
        *own_blocks(content, "lists"),
    ]
    return Section("lists", "Lists and reasons", "What a customer is shown, and why.", blocks)


def rules(content: ReportContent) -> Section:
    """What each rule does and costs."""
    facts = _facts(content)
    blocks = [
        table_or(
            "Price of rules",
            frame_table(facts.prices),
            "No rules were given.",
            "Lists that a rule changed, items that it took off, and the share of NDCG@10 that "
            "lists would gain without it, the others kept.",
        ),
        *own_blocks(content, "rules"),
    ]
    return Section("rules", "Rules", "What commercial rules do to lists.", blocks)


def again(content: ReportContent) -> Section:
    """What is due again, and what goes together."""
    facts = _facts(content)
    blocks = [
        table_or("Due again", frame_table(_days(facts.due)), "Nobody took anything twice."),
        table_or("Bought together", frame_table(facts.together), "No pair is more than chance."),
        *own_blocks(content, "again"),
    ]
    return Section("again", "Due again and bought together", "The likeliest first.", blocks)


def _days(due: pd.DataFrame) -> pd.DataFrame:
    if due.empty:
        return due
    return due.assign(due_at=due["due_at"].dt.strftime("%Y-%m-%d"))


def beside(content: ReportContent) -> Section | None:
    """What the solution tells of rows, customers and stock; None where it tells nothing."""
    blocks = own_blocks(content, "beside")
    if not blocks:
        return None
    text = "What the same rows say beside lists, each next to what needs no model."
    return Section("beside", "Data, customers and stock", text, blocks, "Customers")


def choice(content: ReportContent) -> Section:
    """Families, best first."""
    model = content.model
    blocks = [
        table_or("Families", frame_table(model.leaderboard), "No family was tried."),
        *([Block("Notes of the search", lines=cut_lines(model.notes))] if model.notes else []),
        *own_blocks(content, "choice"),
    ]
    text = f"What the search tried, by NDCG@10 on the windows before the holdout. {model.budget}"
    return Section("choice", "How it was chosen", text.strip(), blocks, "Choice")


def device(content: ReportContent) -> Section:
    """Forms of the device's model, and which is shipped."""
    blocks = [
        table_or("Forms", frame_table(content.model.front), "No form was tried."),
        *own_blocks(content, "front"),
    ]
    text = (
        "The smallest form is shipped whose loss of NDCG@10 is surely inside the limit, on "
        "customers of the window before the holdout."
    )
    return Section("front", "The device's model", text, blocks, "Device")


__all__ = [
    "again",
    "beside",
    "choice",
    "device",
    "lists",
    "lorenz",
    "performance",
    "rules",
    "summary",
]
