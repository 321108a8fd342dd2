"""Retrieved items: what the first stage puts before the re-ranker, and how much of it is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lepton.recommend.families.base import Family, Ranker
from lepton.recommend.families.ease import Ease
from lepton.recommend.families.ease_own import EaseOwn
from lepton.recommend.families.ials import Ials
from lepton.recommend.families.item_knn import ItemKnn
from lepton.recommend.families.own_history import OwnHistory
from lepton.recommend.families.popularity import Popularity
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.ranking import masked, top
from lepton.recommend.windows import Window

RETRIEVERS: Final[Mapping[str, Family]] = {
    "popular_28": Popularity(28.0),
    "own": OwnHistory(120.0, 28.0, 0.1),
    "knn": ItemKnn(200, 50.0, np.inf, 90.0),
    "ease_60": Ease(100.0, 60.0, 60.0),
    "ease_own": EaseOwn(),
    "ease_ever": Ease(300.0, np.inf, 90.0),
    "ials": Ials(64, 0.003, 0.3, 90.0),
}
"""Name of a score -> the family that gives it."""


@dataclass(frozen=True)
class Depth:
    """How many items each retriever may put forward, those that were owned aside; all that were
    owned are."""

    each: Mapping[str, int] = field(
        default_factory=lambda: {
            "popular_28": 40,
            "knn": 60,
            "ease_60": 120,
            "ease_ever": 60,
            "ials": 60,
        }
    )


@dataclass(frozen=True, eq=False)
class Retrieved:
    """Candidates of some customers.

    row, item: (n,) which customer (position among those asked) and which item, by row, then item;
    scores: name -> (customers, items) of each retriever.
    """

    row: np.ndarray
    item: np.ndarray
    scores: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Retrievers:
    """The fitted first stage."""

    models: Mapping[str, Ranker]
    depth: Depth = field(default_factory=Depth)

    def retrieve(
        self, known: InteractionDataset, customers: np.ndarray, *, owned: bool = True
    ) -> Retrieved:
        """What is put forward for `customers`; owned: whether what they had may come again."""
        pairs = known.pairs
        had = pairs.matrix(np.ones(len(pairs.item)))[customers]
        scores = {name: model.scores(known, customers) for name, model in self.models.items()}
        n_items = len(known.items)
        found = [np.repeat(np.arange(len(customers)), np.diff(had.indptr)) * n_items + had.indices]
        if not owned:
            found = []
        for name, n in self.depth.each.items():
            if name in scores:
                near = top(masked(scores[name], had), n)
                key = np.arange(len(customers))[:, None] * n_items + near
                found.append(key[near >= 0])
        keys = np.unique(np.concatenate(found))
        return Retrieved(keys // n_items, keys % n_items, scores)


def fit_retrievers(
    known: InteractionDataset,
    rng: np.random.Generator,
    families: Mapping[str, Family] = RETRIEVERS,
    depth: Depth | None = None,
) -> Retrievers:
    """Every retriever on what is known."""
    models = {name: family.fit(known, rng) for name, family in families.items()}
    return Retrievers(models, depth or Depth())


def candidate_recall(window: Window, retrieved: Retrieved, mode: str) -> float:
    """Share of what customers took that was put forward: no re-ranker can find more."""
    targets = window.targets(mode)
    n_items = targets.shape[1]
    rows = np.repeat(np.arange(targets.shape[0]), np.diff(targets.indptr))
    wanted = rows * n_items + targets.indices
    given = retrieved.row * n_items + retrieved.item
    return float(np.isin(wanted, given).mean()) if len(wanted) else float("nan")


__all__ = ["RETRIEVERS", "Depth", "Retrieved", "Retrievers", "candidate_recall", "fit_retrievers"]
