"""Whether a forecast knows what it cannot know: the future replaced by noise must not change it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lepton.forecast.built import built
from lepton.forecast.panel import PanelDataset, seconds_of
from lepton.forecast.prepared import Prepared
from lepton_edge.habits import Habits


def leak_of(
    prepared: Prepared,
    issue_s: np.ndarray,
    rng: np.random.Generator,
    habits: Habits | None = None,
) -> float:
    """Largest change of a feature of forecasts issued at these instants (UTC seconds) when
    everything that was measured or foreseen later is noise; 0 for none.

    habits: what is usual, of forecasts of the next minutes.
    """
    worst = 0.0
    for at in issue_s:
        noisy = _future_of_noise(prepared.panel, int(at), rng)
        issues = {name: np.array([at], dtype=np.int64) for name in prepared.looks}
        both = [built(panel, prepared.looks, issues, habits) for panel in (prepared.panel, noisy)]
        before, after = (
            np.concatenate([one.X.ravel(), one.scale, one.shape.ravel()]) for one in both
        )
        same = (before == after) | (np.isnan(before) & np.isnan(after))
        if not same.all():
            apart = np.abs(np.nan_to_num(before) - np.nan_to_num(after))
            worst = max(worst, float(apart[~same].max()), np.finfo(np.float64).tiny)
    return worst


def _future_of_noise(panel: PanelDataset, issue_s: int, rng: np.random.Generator) -> PanelDataset:
    rows = _noisy(panel, panel.rows, issue_s, rng)
    firsts = None if panel.firsts is None else _noisy(panel, panel.firsts, issue_s, rng)
    return replace(panel, rows=rows, firsts=firsts, known=_known(panel, issue_s, rng))


def _noisy(
    panel: PanelDataset, rows: pd.DataFrame, issue_s: int, rng: np.random.Generator
) -> pd.DataFrame:
    rows = rows.copy()
    end = seconds_of(rows["ts"]) + panel.step_s + panel.latency_s.get("y", 0)
    later = end > issue_s
    if "available_at" in rows:
        told = rows["available_at"]
        later |= told.notna().to_numpy() & (seconds_of(told) > issue_s)
    rows.loc[later, "y"] = rng.normal(0.0, 1e3, int(later.sum()))
    return rows


def _known(panel: PanelDataset, issue_s: int, rng: np.random.Generator) -> pd.DataFrame | None:
    """Editions that were issued later are noise; what counts as known for all time stays."""
    if panel.known is None or panel.is_known_perfectly or "issued_at" not in panel.known:
        return panel.known
    known = panel.known.copy()
    later = seconds_of(known["issued_at"]) > issue_s
    for name in panel.known_columns:
        noise = np.full(len(known), np.nan)
        noise[later] = rng.normal(0.0, 1e3, int(later.sum()))
        # a row tells some columns only, and noise tells no others
        known[name] = known[name].where(known[name].isna() | ~later, noise)
    return known


__all__ = ["leak_of"]
