"""Every section of a report, in reading order."""

from __future__ import annotations

from lepton.report import (
    forecast_sections,
    near_sections,
    queue_section,
    recommend_sections,
    share_sections,
    watch_sections,
)
from lepton.report.blocks import Section
from lepton.report.choice_sections import choice, folds, front
from lepton.report.cleaning_section import cleaning
from lepton.report.coherence_section import coherence
from lepton.report.content import ReportContent
from lepton.report.data_sections import calendar, contract, drift
from lepton.report.decided_sections import reasons, rules, value
from lepton.report.decomposition_section import decomposition
from lepton.report.evidence_sections import evidence, gates
from lepton.report.judged_sections import calibration, detected, performance, segments
from lepton.report.own_pages import own_pages
from lepton.report.similar_section import similar
from lepton.report.summary import summary
from lepton.report.survival_section import hours, survival


def sections(content: ReportContent) -> tuple[Section, ...]:
    """From what those who decide read to what those who doubt do."""
    if content.forecast is not None:
        own = (near_sections.network(content), queue_section.queues(content))
        return (
            forecast_sections.summary(content),
            gates(content.evaluation),
            *(section for section in own if section is not None),
            forecast_sections.performance(content),
            forecast_sections.calibration(content),
            forecast_sections.series(content),
            cleaning(content),
            *([] if content.forecast.coherence is None else [coherence(content)]),
            *([decomposition(content)] if content.forecast.decomposition else []),
            *own_pages(content),
            contract(content),
            forecast_sections.choice(content),
            front(content),
            evidence(content),
        )
    if content.recommend is not None:
        told = recommend_sections.beside(content)
        return (
            recommend_sections.summary(content),
            gates(content.evaluation),
            recommend_sections.performance(content),
            recommend_sections.lists(content),
            recommend_sections.rules(content),
            recommend_sections.again(content),
            *([] if told is None else [told]),
            contract(content),
            recommend_sections.choice(content),
            recommend_sections.device(content),
            evidence(content),
        )
    alike = similar(content)
    past = [] if alike is None else [alike]
    if content.is_watch:
        return (
            watch_sections.summary(content),
            gates(content.evaluation),
            watch_sections.performance(content),
            *past,
            contract(content),
            calendar(content),
            drift(content),
            choice(content),
            front(content),
            evidence(content),
        )
    if content.is_share:
        left = hours(content)
        return (
            share_sections.summary(content),
            gates(content.evaluation),
            share_sections.performance(content),
            *([] if left is None else [left]),
            *past,
            folds(content),
            contract(content),
            calendar(content),
            drift(content),
            choice(content),
            front(content),
            evidence(content),
        )
    lasting = survival(content)
    return (
        summary(content),
        gates(content.evaluation),
        value(content),
        performance(content),
        folds(content),
        segments(content),
        detected(content),
        calibration(content),
        *([] if lasting is None else [lasting]),
        *past,
        rules(content),
        reasons(content),
        contract(content),
        calendar(content),
        drift(content),
        choice(content),
        front(content),
        evidence(content),
    )


__all__ = ["sections"]
