"""What a bundle of the next minutes knows of a network that may have changed since it was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lepton.errors import DataError
from lepton.forecast.panel import PanelDataset
from lepton.forecast.usual import days_of
from lepton_edge.forecast_plan import Plan
from lepton_edge.habits import Habits
from lepton_edge.near_spec import NearSpec


def look_of(plan: Plan, panel: PanelDataset, look: NearSpec) -> NearSpec:
    """The bundle's own look; of a network of other series with their neighbours: those that tables
    tell, else those that were learnt, in which a new series stands alone.

    Raises DataError LK2116 where the panel has other intervals than the bundle.
    """
    own = plan.spec
    assert isinstance(own, NearSpec)
    if look.step_s != own.step_s:
        raise DataError(
            "LK2116",
            where=f"{len(panel.ids):,} series",
            found=f"intervals of {look.step_s} s, where the version forecasts {own.step_s} s",
            remedy="set step_min to the interval that was learnt from, or run again",
        )
    if panel.ids == plan.ids:
        return own
    told = panel.neighbours
    return replace(own, neighbours=own.neighbours.of(panel.ids) if told is None else told)


def habits_of(plan: Plan, panel: PanelDataset, look: NearSpec, until_s: int) -> Habits:
    """What is usual of each series of the panel: as the bundle has it, and of a new one as it was
    before `until_s`, UTC seconds, or as its neighbours are."""
    known = plan.habits
    assert known is not None
    if panel.ids == plan.ids:
        return known
    code = np.array([plan.codes.get(name, -1) for name in panel.ids], dtype=np.int64)
    here = np.flatnonzero(code >= 0)
    made = {n: array.copy() for n, array in days_of(panel, look, until_s).whole.to_arrays().items()}
    for name, array in known.to_arrays().items():
        made[name][..., here] = array[..., code[here]]
    return Habits.from_arrays(made)


__all__ = ["habits_of", "look_of"]
