"""What a family is: fitted on what is known, it scores every item for a customer."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lepton.recommend.interactions import InteractionDataset


class Ranker(Protocol):
    """A fitted model."""

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """(n, items) float32, higher is better: for `customers` with their histories in `known`,
        which has the items it was fitted on, in the same order. mode: of `windows.MODES`, what the
        list is for; most families rank alike for all. -inf is never listed."""
        ...


class Family(Protocol):
    """An unfitted recipe."""

    @property
    def name(self) -> str:
        """As solution.yaml and the leaderboard name it."""
        ...

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> Ranker:
        """The model of what is known before `known.as_of_s`."""
        ...


__all__ = ["Family", "Ranker"]
