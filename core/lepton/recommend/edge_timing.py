"""What a device's list costs, and whether it is the one that Python makes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.recommend.families.ease_own import EaseOwnRanker
from lepton.recommend.ranking import masked, top
from lepton.recommend.windows import Window
from lepton_edge.recommender import LONGEST_HISTORY, newest
from lepton_edge.runtime import CPU, session

WARM: Final = 20
CALLS: Final = 2_000
"""Lists that are timed."""


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one list in one thread, with masks, at histories as customers have them, at
    most LONGEST_HISTORY items each."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Agreement:
    """compared: lists; same: share of them that agree in all ten places; violations: of masks."""

    compared: int
    same: float
    violations: int


def feeds(
    ranker: EaseOwnRanker, window: Window, rng: np.random.Generator
) -> Iterator[dict[str, np.ndarray]]:
    """What a device is asked for each customer: the history, a tenth of it hidden, a tenth of all
    items not available and a tenth boosted."""
    n = len(window.known.items)
    histories = ranker.histories(window.known, window.customers)
    for row in range(histories.shape[0]):
        start, end = histories.indptr[row], histories.indptr[row + 1]
        at, weight = newest(
            histories.indices[start:end].astype(np.int64), histories.data[start:end]
        )
        yield {
            "history": at,
            "weight": weight,
            "seen": at[rng.random(len(at)) < 0.1],
            "allowed": rng.random(n) > 0.1,
            "boost": np.where(rng.random(n) < 0.1, 0.05, 0.0).astype(np.float32),
        }


def measured(content: bytes, ranker: EaseOwnRanker, window: Window) -> Cost:
    """Time of single lists of the graph `content`."""
    made = session(content, "graph", CPU)
    took = []
    for number, feed in enumerate(feeds(ranker, window, np.random.default_rng(0))):
        began = time.perf_counter()
        made.run(None, feed)
        if number >= WARM:
            took.append(time.perf_counter() - began)
        if len(took) >= CALLS:
            break
    p50, p99 = np.quantile(took, [0.5, 0.99]) * 1e3
    return Cost(float(p50), float(p99))


def agreement(content: bytes, ranker: EaseOwnRanker, window: Window, n: int) -> Agreement:
    """The graph's ten against those of `ranker`, for `n` lists: every customer of the window, with
    other masks each time around."""
    made = session(content, "graph", CPU)
    compared = same = violations = 0
    rng = np.random.default_rng(1)
    while compared < n:
        for feed in feeds(ranker, window, rng):
            listed = made.run(["item"], feed)[0][:10]
            same += int(np.array_equal(listed, expected(ranker, feed)))
            hidden = np.isin(listed, feed["seen"]) | ~feed["allowed"][listed]
            violations += int(hidden.sum())
            compared += 1
            if compared == n:
                break
    return Agreement(compared, same / compared, violations)


def expected(ranker: EaseOwnRanker, feed: dict[str, np.ndarray]) -> np.ndarray:
    """The ten of one history by Python: scores, boost, masks, ranking."""
    from scipy import sparse

    n = len(ranker.model.prior)
    at = (np.zeros(len(feed["history"]), dtype=np.int64), feed["history"])
    history = sparse.csr_matrix((feed["weight"], at), shape=(1, n))
    scores = ranker.model.scores(history)
    scores = scores + feed["boost"] * scores.max()
    scores[0, ~feed["allowed"]] = -np.inf
    hidden = sparse.csr_matrix(
        (np.ones(len(feed["seen"])), (np.zeros(len(feed["seen"]), dtype=int), feed["seen"])),
        shape=(1, n),
    )
    return np.asarray(top(masked(scores, hidden), 10)[0])


__all__ = ["LONGEST_HISTORY", "Agreement", "Cost", "agreement", "expected", "feeds", "measured"]
