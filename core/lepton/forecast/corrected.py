"""How much of a forecast's error is left later on, and what correcting by it gains."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton.forecast import scores
from lepton_edge.correction import Correction

_FEWEST: Final = 200
"""Pairs of errors that a share needs."""
_MOST: Final = 0.98
"""Share of an error above which it would hardly ever be forgotten."""
_HELD: Final = 0.8


def fit_correction(y: np.ndarray, quantiles: np.ndarray, n: int) -> Correction:
    """The correction up to `n` intervals later, by least squares; y (issues, leads), quantiles
    (issues, leads, 9) of forecasts that had not seen y. Ends where pairs become too few."""
    errors = _errors(y, quantiles)
    share, width = [], []
    for later in range(1, min(n, errors.shape[1] - 1) + 1):
        before, after = errors[:, :-later].ravel(), errors[:, later:].ravel()
        both = np.isfinite(before) & np.isfinite(after)
        before, after = before[both], after[both]
        if len(before) < _FEWEST or not (after != 0).any():
            break
        part = float(np.clip(before @ after / max(before @ before, 1e-12), 0.0, _MOST))
        was, left = (np.quantile(np.abs(e), _HELD) for e in (after, after - part * before))
        share.append(part)
        width.append(float(np.clip(left / was, 0.05, 1.0)) if was > 0 else 1.0)
    return Correction(np.array(share), np.array(width))


def gains(
    y: np.ndarray, quantiles: np.ndarray, correction: Correction, step_h: float
) -> pd.DataFrame:
    """Mean absolute error and coverage of the running and of the corrected forecasts, by how many
    intervals after the last known value an interval lies.

    Columns: ahead_h, before, after (in the unit of y), coverage80; a row for each interval that the
    correction reaches.
    """
    errors, rows = _errors(y, quantiles), []
    for later in range(1, len(correction.share) + 1):
        told = quantiles[:, later:].reshape(-1, 9)
        error, truth = errors[:, :-later].ravel(), y[:, later:].ravel()
        both = np.isfinite(error) & np.isfinite(truth)
        if not both.any():
            continue
        told, error, truth = told[both], error[both], truth[both]
        made = moved(told, error, correction, later)
        rows.append(
            (
                later * step_h,
                scores.mae(truth, told[:, 4]),
                scores.mae(truth, made[:, 4]),
                scores.coverage(truth, made[:, 0], made[:, -1]),
            )
        )
    return pd.DataFrame(rows, columns=["ahead_h", "before", "after", "coverage80"])


def moved(
    quantiles: np.ndarray, errors: np.ndarray, correction: Correction, later: int
) -> np.ndarray:
    """Deciles (n, 9), each after an error of its own (n,), `later` intervals before it."""
    share, narrow = correction.share[later - 1], correction.width[later - 1]
    middle = quantiles[:, 4, None]
    width = (quantiles[:, -1] - quantiles[:, 0])[:, None]
    return np.asarray(middle + share * errors[:, None] * width + narrow * (quantiles - middle))


def _errors(y: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Errors of the median in widths of the outer interval, NaN where unknown or without width."""
    width = quantiles[..., -1] - quantiles[..., 0]
    return np.asarray((y - quantiles[..., 4]) / np.where(width > 0, width, np.nan))


__all__ = ["fit_correction", "gains", "moved"]
