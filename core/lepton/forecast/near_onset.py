"""How likely a series that flows freely is to be congested within the next minutes.

Learnt directly, not read off forecasts: a forecast is in the middle of what may happen, and a jam
is at its edge (measured on Los-loop: average precision .48 against .35 of a thresholded forecast).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.automl.families.lightgbm import Boosted
from lepton.evaluation.calibration import IDENTITY, Calibration, fit_calibration
from lepton.forecast.families.base import Lesson
from lepton.forecast.families.near_trees import readable, rows
from lepton.forecast.matrix import Matrix
from lepton_edge.near import flows_freely
from lepton_edge.near_spec import OnsetRule

_SETTINGS: Final[Mapping[str, object]] = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_ROUNDS: Final = 200
_FIRST: Final = 0.75
"""Share of the time that the calibrated forests learn from, to be asked for the rest."""
_FEWEST: Final = 50
"""Onsets with which a chance may be learnt."""
_MOST: Final = 150_000


@dataclass(frozen=True, eq=False)
class Onset:
    """columns: places of what forests read; forests, calibrations: of each of the rule's spans."""

    rule: OnsetRule
    columns: np.ndarray
    forests: tuple[Boosted, ...]
    knots: tuple[np.ndarray, ...]
    curves: tuple[np.ndarray, ...]

    def margins(self, matrix: Matrix) -> np.ndarray:
        """Log-odds before calibration, (n, spans)."""
        told = [
            forest.booster.predict(
                rows(matrix, span - 1)[:, self.columns].astype(np.float64),
                raw_score=True,
                num_threads=1,
            )
            for span, forest in zip(self.rule.spans, self.forests, strict=True)
        ]
        return np.stack([np.asarray(one) for one in told], axis=1)

    def chances(self, matrix: Matrix) -> np.ndarray:
        """Calibrated, (n, spans); a longer span is never less likely than a shorter one."""
        margins = self.margins(matrix)
        found = [one.apply(margins[:, at]) for at, one in enumerate(self.calibrations)]
        return np.maximum.accumulate(np.stack(found, axis=1), axis=1)

    @property
    def calibrations(self) -> tuple[Calibration, ...]:
        """Of each span."""
        return tuple(
            Calibration(curve[0], curve[1], curve[2], tuple((x, y) for x, y in knots.tolist()))
            for curve, knots in zip(self.curves, self.knots, strict=True)
        )


def is_free(matrix: Matrix, rule: OnsetRule) -> np.ndarray:
    """Whether the last readings are known and none of them is congested, (n,)."""
    return flows_freely(matrix.shape_names, matrix.shape, rule)


def happened(matrix: Matrix, rule: OnsetRule) -> np.ndarray:
    """Whether congestion began within each span, (n, spans); NaN where that is not known."""
    low = rule.share * matrix.shape[:, matrix.shape_names.index("free"), None]
    jammed = np.where(np.isfinite(matrix.y), matrix.y < low, np.nan)
    found = []
    for span in rule.spans:
        run = jammed[:, : span - rule.steps + 1].copy()
        for later in range(1, rule.steps):
            run = run * jammed[:, later : span - rule.steps + 1 + later]
        some = np.nan_to_num(run).any(axis=1)
        known = np.isfinite(jammed[:, :span]).all(axis=1)
        found.append(np.where(some, 1.0, np.where(known, 0.0, np.nan)))
    return np.stack(found, axis=1)


def fit_onset(lesson: Lesson, rule: OnsetRule, seed: int) -> Onset | None:
    """From the issues of series that flow freely; None where there were too few onsets."""
    matrix = lesson.issued.take(is_free(lesson.issued, rule))
    if len(matrix) > _MOST:
        matrix = matrix.take(np.arange(0, len(matrix), -(-len(matrix) // _MOST)))
    truth = happened(matrix, rule)
    if not len(matrix) or np.nansum(truth, axis=0).min() < _FEWEST:
        return None
    columns = readable(matrix)
    cut = np.quantile(matrix.issue_s, _FIRST)
    early = matrix.issue_s <= cut
    forests, calibrations = [], []
    for at, span in enumerate(rule.spans):
        read = rows(matrix, span - 1)[:, columns].astype(np.float64)
        known = np.isfinite(truth[:, at])
        forests.append(_forest(read[known], truth[known, at], seed))
        calibrations.append(_calibration(read, truth[:, at], early, seed))
    return Onset(
        rule,
        columns,
        tuple(forests),
        tuple(np.array(one.knots, dtype=np.float64).reshape(-1, 2) for one in calibrations),
        tuple(np.array([one.a, one.b, one.c]) for one in calibrations),
    )


def _calibration(read: np.ndarray, y: np.ndarray, early: np.ndarray, seed: int) -> Calibration:
    """By the newest part, which a forest of the older one has not seen."""
    known = np.isfinite(y)
    first, last = known & early, known & ~early
    if not (y[first].any() and y[last].any()):
        return IDENTITY
    forest = _forest(read[first], y[first], seed)
    margin = np.asarray(forest.booster.predict(read[last], raw_score=True, num_threads=1))
    return fit_calibration(margin, y[last])


def _forest(read: np.ndarray, y: np.ndarray, seed: int) -> Boosted:
    import lightgbm

    settings = {**_SETTINGS, "seed": seed}
    made = lightgbm.train(settings, lightgbm.Dataset(read, y), _ROUNDS)
    return Boosted(made.model_to_string())


__all__ = ["Onset", "fit_onset", "happened", "is_free"]
