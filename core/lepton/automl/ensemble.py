"""Blends by greedy selection over out-of-fold log-odds (Caruana et al. 2004), with a price.

Each step adds the entrant, with replacement, that raises the value most: the metric, and the order
of all rows. What it adds in bytes and in graphs to compute is paid for. A blend stands only where
those that are chosen without a fold beat the single that is best without it, on that fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lepton.automl.entrant import Entrant
from lepton.automl.families import family
from lepton.automl.fits import pooled
from lepton.automl.model import blend, blended
from lepton.automl.race import entrant
from lepton.dataset import TimeFold
from lepton.evaluation.calibration import sigmoid
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
    chosen = _Judge(ranked, folds, metric, range(len(folds))).greedy()
    if len(chosen) < 2:
        return None
    numbers, weights = _weighted(chosen)
    members = [ranked[number] for number in numbers]
    models = [
        blend([member.models[place] for member in members], weights) for place in range(len(folds))
    ]
    margins = [
        blended([member.margins[place] for member in members], weights)
        for place in range(len(folds))
    ]
    return entrant(f"blend-{len(members)}", models, margins, folds, metric)


@dataclass(frozen=True, eq=False)
class _Judge:
    """What blends of `ranked` are worth on the valid rows of the folds at `places`."""

    ranked: Sequence[Entrant]
    folds: Sequence[TimeFold]
    metric: Metric
    places: Sequence[int]

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """The rows, whose scores every blend replaces."""
        margins = [self.ranked[0].margins[place] for place in self.places]
        return pooled([self.folds[place] for place in self.places], margins)

    @cached_property
    def _is_binary(self) -> bool:
        return bool(self._rows["target"].isin((0.0, 1.0)).all())

    @cached_property
    def _margins(self) -> list[np.ndarray]:
        """Log-odds of each entrant, one a row."""
        return [np.concatenate([one.margins[at] for at in self.places]) for one in self.ranked]

    @cached_property
    def _prices(self) -> list[float]:
        return [_price(one) for one in self.ranked]

    def value(self, taken: Counter[int]) -> float:
        """The metric and the order of all rows, by a blend that takes each entrant so often."""
        numbers, weights = _weighted(taken)
        margin = blended([self._margins[number] for number in numbers], weights)
        rows = self._rows.assign(score=sigmoid(margin))
        value = self.metric.of(rows)
        signed = value if self.metric.greater_is_better else -value
        return signed + ORDER_WEIGHT * METRICS["auc"].of(rows) if self._is_binary else signed

    def greedy(self) -> Counter[int]:
        """How often each entrant is taken, cut at the first best round."""
        taken: Counter[int] = Counter()
        best, best_value = taken, -np.inf
        while taken.total() < min(ROUNDS, best.total() + LEVEL_ROUNDS):
            trials = [taken + Counter([number]) for number in range(len(self.ranked))]
            values = [self.value(one) - sum(self._prices[n] for n in one) for one in trials]
            number = int(np.argmax(values))
            taken = trials[number]
            if values[number] > best_value:
                best, best_value = taken, values[number]
        return best

    def single(self) -> Counter[int]:
        """The entrant that is worth most alone."""
        alone = [Counter([number]) for number in range(len(self.ranked))]
        return max(alone, key=self.value)


def _holds_elsewhere(ranked: Sequence[Entrant], folds: Sequence[TimeFold], metric: Metric) -> bool:
    """Whether blends that are chosen without a fold beat on it, in the mean over all folds, the
    single that is best without it."""
    if len(folds) < 2:
        return False
    gains = []
    for left_out in range(len(folds)):
        places = [place for place in range(len(folds)) if place != left_out]
        inside = _Judge(ranked, folds, metric, places)
        outside = _Judge(ranked, folds, metric, [left_out])
        gains.append(outside.value(inside.greedy()) - outside.value(inside.single()))
    return float(np.mean(gains)) > 0


def _weighted(taken: Counter[int]) -> tuple[list[int], list[float]]:
    """Numbers of the entrants that are taken, and the weight of each."""
    numbers = sorted(taken)
    return numbers, [taken[number] / taken.total() for number in numbers]


def _price(one: Entrant) -> float:
    n_bytes = sum(len(family(m.family).dump(m.estimator)) for m in one.newest.singles)
    return PER_MEMBER + PER_MEGABYTE * n_bytes / 1e6


__all__ = ["best_blend"]
