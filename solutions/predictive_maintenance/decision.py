"""What it costs to replace an asset in time, and what not to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.solution import DecisionSpec

COSTS: Final[Mapping[str, float]] = {
    "c_failure": 20_000.0,
    "c_planned": 4_000.0,
    "c_inspection": 300.0,
    "lead_time_h": 24.0,
    "downtime_per_h": 100.0,
}
"""c_failure: an asset that fails in service, its standstill apart; c_planned: a planned
replacement; c_inspection: sending somebody to look; lead_time_h: from the decision to the work;
downtime_per_h: each hour of standstill. Starting values to replace with the customer's own."""
BOUNDS: Final[Mapping[str, tuple[float, float]]] = {name: (0.0, float("inf")) for name in COSTS}


def miss_cost(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """Money lost where an asset fails within the horizon and nothing was planned: the failure and
    the standstill until the part is there, shared among the readings that could have warned."""
    lost = costs["c_failure"] + costs["lead_time_h"] * costs["downtime_per_h"]
    return np.full(len(rows), lost / _readings_a_failure(rows))


def alert_cost(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """Money spent where a reading is alerted: a look and a planned replacement, of which many
    readings ask for one."""
    spent = costs["c_inspection"] + costs["c_planned"]
    return np.full(len(rows), spent / _readings_a_failure(rows))


def _readings_a_failure(rows: TabularDataset) -> float:
    """Readings that warn of one failure, in the mean; 1 where none is known."""
    if not rows.has(roles.TARGET) or "life_id" not in rows.rows:
        return 1.0
    warning = rows.rows["life_id"][rows.y == 1]
    return max(float(len(warning)) / max(int(warning.nunique()), 1), 1.0)


DECISION: Final = DecisionSpec(
    costs=COSTS, miss_cost=miss_cost, alert_cost=alert_cost, bounds=BOUNDS
)

__all__ = ["BOUNDS", "COSTS", "DECISION", "alert_cost", "miss_cost"]
