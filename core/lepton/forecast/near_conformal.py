"""Calibration of forecasts of the next minutes: few of very many scores tell enough."""

from __future__ import annotations

from typing import Final

import numpy as np

from lepton.forecast.conformal import cells_of, scores_of
from lepton.forecast.matrix import Matrix
from lepton_edge.conformal import ConformalSpec, Rolling, Scores, stretched
from lepton_edge.near import is_scored

CONFORMAL: Final = ConformalSpec(window_days=14, fewest=500)


def near_scores(matrix: Matrix, quantiles: np.ndarray, latency_s: int = 0) -> Scores:
    """Scores of those forecasts by which a device calibrates too."""
    own = is_scored(matrix.issue_s // matrix.step_s, matrix.series)
    return scores_of(matrix.take(own), quantiles[own], latency_s)


def near_calibrated(
    matrix: Matrix, quantiles: np.ndarray, rolling: Rolling, latency_s: int = 0
) -> np.ndarray:
    """The deciles, each issue stretched by what was known when it was issued; the calibration goes
    on from what `rolling` has been told."""
    rolling.tell(near_scores(matrix, quantiles, latency_s))
    cell, made = cells_of(matrix), np.empty_like(quantiles)
    for issue_s in np.unique(matrix.issue_s):
        here = matrix.issue_s == issue_s
        made[here] = stretched(quantiles[here], rolling.factors(int(issue_s))[cell[here]])
    return made


__all__ = ["CONFORMAL", "near_calibrated", "near_scores"]
