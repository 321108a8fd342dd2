"""What tables of traffic must keep to: every limit in one place, to be edited for a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limits:
    """Each first number warns; each second one sets a detector, or the table, aside.

    off_grid: share of readings between two intervals. network_gap: intervals in a row in which no
    detector reads anything. missing_day: share of 24 hours without a reading, beyond which a
    detector is dead until its last 24 hours are there again. alive: share of detectors that are.
    stuck_min, stuck_least: equal speeds for so long, and so many of them, while the speeds of the
    detectors within `around_km` move by over `stuck_sd_kmh` (standard deviation). flow_stuck:
    equal flows other than 0; zero_flow_min: no vehicle for so long between the hours of `day_h`.
    over_limit: speed by what is allowed there. lane_vph: what a lane carries. occupied,
    occupied_kmh: no detector is covered for such a share of time by vehicles that fast.
    identity, identity_share: relative difference of flow to density times speed, and the share of
    readings that may have it. vehicle_m: length of the usual vehicle and of the detector's field.
    jump_kmh, jump_steps: speed apart from the median of `near` detectors within `near_km`, for so
    many intervals.
    shift_sd: shift of a day's mean speed by robust deviations of the same weekdays before.
    night_h, night_share: hours at which hardly anything is congested, and how much may be.
    congested, free_quantile: speed by the free-flow speed, which is that quantile of a detector's.
    history_d: days without which profiles of weekdays cannot be learnt, and without which nothing
    can. stale_steps: intervals from the begin of a detector's newest reading above which its
    forecast is late, and above which stale: then what is usual stands in where no neighbour tells.
    observed_pct: share measured below which a reading is doubted. standing: occupancy from which,
    and flow (veh/h) up to which, a speed of 0 is believed.
    unfit_share: share of detectors out of action with which the table is refused.
    """

    off_grid: tuple[float, float] = (0.001, 0.01)
    network_gap: tuple[int, int] = (2, 6)
    missing_day: tuple[float, float] = (0.2, 0.5)
    alive: tuple[float, float] = (0.9, 0.7)
    stuck_min: float = 60.0
    stuck_least: int = 6
    stuck_sd_kmh: float = 3.0
    around_km: float = 5.0
    flow_stuck: int = 6
    zero_flow_min: float = 30.0
    day_h: tuple[int, int] = (6, 22)
    over_limit: float = 1.6
    lane_vph: float = 2_600.0
    occupied: float = 0.95
    occupied_kmh: float = 80.0
    identity: float = 0.5
    identity_share: float = 0.1
    vehicle_m: float = 6.5
    jump_kmh: float = 60.0
    jump_steps: int = 3
    near: int = 3
    near_km: float = 1.0
    shift_sd: float = 4.0
    night_h: tuple[int, int] = (0, 5)
    night_share: float = 0.05
    congested: float = 0.6
    free_quantile: float = 0.85
    history_d: tuple[float, float] = (21.0, 7.0)
    stale_steps: tuple[int, int] = (2, 6)
    observed_pct: float = 50.0
    standing: tuple[float, float] = (0.25, 600.0)
    unfit_share: float = 0.3


LIMITS: Final = Limits()

__all__ = ["LIMITS", "Limits"]
