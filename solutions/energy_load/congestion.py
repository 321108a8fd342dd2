"""How likely it is that an interval's power passes what the connection bears, and whom to call.

The deciles give the distribution between the first and the last; beyond these the tails fall
exponentially, as steeply as the outermost decile lies from its neighbour. Calling flexible load
costs, and an overload costs more: a call pays where the probability passes the ratio of the two
(the cost-loss rule, Murphy 1977).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.forecast.judged import LEVELS
from lepton.forecast.panel import PanelDataset

SETTINGS: Final[Mapping[str, float]] = {"limit_share": 1.0, "call_ratio": 0.2}
"""limit_share: share of the agreed power, or of what the connection bears, that counts as
congestion; call_ratio: what a call costs over what an overload costs."""
SETTING_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "limit_share": (0.05, 2.0),
    "call_ratio": (0.001, 1.0),
}
_SHARES: Final = np.arange(1, 10) / 10
_SMALLEST: Final = 1e-12


def probability_above(limit: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Probability that a value lies above `limit` (n,), by its deciles (n, 9) in ascending order;
    NaN where there is no limit or no forecast."""
    low, high = quantiles[:, 0], quantiles[:, -1]
    with np.errstate(over="ignore"):  # far beyond a tail the exponent is 0 all the same
        above = 0.1 * np.exp(-(limit - high) / _fall(quantiles[:, -2], high))
        below = 0.1 * np.exp(-(low - limit) / _fall(low, quantiles[:, 1]))
    found = np.where(limit >= high, above, np.where(limit <= low, 1 - below, np.nan))
    inside = (limit > low) & (limit < high)
    for row in np.flatnonzero(inside):
        found[row] = 1 - np.interp(limit[row], quantiles[row], _SHARES)
    unknown = ~np.isfinite(limit) | ~np.isfinite(quantiles).all(axis=1)
    return np.where(unknown, np.nan, found)


def beside(rows: pd.DataFrame, panel: PanelDataset, settings: Mapping[str, float]) -> pd.DataFrame:
    """What a forecast says of congestion, one row an interval, in the order of `rows`.

    rows: series_id and the deciles in kW. Columns: limit_kw (NaN where the register knows none),
    p_over_limit (of taking or giving more than it), call (whether flexible load should be called),
    relief_kw (what would have to go so that nine of ten outcomes stay below it).
    """
    named = panel.series.set_index("series_id")
    bears = named["p_contract_kw"].fillna(named["p_max_kw"])
    limit = settings["limit_share"] * rows["series_id"].map(bears).to_numpy(dtype=np.float64)
    quantiles = rows[list(LEVELS)].to_numpy(dtype=np.float64)
    taking = probability_above(limit, quantiles)
    giving = probability_above(limit, -quantiles[:, ::-1])
    over = np.minimum(taking + giving, 1.0)
    worst = np.maximum(quantiles[:, -1], -quantiles[:, 0])
    found = {
        "limit_kw": limit,
        "p_over_limit": over,
        "call": np.nan_to_num(over) >= settings["call_ratio"],
        "relief_kw": np.maximum(worst - limit, 0.0),
    }
    return pd.DataFrame(found, index=rows.index)


def judged(scored: pd.DataFrame) -> pd.DataFrame:
    """By meter that has a limit: intervals over it, calls, those that were right and those missed,
    and the Brier score over that of always telling the mean share (below 1 is better)."""
    known = scored[scored["limit_kw"].notna() & scored["p_over_limit"].notna()]
    rows = []
    for name, own in known.groupby("entity"):
        was = own["target"].abs() > own["limit_kw"]
        if not (was.any() or own["call"].any()):
            continue
        brier = ((own["p_over_limit"] - was) ** 2).mean()
        usual = was.mean() * (1 - was.mean())
        right = int((own["call"] & was).sum())
        rows.append(
            {
                "meter": name,
                "limit, kW": own["limit_kw"].iloc[0],
                "intervals over it": int(was.sum()),
                "expected": own["p_over_limit"].sum(),
                "calls": int(own["call"].sum()),
                "right": right,
                "not called": int(was.sum()) - right,
                "Brier over usual": brier / usual if usual else None,
            }
        )
    columns = ["meter", "limit, kW", "intervals over it", "expected", "calls", "right"]
    return pd.DataFrame(rows, columns=[*columns, "not called", "Brier over usual"])


def _fall(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Over how much a tail falls by e: from two tenths to one it falls by half."""
    return np.asarray(np.maximum(outer - inner, _SMALLEST) / np.log(2))


__all__ = ["SETTINGS", "SETTING_BOUNDS", "beside", "judged", "probability_above"]
