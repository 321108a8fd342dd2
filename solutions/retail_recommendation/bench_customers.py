"""The part of the protocol that is about customers: churn and spend of the 90 days after a cutoff.

Learnt at four monthly cutoffs whose outcome was known by then, told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from solutions.retail_recommendation.customer_quality import judge_customers
from solutions.retail_recommendation.dataset import cleaned

CUTOFF: Final = pd.Timestamp("2011-09-10", tz="UTC")


def customer_figures(
    tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]
) -> dict[str, float]:
    """churn_auc, spend_spearman and spend_capture10, each with `_naive` (recency, past spend)."""
    rows = cleaned(tables, settings).rows
    found = judge_customers(rows, CUTOFF, np.random.default_rng(0)).metrics
    told = {name: one.model for name, one in found.items()}
    return told | {f"{name}_naive": one.naive for name, one in found.items()}


__all__ = ["customer_figures"]
