"""What can be done with a payment, and what that costs where it is fraud and where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.solution import Action, DecisionSpec
from solutions.fraud_detection.metrics import ALERTS_PER_DAY

COSTS: Final[Mapping[str, float]] = {
    "fraud_fee": 15.0,
    "recovery_share": 0.10,
    "review_cost": 4.0,
    "step_up_cost": 1.0,
    "step_up_pass_share": 0.40,
    "margin_share": 0.02,
    "churn_cost": 20.0,
    "alerts_per_day": float(ALERTS_PER_DAY),
}
"""fraud_fee: scheme fee and handling of one fraud; recovery_share: part of the amount that comes
back; review_cost: an analyst's minutes for one review; step_up_cost: one challenge (a code, a
call), its message and the payments it scares off; step_up_pass_share: part of the frauds that pass
the challenge all the same; margin_share: earned on an honest payment, per amount; churn_cost: what
a blocked honest payment loses in customers on average; alerts_per_day: reviews that the team
clears. Money is in the currency of `amount`. Starting values to replace with the customer's own."""

BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    **dict.fromkeys(("recovery_share", "step_up_pass_share", "margin_share"), (0.0, 1.0)),
    **dict.fromkeys(
        ("fraud_fee", "review_cost", "step_up_cost", "churn_cost", "alerts_per_day"),
        (0.0, float("inf")),
    ),
}
"""Shares are parts of 1, money and numbers of reviews not below 0."""


def miss_cost(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """Money lost where a row is a fraud and is let pass: amount not recovered, and the fee."""
    amount = rows.role(roles.VALUE).to_numpy(dtype=np.float64)
    return np.asarray(amount * (1.0 - costs["recovery_share"]) + costs["fraud_fee"])


def alert_cost(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """Money spent where a row is alerted: one review, whatever the amount."""
    return np.full(len(rows), float(costs["review_cost"]))


def actions(costs: Mapping[str, float]) -> tuple[Action, ...]:
    """What can be done with a payment, from the mildest to the strictest.

    Each costs fixed + per_amount * amount, where it is fraud and where it is not: a fraud that
    passes costs its amount less what comes back, and the fee; a challenge lets a part of that
    pass; a review finds it; a block stops it, but an honest customer is angry.
    """
    fee, lost = costs["fraud_fee"], 1.0 - costs["recovery_share"]
    step_up, passing = costs["step_up_cost"], costs["step_up_pass_share"]
    review = (costs["review_cost"], 0.0)
    return (
        Action("approve", positive=(fee, lost), negative=(0.0, 0.0)),
        Action(
            "step_up",
            positive=(step_up + passing * fee, passing * lost),
            negative=(step_up, 0.0),
        ),
        Action("review", positive=review, negative=review, limited=True),
        Action("block", positive=(0.0, 0.0), negative=(costs["churn_cost"], costs["margin_share"])),
    )


DECISION: Final = DecisionSpec(
    costs=COSTS,
    miss_cost=miss_cost,
    alert_cost=alert_cost,
    capacity="alerts_per_day",
    actions=actions,
    bounds=BOUNDS,
)

__all__ = ["BOUNDS", "COSTS", "DECISION", "actions", "alert_cost", "miss_cost"]
