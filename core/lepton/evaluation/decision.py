"""From scores to decisions: the threshold that costs least."""

from __future__ import annotations

import numpy as np


def choose_threshold(
    score: np.ndarray,
    y: np.ndarray,
    miss_cost: np.ndarray,
    alert_cost: np.ndarray,
    *,
    days: float,
    capacity: float | None,
) -> float:
    """The threshold in (0, 1) at which alerts and misses together cost least money.

    score: 0..1; y: 0/1; miss_cost: lost where a positive row stays below the threshold;
    alert_cost: spent where any row reaches it; days: length of time that the rows cover;
    capacity: most alerts a day on average, None for no bound. Ties go to the higher
    threshold. The threshold lies midway between two scores, so that rounding flips no row.
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    cost = _cost_of_alerting(miss_cost[order] * (y[order] > 0), alert_cost[order])
    ends = _ends_of_ties(ranked)
    if capacity is not None:
        ends = ends[ends <= max(capacity * max(days, 1.0), 0.0)]
    n_alerts = int(ends[np.argmin(cost[ends])])
    return threshold_after(ranked, n_alerts)


def threshold_after(ranked: np.ndarray, n_alerts: int) -> float:
    """The threshold in (0, 1) that the first `n_alerts` of the descending scores `ranked` reach.

    It lies midway to the next score; between equal scores, on them.
    """
    above = float(ranked[n_alerts - 1]) if n_alerts else 1.0
    below = float(ranked[n_alerts]) if n_alerts < len(ranked) else 0.0
    middle = (above + below) / 2
    lowest, highest = np.nextafter(0.0, 1.0), np.nextafter(1.0, 0.0)
    return float(np.clip(above if middle <= below else middle, lowest, highest))


def _cost_of_alerting(missed: np.ndarray, alert_cost: np.ndarray) -> np.ndarray:
    """Money at 0, 1, ... n alerts, in the order of the rows."""
    saved = np.concatenate([[0.0], np.cumsum(missed)])
    spent = np.concatenate([[0.0], np.cumsum(alert_cost)])
    return np.asarray(saved[-1] - saved + spent)


def _ends_of_ties(ranked: np.ndarray) -> np.ndarray:
    """Numbers of alerts that some threshold can give: equal scores go together."""
    last_of_tie = np.flatnonzero(np.diff(ranked) < 0) + 1
    return np.unique(np.concatenate([[0], last_of_tie, [len(ranked)]])).astype(np.int64)


__all__ = ["choose_threshold", "threshold_after"]
