"""When queues and incidents are told, and what a wrong alarm costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lepton.forecast.panel import PanelDataset
from lepton_edge.incidents import IncidentSpec
from lepton_edge.queues import QueueSpec
from lepton_edge.watch import WatchSpec
from solutions.traffic_forecasting.limits import LIMITS
from solutions.traffic_forecasting.looks import LASTS_S, late_steps

COSTS: Final = {"missed_queue": 5.0, "false_alarm": 1.0}
"""What a queue without an alarm, and an alarm without a queue, cost by default."""
LEAVE: Final = 0.7
"""Share of free flow from which a detector is out of a queue."""
LEAST_KMH: Final = 16.0
"""Deviation from what is usual that is taken at least: what queues of every day differ by."""
AROUND_S: Final = 7_200.0
"""By how much queues of every day may come earlier or later."""
INCIDENTS: Final = IncidentSpec(drift=1.5, threshold=8.0)


def watch(
    panel: PanelDataset, settings: Mapping[str, float], costs: Mapping[str, float]
) -> WatchSpec:
    """The policy that costs the least, by what `COSTS` names: alarms of speeds that are, or are to
    be, below the share of free flow that counts as congested for as long as that takes.

    Incidents are told by speeds alone, which is what a device is sent; with occupancy a few more of
    those of simulated roads were found, and two to four times as many that were none.
    """
    low_s = max(0, LASTS_S - panel.step_s)
    queue = QueueSpec(
        c_miss=costs["missed_queue"],
        c_false=costs["false_alarm"],
        enter=LIMITS.congested,
        leave=LEAVE,
        low_s=float(low_s),
    )
    return WatchSpec(queue, INCIDENTS, LEAST_KMH, AROUND_S, late_steps(panel))


__all__ = ["COSTS", "watch"]
