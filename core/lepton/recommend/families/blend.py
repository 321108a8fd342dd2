"""Families added up: non-negative weights of their scores in units of each customer's spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lepton.recommend.families.base import Family, Ranker
from lepton.recommend.families.ease import Ease
from lepton.recommend.families.ials import Ials
from lepton.recommend.families.own_history import OwnHistory
from lepton.recommend.families.popularity import Popularity
from lepton.recommend.interactions import DAY_S, InteractionDataset
from lepton.recommend.ranking import chunks, masked, ndcg, top
from lepton.recommend.windows import MODES, Window

MEMBERS: Final[Mapping[str, Family]] = {
    "own": OwnHistory(120.0, 28.0, 0.1),
    "ease": Ease(100.0, 60.0, 60.0),
    "ials": Ials(64, 0.003, 0.3, 90.0),
    "popular": Popularity(28.0),
}
STEPS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
ROUNDS: Final = 2


@dataclass(frozen=True)
class Blend:
    """members: name -> family; days: of the last window, in which weights are found."""

    members: Mapping[str, Family] = field(default_factory=lambda: MEMBERS)
    days: float = 28.0
    name: str = "blend"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> BlendRanker:
        """Weights by coordinate ascent of NDCG@10 in the last window, members on all."""
        window = Window.at(known, known.as_of_s - round(self.days * DAY_S), self.days)
        past = {n: one.fit(window.known, rng) for n, one in self.members.items()}
        weights = {mode: _ascended(past, window, mode) for mode in MODES}
        return BlendRanker({n: one.fit(known, rng) for n, one in self.members.items()}, weights)


@dataclass(frozen=True, eq=False)
class BlendRanker:
    """members, and mode -> weight of each, in their order."""

    members: Mapping[str, Ranker]
    weights: Mapping[str, np.ndarray]

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Weighted sum of the members' scores, each in units of its spread."""
        found = np.zeros((len(customers), len(known.items)), dtype=np.float32)
        for weight, member in zip(self.weights[mode], self.members.values(), strict=True):
            if weight:
                told = member.scores(known, customers, mode)
                found += np.float32(weight) * standard(told)
        return found


def standard(scores: np.ndarray) -> np.ndarray:
    """Each row less its mean, over its spread."""
    spread = scores.std(axis=1, keepdims=True)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-9))


def _ascended(members: Mapping[str, Ranker], window: Window, mode: str) -> np.ndarray:
    told = [standard(one.scores(window.known, window.customers, mode)) for one in members.values()]
    targets, owned = window.targets(mode), window.owned

    def score(weights: np.ndarray) -> float:
        parts = []
        for part in chunks(len(window)):
            total = sum(w * one[part] for w, one in zip(weights, told, strict=True) if w)
            total = masked(total, owned[part]) if mode == "new" else total
            parts.append(ndcg(top(total, 10), targets[part]))
        return float(np.nanmean(np.concatenate(parts)))

    weights = np.ones(len(told))
    for _ in range(ROUNDS):
        for at in range(len(told)):
            tried = [np.where(np.arange(len(told)) == at, step, weights) for step in STEPS]
            scores = [score(one) if one.any() else 0.0 for one in tried]
            weights = tried[int(np.argmax(scores))]
    return weights


__all__ = ["MEMBERS", "Blend", "BlendRanker", "standard"]
