"""Blends by greedy selection over out-of-fold log-odds (Caruana et al. 2004), with a price.

Each step adds the entrant, with replacement, that raises the value most: the metric, and the order
of all rows. What it adds in bytes and in graphs to compute is paid for. A blend stands only where
those that are chosen without a fold beat the single that is best without it, on that fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lepton.automl.entrant import Entrant
from lepton.automl.families import family
from lepton.automl.fits import pooled
from lepton.automl.model import blend, blended
from lepton.automl.race import entrant
from lepton.dataset import TimeFold
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Metric

ROUNDS = 25
LEVEL_ROUNDS = 4
"""Rounds in a row that raise nothing, after which a blend is as good as it gets."""
MOST_CANDIDATES = 12
"""The best so many are candidates; worse ones cost time and are hardly ever taken."""
ORDER_WEIGHT = 0.5
"""What the order of all rows (AUC) counts beside the metric: most metrics of rare events look at
the top alone, where a few rows decide, and say nothing of the rows below it."""
PER_MEMBER = 0.0005
"""Score that a further member must bring: each is another graph to compute for every row."""
PER_MEGABYTE = 0.001
"""Score that a megabyte of estimator must bring."""


def best_blend(
    entrants: Sequence[Entrant], folds: Sequence[TimeFold], metric: Metric
) -> Entrant | None:
    """The blend that beats the best of `entrants`; None where none does beyond its price.

    folds: those the entrants were fitted on. All that it does is decided by its arguments.
    """
    ranked = sorted(entrants, key=lambda one: -one.score)[:MOST_CANDIDATES]
    if len(ranked) < 2 or not _holds_elsewhere(ranked, folds, metric):
        return None
    chosen = _greedy(ranked, folds, metric, range(len(folds)))
    if len(chosen) < 2:
        return None
    members, weights = _weighted(ranked, chosen)
    models = [
        blend([member.models[place] for member in members], weights) for place in range(len(folds))
    ]
    margins = [
        blended([member.margins[place] for member in members], weights)
        for place in range(len(folds))
    ]
    return entrant(f"blend-{len(members)}", models, margins, folds, metric)


def _holds_elsewhere(ranked: Sequence[Entrant], folds: Sequence[TimeFold], metric: Metric) -> bool:
    """Whether blends that are chosen without a fold beat on it, in the mean over all folds, the
    single that is best without it."""
    if len(folds) < 2:
        return False
    gains = []
    for left_out in range(len(folds)):
        inside = [place for place in range(len(folds)) if place != left_out]
        outside = [left_out]
        chosen = _greedy(ranked, folds, metric, inside)
        alone = [Counter([number]) for number in range(len(ranked))]
        single = max(alone, key=lambda one: _score(ranked, one, folds, metric, inside))
        gains.append(
            _score(ranked, chosen, folds, metric, outside)
            - _score(ranked, single, folds, metric, outside)
        )
    return float(np.mean(gains)) > 0


def _greedy(
    ranked: Sequence[Entrant], folds: Sequence[TimeFold], metric: Metric, places: Sequence[int]
) -> Counter[int]:
    """How often each of `ranked` is taken, cut at the first best round."""
    prices = [_price(one) for one in ranked]
    taken: Counter[int] = Counter()
    best, best_value = taken, -np.inf
    while taken.total() < min(ROUNDS, best.total() + LEVEL_ROUNDS):
        values = []
        for number in range(len(ranked)):
            trial = taken + Counter([number])
            price = sum(prices[member] for member in trial)
            values.append(_score(ranked, trial, folds, metric, places) - price)
        number = int(np.argmax(values))
        taken = taken + Counter([number])
        if values[number] > best_value:
            best, best_value = taken, values[number]
    return best


def _score(
    ranked: Sequence[Entrant],
    taken: Counter[int],
    folds: Sequence[TimeFold],
    metric: Metric,
    places: Sequence[int],
) -> float:
    members, weights = _weighted(ranked, taken)
    margins = [blended([one.margins[place] for one in members], weights) for place in places]
    rows = pooled([folds[place] for place in places], margins)
    value = metric.of(rows)
    return (value if metric.greater_is_better else -value) + ORDER_WEIGHT * METRICS["auc"].of(rows)


def _weighted(ranked: Sequence[Entrant], taken: Counter[int]) -> tuple[list[Entrant], list[float]]:
    total = sum(taken.values())
    numbers = sorted(taken)
    return [ranked[n] for n in numbers], [taken[n] / total for n in numbers]


def _price(one: Entrant) -> float:
    n_bytes = sum(len(family(m.family).dump(m.estimator)) for m in one.newest.singles)
    return PER_MEMBER + PER_MEGABYTE * n_bytes / 1e6


__all__ = ["best_blend"]
