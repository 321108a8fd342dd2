"""A run's own clock: what has passed of its budget, and what the stages to come will need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

Clock = Callable[[], float]

COSTS: Final[Mapping[str, tuple[float, float]]] = {
    "start": (3.7, 0.0),
    "read": (0.5, 0.3),
    "validate": (4.6, 1.0),
    "featurize": (1.3, 1.9),
    "export": (1.2, 0.2),
    "evaluate": (1.2, 3.2),
    "report": (6.5, 0.5),
    "publish": (0.3, 0.0),
}
"""Stage -> CPU seconds, and CPU seconds more for each 100,000 rows: only their proportions count.
Measured with `lepton run` on one idle core: the first on the fraud sample, the second on its
tenfold, before a run kept its values in memory."""

AFTER: Final = ("export", "evaluate", "report", "publish")
"""Stages that have to end inside the budget after the last choice was made."""

MARGIN: Final = 1.25
"""The machine may be busier later than it was before."""

UNKNOWN_PACE: Final = 2.0
"""Wall seconds a CPU second of `COSTS`, where no stage was measured yet in this run."""


@dataclass
class RunClock:
    """Counts a run's seconds from `began_s` on `clock`, and when each of its stages began."""

    began_s: float = field(default_factory=time.monotonic)
    clock: Clock = time.monotonic
    entered: dict[str, float] = field(default_factory=dict)

    @property
    def spent_s(self) -> float:
        """Wall seconds since the run began."""
        return self.clock() - self.began_s

    def enter(self, stage: str) -> None:
        """A stage begins."""
        self.entered.setdefault(stage, self.spent_s)

    def reserve_s(self, n_rows: int) -> float:
        """Wall seconds that the stages `AFTER` will need on a table of `n_rows` rows.

        Their cost in proportion to that of the stages before the search, at the pace of those.
        """
        return MARGIN * self._pace(n_rows) * _cost(AFTER, n_rows)

    def _pace(self, n_rows: int) -> float:
        """Wall seconds that a CPU second of `COSTS` took before the search began."""
        if "search" not in self.entered:
            return UNKNOWN_PACE
        ended_s = self.entered["search"]
        done = [name for name, at_s in self.entered.items() if at_s < ended_s]
        if "featurize" not in done:
            return UNKNOWN_PACE
        return ended_s / _cost(("start", *done), n_rows)


def _cost(stages: Iterable[str], n_rows: int) -> float:
    known = (COSTS[stage] for stage in stages if stage in COSTS)
    return sum(fixed + slope * n_rows / 100_000 for fixed, slope in known)


__all__ = ["AFTER", "COSTS", "Clock", "RunClock"]
