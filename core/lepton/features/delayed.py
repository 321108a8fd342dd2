"""Rates of positives among labels that are known by now."""

from __future__ import annotations

import numpy as np
import polars as pl

from lepton.features.spec import DelayedRate
from lepton.features.windows import entity_codes


def known_labels(
    keys: pl.DataFrame,
    at: np.ndarray,
    label_at: np.ndarray,
    target: np.ndarray,
    window_s: float | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Known labels and positives among them of the same `keys`, for each row of the table.

    A label counts at instant t where it became known in [t - window_s, t] and its row happened
    before t. at, label_at: microseconds, label_at missing below zero of int64's range;
    target: 0/1, NaN where not known. Rows without the key see nothing.
    """
    known = np.isfinite(target) & (label_at > np.iinfo(np.int64).min)
    # a label that comes with its own row is seen from the next instant on
    learnt = np.maximum(label_at[known], at[known] + 1)
    order = np.argsort(learnt, kind="stable")
    learnt, positive = learnt[order], target[known][order]
    instants = np.unique(learnt)
    everyone = pl.concat([keys.filter(pl.Series(known))[order], keys]) if keys.width else keys
    codes, present = entity_codes(everyone, len(learnt) + len(at))
    labels, asks = codes[: len(learnt)], codes[len(learnt) :]
    usable = present[: len(learnt)]
    by_entity = np.flatnonzero(usable)[np.argsort(labels[usable], kind="stable")]
    width = len(instants) + 1
    key = labels[by_entity] * width + np.searchsorted(instants, learnt[by_entity])
    upto = np.searchsorted(key, asks * width + np.searchsorted(instants, at, side="right"))
    opens = (
        np.full(len(at), 0)
        if window_s is None
        else np.searchsorted(instants, at - round(window_s * 1e6))
    )
    since = np.searchsorted(key, asks * width + opens)
    total = np.concatenate([[0.0], np.cumsum(positive[by_entity])])
    seen = present[len(learnt) :]
    return np.where(seen, upto - since, 0.0), np.where(seen, total[upto] - total[since], 0.0)


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
