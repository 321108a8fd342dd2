"""Why a row is alerted, in plain words, whatever the model is.

Features stand in groups, each with a phrase. A group's share in a row's score is how far the
log-odds fall when its features take the values that are typical of honest rows (an occlusion, as
in Robnik-Sikonja & Kononenko 2008); only what raises the score is a reason. All groups of many
rows go through the bundle's own session in one call, so device and pipeline tell the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

MOST: Final = 3
"""Reasons of one row."""
ROWS_AT_ONCE: Final = 256
_TINY: Final = 1e-12
_LEAST: Final = 0.01
"""Log-odds below which a change is no reason."""

Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(numeric, categorical) -> probability of each row."""


@dataclass(frozen=True)
class Group:
    """Features that are told in one phrase: their places among the numeric and categorical ones."""

    phrase: str
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]


@dataclass(frozen=True)
class Reasons:
    """Groups of a model's features, and the typical values of every feature, in its order."""

    groups: tuple[Group, ...]
    numeric: tuple[float, ...]
    categorical: tuple[str, ...]

    def contributions(
        self, score: Scorer, numeric: np.ndarray, categorical: np.ndarray
    ) -> np.ndarray:
        """Log-odds that each group adds to each row's score, float64 (rows, groups)."""
        starts = range(0, len(numeric), ROWS_AT_ONCE)
        parts = [
            self._part(score, numeric[at : at + ROWS_AT_ONCE], categorical[at : at + ROWS_AT_ONCE])
            for at in starts
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.groups)))

    def phrases(
        self, score: Scorer, numeric: np.ndarray, categorical: np.ndarray
    ) -> list[tuple[str, ...]]:
        """Up to `MOST` phrases for each row, the strongest first."""
        return [self._strongest(row) for row in self.contributions(score, numeric, categorical)]

    def _part(self, score: Scorer, numeric: np.ndarray, categorical: np.ndarray) -> np.ndarray:
        """One call of the model: the rows as they are, then once for each group."""
        rows, times = len(numeric), len(self.groups) + 1
        numbers = np.tile(numeric, (times, 1))
        texts = np.tile(categorical, (times, 1))
        for at, group in enumerate(self.groups, start=1):
            block = slice(at * rows, (at + 1) * rows)
            for column in group.numeric:
                numbers[block, column] = self.numeric[column]
            for column in group.categorical:
                texts[block, column] = self.categorical[column]
        p = np.clip(score(numbers, texts), _TINY, 1.0 - _TINY).reshape(times, rows)
        margin = np.log(p) - np.log1p(-p)
        added: np.ndarray = (margin[0] - margin[1:]).T
        return added

    def _strongest(self, contributions: np.ndarray) -> tuple[str, ...]:
        order = np.argsort(-contributions, kind="stable")[:MOST]
        return tuple(self.groups[at].phrase for at in order if contributions[at] > _LEAST)


def read_reasons(
    told: Mapping[str, Any], numeric: Sequence[str], categorical: Sequence[str]
) -> Reasons:
    """The reasons of a model with these features; KeyError, TypeError or ValueError where `told`
    is not understood or lacks the typical value of one of them."""
    groups = [
        Group(
            str(one["phrase"]),
            tuple(at for at, name in enumerate(numeric) if name in one["features"]),
            tuple(at for at, name in enumerate(categorical) if name in one["features"]),
        )
        for one in told["groups"]
    ]
    values = told["typical"]
    known = [values["numeric"][name] for name in numeric]
    return Reasons(
        tuple(group for group in groups if group.numeric or group.categorical),
        tuple(np.nan if value is None else float(value) for value in known),
        tuple(str(values["categorical"][name]) for name in categorical),
    )


__all__ = ["MOST", "Group", "Reasons", "read_reasons"]
