"""What it is worth to make forecasts again during the day, from the rows that were judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lepton.forecast.corrected import gains
from lepton.forecast.judged import LEVELS
from lepton_edge.correction import Correction


def made_again(scored: pd.DataFrame, correction: Correction, step_s: int) -> pd.DataFrame:
    """Errors before and after, by hours since the newest value, as `gains` tells them.

    scored: rows as `judged.rows_of` makes them. Empty where errors tell nothing of later ones.
    """
    if scored.empty or not len(correction.share):
        return pd.DataFrame()
    step_h = step_s / 3_600
    issue = scored.groupby(["entity", "issued_at"], sort=False).ngroup().to_numpy()
    lead = (scored["lead_h"] / step_h).round().astype(int).to_numpy()
    lead = lead - lead.min()
    shape = int(issue.max()) + 1, int(lead.max()) + 1
    y, quantiles = np.full(shape, np.nan), np.full((*shape, len(LEVELS)), np.nan)
    y[issue, lead] = scored["target"]
    quantiles[issue, lead] = scored[list(LEVELS)]
    return gains(y, quantiles, correction, step_h)


__all__ = ["made_again"]
