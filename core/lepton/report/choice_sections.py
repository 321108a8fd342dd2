"""Sections on the model: how it was found, how it fared fold by fold, how far it was reduced."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any, Final

import pandas as pd

from lepton.report import choice_plots, time_plots
from lepton.report.blocks import Block, Section, picture, table_or
from lepton.report.content import ReportContent
from lepton.report.folds import FEWEST_POSITIVES
from lepton.report.own import own_blocks
from lepton.report.tables import (
    NOT_TOLD,
    cut_lines,
    each,
    frame_table,
    label_of,
    make_table,
    number,
    percent,
    span,
    text_of,
)

_MOST_TRIALS: Final = 10
_MOST_FEATURES: Final = 15
_CEILING: Final = "_ceiling"


def choice(content: ReportContent) -> Section:
    """Trials, families, leaderboard, blend, what the model looks at."""
    model = content.model
    board = model.leaderboard
    ruled = board[board["family"] == "baseline"] if len(board) else board
    baselines = _scores(ruled)
    blocks = [
        *picture(
            "How the search learnt",
            _LEARNING + _raced(model.trials),
            choice_plots.learning(model.trials, baselines, model.metric),
        ),
        *picture(
            "Families",
            "The best trial of each family, and how many there were; pale bars are naive rules.",
            choice_plots.families(model.trials, baselines, model.metric),
        ),
        *([Block("Notes of the search", lines=cut_lines(model.notes))] if model.notes else []),
        *([Block("Blend", table=frame_table(model.blend))] if len(model.blend) else []),
        table_or(
            "Leaderboard", frame_table(board, [0], most=_MOST_TRIALS), "No trial was recorded."
        ),
        *_importance(content),
        *own_blocks(content, "choice"),
    ]
    told = f"What the search tried, by {label_of(model.metric)} on the selection part."
    text = f"{told} {model.budget}".strip()
    return Section("choice", "Model choice", text, blocks, "Search")


_LEARNING: Final = "Each dot is one trial in the order they ended; dashed lines are naive rules."


def _raced(trials: pd.DataFrame) -> str:
    count = int(trials["raced_out"].sum()) if "raced_out" in trials else 0
    return f" {count:,} more were given up after their first windows." if count else ""


def _scores(ruled: pd.DataFrame) -> dict[str, float]:
    known = ruled.dropna(subset=["score"]) if len(ruled) else ruled
    return {} if known.empty else dict(zip(known["name"], known["score"], strict=True))


def _importance(content: ReportContent) -> list[Block]:
    frame = content.model.importance
    if frame.empty:
        return []
    rows = [(row.feature, percent(row.share)) for row in each(frame)]
    table = make_table(("feature", "share of the gain"), rows, most=_MOST_FEATURES)
    return [Block("What the model looks at", table=table)]


_WINDOW: Final = ("window", "Window by window", "Windows")


def folds(content: ReportContent) -> Section:
    """Each metric fold by fold with its interval and ceiling, the holdout last."""
    frame = content.model.folds
    whole, title, short = ("fold", "Fold by fold", "Folds") if content.is_grouped else _WINDOW
    knew = (
        f"never saw its {content.spec.words.entities}"
        if content.is_grouped
        else "knew only what was known when it began"
    )
    text = (
        f"Each {whole} was scored by a model that {knew}; the holdout stands apart, because it "
        "was read once, after every choice."
    )
    if frame.empty:
        reason = "The report was given no scores of single folds."
        return Section("folds", title, text, [Block(missing=reason)], short)
    drawn = _followed(content)
    blocks = [block for name in drawn for block in _fold_picture(content, name, whole)]
    table = make_table(
        (
            whole,
            *(("from", "to") if content.is_timed else ()),
            "rows",
            content.spec.words.positives,
            *map(label_of, drawn),
        ),
        list(_fold_rows(frame, drawn, is_timed=content.is_timed)),
        [len(frame) - 1],
    )
    caption = (
        f"In brackets 95 % intervals over {content.drawn}; a dash where fewer than "
        f"{FEWEST_POSITIVES} {content.spec.words.positives} would be judged by."
    )
    in_numbers = Block("In numbers", caption, table=table)
    return Section("folds", title, text, [*blocks, in_numbers], short)


def _followed(content: ReportContent) -> list[str]:
    """The metrics that are told fold by fold: that of the search, and those the domain names."""
    frame, metric, asked = content.model.folds, content.model.metric, content.spec.by_fold
    names = asked if metric in asked else (metric, *asked)
    return [name for name in names if name in frame and not name.endswith(_CEILING)]


def _fold_picture(content: ReportContent, name: str, whole: str) -> list[Block]:
    frame = content.model.folds
    ceiling = _ceiling_of(name, frame)
    caption = (
        f"{_abouts(content).get(name, name)}; thin lines are 95 % intervals over {content.drawn}."
        + (" Red: what a perfect score reaches." if ceiling else "")
    )
    drawn = time_plots.folds(frame, name, label_of(name), ceiling, is_grouped=content.is_grouped)
    missing = f"No {whole} has {FEWEST_POSITIVES} {content.spec.words.positives} to judge by."
    return picture(label_of(name).capitalize(), caption, drawn, missing)


def _ceiling_of(name: str, frame: pd.DataFrame) -> str | None:
    return f"{name}{_CEILING}" if f"{name}{_CEILING}" in frame else None


def _abouts(content: ReportContent) -> dict[str, str]:
    return {result.name: result.about.capitalize() for result in content.evaluation.metrics}


def _fold_rows(
    frame: pd.DataFrame, shown: list[str], *, is_timed: bool
) -> Iterator[tuple[object, ...]]:
    for row in frame.to_dict("records"):
        told = [_fold_cell(row, name) for name in shown]
        dates = [f"{row[end]:%d %b %Y}" for end in ("first_at", "last_at") if is_timed]
        yield (row["fold"], *dates, row["rows"], row["positives"], *told)


def _fold_cell(row: dict[Hashable, Any], name: str) -> str:
    if not math.isfinite(row[name]):
        return NOT_TOLD
    ceiling = row.get(f"{name}{_CEILING}")
    most = "" if ceiling is None else f", at most {ceiling:.3f}"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    limits = f" ({low:.3f} to {high:.3f})" if math.isfinite(low) else ""
    return f"{row[name]:.3f}{limits}{most}"


def front(content: ReportContent) -> Section:
    """Artefacts by score, size and speed, with the bound that decides and the controls."""
    frame, metric = content.model.front, content.model.metric
    caption = (
        "Further left is cheaper, higher is better; pale bars are intervals over "
        f"{content.drawn}, the ring is what was taken. Artefacts are compared on the same draws, "
        "so that they may differ clearly where their intervals overlap."
    )
    blocks = [
        *picture("Size", caption, choice_plots.front(frame, metric, "bytes", "size in kB")),
        *picture(
            "Speed",
            "The same against the processor time of one row.",
            choice_plots.front(frame, metric, "us_per_row", "microseconds for one row"),
        ),
        _artefacts(frame),
        *own_blocks(content, "front"),
    ]
    text = (
        "The smallest artefact whose loss stays inside the limit with 95 % confidence is taken; "
        "beside each claim stands its control, the same small shape trained from scratch."
    )
    return Section("front", "Compression", text, blocks)


def _artefacts(frame: pd.DataFrame) -> Block:
    if frame.empty:
        return Block(missing="No artefact was measured.")
    rows = [
        (
            row["name"],
            _state(row),
            f"{text_of(row['score'])} ({span(row['low'], row['high'])})",
            f"{number(round(row['loss'], 4))} (at most {text_of(_rounded(row['bound']))})",
            row.get("control_score"),
            row["bytes"],
            row["us_per_row"],
            row.get("why", ""),
        )
        for row in frame.to_dict("records")
    ]
    chosen = [place for place, is_chosen in enumerate(frame["chosen"]) if is_chosen]
    columns = ("artefact", "", "score", "loss", "its control", "bytes", "µs a row", "why")
    return Block("Artefacts", table=make_table(columns, rows, chosen))


def _state(row: dict[Hashable, Any]) -> str:
    if row["chosen"]:
        return "taken"
    return "control" if row["control"] else "accepted" if row["accepted"] else "refused"


def _rounded(value: float) -> float:
    return round(value, 4)


__all__ = ["choice", "folds", "front"]
