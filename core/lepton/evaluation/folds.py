"""The selection part as windows, each judged by what was known before it began.

Prequential evaluation as in Dawid 1984: every window is a small rehearsal of the holdout, so a
configuration that was good in one week only does not win.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lepton.dataset import TabularDataset, TimeFold

WANTED_FOLDS = 4
"""Windows of the selection part: each costs a fit of every configuration that is tried."""
FEWEST_POSITIVES = 10
"""A window with fewer is made longer: its score would be luck."""
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Known:
    """Event and label instants of labelled rows in time order, and which targets are positive.

    delay: rows younger than this do not train, whenever their own label became known;
    memory: how far back training looks from there, None for all of the past.
    """

    event: pd.Series
    label: pd.Series
    positive: np.ndarray
    delay: pd.Timedelta
    memory: pd.Timedelta | None = None

    def before(self, at: pd.Timestamp) -> np.ndarray:
        """Rows (mask) that may train what is used from `at` on."""
        newest = at - self.delay
        known = (self.event < at) & (self.event <= newest) & (self.label <= at)
        if self.memory is not None:
            known &= self.event >= newest - self.memory
        return known.to_numpy()


def cut_folds(
    dataset: TabularDataset,
    known: Known,
    judged: np.ndarray,
    *,
    start: pd.Timestamp,
) -> tuple[TimeFold, ...]:
    """The rows `judged` (mask, not empty) from `start` on cut into windows, oldest first, at
    least one.

    Four equal windows of at least a day; where one of them, or its training rows, would have too
    few positives, windows of equally many positives, then fewer windows.
    """
    for edges in _proposals(known.event[judged], known.positive[judged], start):
        masks = list(_masks(known, judged, edges))
        if len(masks) == 1 or all(_is_enough(known.positive, *pair) for pair in masks):
            return tuple(TimeFold(dataset, *pair) for pair in masks)
    raise AssertionError("the last proposal is a single window")


def _proposals(
    event: pd.Series, positive: np.ndarray, first: pd.Timestamp
) -> Iterator[Sequence[pd.Timestamp]]:
    """Starts of the windows, the preferred ones first, a single window last."""
    last = event.max()
    most = int(np.clip((last - first) / DAY, 1, WANTED_FOLDS))
    found = event[positive]
    for n in range(most, 1, -1):
        yield _by_time(first, last, n)
        if len(found) >= n:
            starts = [found.iloc[len(found) * place // n] for place in range(1, n)]
            yield [first, *starts]
    yield [first]


def _by_time(first: pd.Timestamp, last: pd.Timestamp, n: int) -> list[pd.Timestamp]:
    length = (last - first) / n
    return [first, *(last - place * length for place in range(n - 1, 0, -1))]


def _masks(
    known: Known, judged: np.ndarray, starts: Sequence[pd.Timestamp]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    ends = [*starts[1:], None]
    for start, end in zip(starts, ends, strict=True):
        inside = judged & (known.event >= start).to_numpy()
        if end is not None:
            inside &= (known.event < end).to_numpy()
        yield known.before(start), inside


def _is_enough(positive: np.ndarray, train: np.ndarray, valid: np.ndarray) -> bool:
    return all(
        positive[mask].sum() >= FEWEST_POSITIVES and bool((~positive[mask]).any())
        for mask in (train, valid)
    )


__all__ = ["Known", "cut_folds"]
