"""Rows on which an export is likely to differ from its model, by the reason why it might."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
import pandas as pd

from lepton.dataset import TabularDataset
from lepton.graph.pipeline import Graph
from lepton.graph.trees import ZERO, Trees

UNSEEN: Final = "level never seen \N{SNOWMAN}"
MAX_THRESHOLDS: Final = 3000
N_RANDOM: Final = 500


class Exportable(Protocol):
    """What export asks of a model; `lepton.automl.model.Model` is one."""

    @property
    def family(self) -> str:
        """Name of its family."""

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the numeric features it reads, in order."""

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical features it reads, in order."""

    @property
    def threshold(self) -> float:
        """The decision is 1 where the score reaches it."""

    @property
    def fingerprint(self) -> str:
        """sha256 of all that decides its scores."""

    def graph(self) -> Graph:
        """The same as one graph."""

    def score(self, dataset: TabularDataset) -> np.ndarray:
        """Calibrated probability by the family's own library, float64 (rows,)."""


def cases(
    graph: Graph, sample: TabularDataset, rng: np.random.Generator
) -> dict[str, TabularDataset]:
    """Case -> rows of the graph's features, made from the `sample` of real rows.

    threshold, above, below: every split's threshold (at most `MAX_THRESHOLDS`) written into a
    real row, and the next double to either side.
    """
    real = replace(sample, numeric=graph.numeric, categorical=graph.categorical)
    X, C = real.X, real.C
    found = {"random": _random(X, C, rng), **_constant(X, C)}
    forests = [b.predictor for b in graph.branches if isinstance(b.predictor, Trees)]
    if forests:
        found |= _on_thresholds(forests, X, C, rng)
    made = {name: _dataset(graph, *rows) for name, rows in found.items() if len(rows[0])}
    return {"real": real, **made}


def _random(
    X: np.ndarray, C: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Each cell from another row, so that columns no longer go together; a tenth missing."""
    rows, columns = len(X), X.shape[1]
    numbers = X[rng.integers(0, rows, (N_RANDOM, columns)), np.arange(columns)]
    numbers = np.clip(numbers, -1e300, 1e300) * rng.choice([1.0, 1.0, -1.0, 1e6], numbers.shape)
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    texts = C[rng.integers(0, rows, (N_RANDOM, C.shape[1])), np.arange(C.shape[1])]
    return numbers, texts


def _constant(X: np.ndarray, C: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The first real row with all of its numbers, or all of its texts, replaced."""
    values = {
        "missing": [np.nan],
        "zeros": [0.0, -0.0, ZERO, -ZERO, 1e-36, -1e-36, 2 * ZERO, -2 * ZERO, 5e-324],
        "large": [1e9, -1e9, 1e18, -1e18, 1e300, -1e300, np.finfo(float).max, -np.finfo(float).max],
    }
    found = {}
    for name, numbers in values.items():
        block = np.repeat(np.array(numbers)[:, None], X.shape[1], axis=1)
        text = "" if name == "missing" else C[:1]
        found[name] = (block, np.full((len(numbers), C.shape[1]), text, dtype=object))
    if C.shape[1]:
        found["unseen"] = (X[:20], np.full((len(X[:20]), C.shape[1]), UNSEEN, dtype=object))
    return found


def _on_thresholds(
    forests: Sequence[Trees], X: np.ndarray, C: np.ndarray, rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    splits = [np.column_stack([trees.feature, trees.threshold]) for trees in forests]
    pairs = np.unique(np.vstack(splits), axis=0)
    pairs = pairs[(pairs[:, 0] < X.shape[1]) & np.isfinite(pairs[:, 1])]
    if len(pairs) > MAX_THRESHOLDS:
        pairs = pairs[np.sort(rng.choice(len(pairs), MAX_THRESHOLDS, replace=False))]
    feature, threshold = pairs[:, 0].astype(np.int64), pairs[:, 1]
    base = rng.integers(0, len(X), len(pairs))
    sides = {
        "threshold": threshold,
        "above": np.nextafter(threshold, np.inf),
        "below": np.nextafter(threshold, -np.inf),
    }
    return {name: (_written(X[base], feature, at), C[base]) for name, at in sides.items()}


def _written(X: np.ndarray, feature: np.ndarray, values: np.ndarray) -> np.ndarray:
    X = X.copy()
    X[np.arange(len(X)), feature] = values
    return X


def _dataset(graph: Graph, numbers: np.ndarray, texts: np.ndarray) -> TabularDataset:
    frame = pd.DataFrame(numbers, columns=list(graph.numeric))
    for place, name in enumerate(graph.categorical):
        frame[name] = pd.Series(texts[:, place], dtype="str")
    return TabularDataset(frame, graph.numeric, graph.categorical, {})


__all__ = ["MAX_THRESHOLDS", "UNSEEN", "Exportable", "cases"]
