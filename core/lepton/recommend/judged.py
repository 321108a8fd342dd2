"""A model on a window: lists of both modes, one number a customer, against a floor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.recommend.families.base import Ranker
from lepton.recommend.ranking import chunks, masked, rates, top
from lepton.recommend.windows import MODES, Window

LONGEST: Final = 20
RESAMPLES: Final = 1000
SEGMENTS: Final = {"1 order": (1, 1), "2-4 orders": (2, 4), "5+ orders": (5, 1 << 40)}
"""Name -> least and most orders that a customer had before the cutoff."""


@dataclass(frozen=True, eq=False)
class Lists:
    """mode -> (n, LONGEST) positions of items, best first, -1 where there are no more."""

    of: Mapping[str, np.ndarray]


def lists_of(model: Ranker, window: Window, modes: tuple[str, ...] = MODES) -> Lists:
    """What the model would show each customer of the window."""
    owned = window.owned
    found: dict[str, list[np.ndarray]] = {mode: [] for mode in modes}
    for part in chunks(len(window)):
        for mode in modes:
            told = model.scores(window.known, window.customers[part], mode)
            told = masked(told, owned[part]) if mode == "new" else told
            found[mode].append(top(told, LONGEST))
    return Lists({mode: np.vstack(parts) for mode, parts in found.items()})


def rated(lists: Lists, window: Window) -> dict[str, np.ndarray]:
    """`ndcg10_all`, `recall20_new`, ... -> (n,), NaN for who took nothing that counts."""
    found = {}
    for mode, shown in lists.of.items():
        for name, values in rates(shown, window.targets(mode)).items():
            found[f"{name}_{mode}"] = values
    return found


@dataclass(frozen=True)
class Difference:
    """Mean of a customer's gain over another model, its 95 % interval, and the ratio of means."""

    value: float
    low: float
    high: float
    ratio: float


def mean_interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean and its 95 % interval, customers drawn with replacement (Efron & Tibshirani 1993)."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    drawn = [known[rng.integers(0, len(known), len(known))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(known.mean()), float(low), float(high)


def paired(own: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> Difference:
    """What each customer gains by `own` over `other`, both (n,)."""
    value, low, high = mean_interval(own - other, rng)
    return Difference(value, low, high, float(np.nanmean(own) / np.nanmean(other)))


def segments(window: Window) -> dict[str, np.ndarray]:
    """Name -> whether each customer is of it, by orders before the cutoff."""
    n = window.known.n_orders[window.customers]
    return {name: (n >= least) & (n <= most) for name, (least, most) in SEGMENTS.items()}


def beyond_accuracy(shown: np.ndarray, window: Window) -> dict[str, float]:
    """Of the first ten: share of items that are shown to anybody, Gini of how often, and how
    popular they are against what customers took before (1 is as they like it)."""
    n_items = len(window.known.items)
    first = shown[:, :10]
    n = np.sort(np.bincount(first[first >= 0], minlength=n_items)).astype(np.float64)
    ever = window.known.popularity(np.inf)
    own = window.owned
    liked = float((own @ ever).sum() / max(own.sum(), 1.0))
    place = np.arange(1, n_items + 1)
    return {
        "coverage10": float((n > 0).mean()),
        "gini10": float(((2 * place - n_items - 1) * n).sum() / max(n_items * n.sum(), 1.0)),
        "popularity_ratio": float(ever[first[first >= 0]].mean() / liked) if liked else 1.0,
    }


__all__ = [
    "LONGEST",
    "SEGMENTS",
    "Difference",
    "Lists",
    "beyond_accuracy",
    "lists_of",
    "mean_interval",
    "paired",
    "rated",
    "segments",
]
