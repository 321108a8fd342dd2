"""A threshold for an anomaly score that healthy assets reach a wanted number of times a month.

Peaks over threshold: excesses over a high score follow a generalized Pareto distribution (Balkema &
de Haan 1974, Pickands 1975), fitted by probability-weighted moments (Hosking & Wallis 1987), so
that the threshold may lie beyond everything seen. Exceedances that follow each other are one alarm,
so clusters are counted, not readings (Davison & Smith 1990).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.errors import SearchError

WANTED_PEAKS: Final = 100
"""Clusters that a tail is fitted to where there are as many: more would leave the tail.

From 50 to 400 thresholds had much the same true rates on normal, exponential, chi-square
and t scores: for 0.1 a month from 100 asset-months, by a factor of 1.3 either way (one sigma)."""
MOST_IN_TAIL: Final = 0.1
"""Largest share of the scores that counts as the tail."""
FEWEST_FOR_SHAPE: Final = 20
"""With fewer excesses an exponential tail is fitted: a shape from so few is noise (Hosking &
Wallis 1987, table 3)."""
FEWEST_FOR_TAIL: Final = 3
"""With fewer excesses there is no tail to fit."""
_HALVINGS: Final = 4
"""Thresholds tried while the share of scores above them halves."""
SHAPES: Final = (-0.5, 0.5)
"""Shapes between which moments of that order exist and the fit is steady."""


@dataclass(frozen=True)
class Tail:
    """Clusters of high scores of healthy assets, and the distribution of their excesses.

    start: score above which the tail is fitted; shape, scale: of the generalized Pareto
    distribution, scale 0 where too few clusters or equal scores leave nothing to fit; peaks: the
    highest score of each cluster above `start`, ascending; asset_months: length of what was seen.
    """

    start: float
    shape: float
    scale: float
    peaks: np.ndarray
    asset_months: float

    def rate(self, threshold: float) -> float:
        """Clusters an asset-month that reach `threshold`; up to `start`, those above `start`."""
        started = len(self.peaks) / self.asset_months
        above = threshold - self.start
        if above <= 0 or not started:
            return started
        if self.scale <= 0:
            return float((self.peaks >= threshold).sum()) / self.asset_months
        if self.shape == 0:
            return started * math.exp(-above / self.scale)
        left = max(1 + self.shape * above / self.scale, 0.0)
        return float(started * left ** (-1 / self.shape))

    def level(self, rate: float) -> float:
        """The score that `rate` clusters an asset-month reach; above `start` only."""
        share = rate * self.asset_months / len(self.peaks)
        if self.shape == 0:
            return self.start - self.scale * math.log(share)
        return float(self.start + self.scale / self.shape * (share**-self.shape - 1))


@dataclass(frozen=True)
class ScoreThreshold:
    """A threshold, the false alarms an asset-month expected at it, and how it was found.

    how: "tail" from the fitted distribution; "seen" where the wanted rate is so high that the
    scores themselves tell (it never falls into the lower nine tenths of them); "beyond" where
    nothing can be fitted: the threshold is the first number above every score, the expectation NaN.
    n_scores: finite ones; n_peaks: clusters that the tail counts.
    """

    value: float
    expected_per_month: float
    how: str
    n_scores: int
    n_peaks: int
    tail: Tail | None = None


def false_alarm_threshold(
    score: np.ndarray,
    asset: np.ndarray,
    *,
    per_month: float,
    readings_per_month: float,
    run: int = 1,
) -> ScoreThreshold:
    """The threshold that a healthy asset's score reaches `per_month` times a month.

    score: of healthy assets, each asset's in order of time, larger is worse; those that are not
    finite are missing data; asset: codes; readings_per_month: of one asset; run: exceedances of an
    asset with fewer than `run` lower scores between them are one alarm (1: only those that follow
    each other directly). Raises SearchError LK440 where no score is finite or a number is not
    above 0.
    """
    known = np.isfinite(score)
    _check(known, per_month, readings_per_month, run)
    order = np.argsort(asset[known], kind="stable")
    values, codes = np.asarray(score, np.float64)[known][order], asset[known][order]
    months = len(values) / readings_per_month
    high = _High.of(values, codes, run)
    tail = _fit_tail(high, months)
    n, n_peaks, wanted = len(values), len(tail.peaks), per_month * months
    if n_peaks and wanted >= n_peaks:
        value, seen = _seen(high, wanted)
        return ScoreThreshold(value, seen / months, "seen", n, n_peaks, tail)
    if tail.scale <= 0:
        return ScoreThreshold(_above(values), math.nan, "beyond", n, n_peaks, tail)
    return ScoreThreshold(tail.level(per_month), per_month, "tail", n, n_peaks, tail)


@dataclass(frozen=True, eq=False)
class _High:
    """The highest tenth of the scores with their places, and thresholds to try, ascending."""

    score: np.ndarray
    asset: np.ndarray
    place: np.ndarray
    tried: np.ndarray
    run: int

    @classmethod
    def of(cls, score: np.ndarray, asset: np.ndarray, run: int) -> _High:
        lowest = np.quantile(score, 1 - MOST_IN_TAIL, method="higher")
        rows = np.flatnonzero(score >= lowest)
        n = int(_HALVINGS * max(math.log2(len(rows)), 1.0))
        tried = np.quantile(score[rows], 1 - 2.0 ** -np.linspace(0, n / _HALVINGS, n + 1))
        return cls(score[rows], asset[rows], rows, np.unique([lowest, *tried]), run)

    def peaks(self, threshold: float) -> np.ndarray:
        """The highest score of each cluster that reaches `threshold`."""
        rows = np.flatnonzero(self.score >= threshold)
        if not len(rows):
            return np.empty(0)
        apart = np.diff(self.place[rows]) > self.run
        apart |= np.diff(self.asset[rows]) != 0
        firsts = np.concatenate([[0], np.flatnonzero(apart) + 1])
        return np.asarray(np.maximum.reduceat(self.score[rows], firsts))


def _fit_tail(high: _High, months: float) -> Tail:
    """The tail from the highest start that leaves `WANTED_PEAKS` clusters above it.

    Where none does, from the one that leaves most.
    """
    above = [high.peaks(np.nextafter(start, np.inf)) for start in high.tried]
    numbers = np.array([len(peaks) for peaks in above])
    enough = np.flatnonzero(numbers >= WANTED_PEAKS)
    chosen = int(enough[-1] if len(enough) else np.argmax(numbers))
    start, peaks = float(high.tried[chosen]), np.sort(above[chosen])
    shape, scale = pareto_moments(peaks - start)
    return Tail(start, shape, scale, peaks, months)


def pareto_moments(excess: np.ndarray) -> tuple[float, float]:
    """(shape, scale) of the generalized Pareto distribution with the excesses' weighted moments.

    excess: above 0. Survival is (1 + shape * x / scale) ** (-1 / shape). Exponential (shape 0)
    where excesses are few or equal; scale 0 where there is nothing to fit. Estimators of Hosking &
    Wallis 1987, equations 9 and 10, with plotting positions (j - 0.35) / n; their k is -shape.
    """
    n = len(excess)
    if n < FEWEST_FOR_TAIL:
        return 0.0, 0.0
    mean = float(excess.mean())
    if n < FEWEST_FOR_SHAPE or np.ptp(excess) == 0:
        return 0.0, mean
    position = (np.arange(1, n + 1) - 0.35) / n
    weighted = float((np.sort(excess) * (1 - position)).mean())
    shape = 2 - mean / (mean - 2 * weighted) if mean > 2 * weighted else SHAPES[0]
    shape = float(np.clip(shape, *SHAPES))
    # with the shape held at a limit the mean alone gives the scale: mean = scale / (1 - shape)
    return shape, mean * (1 - shape)


def held_scores(score: np.ndarray, asset: np.ndarray, m: int, n: int) -> np.ndarray:
    """The m-th largest of each asset's last `n` scores: an alarm "m of n" is raised exactly where
    it reaches the threshold.

    score: finite, each asset's in order of time; before the m-th score of an asset it is NaN.
    """
    held = np.full(len(score), np.nan)
    order = np.argsort(asset, kind="stable")
    starts = np.unique(asset[order], return_index=True)[1]
    for rows in np.split(order, starts[1:]):
        padded = np.concatenate([np.full(n - 1, -np.inf), score[rows]])
        windows = np.lib.stride_tricks.sliding_window_view(padded, n)
        held[rows] = np.partition(windows, n - m, axis=1)[:, n - m]
    return np.where(np.isneginf(held), np.nan, held)


def _seen(high: _High, most: float) -> tuple[float, int]:
    """The lowest threshold tried from which up none is reached by more than `most` clusters."""
    numbers = np.array([len(high.peaks(threshold)) for threshold in high.tried])
    too_many = np.flatnonzero(numbers > most)
    first = int(too_many[-1]) + 1 if len(too_many) else 0
    if first == len(numbers):
        return _above(high.score), 0
    return float(high.tried[first]), int(numbers[first])


def _above(score: np.ndarray) -> float:
    return float(np.nextafter(score.max(), np.inf))


def _check(known: np.ndarray, per_month: float, readings_per_month: float, run: int) -> None:
    faults = [] if known.any() else ["no score is a finite number"]
    for name, value in (
        ("per_month", per_month),
        ("readings_per_month", readings_per_month),
        ("run", run),
    ):
        if not (math.isfinite(value) and value > 0):
            faults.append(f"{name} is {value:g}, not above 0")
    if faults:
        raise SearchError(
            "LK440",
            where="threshold of an anomaly score",
            found="; ".join(faults),
            remedy="give scores of healthy assets and rates above 0",
        )


__all__ = [
    "ScoreThreshold",
    "Tail",
    "false_alarm_threshold",
    "held_scores",
    "pareto_moments",
]
