"""The first page: what was found, whether it is published, what it is worth, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from lepton.evaluation.groups import EVEN, false_alert_ratio
from lepton.evaluation.results import Evaluation, MetricResult
from lepton.report.blocks import Block, Card, Section
from lepton.report.budget import alerts_a_day
from lepton.report.content import ReportContent
from lepton.report.detection import detection_hours
from lepton.report.tables import (
    cut_lines,
    exact,
    interval,
    label_of,
    number,
    percent,
    percent_span,
    shorten,
    span,
)

_GATES: Final = {
    "beats_baseline": ("It beats the naive rules", "It does not beat the naive rules"),
    "compression_loss": (
        "Making it smaller cost nothing that counts",
        "Making it smaller cost too much",
    ),
    "parity": (
        "The bundle answers as the model does",
        "The bundle does not answer as the model does",
    ),
    "calibration_ece": (
        "Its scores can be read as probabilities",
        "Its scores are no probabilities",
    ),
    "coverage80": (
        "Its intervals hold what they say",
        "Its intervals do not hold what they say",
    ),
    "min_positives_holdout": ("There was enough to judge by", "There was too little to judge by"),
    "alarm_rate": (
        "Alarms are as rare as was asked for",
        "Alarms are not as rare as was asked for",
    ),
    "leakage": ("No feature knows the answer", "A feature seems to know the answer"),
}
"""What a gate means where it holds, and where it does not."""


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


def _card(result: MetricResult) -> Card:
    value = "not available" if result.value is None else number(result.value)
    about = result.about + (f" ({result.unit})" if result.unit else "")
    return Card(label_of(result.name), value, interval(result), about)


def summary(content: ReportContent) -> Section:
    """What those who decide need to know, each sentence from numbers further down."""
    blocks = [
        Block("What was found", lines=list(_found(content)), half=True),
        Block("What it is worth", lines=list(_worth(content)), half=True),
        Block("Gates in plain words", lines=cut_lines(list(gate_lines(content))), half=True),
        Block("What limits this", lines=cut_lines(list(limit_lines(content))), half=True),
    ]
    text = "For those who decide; every number has its page below, with the rows it comes from."
    return Section("summary", "Summary", text, blocks)


def _found(content: ReportContent) -> Iterator[str]:
    evaluation, words = content.evaluation, content.spec.words
    scored = evaluation.scored
    alerted, positive = ((scored[name] == 1).to_numpy() for name in ("decision", "target"))
    caught, days = int((alerted & positive).sum()), int(evaluation.facts.get("days", 1))
    over = f" of {days:,} days" if content.is_timed else ""
    yield (
        f"{len(scored):,} {words.rows}{over} that the search never saw hold "
        f"{int(positive.sum()):,} {words.positives} "
        f"({percent(float(positive.mean()) if len(scored) else None)})."
    )
    if positive.any():
        yield (
            f"{caught:,} of these {words.positives} are alerted: "
            f"{percent(caught / positive.sum())}{_limits_of(evaluation, 'recall')}."
        )
    if alerted.any():
        wrong = (alerted.sum() - caught) / max(caught, 1)
        pace = f", {number(alerts_a_day(evaluation))} a day" if content.is_timed else ""
        yield (
            f"{int(alerted.sum()):,} alerts{pace}; "
            f"{percent(caught / alerted.sum())} of them are {words.positives}, "
            f"so that {number(round(wrong, 1))} false alerts come with each that is found."
        )
    else:
        yield (
            "No score reaches the threshold: under these costs an alert would have cost more than "
            "it saves."
        )
    yield from _beaten(content)
    yield from _soon(content)


def _beaten(content: ReportContent) -> Iterator[str]:
    """How far ahead of the best baseline the model is, in the metric of the search."""
    evaluation, name = content.evaluation, content.model.metric
    values = {
        rule: next((r.value for r in results if r.name == name), None)
        for rule, results in evaluation.baselines.items()
    }
    known = {rule: value for rule, value in values.items() if value is not None}
    own = next((r.value for r in evaluation.metrics if r.name == name), None)
    if not known or own is None:
        return
    best = max(known, key=lambda rule: known[rule])
    yield (
        f"By {label_of(name)} it reaches {number(own)}; the best naive rule, '{shorten(best)}', "
        f"reaches {number(known[best])} on the same {content.spec.words.rows}."
    )


def _soon(content: ReportContent) -> Iterator[str]:
    if "entity" not in content.evaluation.scored:
        return
    hours, words = detection_hours(content.evaluation.scored), content.spec.words
    if len(hours):
        found = np.isfinite(hours.to_numpy())
        at_once = int((hours == 0).sum())
        yield (
            f"Of {len(hours):,} {words.entities} whose trouble began in these "
            f"{'days' if content.is_timed else words.rows}, "
            f"{int(found.sum()):,} are found, {at_once:,} of them at their first {words.positive}."
        )


def _limits_of(evaluation: Evaluation, name: str) -> str:
    for result in evaluation.metrics:
        if result.name == name and result.low is not None:
            return f" (95 % interval {percent_span(result.low, result.high)})"
    return ""


def _worth(content: ReportContent) -> Iterator[str]:
    evaluation = content.evaluation
    facts = evaluation.facts
    if not evaluation.scored[["miss_cost", "alert_cost"]].to_numpy().any():
        yield "No costs are stated, so nothing is said about money."
        return
    saved, stake = facts.get("saved", 0.0), facts.get("at_stake", 0.0)
    whole = f"in these {'days' if content.is_timed else content.spec.words.rows}"
    pace = f", {number(round(facts.get('saved_per_day', 0.0)))} a day" if content.is_timed else ""
    yield (
        f"{number(round(stake))} of money were at stake {whole}; the alerts save "
        f"{number(round(saved))} of it after their own cost{pace}{_money_span(content)}."
    )
    yield from _actions(facts)
    if stake > 0:
        yield f"That is {percent(saved / stake)} of what doing nothing would have lost."
    yield from (
        f"The naive rule '{shorten(name)}' would save {number(value)} per 1,000 rows, this model "
        f"{number(own)}."
        for name, value, own in _savings(evaluation)
    )
    if content.costs:
        named = ", ".join(
            f"{name.replace('_', ' ')} {exact(v)}" for name, v in content.costs.items()
        )
        yield f"Behind this stand: {named}. Other costs give another threshold."


def _actions(facts: Mapping[str, float]) -> Iterator[str]:
    """What the actions of the policy saved, beside one threshold."""
    if "policy_saved" not in facts:
        return
    told = f"The actions of the policy save {number(round(facts['policy_saved']))}"
    if "policy_gain" in facts:
        low, high = (100 * facts.get(f"policy_gain_{end}", float("nan")) for end in ("low", "high"))
        told += (
            f", {100 * facts['policy_gain']:+.0f} % against one threshold settled ahead "
            f"(95 % interval {low:+.0f} to {high:+.0f} %)"
        )
    yield told + "."


def _money_span(content: ReportContent) -> str:
    """The interval of the money a day, of all rows where they have no days, from that of the
    savings per 1,000 rows."""
    evaluation = content.evaluation
    result = next((r for r in evaluation.metrics if r.name == "net_savings"), None)
    if result is None or result.low is None or result.high is None:
        return ""
    days = max(evaluation.facts.get("days", 1.0), 1.0) if content.is_timed else 1.0
    scale = len(evaluation.scored) / 1000 / days
    return f" (95 % interval {span(round(result.low * scale), round(result.high * scale))})"


def _savings(evaluation: Evaluation) -> Iterator[tuple[str, float, float]]:
    own = next((r.value for r in evaluation.metrics if r.name == "net_savings"), None)
    for name, results in evaluation.baselines.items():
        value = next((r.value for r in results if r.name == "net_savings"), None)
        if own is not None and value:
            yield name, value, own


def gate_lines(content: ReportContent) -> Iterator[str]:
    """Each gate in plain words."""
    for gate in content.evaluation.gates:
        holds, fails = _GATES.get(gate.name, (f"{gate.name} holds", f"{gate.name} does not hold"))
        yield f"{holds if gate.passed else 'NO: ' + fails}: {gate.found}."


def limit_lines(content: ReportContent) -> Iterator[str]:
    """What keeps these numbers from saying more."""
    data, evaluation, words = content.data, content.evaluation, content.spec.words
    if content.simulated:
        yield "The data are simulated: no number here says what to expect from real ones."
    positives = int((evaluation.scored["target"] == 1).sum())
    if positives < 100 and not content.is_share:
        yield (
            f"{positives:,} {words.positives} to judge by are few: every interval is wide, and "
            "differences inside it are chance."
        )
    unknown = evaluation.facts.get("unknown_targets", 0.0)
    if unknown:
        yield f"{number(unknown)} {words.rows} without a known outcome are left out of the holdout."
    if data.switched_off:
        yield (
            f"Features that are off for want of columns: {len(data.switched_off):,}; missing are "
            f"{', '.join(sorted({c for off in data.switched_off for c in off.missing})[:8])}."
        )
    if data.quarantined:
        yield f"{sum(data.quarantined.values()):,} rows stay in quarantine; see the data contract."
    yield from _fairness(content)


def _fairness(content: ReportContent) -> Iterator[str]:
    """How evenly false alerts fall on the groups that the data name."""
    scored = content.evaluation.scored
    held = [name for name in content.spec.groups if name in scored]
    if not held:
        yield "Fairness between groups is not measured: no such column was delivered."
    for name in held:
        ratio = false_alert_ratio(name).of(scored)
        if np.isfinite(ratio) and ratio < EVEN:
            yield (
                f"False alerts fall unevenly by {name.replace('_', ' ')}: the group with the "
                f"fewest has {number(round(ratio, 2))} of the rate of the one with the most."
            )


__all__ = ["cards", "summary", "verdict"]
