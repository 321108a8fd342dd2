"""Which configuration is tried next: the portfolio, then steps around the best and bags of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from lepton.automl.families import family
from lepton.automl.trial import Plan, portfolio_of

BAG_EVERY = 4
"""Each so many-th late configuration is the best one again, drawn with another seed."""
MOST_BAGS = 6


class Source:
    """Proposes configurations that were not proposed before, in an order that the seed fixes."""

    def __init__(self, families: Sequence[str], seed: int) -> None:
        self._waiting = deque(portfolio_of(families))
        self._seed = seed
        self._seen: set[str] = set()
        self._n_late = 0

    def next(self, best: Plan | None) -> Plan | None:
        """The next configuration; None where there is none, or none before a best is known."""
        while self._waiting:
            plan = self._waiting.popleft()
            if self._is_new(plan):
                return plan
        return self._late(best) if best is not None else None

    def _late(self, best: Plan) -> Plan | None:
        for _ in range(20):
            self._n_late += 1
            turn = self._n_late % BAG_EVERY
            plan = _bag(best, self._n_late // BAG_EVERY) if not turn else self._step(best)
            if plan is not None and self._is_new(plan):
                return plan
        return None

    def _step(self, best: Plan) -> Plan:
        rng = np.random.default_rng([self._seed, self._n_late])
        params = {name: value for name, value in best.params.items() if name != "bag"}
        return Plan(best.family, family(best.family).neighbours(params, rng), "neighbour")

    def _is_new(self, plan: Plan) -> bool:
        is_new = plan.trial_id not in self._seen
        self._seen.add(plan.trial_id)
        return is_new


def _bag(best: Plan, number: int) -> Plan | None:
    """The best configuration with another draw of rows and columns, where it draws any."""
    if number > MOST_BAGS or not family(best.family).has_bags:
        return None
    return Plan(best.family, {**best.params, "bag": number}, "bag")


__all__ = ["Source"]
