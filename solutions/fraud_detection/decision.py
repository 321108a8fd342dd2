"""What a missed fraud and an alert cost, from which the threshold follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.solution import DecisionSpec
from solutions.fraud_detection.metrics import ALERTS_PER_DAY

COSTS: Final[Mapping[str, float]] = {
    "fraud_fee": 15.0,
    "recovery_share": 0.10,
    "review_cost": 4.0,
    "alerts_per_day": float(ALERTS_PER_DAY),
}
"""fraud_fee: scheme fee and handling of one fraud; recovery_share: part of the amount that comes
back; review_cost: an analyst's minutes for one alert; alerts_per_day: what the team clears.
Money is in the currency of `amount`. Starting values to replace with the customer's own."""


def miss_cost(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """Money lost where a row is a fraud and is let pass: amount not recovered, and the fee."""
    amount = rows.role(roles.VALUE).to_numpy(dtype=np.float64)
    return np.asarray(amount * (1.0 - costs["recovery_share"]) + costs["fraud_fee"])


def alert_cost(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """Money spent where a row is alerted: one review, whatever the amount."""
    return np.full(len(rows), float(costs["review_cost"]))


DECISION: Final = DecisionSpec(
    costs=COSTS, miss_cost=miss_cost, alert_cost=alert_cost, capacity="alerts_per_day"
)

__all__ = ["COSTS", "DECISION", "alert_cost", "miss_cost"]
