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
    """A configuration that waits for its trial. origin: portfolio or neighbour."""

    family: str
    params: Params
    origin: str = "portfolio"

    @property
    def trial_id(self) -> str:
        """Name of the trial of this configuration, the same in every run."""
        text = json.dumps([self.family, dict(self.params)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Trial:
    """How a configuration fared on the selection part.

    params: with what the fit has settled; score: the task's metric, None where it failed;
    seconds: of its fit; reason: why it failed or was cut short, empty otherwise.
    """

    trial_id: str
    family: str
    params: Params
    origin: str
    score: float | None
    seconds: float
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is no model of it."""
        return self.score is None


def portfolio_of(families: Sequence[str]) -> list[Plan]:
    """Configurations of all families, interleaved evenly, each family's surest first."""
    placed = []
    for order, name in enumerate(families):
        portfolio = family(name).portfolio
        placed += [
            (index / len(portfolio), order, Plan(name, params))
            for index, params in enumerate(portfolio)
        ]
    return [plan for *_, plan in sorted(placed, key=lambda item: item[:2])]


__all__ = ["Plan", "Trial", "portfolio_of"]
