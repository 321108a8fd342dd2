"""Rolling conformal calibration as a state: what batch evaluation and a device both call.

The score of a past forecast is how far, in units of its own width, the truth lay outside its outer
interval, negative inside (conformalized quantile regression, Romano et al. 2019). The quantile of
the last weeks' scores, by block of the horizon and quarter of the day, stretches all deciles about
the median. As errors drift, the level asked for moves against what was missed (adaptive conformal
inference, Gibbs & Candes 2021). Only scores whose truth was there at the issue count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

N_CELLS: Final = 16
_HORIZON_H: Final = (6.0, 24.0, 48.0)
"""Where the next block of leads begins: what weighs and what is calibrated differs by block."""
_HOURS_A_GROUP: Final = 6
_NARROWEST: Final = 0.2
_WIDEST: Final = 5.0
"""Factors beyond which no calibration stretches."""
_LEVELS: Final = (0.5, 0.98)
"""Between which the level that is asked for may move."""
_DAY_S: Final = 86_400


@dataclass(frozen=True)
class ConformalSpec:
    """window_days: how long a score counts; fewest: scores a cell needs, else those of its horizon
    block count, else all; gamma: how far one day's misses move the level; level: share that the
    outer interval has to hold; tolerance: what the coverage gate allows."""

    window_days: int = 60
    fewest: int = 200
    gamma: float = 0.02
    level: float = 0.8
    tolerance: float = 0.02

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Scores:
    """Past forecasts in flat form: when the truth was there, when issued, cell, score."""

    known_s: np.ndarray
    issue_s: np.ndarray
    cell: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def none(cls) -> Scores:
        """No forecast at all."""
        whole = np.empty(0, dtype=np.int64)
        return cls(whole, whole, whole, np.empty(0))

    def joined(self, other: Scores) -> Scores:
        """Those of both."""
        return Scores(
            *(np.concatenate([a, b]) for a, b in zip(self.parts, other.parts, strict=True))
        )

    def take(self, index: np.ndarray | slice) -> Scores:
        """Those at `index`."""
        return Scores(*(part[index] for part in self.parts))

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The columns in their order."""
        return self.known_s, self.issue_s, self.cell, self.score


class Rolling:
    """The calibration of forecasts that are issued one after another.

    Scores may be told at any time; at an issue only those count whose truth was known by then.
    """

    def __init__(self, spec: ConformalSpec) -> None:
        self.spec, self.asked = spec, spec.level
        self._seen = self._moved = int(np.iinfo(np.int64).min)
        self._factors: dict[int, np.ndarray] = {}
        self._scores = Scores.none()
        self._fresh: list[Scores] = []

    @property
    def seen_s(self) -> int:
        """Instant of the newest issue, UTC seconds; the least number before the first."""
        return self._seen

    @property
    def scores(self) -> Scores:
        """All that may still count, by the instant at which the truth was there."""
        if self._fresh:
            whole = self._scores
            for more in self._fresh:
                whole = whole.joined(more)
            self._scores = whole.take(np.argsort(whole.known_s, kind="stable"))
            self._fresh = []
        return self._scores

    def tell(self, scores: Scores) -> None:
        """Take in what forecasts turned out to be worth."""
        if len(scores):
            self._fresh.append(scores)

    def factors(self, issue_s: int) -> np.ndarray:
        """Stretch of each cell, (16,), for what is issued at this instant; the same where it is
        asked for twice. An instant before the last one is only looked at."""
        if issue_s == self._seen and issue_s in self._factors:
            return self._factors[issue_s]
        if issue_s < self._seen:
            return self.peek(issue_s)
        every = self.scores
        window_s = self.spec.window_days * _DAY_S
        ends = np.searchsorted(
            every.known_s, [self._moved, issue_s - window_s, issue_s], side="right"
        )
        moved, first, last = (int(end) for end in ends)
        if issue_s >= self._moved + _DAY_S:  # issues within a day share their level
            self._move(every.take(slice(moved, last)))
            self._moved = issue_s
        self._seen = issue_s
        inside = every.take(slice(first, last))
        factor = _stretch(inside, self.spec, self.asked)
        self._factors[issue_s] = factor
        self._forget(issue_s - window_s, min(first, moved))
        return factor

    def peek(self, issue_s: int) -> np.ndarray:
        """The same for an instant at which nothing is issued: the state stays as it is."""
        every = self.scores
        window = [issue_s - self.spec.window_days * _DAY_S, issue_s]
        first, last = np.searchsorted(every.known_s, window, side="right")
        return _stretch(every.take(slice(int(first), int(last))), self.spec, self.asked)

    def _move(self, fresh: Scores) -> None:
        """Move the level by what has become known since it was moved last."""
        held = judged = 0
        for issue_s in np.unique(fresh.issue_s):
            factor = self._factors.get(int(issue_s))
            if factor is not None:
                own = fresh.issue_s == issue_s
                margin = (factor[fresh.cell[own]] - 1) / 2
                held += int((fresh.score[own] <= margin).sum())
                judged += int(own.sum())
        if judged:
            missed = self.spec.level - held / judged
            self.asked = float(np.clip(self.asked + self.spec.gamma * missed, *_LEVELS))

    def _forget(self, before_s: int, n_old: int) -> None:
        """Drop what no later issue can count."""
        for issue_s in [one for one in self._factors if one <= before_s]:
            del self._factors[issue_s]
        if 2 * n_old > len(self._scores):
            self._scores = self._scores.take(slice(n_old, None))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The state as plain arrays, from which it goes on bit by bit."""
        known_s, issue_s, cell, score = self.scores.parts
        return {
            "known_s": known_s.astype(np.int64),
            "issue_s": issue_s.astype(np.int64),
            "cell": cell.astype(np.int64),
            "score": score.astype(np.float64),
            "asked": np.array(self.asked),
            "seen": np.array([self._seen, self._moved], dtype=np.int64),
            "factor_issue_s": np.array(list(self._factors), dtype=np.int64),
            "factors": np.array(list(self._factors.values())).reshape(-1, N_CELLS),
        }

    @classmethod
    def from_arrays(cls, spec: ConformalSpec, arrays: Mapping[str, np.ndarray]) -> Rolling:
        """What `to_arrays` gave; KeyError or ValueError on other data."""
        made = cls(spec)
        scores = Scores(*(arrays[name] for name in ("known_s", "issue_s", "cell", "score")))
        if len({len(part) for part in scores.parts}) != 1:
            raise ValueError("scores, their cells and instants are not equally many")
        if len(scores) and not (scores.cell.min() >= 0 and scores.cell.max() < N_CELLS):
            raise ValueError(f"a cell is none of the {N_CELLS}")
        made.tell(scores)
        made.asked = float(arrays["asked"])
        made._seen, made._moved = (int(at) for at in arrays["seen"])
        told = zip(arrays["factor_issue_s"].tolist(), arrays["factors"], strict=True)
        made._factors = {int(issue_s): np.array(factor) for issue_s, factor in told}
        return made


def cells(lead_h: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Cell of each target: its horizon block times four, plus its quarter of the local day."""
    return np.asarray(horizon_blocks(lead_h) * 4 + hour_groups(hour))


def horizon_blocks(lead_h: np.ndarray) -> np.ndarray:
    """Number of the block of each lead: within 6 hours, the day, two days, beyond."""
    return np.asarray(np.searchsorted(_HORIZON_H, lead_h, side="right"))


def hour_groups(hour: np.ndarray) -> np.ndarray:
    """Quarter of the day of each hour of the wall clock."""
    return np.asarray(hour // _HOURS_A_GROUP).astype(np.int64)


def outside(y: np.ndarray, quantiles: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Score of each truth y (...) against its deciles (..., 9), NaN where it is not known; scale
    (...): size of the quantity, below a billionth of which no width counts."""
    low, high = quantiles[..., 0], quantiles[..., -1]
    width = np.maximum(high - low, 1e-9 * scale)
    return np.asarray(np.maximum(low - y, y - high) / width)


def stretched(quantiles: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Deciles moved away from their median by a factor."""
    middle = quantiles[..., quantiles.shape[-1] // 2, None]
    return np.asarray(middle + factor[..., None] * (quantiles - middle))


def _stretch(inside: Scores, spec: ConformalSpec, asked: float) -> np.ndarray:
    cell, score = inside.cell, inside.score
    whole = _margin(score, asked) if len(score) >= spec.fewest else 0.0
    margins = np.full(N_CELLS, whole)
    for block in range(4):
        own_block = score[cell // 4 == block]
        shared = _margin(own_block, asked) if len(own_block) >= spec.fewest else whole
        for quarter in range(4):
            own = score[cell == 4 * block + quarter]
            margins[4 * block + quarter] = (
                _margin(own, asked) if len(own) >= spec.fewest else shared
            )
    return np.asarray(np.clip(1 + 2 * margins, _NARROWEST, _WIDEST))


def _margin(score: np.ndarray, level: float) -> float:
    """Smallest margin that holds the level's share of the scores, one more counted as missed."""
    share = min(1.0, level * (1 + 1 / len(score)))
    return float(np.quantile(score, share, method="higher"))


__all__ = [
    "N_CELLS",
    "ConformalSpec",
    "Rolling",
    "Scores",
    "cells",
    "horizon_blocks",
    "hour_groups",
    "outside",
    "stretched",
]
