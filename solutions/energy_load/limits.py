"""What a table of load must keep to: every limit in one place, to be edited for a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GIVING: Final = frozenset({"pv", "wind"})
"""Types that give back what they make, and stand still at times."""
TAKING: Final = frozenset({"household", "building", "industry", "ev", "heat_pump", "losses"})
"""Types that never give anything back, unless the register knows of a roof or a turbine there."""
NEVER_ZERO: Final = frozenset({"system", "feeder"})
"""Types at which nothing at all means that the meter failed, unless an outage is known."""
UNEVEN: Final = frozenset({"pv", "wind", "household", "ev", "heat_pump", "battery"})
"""Types that jump by nature, so that a spike must be further out."""


@dataclass(frozen=True)
class Limits:
    """Each first number warns, each second one makes a meter unfit.

    gap_share: missing intervals in any 30 days; gap_h: longest gap. stuck_h, stuck_least: equal
    values other than 0 for so long, and so many of them; a day of them makes unfit only where they
    are `stuck_share` of all. over_max: |power| by what the connection bears; own_need: share of
    that which a source takes for itself. step_share: change within one interval by the range of
    98 % of values, and share of steps put up with.
    spike, uneven_spike: robust deviations, and change, see `lepton.contracts.regular.spikes`;
    spike_memory_d: days over which deviations are measured.
    shift: ratio of levels.
    children: difference of a parent to the sum of its children. history_d: days that a fit needs,
    and days that yearly features need. weather_age_h: age of the newest forecast at the last load.
    unfit_share: share of unfit meters with which the whole table is refused.
    """

    gap_share: tuple[float, float] = (0.005, 0.05)
    gap_h: tuple[float, float] = (2.0, 48.0)
    stuck_h: tuple[float, float] = (4.0, 24.0)
    stuck_least: tuple[int, int] = (4, 8)
    stuck_share: float = 0.10
    over_max: float = 1.2
    own_need: float = 0.01
    step_share: tuple[float, float] = (0.5, 0.001)
    spike: tuple[float, float] = (6.0, 0.25)
    uneven_spike: tuple[float, float] = (15.0, 1.0)
    spike_memory_d: int = 28
    shift: tuple[float, float] = (0.7, 1.4)
    children: tuple[float, float] = (0.02, 0.05)
    history_d: tuple[float, float] = (400.0, 28.0)
    weather_age_h: tuple[float, float] = (12.0, 24.0)
    horizon_h: float = 24.0
    night_share: float = 0.01
    unfit_share: float = 0.2


LIMITS: Final = Limits()

__all__ = ["GIVING", "LIMITS", "NEVER_ZERO", "TAKING", "UNEVEN", "Limits"]
