"""What a search may spend, and how much of it is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lepton.errors import SearchError
from lepton.run_clock import Clock

RESERVE_SHARE = 0.35
"""Share of a budget in seconds that search leaves for compression, refit, export and parity."""


FIT_SHARE = 0.4
"""Longest fit as a share of the reserve: a longer one could not be refitted inside it."""


@dataclass(frozen=True)
class Budget:
    """Seconds of wall time, kept as a promise, or work units, which are reproducible.

    One work unit is one configuration fitted on one fold. Raises SearchError LK410 unless
    exactly one of both is given and positive.
    """

    seconds: float | None = None
    work_units: int | None = None

    def __post_init__(self) -> None:
        given = [amount for amount in (self.seconds, self.work_units) if amount is not None]
        if len(given) != 1 or given[0] <= 0:
            raise SearchError(
                "LK410",
                where="budget",
                found=f"seconds={self.seconds}, work_units={self.work_units}",
                remedy="give either seconds or work_units, above zero",
            )


@dataclass(frozen=True)
class Spent:
    """What a search has used: wall seconds, and work units (resumed trials count as well)."""

    seconds: float = 0.0
    work_units: int = 0


@dataclass
class Meter:
    """Counts against a budget from the moment it is made, on the clock that it is given.

    spent_s: seconds of the budget that were used before; reserve_s: seconds that must remain
    after, None for the usual share of what is left.
    """

    budget: Budget
    clock: Clock = time.monotonic
    spent_s: float = 0.0
    reserve_s: float | None = None
    work_units: int = 0
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    @property
    def spent(self) -> Spent:
        """What has been used since this meter was made."""
        return Spent(self.clock() - self._started, self.work_units)

    @property
    def whole_s(self) -> float:
        """Seconds that this meter had at first; infinite where work units are counted."""
        if self.budget.seconds is None:
            return math.inf
        left = self.budget.seconds - self.spent_s
        reserve = RESERVE_SHARE * max(left, 0.0) if self.reserve_s is None else self.reserve_s
        return max(left - reserve, 0.0)

    @property
    def left_s(self) -> float:
        """Seconds until the reserve begins; infinite where work units are counted."""
        return self.whole_s - self.spent.seconds

    @property
    def left_units(self) -> float:
        """Work units left; infinite where seconds are counted."""
        limit = self.budget.work_units
        return math.inf if limit is None else limit - self.work_units

    @property
    def done(self) -> float:
        """Share of the search's part of the budget that is used, 0..1."""
        if self.budget.work_units is not None:
            return min(self.work_units / self.budget.work_units, 1.0)
        return min(self.spent.seconds / max(self.whole_s, 1e-9), 1.0)

    def is_over(self) -> bool:
        """Whether no further fit may begin."""
        return self.left_s <= 0 or self.left_units < 1

    def expired(self) -> bool:
        """Whether a running fit has to stop; never where work units are counted."""
        return self.left_s <= 0

    @property
    def fit_limit_s(self) -> float:
        """Seconds that a fit which begins now may take."""
        if self.budget.seconds is None:
            return math.inf
        reserve_s = max(self.budget.seconds - self.spent_s - self.whole_s, 0.0)
        return min(self.left_s, max(reserve_s * FIT_SHARE, 0.0))

    def fit_deadline(self) -> Callable[[], bool]:
        """Asked during a fit that begins now: whether it has to stop."""
        ends = self.spent.seconds + self.fit_limit_s
        return lambda: self.spent.seconds >= ends


__all__ = ["RESERVE_SHARE", "Budget", "Meter", "Spent"]
