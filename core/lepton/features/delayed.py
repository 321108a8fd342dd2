"""Rates of positives among labels that are known by now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton.features.past import Past, places
from lepton.features.spec import DelayedRate, KnownRun
from lepton.features.windows import Values, divided

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

    def of(self, sort: str) -> Labels:
        """The "positive" ones, the "negative" ones, or "all"."""
        if sort == "all":
            return self
        kept = self.positive == (1 if sort == "positive" else 0)
        return Labels(self.rows[kept], self.learnt[kept], self.positive[kept], self.instants)


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

    rows: the row of each label; low, high: the range of labels that each row of `past.order`
    sees.
    """

    past: Past
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def spread(self, values: np.ndarray, n_rows: int, otherwise: float) -> np.ndarray:
        """`values`, one a row of `past.order`, in the order of the table."""
        found = np.full(n_rows, otherwise)
        found[self.past.order] = values
        return found

    def total(self, values: np.ndarray, last: int | None = None) -> np.ndarray:
        """Sum of `values`, one a row of the table, over the labels (the newest `last`) seen."""
        low = self.low if last is None else np.maximum(self.high - last, self.low)
        return Values(values[self.rows]).between(low, self.high)[1]


def known_to(labels: Labels, past: Past, at: np.ndarray, window_s: float | None) -> Known:
    """What each row knows of its entity: labels that became known in [t - window_s, t].

    at: instants of the table's rows in microseconds, ascending.
    """
    group = np.full(len(at), -1, dtype=np.int64)
    group[past.order] = past.group
    of_labels = group[labels.rows]
    there = np.flatnonzero(of_labels >= 0)
    there = there[np.argsort(of_labels[there], kind="stable")]
    width = len(labels.instants) + 1
    learnt = np.searchsorted(labels.instants, labels.learnt)[there]
    known = of_labels[there] * width + learnt
    groups = past.group * width
    upto = places(labels.instants, at + 1)[past.order]
    low = groups
    if window_s is not None:
        low = groups + places(labels.instants, at - round(window_s * 1e6))[past.order]
    return Known(past, labels.rows[there], places(known, low), places(known, groups + upto))


def known_labels(known: Known, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of known labels and of positives among them, for each row of the table.

    Rows without the entity see nothing.
    """
    n_rows = len(target)
    positives = known.spread(known.total(target), n_rows, 0.0)
    return known.spread(known.high - known.low, n_rows, 0.0), positives


def last_labels(known: Known, last: int, target: np.ndarray) -> np.ndarray:
    """Share of positives among the newest `last` known labels; missing where there is none."""
    seen = np.minimum(known.high - known.low, last)
    return known.spread(divided(known.total(target, last), seen), len(target), np.nan)


def newest(known: Known, values: np.ndarray) -> np.ndarray:
    """`values`, one a row of the table, at the newest label that each row sees; NaN without."""
    found = np.full(len(known.high), np.nan)
    some = known.high > known.low
    found[some] = values[known.rows[known.high[some] - 1]]
    return known.spread(found, len(values), np.nan)


def known_run(
    known: Known, node: KnownRun, at: np.ndarray, target: np.ndarray, passed: np.ndarray | None
) -> np.ndarray:
    """Length or age of the run of positives that ends with the newest label that a row sees.

    at, target, passed: instant in microseconds, label, and what `node.unless` says, by row.
    """
    rows = known.rows
    order = np.arange(len(rows))
    counts = target[rows] == 1
    after_negative = np.maximum.accumulate(np.where(counts, 0, order + 1))
    if passed is not None:
        counts &= passed[rows] != 1
    some = known.high > known.low
    high = known.high[some]
    low = np.maximum(np.maximum(known.low[some], high - node.last), after_negative[high - 1])
    total = np.append(0, np.cumsum(counts))
    length = np.zeros(len(some))
    length[some] = total[high] - total[low]
    if node.what == "length":
        return known.spread(length, len(at), 0.0)
    first = np.minimum.accumulate(np.where(counts, order, len(rows))[::-1])[::-1]
    age = np.full(len(some), np.nan)
    run = np.flatnonzero(some)[length[some] > 0]
    started = at[rows[first[low[length[some] > 0]]]]
    age[run] = (at[known.past.order[run]] - started) / 1e6
    return known.spread(age, len(at), np.nan)


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
