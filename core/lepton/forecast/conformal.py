"""Intervals that keep their promise while time goes on: rolling conformal calibration.

The kernel is that of the devices (`lepton_edge.conformal`): here it walks over a whole matrix.
"""

from __future__ import annotations

import numpy as np

from lepton.forecast import scores
from lepton.forecast.matrix import Matrix
from lepton_edge.conformal import ConformalSpec, Rolling, Scores, cells, outside, stretched


def cells_of(matrix: Matrix) -> np.ndarray:
    """Cell of each target, (n, leads): its horizon block times four, plus its quarter of the day;
    cells of different series are the same."""
    return cells(matrix.column("lead_h"), matrix.column("hour"))


def scores_of(matrix: Matrix, quantiles: np.ndarray, latency_s: int = 0) -> Scores:
    """Scores of forecasts whose truth is known."""
    score = outside(matrix.y, quantiles, matrix.scale[:, None])
    known = np.isfinite(score)
    known_s = (matrix.step + 1) * matrix.step_s + latency_s
    issue_s = np.broadcast_to(matrix.issue_s[:, None], score.shape)
    return Scores(known_s[known], issue_s[known], cells_of(matrix)[known], score[known])


def calibrated(
    matrix: Matrix,
    quantiles: np.ndarray,
    *,
    before: Scores | None = None,
    spec: ConformalSpec | None = None,
    latency_s: int = 0,
) -> np.ndarray:
    """The deciles, each issue stretched by what was known when it was issued.

    before: scores of earlier forecasts (out of fold), with which calibration begins.
    """
    rolling = Rolling(spec or ConformalSpec())
    if before is not None:
        rolling.tell(before)
    rolling.tell(scores_of(matrix, quantiles, latency_s))
    cell, made = cells_of(matrix), np.empty_like(quantiles)
    for issue_s in np.unique(matrix.issue_s):
        here = matrix.issue_s == issue_s
        made[here] = stretched(quantiles[here], rolling.factors(int(issue_s))[cell[here]])
    return made


def coverage_gate(
    y: np.ndarray, quantiles: np.ndarray, spec: ConformalSpec | None = None
) -> tuple[float, bool]:
    """Share of truths that the outer interval holds, and whether that is within tolerance."""
    spec = spec or ConformalSpec()
    found = scores.coverage(y, quantiles[..., 0], quantiles[..., -1])
    return found, bool(abs(found - spec.level) <= spec.tolerance)


__all__ = [
    "ConformalSpec",
    "Rolling",
    "Scores",
    "calibrated",
    "cells_of",
    "coverage_gate",
    "scores_of",
    "stretched",
]
