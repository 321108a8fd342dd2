"""What forecasts of a road network look at, what a device takes for readings, and when it warns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from lepton.forecast.holidays import holidays_of, years_around
from lepton.forecast.lag_graph import learnt_neighbours
from lepton.forecast.panel import PanelDataset, steps_of
from lepton.forecast.spec import cuts_of
from lepton.forecast.usual import days_of
from lepton_edge.near_spec import NearSpec, OnsetRule
from lepton_edge.neighbours import Neighbours
from lepton_edge.readings import Reading, Standing
from solutions.traffic_forecasting.beside import columns_of
from solutions.traffic_forecasting.limits import LIMITS

PAST_S: Final = 3_600
"""How far forecasts look back."""
LASTS_S: Final = 600
"""How long speeds have to be low to count as congestion."""
WARNED_S: Final = (900, 1_800, 3_600)
"""Spans within which congestion is warned of."""


def looks(panel: PanelDataset, settings: Mapping[str, float]) -> Mapping[str, NearSpec]:
    """Every detector looks at the last hour of the whole network, on the clock of most of them.

    Neighbours that nothing tells are learnt from what lies before the selection.
    """
    zones, count = np.unique(np.array(panel.zones), return_counts=True)
    zone = str(zones[count.argmax()])
    n_leads = max(1, round(settings["lead_h"] * 3_600) // panel.step_s)
    cuts = cuts_of(panel, settings)
    n_past = max(3, PAST_S // panel.step_s)
    spec = NearSpec(
        panel.step_s,
        zone,
        n_leads,
        panel.neighbours or Neighbours.none(panel.ids),
        n_past=n_past,
        holidays=_holidays(panel),
        known=columns_of(panel, cuts.holdout_s),
    )
    if panel.neighbours is None:
        days = days_of(panel, spec, cuts.selection_s)
        spec = replace(spec, neighbours=learnt_neighbours(panel.ids, days))
    return dict.fromkeys(panel.ids, spec)


def onset(panel: PanelDataset, settings: Mapping[str, float]) -> OnsetRule:
    """Congestion is a speed below a share of free flow for ten minutes."""
    n_leads = max(1, round(settings["lead_h"] * 3_600) // panel.step_s)
    steps = max(1, LASTS_S // panel.step_s)
    spans = sorted({s // panel.step_s for s in WARNED_S if steps <= s // panel.step_s <= n_leads})
    return OnsetRule(LIMITS.congested, steps, tuple(spans) or (n_leads,), late_steps(panel))


def late_steps(panel: PanelDataset) -> int:
    """Intervals after its end until a speed is there, at most as many as are looked back on."""
    late = -(-panel.latency_s.get("y", 0) // panel.step_s)
    return min(late, max(3, PAST_S // panel.step_s) - 1)


def reading(panel: PanelDataset) -> Reading:
    """A device judges single readings as `grid.py` and `suspect.py` do: a speed of 0 is missing
    unless vehicles stand, and far above what is allowed there, or fast over a covered detector, it
    is suspect."""
    least, most = LIMITS.standing
    allowed = panel.series["speed_limit_kmh"].to_numpy(dtype=np.float64, na_value=np.nan)
    late, stale = (late_steps(panel) + steps for steps in LIMITS.stale_steps)
    return Reading(
        missing=(0.0,),
        most={
            name: float(LIMITS.over_limit * limit)
            for name, limit in zip(panel.ids, allowed, strict=True)
            if np.isfinite(limit)
        },
        standing=Standing(
            "occupancy", "flow_vph", least, most, LIMITS.occupied, LIMITS.occupied_kmh
        ),
        late=late,
        stale=stale,
    )


def _holidays(panel: PanelDataset) -> tuple[int, ...]:
    """Of the country that most detectors stand in, none where none is told."""
    if "country" not in panel.series or panel.series["country"].isna().all():
        return ()
    country = str(panel.series["country"].mode().iloc[0])
    there = panel.series[panel.series["country"] == country]
    subdiv = there["subdiv"].dropna().mode() if "subdiv" in there else there["country"].iloc[:0]
    years = years_around(steps_of(panel.rows["ts"], panel.step_s), panel.step_s)
    return holidays_of(country, str(subdiv.iloc[0]) if len(subdiv) else None, years)


__all__ = ["LASTS_S", "late_steps", "looks", "onset", "reading"]
