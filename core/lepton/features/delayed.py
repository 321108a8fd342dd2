"""Rates of positives among labels that are known by now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lepton.features.spec import DelayedRate
from lepton.features.windows import entity_codes

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


def known_labels(
    labels: Labels, keys: pl.DataFrame, at: np.ndarray, window_s: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Known labels and positives among them of the same `keys`, for each row of the table.

    A label counts at instant t where it became known in [t - window_s, t]. Rows without the key
    see nothing.
    """
    codes, present = entity_codes(keys, len(at))
    rows = np.flatnonzero(present[labels.rows])
    rows = rows[np.argsort(codes[labels.rows[rows]], kind="stable")]
    width = len(labels.instants) + 1
    known = codes[labels.rows[rows]] * width + np.searchsorted(labels.instants, labels.learnt[rows])
    upto = np.searchsorted(labels.instants, at, side="right")
    opens = np.zeros(len(at), dtype=np.int64)
    if window_s is not None:
        opens = np.searchsorted(labels.instants, at - round(window_s * 1e6))
    low = np.searchsorted(known, codes * width + opens)
    high = np.searchsorted(known, codes * width + upto)
    total = np.concatenate([[0.0], np.cumsum(labels.positive[rows])])
    return np.where(present, high - low, 0.0), np.where(present, total[high] - total[low], 0.0)


def delayed_rate(
    node: DelayedRate, counts: tuple[np.ndarray, np.ndarray], overall: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """What `node` asks of (known, positives) of its entity; missing where nothing is known yet.

    The rate is shrunk towards that of all labels known by then, with `strength` of them.
    """
    known, positives = counts
    if node.what != "rate":
        return known if node.what == "known" else positives
    prior = np.divide(overall[1], overall[0], out=np.full(len(known), np.nan), where=overall[0] > 0)
    rate: np.ndarray = (positives + node.strength * prior) / (known + node.strength)
    return rate
