"""Sections on the holdout: performance, calibration, segments, detection, value, rules, reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.groups import EVEN, FEWEST_NEGATIVES, false_alert_ratio
from lepton.evaluation.intervals import intervals
from lepton.report import detection, plots, slices
from lepton.report.blocks import Block, Section, picture
from lepton.report.content import ReportContent
from lepton.report.drawing import is_drawable
from lepton.report.history import KNOWN_DAYS, TROUBLE_DAYS
from lepton.report.own import own_blocks
from lepton.report.tables import (
    exact,
    interval,
    label_of,
    make_table,
    metric_table,
    number,
)

NEW_DAYS: Final = 30.0
"""An entity counts as new for so many days from its first row in the data."""
EARLY_DAYS: Final = 7.0


def performance(content: ReportContent) -> Section:
    """Precision and recall, scores by class, over time, every metric."""
    found = content.evaluation
    blocks = [
        *picture(
            "Precision and recall",
            "The further to the upper right the better; the circle is where the decision stands.",
            plots.precision_recall(found),
            f"No curve: the holdout holds no {content.spec.words.positive}, or nothing else.",
        ),
        *own_blocks(content, "performance"),
        Block("All metrics", table=metric_table(found)),
    ]
    text = f"{len(found.scored):,} {content.spec.words.rows} that the search never saw, read once."
    return Section("performance", "Performance on the holdout", text, blocks, "Performance")


def calibration(content: ReportContent) -> Section:
    """Whether scores can be read as probabilities."""
    found, words = content.evaluation, content.spec.words
    results = {result.name: result for result in found.metrics}
    rows = [
        (label_of(name), results[name].value, interval(results[name]), results[name].about)
        for name in ("ece", "brier", "log_loss")
        if name in results
    ]
    scored = found.scored
    rows.append(
        ("mean score", float(scored["score"].mean()), "", f"what it says of all {words.rows}")
    )
    rows.append(
        ("rate found", float(scored["target"].mean()), "", f"share of {words.positives} in them")
    )
    blocks = [
        *picture(
            "Reliability",
            f"Dots on the dashed line mean that a score is the rate of {words.positives}; bars are "
            "95 % intervals of each bin's rate.",
            plots.reliability(found),
            f"No curve: the holdout holds no {words.positive}.",
        ),
        *picture(
            "Scores by class",
            "The less red under the pale hill, the better the classes are told apart.",
            plots.score_histogram(found),
        ),
        Block("In numbers", table=make_table(("", "value", "95 % interval", "what it says"), rows)),
        *own_blocks(content, "calibration"),
    ]
    text = (
        f"Whether a score of 0.2 means that one such {words.row} in five is a {words.positive}: "
        "what money is reckoned with."
    )
    return Section("calibration", "Calibration", text, blocks)


def segments(content: ReportContent) -> Section:
    """Recall by slice, by how well the entity is known, by how long its trouble lasts."""
    scored, words = content.evaluation.scored, content.spec.words
    if not (scored["target"] == 1).any():
        missing = [Block(missing=f"The holdout holds no {words.positive}.")]
        return Section("segments", "Where it finds and where it misses", "", missing, "Segments")
    told = [column for column in content.slices if column not in content.spec.groups]
    blocks = [block for column in told for block in _slice(content, column)]
    blocks += [*_by_history(content), *own_blocks(content, "segments"), *_fairness(content)]
    text = (
        f"Share of the {words.positives} that are alerted, by kind of {words.row}; in brackets how "
        "many there were, thin lines are 95 % intervals, dashed is the share of all. Alerted is "
        "what reaches the model's threshold."
    )
    return Section("segments", "Where it finds and where it misses", text, blocks, "Segments")


def _slice(content: ReportContent, column: str) -> list[Block]:
    scored, title = content.evaluation.scored, f"By {column.replace('_', ' ')}"
    positives = scored[scored["target"] == 1]
    if column not in positives or not positives[column].notna().any():
        return [Block(title, missing=f"No column '{column}' was delivered, or it is empty.")]
    return _recall(content, title, "", scored[column])


def _recall(content: ReportContent, title: str, caption: str, groups: pd.Series) -> list[Block]:
    frame = slices.recall_by(content.evaluation.scored, groups)
    positives = content.spec.words.positives
    if not all(map(is_drawable, frame["group"])):
        return [Block(title, caption, table=slices.table(frame))]
    drawn = slices.bars(frame, f"{positives} alerted, %", whole=_whole(content))
    return picture(title, caption, drawn)


def _whole(content: ReportContent) -> float:
    positives = content.evaluation.scored[content.evaluation.scored["target"] == 1]
    return float((positives["decision"] == 1).mean())


def _by_history(content: ReportContent) -> list[Block]:
    scored, words = content.evaluation.scored, content.spec.words
    if KNOWN_DAYS not in scored or not scored[KNOWN_DAYS].notna().any():
        missing = f"No column names the {words.entity}, so new ones cannot be told from known ones."
        return [Block(f"By {words.entity}", missing=missing)]
    known = _cut(scored[KNOWN_DAYS], [-1, NEW_DAYS, np.inf], ["new", "known"])
    trouble = _cut(
        scored[TROUBLE_DAYS],
        [-1, 1e-9, 1.0, EARLY_DAYS, np.inf],
        [f"the first {words.positive}", "within a day", f"days 2 to {EARLY_DAYS:g}", "later"],
    )
    return [
        *_recall(
            content,
            f"New or known {words.entity}",
            f"New for {NEW_DAYS:g} days from the first {words.row} in these data.",
            known,
        ),
        *_recall(
            content,
            f"Time since the {words.entity}'s first {words.positive}",
            f"The first {EARLY_DAYS:g} days are when a {words.positive} is still worth finding.",
            trouble,
        ),
    ]


def _cut(values: pd.Series, edges: list[float], labels: list[str]) -> pd.Series:
    return pd.Series(pd.cut(values, edges, labels=labels), index=values.index)


def _fairness(content: ReportContent) -> Iterator[Block]:
    held = [name for name in content.spec.groups if name in content.evaluation.scored]
    if not held:
        asked = f" (such as '{content.spec.groups[0]}')" if content.spec.groups else ""
        yield Block(
            "Fairness",
            missing="Not measured: the data have no column that says which group a "
            f"{content.spec.words.row} belongs to{asked}. Bring one in the contract as "
            "never_a_feature, and the rate of false alerts of each group stands here.",
        )
    for name in held:
        yield from _fair(content, name)


def _fair(content: ReportContent, column: str) -> list[Block]:
    scored = content.evaluation.scored
    rng = np.random.default_rng(0)
    ratio = intervals([false_alert_ratio(column)], scored, rng=rng, n=200)[0]
    groups = scored[column].astype("category")
    frame = slices.false_alerts_by(scored, groups)
    title = f"Fairness by {column.replace('_', ' ')}"
    if ratio.value is None:
        told = f"No ratio: it takes two groups of {FEWEST_NEGATIVES} rows and some false alert."
    else:
        even = "even" if ratio.value >= EVEN else "not even"
        told = (
            f"Lowest over highest rate of false alerts: {number(ratio.value)} "
            f"({interval(ratio)}); {EVEN:g} and more counts as even, so this is {even}."
        )
    blocks = picture(title, told, slices.bars(frame, "others alerted, %"), told)
    recall = f"Found by {column.replace('_', ' ')}"
    return [*blocks, *_recall(content, recall, "", groups)]


def detected(content: ReportContent) -> Section:
    """How soon an entity in trouble is found."""
    scored, words = content.evaluation.scored, content.spec.words
    title = "Time to detection"
    text = (
        f"From the first {words.positive} of {words.an_entity} to the first one that is alerted; "
        f"{words.entities} whose first lies before the holdout are left out."
    )
    if "entity" not in scored:
        missing = f"Not measured: no column names the {words.entity}."
        return Section("detection", title, text, [Block(missing=missing)], "Detection")
    hours = detection.detection_hours(scored)
    if hours.empty:
        missing = f"No {words.entity} has a first {words.positive} in the holdout."
        return Section("detection", title, text, [Block(missing=missing)], "Detection")
    blocks = [
        *picture(
            f"{words.entities.capitalize()} found by time",
            "Steep and early is good; what is missing to 100 % is never found.",
            detection.curve(hours, words.entities),
        ),
        _detection_numbers(hours, content),
        *own_blocks(content, "detection"),
    ]
    return Section("detection", title, text, blocks, "Detection")


def _detection_numbers(hours: pd.Series, content: ReportContent) -> Block:
    words = content.spec.words
    median = float(np.median(hours)) if len(hours) else np.nan
    found = hours[np.isfinite(hours)]
    rows = [
        (f"{words.entities} in trouble", f"{len(hours):,}"),
        ("found at the first one", f"{int((hours == 0).sum()):,}"),
        ("found later", f"{int((found > 0).sum()):,}"),
        ("never found", f"{int((~np.isfinite(hours)).sum()):,}"),
        ("median time, all", _hours(median)),
        ("median time, of those found", _hours(float(found.median()) if len(found) else np.nan)),
    ]
    return Block("In numbers", table=make_table(("", "value"), rows), half=True)


def _hours(hours: float) -> str:
    if np.isnan(hours):
        return "not available: none is found"
    if np.isinf(hours):
        return "not available: half of them or more are never found"
    if hours == 0:
        return "at once"
    return f"{exact(round(hours, 1))} h" if hours < 48 else f"{exact(round(hours / 24, 1))} days"


__all__ = ["calibration", "detected", "performance", "segments"]
