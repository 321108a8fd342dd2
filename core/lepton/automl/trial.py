"""Configurations that wait for their trial, and what came of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from lepton.automl.families import family
from lepton.automl.families.base import Params


@dataclass(frozen=True)
class Plan:
    """A configuration that waits for its trial. origin: portfolio, neighbour, sampled or bag."""

    family: str
    params: Params
    origin: str = "portfolio"

    @property
    def trial_id(self) -> str:
        """Name of the trial of this configuration, the same in every run."""
        text = json.dumps([self.family, dict(self.params)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.family}-{self.trial_id[:6]}"


@dataclass(frozen=True)
class Trial:
    """How a configuration fared.

    params: with what the fit of the newest fold has settled; score: the task's metric on the
    valid rows of all folds together, None where it failed or was raced out; seconds: of all its
    fits; reason: why it has no score or was cut short, empty otherwise; folds: on how many it
    was fitted.
    """

    trial_id: str
    family: str
    params: Params
    origin: str
    score: float | None
    seconds: float
    reason: str = ""
    folds: int = 0
    raced_out: bool = False

    @property
    def failed(self) -> bool:
        """Whether it broke; what was raced out did not."""
        return self.score is None and not self.raced_out


def paces(trials: Sequence[Trial], name: str) -> list[float]:
    """Seconds a fit and unit of cost, of each trial of the family `name`."""
    cost = family(name).cost
    return [
        trial.seconds / trial.folds / cost(trial.params)
        for trial in trials
        if trial.family == name and trial.folds
    ]


def portfolio_of(families: Sequence[str], *, of_shares: bool = False) -> list[Plan]:
    """Configurations of all families, interleaved evenly, each family's surest first."""
    placed = []
    for order, name in enumerate(families):
        kind = family(name)
        portfolio = (kind.of_shares if of_shares else ()) or kind.portfolio
        placed += [
            (index / len(portfolio), order, Plan(name, params))
            for index, params in enumerate(portfolio)
        ]
    return [plan for *_, plan in sorted(placed, key=lambda item: item[:2])]


__all__ = ["Plan", "Trial", "paces", "portfolio_of"]
