"""Whether anything that comes after a cutoff changes what is listed before it: it must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lepton.recommend.families.base import Family
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.judged import lists_of
from lepton.recommend.windows import Window


def shuffled_after(
    data: InteractionDataset, cutoff_s: int, rng: np.random.Generator
) -> InteractionDataset:
    """The same, with customers and items of all rows from the cutoff on shuffled."""
    later = np.flatnonzero(data.at_s >= cutoff_s)
    customer, item = data.customer.copy(), data.item.copy()
    customer[later] = rng.permutation(customer[later])
    item[later] = rng.permutation(item[later])
    return replace(data, customer=customer, item=item)


def leak_of(
    data: InteractionDataset, family: Family, cutoff_s: int, days: float, seed: int
) -> float:
    """Largest change of a score, or of a place in a list, when rows at or after the cutoff are
    shuffled, or dropped; 0 is none."""
    window = Window.at(data, cutoff_s, days)
    model = family.fit(window.known, np.random.default_rng(seed))
    asked = window.customers
    names = window.known.customers[asked]
    scores, lists = model.scores(window.known, asked), lists_of(model, window).of["all"]
    worst = 0.0
    noisy = shuffled_after(data, cutoff_s, np.random.default_rng(seed + 1))
    for other in (noisy, data.before(cutoff_s)):
        known = other.before(cutoff_s)
        again = family.fit(known, np.random.default_rng(seed))
        at = known.positions(names)
        told = again.scores(known, at)
        gap = np.abs(_finite(told) - _finite(scores))
        worst = max(worst, float(gap.max(initial=0.0)))
        same = Window(known, at, window.taken, window.spent, window.unknown)
        moved = lists_of(again, same).of["all"] != lists
        worst = max(worst, float(moved.mean()))
    return worst


def _finite(scores: np.ndarray) -> np.ndarray:
    """Scores in double, what is never listed as a number below all."""
    return np.where(np.isneginf(scores), -1e9, scores.astype(np.float64))


__all__ = ["leak_of", "shuffled_after"]
