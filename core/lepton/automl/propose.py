"""Which configuration is tried next: the portfolio, then what the trials so far suggest.

Once the surest of the portfolio are rated, every third configuration is the best again with another
draw of rows and columns, which an ensemble averages: no other gain is as sure.
The other late ones take turns: two drawn by Optuna's TPE (Bergstra et al. 2011) from all trials of
the best family, and one step from the best.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lepton.automl.families import family
from lepton.automl.families.base import Params, Range
from lepton.automl.trial import Plan, portfolio_of

TURNS = ("sampled", "neighbour", "sampled")
MOST_BAGS = 6
SUREST = 6
"""Configurations of the portfolio, where it has so many, before the first draw."""
BAG_EVERY = 3
TRIES = 24
"""Late proposals in a row that were seen before, after which there is nothing new."""


class Source:
    """Proposes configurations that were not proposed before, in an order that the seed fixes.

    It is told of trials in the order in which they end, which is the same in every run.
    """

    def __init__(self, families: Sequence[str], seed: int, *, of_shares: bool = False) -> None:
        self._waiting = deque(portfolio_of(families, of_shares=of_shares))
        self._seed = seed
        self._seen: set[str] = set()
        self._samplers: dict[str, _Sampler] = {}
        self._told: list[tuple[Plan, float | None]] = []
        self._n_late = self._n_bags = self._n_given = 0

    def next(self, best: Plan | None) -> Plan | None:
        """The next configuration; None where there is none, or none before a best is known."""
        plan = self._next(best)
        self._n_given += plan is not None
        return plan

    def _next(self, best: Plan | None) -> Plan | None:
        are_rated = self._n_given >= SUREST or not self._waiting
        if best is not None and are_rated and self._n_given % BAG_EVERY == 0:
            bag = self._bag(best)
            if bag is not None and self._is_new(bag):
                return bag
        while self._waiting:
            plan = self._waiting.popleft()
            if self._is_new(plan):
                return plan
        return self._late(best) if best is not None else None

    def tell(self, plan: Plan, score: float | None) -> None:
        """What came of a configuration: None where it was raced out."""
        self._told.append((plan, score))
        if plan.family in self._samplers:
            self._samplers[plan.family].tell(plan.params, score)

    def _late(self, best: Plan) -> Plan | None:
        for _ in range(TRIES):
            turn = TURNS[self._n_late % len(TURNS)]
            self._n_late += 1
            plan = self._proposed(turn, best)
            if plan is not None and self._is_new(plan):
                return plan
        return None

    def _proposed(self, turn: str, best: Plan) -> Plan | None:
        kind = family(best.family)
        params = {name: value for name, value in best.params.items() if name != "bag"}
        if turn == "sampled" and kind.space:
            return Plan(best.family, {**params, **self._sampler(best.family).ask()}, "sampled")
        rng = np.random.default_rng([self._seed, self._n_late])
        return Plan(best.family, kind.neighbours(params, rng), "neighbour")

    def _bag(self, best: Plan) -> Plan | None:
        """The best with another draw; None where its family draws nothing, or it was enough."""
        if not family(best.family).has_bags or self._n_bags >= MOST_BAGS:
            return None
        self._n_bags += 1
        return Plan(best.family, {**best.params, "bag": self._n_bags}, "bag")

    def _sampler(self, name: str) -> _Sampler:
        if name not in self._samplers:
            self._samplers[name] = _Sampler(family(name).space, self._seed)
            for plan, score in self._told:
                if plan.family == name:
                    self._samplers[name].tell(plan.params, score)
        return self._samplers[name]

    def _is_new(self, plan: Plan) -> bool:
        is_new = plan.trial_id not in self._seen
        self._seen.add(plan.trial_id)
        return is_new


class _Sampler:
    """Optuna's TPE over a family's space; the journal keeps the trials, so its study does not."""

    def __init__(self, space: Mapping[str, Range], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna = optuna
        self._ranges = tuple(space.items())
        self._space = {name: _distribution(optuna, one) for name, one in space.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=4, multivariate=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)

    def ask(self) -> dict[str, Any]:
        """Values of the space's settings."""
        return dict(self._study.ask(self._space).params)

    def tell(self, params: Params, score: float | None) -> None:
        """Take a trial's score, None where it was pruned; what lies outside the space says nothing
        of it."""
        if not all(name in params and one.holds(params[name]) for name, one in self._ranges):
            return
        state = self._optuna.trial.TrialState
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=state.PRUNED if score is None else state.COMPLETE,
                params={name: params[name] for name in self._space},
                distributions=self._space,
                value=score,
            )
        )


def _distribution(optuna: Any, one: Range) -> Any:
    if one.choices:
        return optuna.distributions.CategoricalDistribution(one.choices)
    if one.whole:
        return optuna.distributions.IntDistribution(int(one.low), int(one.high), log=one.log)
    return optuna.distributions.FloatDistribution(one.low, one.high, log=one.log)


__all__ = ["Source"]
