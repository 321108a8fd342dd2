"""What the report of a run of forecasts says beside metrics: from the values of its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import Evaluation
from lepton.forecast.board import CALIBRATED, ForecastBoard
from lepton.forecast.decomposition import Decomposition, decompose
from lepton.forecast.judged import LEVELS, instants
from lepton.forecast.prepared import Prepared
from lepton.forecast.spec import ForecastSpec, Page, Story
from lepton.hierarchies import coherence_facts, reconciling_of
from lepton.nearcasting import is_near
from lepton.report.cleaning_section import cleaning_facts
from lepton.report.content import ForecastFacts

AUDIT_FILE: Final = "cleaning.csv"
"""Every value that was changed, in the run's folder."""


def facts_of(
    spec: ForecastSpec,
    tables: Mapping[str, pd.DataFrame],
    prepared: Prepared,
    board: ForecastBoard,
    evaluation: Evaluation,
    facts: ForecastFacts,
) -> ForecastFacts:
    """`facts` with cleaning, sums, the total taken apart, and the pages of the solution."""
    sums = reconciling_of(prepared, board)
    parts: Decomposition | str = ""
    if not is_near(prepared.looks):
        hierarchy = None if sums is None else sums.hierarchy
        parts = decompose(prepared.panel, hierarchy, prepared.cuts.holdout_s, 0)
    coherence = None
    if sums is not None:
        coherence = coherence_facts(sums, evaluation.scored, prepared.panel.step_s)
    return replace(
        facts,
        cleaning=cleaning_facts(prepared, AUDIT_FILE),
        coherence=coherence,
        decomposition=parts,
        own_error=None if isinstance(parts, str) else _error_of(parts.name, evaluation.scored),
        pages=_pages(spec, tables, prepared, board, evaluation, facts.unit),
    )


def _error_of(name: str, scored: pd.DataFrame) -> float | None:
    """Mean absolute error of the median over mean size."""
    own = scored[scored["entity"] == name]
    size = own["target"].abs().sum()
    return float((own["target"] - own["q50"]).abs().sum() / size) if size > 0 else None


def _pages(
    spec: ForecastSpec,
    tables: Mapping[str, pd.DataFrame],
    prepared: Prepared,
    board: ForecastBoard,
    evaluation: Evaluation,
    unit: str,
) -> Sequence[Page]:
    if spec.pages is None:
        return ()
    past = selected_rows(prepared, board)
    step_s = prepared.panel.step_s
    story = Story(tables, past, evaluation.scored, step_s, unit, evaluation.incidents)
    return spec.pages(story)


def selected_rows(prepared: Prepared, board: ForecastBoard) -> pd.DataFrame:
    """The selection as rows that are judged have it: entity, issued_at, event_at, target and the
    calibrated deciles of each interval that is known."""
    told, step_s = board.selected, prepared.panel.step_s
    known = np.isfinite(told.y)
    n = np.broadcast_to(np.arange(len(told.y))[:, None], known.shape)[known]
    ids = np.array(prepared.panel.ids, dtype=object)[told.series[n]]
    lead_s = np.round(told.lead_h[known] * 3_600 / step_s).astype(np.int64) * step_s
    begins = told.issue_s[n] // step_s * step_s + lead_s
    deciles = told.quantiles[CALIBRATED]
    return pd.DataFrame(
        {
            "entity": pd.Series(ids, dtype="str"),
            "issued_at": instants(told.issue_s[n]),
            "event_at": instants(begins),
            "target": told.y[known],
            **{name: deciles[..., at][known] for at, name in enumerate(LEVELS)},
        }
    ).sort_values(["entity", "issued_at", "event_at"], kind="stable", ignore_index=True)


__all__ = ["AUDIT_FILE", "facts_of", "selected_rows"]
