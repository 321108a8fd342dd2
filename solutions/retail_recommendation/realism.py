"""Whether the simulated shop is like a real one: gates that are printed and tested.

What is wanted are the statistics of a wholesaler of gifts over a year (Online Retail, UCI: 391,150
cleaned rows, 4,334 customers, 3,659 items); the same functions were run on it. Then simple models
must stand in the same order as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.model import Contract
from lepton.recommend.families.base import Family
from lepton.recommend.families.ease import Ease
from lepton.recommend.families.item_knn import ItemKnn
from lepton.recommend.families.own_history import OwnHistory
from lepton.recommend.families.popularity import Popularity
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.ranking import chunks, masked, ndcg, top
from lepton.recommend.windows import MODES, Window
from lepton.solution import RealismGate
from solutions.retail_recommendation.cleaning import clean
from solutions.retail_recommendation.shape import statistics
from solutions.retail_recommendation.simulate import simulate

WANTED: Final[Mapping[str, tuple[str, float, float]]] = {
    "one_order": ("customers with one order, %", 27.0, 42.0),
    "orders_p50": ("orders of a customer, half have", 2.0, 3.0),
    "orders_p90": ("orders of a customer, one in ten has", 7.0, 11.0),
    "gap_p10": ("days between orders, one in ten", 3.0, 7.0),
    "gap_p50": ("days between orders, half", 22.0, 34.0),
    "gap_p90": ("days between orders, nine in ten", 88.0, 135.0),
    "lines_p10": ("lines of an order, one in ten", 1.0, 3.0),
    "lines_p50": ("lines of an order, half", 12.0, 18.0),
    "lines_p90": ("lines of an order, nine in ten", 37.0, 56.0),
    "value_p50": ("value of an order, half", 230.0, 370.0),
    "best_fifth_revenue": ("revenue of the best fifth of customers, %", 60.0, 85.0),
    "gini": ("Gini coefficient of items", 0.51, 0.67),
    "top_fifth_pairs": ("customers of the best fifth of items, %", 50.0, 70.0),
    "slope": ("slope of popularity over rank", -0.62, -0.40),
    "dead": ("items that nobody took in 28 days, %", 22.0, 34.0),
    "repeats": ("lines that repeat what was bought, %", 25.0, 37.0),
    "peak_month": ("best month / mean month", 1.6, 2.4),
    "closed_weekdays": ("weekdays on which the shop is closed", 1.0, 1.0),
}
"""Statistic -> how it is called, and what lies within about a fifth of the real one."""
PERCENT: Final = frozenset(
    {"one_order", "best_fifth_revenue", "top_fifth_pairs", "dead", "repeats"}
)
MODELS: Final[Mapping[str, Family]] = {
    "popularity": Popularity(days=10_000.0),
    "recent popularity": Popularity(days=28.0),
    "item-kNN": ItemKnn(),
    "EASE": Ease(half_life_days=np.inf, input_half_life_days=np.inf),
    "decayed EASE": Ease(half_life_days=90.0, input_half_life_days=90.0),
    "own history": OwnHistory(),
}
ORDER: Final = (
    ("all", ("popularity", "recent popularity", "decayed EASE", "own history")),
    ("all", ("popularity", "item-kNN", "EASE", "decayed EASE")),
    ("new", ("popularity", "recent popularity", "decayed EASE")),
    ("new", ("popularity", "item-kNN", "EASE")),
)
"""Models by rising NDCG@10 in a mode, as on the real rows."""
TEST_D: Final = 28.0


def realism(contract: Contract, rng: np.random.Generator, size: int) -> tuple[RealismGate, ...]:
    """The simulator's gates on about `size` rows; contract: that of the table `interactions`."""
    tables = simulate(rng, size)
    rows = clean(tables["interactions"], tables["items"]).rows
    found = statistics(rows)
    shapes = tuple(
        RealismGate(name, found[key] * (100 if key in PERCENT else 1), low, high)
        for key, (name, low, high) in WANTED.items()
    )
    return (*shapes, *order_gates(model_scores(rows)))


def model_scores(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Mode -> model -> mean NDCG@10 over the last 28 days, ranked from what was before them."""
    data = InteractionDataset.of(rows)
    window = Window.at(data, data.as_of_s - round(TEST_D * 86_400), TEST_D)
    found: dict[str, dict[str, float]] = {mode: {} for mode in MODES}
    for name, family in MODELS.items():
        model = family.fit(window.known, np.random.default_rng(0))
        told: dict[str, list[np.ndarray]] = {mode: [] for mode in MODES}
        for part in chunks(len(window)):
            scores = model.scores(window.known, window.customers[part])
            for mode in MODES:
                shown = masked(scores, window.owned[part]) if mode == "new" else scores
                told[mode].append(ndcg(top(shown, 10), window.targets(mode)[part]))
        for mode in MODES:
            found[mode][name] = float(np.nanmean(np.concatenate(told[mode])))
    return found


def order_gates(scores: Mapping[str, Mapping[str, float]]) -> Iterator[RealismGate]:
    """Each model of `ORDER` by the one before it: at least as good."""
    for mode, names in ORDER:
        for worse, better in pairwise(names):
            ratio = scores[mode][better] / max(scores[mode][worse], 1e-9)
            yield RealismGate(f"{mode}: {better} / {worse}", ratio, 1.0, 10.0)


__all__ = ["MODELS", "model_scores", "order_gates", "realism"]
