"""A hazard in steps, learnt from lives of which some were cut off, and how well it foretells.

Each row (landmark) gives one period for each step that it was seen to reach: 1 where it failed in
the step, 0 where it outlived it. A life that was cut off gives the periods up to there, and nothing
beyond (Singer & Willett 1993).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.evaluation.intervals import resamples
from lepton.evaluation.results import MetricResult
from lepton_edge.hazard import HazardPlan, terms

FEWEST_FAILURES: Final = 20
"""Periods that end in a failure, with which a hazard of this few coefficients is learnt."""
PRIOR: Final = 1.0
"""Inverse of the ridge's weight on the coefficients that are no levels."""
POINTS: Final = 20
"""Landmarks drawn from each asset to judge by: as a fleet in service is seen."""
MOST_JUDGED: Final = 1_500
"""Every landmark is compared with every other."""
MOST_LEARNT: Final = 30_000
_RESAMPLES: Final = 200
_LEVEL: Final = 10.0
_LEAST_SEEN: Final = 0.05
"""Chance of being seen so long that is counted at least: no row stands for more than twenty."""


Weighted = Callable[[np.ndarray], float]
"""Weights of rows -> a number."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Rows from which it is asked how long an asset lasts; one entry a row.

    left_h: hours to the failure, or that it lasted at least; failed: which of them it is; age_h:
    of the life by then, NaN where not known; group: code of the asset.
    """

    left_h: np.ndarray
    failed: np.ndarray
    age_h: np.ndarray
    group: np.ndarray

    def __len__(self) -> int:
        return len(self.left_h)

    def at(self, rows: np.ndarray) -> Landmarks:
        """Some of the rows."""
        return Landmarks(self.left_h[rows], self.failed[rows], self.age_h[rows], self.group[rows])


@dataclass(frozen=True, eq=False)
class Periods:
    """Steps that landmarks were seen in; one entry a period.

    row, step: whose and which; died: whether it failed in the step; share: how much of the step
    counts, all of it unless the life was cut off inside.
    """

    row: np.ndarray
    step: np.ndarray
    died: np.ndarray
    share: np.ndarray


def periods(marks: Landmarks, ends_h: np.ndarray) -> Periods:
    """Every period of which something is known. A life that was cut off inside a step has outlived
    the part that was seen: at a constant hazard that weighs as much as its share of the step."""
    begin = np.concatenate([[0.0], ends_h[:-1]])
    left, failed = marks.left_h[:, None], marks.failed[:, None]
    dies = failed & (left > begin) & (left <= ends_h)
    # at its very reading a life may end: that is its first step
    dies[:, 0] |= marks.failed & (marks.left_h <= 0)
    share = np.where(dies, 1.0, np.clip((left - begin) / (ends_h - begin), 0.0, 1.0))
    row, step = np.nonzero(share > 0)
    return Periods(row, step, dies[row, step], share[row, step])


def fit_hazard(
    score: np.ndarray, marks: Landmarks, ends_h: tuple[float, ...], span_h: float
) -> HazardPlan | None:
    """The hazard that landmarks with these scores show; None where too few of them failed.

    score: 0..1, by models that did not see the landmarks' assets; of more than `MOST_LEARNT` an
    even share is taken.
    """
    from sklearn.linear_model import LogisticRegression

    even = np.arange(0, len(marks), max(1, -(-len(marks) // MOST_LEARNT)))
    marks, score, ends = marks.at(even), score[even], np.array(ends_h)
    told = periods(marks, ends)
    row, step = told.row, told.step
    if told.died.sum() < FEWEST_FAILURES or told.died.all():
        return None
    z, a = terms(score, marks.age_h, span_h)
    s = np.log(ends / span_h)[step]
    slopes = np.column_stack([z[row], z[row] * s, a[row], a[row] * s])
    # levels are scaled up so that the ridge, which is one for all columns, leaves them alone
    levels = _LEVEL * (step[:, None] == np.arange(len(ends)))
    model = LogisticRegression(C=PRIOR, fit_intercept=False, solver="newton-cholesky", max_iter=100)
    model.fit(np.hstack([levels, slopes]), told.died, sample_weight=told.share)
    found = model.coef_[0]
    level, rest = _LEVEL * found[: len(ends)], found[len(ends) :]
    return HazardPlan(
        tuple(ends_h), span_h, tuple(map(float, level)), *(float(one) for one in rest)
    )


def survival_by_age(marks: Landmarks, asked: Landmarks, ends_h: np.ndarray) -> np.ndarray:
    """(asked, steps): what the age alone tells, by Kaplan & Meier 1958 with lives that came under
    watch at some age; marks: of which the lives are taken. 1 where no age is known."""
    total = marks.age_h + marks.left_h
    known = np.isfinite(total)
    # a life is the rows of one asset with one end; its first row is when it came under watch
    key = np.column_stack([marks.group[known].astype(float), np.round(total[known], 3)])
    _, first, life = np.unique(key, axis=0, return_index=True, return_inverse=True)
    entry = np.full(len(first), np.inf)
    np.minimum.at(entry, life, marks.age_h[known])
    exits, died = total[known][first], marks.failed[known][first]
    at = np.unique(exits[died])
    at_risk = (entry[:, None] < at) & (exits[:, None] >= at)
    n = at_risk.sum(axis=0)
    d = ((exits[:, None] == at) & died[:, None]).sum(axis=0)
    steps = np.log1p(-np.minimum(d / np.maximum(n, 1), 0.999))
    curve = np.concatenate([[0.0], np.cumsum(steps)])

    def log_survival(age: np.ndarray) -> np.ndarray:
        return np.asarray(curve[np.searchsorted(at, age, side="right")])

    begin = np.where(np.isfinite(asked.age_h), asked.age_h, 0.0)
    ahead = log_survival(begin[:, None] + ends_h) - log_survival(begin)[:, None]
    return np.asarray(np.exp(ahead))


def drawn(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions of at most `POINTS` rows of each group, and of `MOST_JUDGED` in all."""
    order = np.lexsort((rng.random(len(group)), group))
    codes = group[order]
    place = np.arange(len(group)) - np.searchsorted(codes, codes, side="left")
    # each group's first, then each group's second, until there are enough
    chosen = order[np.argsort(place, kind="stable")][: int((place < POINTS).sum())]
    return np.sort(chosen[:MOST_JUDGED])


def concordance(risk: np.ndarray, marks: Landmarks, most_h: float) -> Weighted:
    """Share of the pairs in which the riskier failed first, of those that can be told (Harrell
    1982), as a function of the landmarks' weights; a pair is two landmarks of different assets,
    the earlier failure within `most_h`."""
    dies = marks.failed & (marks.left_h <= most_h)
    apart = marks.group[dies][:, None] != marks.group
    known = apart & (marks.left_h > marks.left_h[dies][:, None])
    first = risk[dies][:, None]
    right = known * ((first > risk) + 0.5 * (first == risk))

    def share(weight: np.ndarray) -> float:
        total = float(weight[dies] @ (known @ weight))
        return float(weight[dies] @ (right @ weight)) / total if total > 0 else float("nan")

    return share


def brier(
    survival: np.ndarray, marks: Landmarks, ends_h: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """(steps,): mean squared error of having outlived each step, weighed for those cut off by the
    chance of being seen so long (Graf et al. 1999)."""
    seen = _seen(marks, weight)
    dies = marks.failed[:, None] & (marks.left_h[:, None] <= ends_h)
    lives = marks.left_h[:, None] > ends_h
    share = (
        np.where(dies, 1.0 / seen(marks.left_h)[:, None], lives / seen(ends_h)) * weight[:, None]
    )
    error = np.where(lives, 1.0 - survival, survival) ** 2
    return np.asarray((share * error).sum(axis=0) / np.maximum(share.sum(axis=0), 1e-300))


def outlived(marks: Landmarks, ends_h: np.ndarray) -> np.ndarray:
    """(steps,): share that really outlived each step, by the life table (Cutler & Ederer 1958)."""
    told = periods(marks, ends_h)
    n = np.bincount(told.step, told.share, minlength=len(ends_h))
    d = np.bincount(told.step, told.died.astype(np.float64), minlength=len(ends_h))
    hazard = np.divide(d, n, out=np.full(len(ends_h), np.nan), where=n > 0)
    return np.cumprod(1.0 - hazard)


def rated(
    survival: np.ndarray, marks: Landmarks, ends_h: np.ndarray, rng: np.random.Generator
) -> tuple[MetricResult, MetricResult]:
    """Concordance and the mean Brier score over the steps, with intervals over assets."""
    ordered = concordance(1.0 - survival.mean(axis=1), marks, float(ends_h[-1]))

    def both(weight: np.ndarray) -> tuple[float, float]:
        return ordered(weight), float(brier(survival, marks, ends_h, weight).mean())

    values = both(np.ones(len(marks)))
    draws = np.array([both(weight) for weight in resamples(marks.group, rng, _RESAMPLES)])
    abouts = (
        "share of pairs of readings in which the asset that failed first was said to be riskier",
        "mean squared error of the chance to outlive each step, lives cut off weighed",
    )
    names = ("concordance", "survival_brier")
    first, second = (
        _with_interval(*one) for one in zip(names, values, draws.T, abouts, strict=True)
    )
    return first, second


def _with_interval(name: str, value: float, draws: np.ndarray, about: str) -> MetricResult:
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(value) or 2 * len(finite) < len(draws):
        return MetricResult(name, None, about=about, reason="no failure to tell by")
    low, high = np.quantile(finite, [0.025, 0.975])
    return MetricResult(name, value, float(low), float(high), about)


def _seen(marks: Landmarks, weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Hours -> chance of not being cut off before, by Kaplan & Meier of the cutting off."""
    order = np.argsort(marks.left_h, kind="stable")
    at, cut, share = marks.left_h[order], ~marks.failed[order], weight[order]
    at_risk = np.cumsum(share[::-1])[::-1]
    hazard = np.divide(share * cut, at_risk, out=np.zeros(len(at)), where=at_risk > 0)
    curve = np.concatenate([[1.0], np.cumprod(1.0 - np.minimum(hazard, 1.0))])

    def chance(hours: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum(curve[np.searchsorted(at, hours)], _LEAST_SEEN))

    return chance


__all__ = [
    "FEWEST_FAILURES",
    "Landmarks",
    "Periods",
    "brier",
    "concordance",
    "drawn",
    "fit_hazard",
    "outlived",
    "periods",
    "rated",
    "survival_by_age",
]
