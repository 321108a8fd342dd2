"""The page of a network's next minutes: where, when, how far ahead, warnings, faults."""

from __future__ import annotations

from lepton.report import near_plots
from lepton.report.blocks import Section, picture
from lepton.report.cold_plot import cold
from lepton.report.content import ReportContent


def network(content: ReportContent) -> Section | None:
    """Maps and curves of forecasts of the next minutes; None of other forecasts."""
    facts = content.forecast.near if content.forecast else None
    if facts is None:
        return None
    scored, told = content.evaluation.scored, content.evaluation.facts
    blocks = [
        *picture(
            "The network ahead",
            "Median forecast over free flow, at the issue of the holdout with most congestion: a "
            "square a detector, a row a carriageway.",
            near_plots.network_map(scored, facts.network),
            "There was no forecast to show.",
        ),
        *picture(
            "A road over a day",
            "The carriageway and day with most congestion, each detector over its free flow.",
            near_plots.space_time(scored, facts.network),
            "No road had enough detectors to show.",
        ),
        *picture(
            "Error by minutes ahead",
            "Beside the latest value, what is usual at that time, and a mean of both.",
            near_plots.by_minutes(scored),
        ),
        *picture(
            "Dead detectors",
            "How much the error of all detectors rises when a share of them tells nothing for the "
            "whole past that is looked at.",
            near_plots.dead(told),
        ),
        *picture(
            "New detectors",
            "Error of detectors that no model learnt from over that of the same ones learnt from, "
            "by how much of their own past before the holdout is known. Smaller trees stand for "
            "the model, and a fifth of the detectors is new at a time.",
            cold(told),
            "Fewer than ten detectors: what a new one costs was not tried.",
        ),
        *picture(
            "Warnings of congestion",
            "Chances that a detector at free flow is congested within the middle span.",
            near_plots.precision_recall(told),
            "Too few onsets of congestion were seen to warn of them.",
        ),
        *picture(
            "How early",
            "Onsets of which 60 % were warned of within the longest span, by how far ahead they "
            "lay.",
            near_plots.lead_times(told),
        ),
        *picture(
            "Health of the detectors",
            "Share of each day that is missing or not believed.",
            near_plots.health(facts.health),
        ),
    ]
    text = "What the whole network will do within the hour, and how far that can be relied on."
    return Section("network", "Network", text, blocks)


__all__ = ["network"]
