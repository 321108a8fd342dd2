"""Rates of positives among labels that are known by now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton.features.spec import DelayedRate
from lepton.features.windows import Past, divided

NEVER = np.iinfo(np.int64).min
"""Instant of what has not happened."""


@dataclass(frozen=True)
class Labels:
    """The labels of a table in the order in which they became known.

    rows: position of each in the table; learnt: when it was known, microseconds, ascending;
    positive: 0/1; instants: the distinct values of `learnt`.
    """

    rows: np.ndarray
    learnt: np.ndarray
    positive: np.ndarray
    instants: np.ndarray


def labels_of(
    at: np.ndarray, ingested: np.ndarray | None, label_at: np.ndarray, target: np.ndarray
) -> Labels:
    """Labels with their instants; a label is not known before its row happened and arrived.

    at, ingested, label_at: microseconds, label_at `NEVER` where missing; target: NaN where not
    known. A label that comes with its own row is seen from the next instant on.
    """
    learnt = np.maximum(label_at, at + 1)
    learnt = learnt if ingested is None else np.maximum(learnt, ingested)
    rows = np.flatnonzero(np.isfinite(target) & (label_at != NEVER))
    rows = rows[np.argsort(learnt[rows], kind="stable")]
    return Labels(rows, learnt[rows], target[rows], np.unique(learnt[rows]))


@dataclass(frozen=True)
class Known:
    """The labels of each entity in the order in which they became known, and who sees which.

    low, high: the range of labels that each row of `past.order` sees; total: positives before
    each label.
    """

    past: Past
    low: np.ndarray
    high: np.ndarray
    total: np.ndarray

    def spread(self, values: np.ndarray, n_rows: int, otherwise: float) -> np.ndarray:
        """`values`, one a row of `past.order`, in the order of the table."""
        found = np.full(n_rows, otherwise)
        found[self.past.order] = values
        return found


def known_to(labels: Labels, past: Past, n_rows: int, window_s: float | None) -> Known:
    """What each row knows of its entity: labels that became known in [t - window_s, t].

    Rows ask in the order of `past`, which keeps the search near its last hit.
    """
    group = np.full(n_rows, -1, dtype=np.int64)
    group[past.order] = past.group
    rows = np.flatnonzero(group[labels.rows] >= 0)
    rows = rows[np.argsort(group[labels.rows[rows]], kind="stable")]
    width = len(labels.instants) + 1
    learnt = np.searchsorted(labels.instants, labels.learnt)[rows]
    known = group[labels.rows[rows]] * width + learnt
    upto = np.searchsorted(labels.instants, past.instants, side="right")[past.rank]
    opens = np.zeros(len(past.order), dtype=np.int64)
    if window_s is not None:
        since = past.instants - round(window_s * 1e6)
        opens = np.searchsorted(labels.instants, since)[past.rank]
    return Known(
        past,
        low=np.searchsorted(known, past.group * width + opens),
        high=np.searchsorted(known, past.group * width + upto),
        total=np.concatenate([[0.0], np.cumsum(labels.positive[rows])]),
    )


def known_labels(known: Known, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of known labels and of positives among them, for each row of the table.

    Rows without the entity see nothing.
    """
    positives = known.total[known.high] - known.total[known.low]
    return known.spread(known.high - known.low, n_rows, 0.0), known.spread(positives, n_rows, 0.0)


def last_labels(known: Known, last: int, n_rows: int) -> np.ndarray:
    """Share of positives among the newest `last` known labels; missing where there is none."""
    low = np.maximum(known.high - last, known.low)
    share = divided(known.total[known.high] - known.total[low], (known.high - low).astype(float))
    return known.spread(share, n_rows, np.nan)


def delayed_rate(
    node: DelayedRate, counts: tuple[np.ndarray, np.ndarray], overall: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """What `node` asks of (known, positives) of its entity; missing where nothing is known yet.

    The rate is shrunk towards that of all labels known by then, with `strength` of them.
    """
    known, positives = counts
    if node.what != "rate":
        return known if node.what == "known" else positives
    prior = divided(overall[1], overall[0])
    return divided(positives + node.strength * prior, known + node.strength)
