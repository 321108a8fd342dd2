"""The matrix of given issues, whichever way their forecasts look back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lepton.forecast.matrix import Matrix, build
from lepton.forecast.near import NearIssues, build_near
from lepton.forecast.panel import PanelDataset
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.habits import Habits
from lepton_edge.looks import Look
from lepton_edge.near_spec import NearSpec


def built(
    panel: PanelDataset,
    looks: Mapping[str, Look],
    issues: Mapping[str, np.ndarray],
    habits: Habits | None = None,
) -> Matrix:
    """Features and targets of each series' issues (UTC seconds, int64).

    habits: what is usual, of forecasts of the next minutes.
    """
    first = next(iter(looks.values()))
    if isinstance(first, NearSpec):
        assert habits is not None
        return build_near(panel, first, _together(panel, issues), habits)
    days = {name: look for name, look in looks.items() if isinstance(look, AsOfSpec)}
    return build(panel, days, issues)


def _together(panel: PanelDataset, issues: Mapping[str, np.ndarray]) -> NearIssues:
    none = np.empty(0, dtype=np.int64)
    own = [np.asarray(issues.get(name, none), dtype=np.int64) for name in panel.ids]
    at = np.unique(np.concatenate([none, *own]))
    picked = np.stack([np.isin(at, one) for one in own], axis=1)
    return NearIssues(at, picked)


__all__ = ["built"]
