"""Two stages: retrieved items, ranked anew by boosted trees that learnt from past windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from lepton.errors import SearchError
from lepton.graph.trees import Trees
from lepton.recommend.aspects import aspects
from lepton.recommend.families.base import Family
from lepton.recommend.interactions import DAY_S, InteractionDataset
from lepton.recommend.ranking import chunks
from lepton.recommend.retrieved import RETRIEVERS, Depth, Retrieved, Retrievers, fit_retrievers
from lepton.recommend.windows import MODES, Window

OBJECTIVE: Final = frozenset({"lambdarank"})
PARAMS: Final[Mapping[str, Any]] = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "lambdarank_truncation_level": 20,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
FEWEST_POSITIVES: Final = 50
"""Below, a mode has nothing to learn an order from."""


@dataclass(frozen=True)
class Lambdarank:
    """windows: how many of the past are learnt from; stride_days: between their cutoffs; days: of
    each; trees: mode -> how many; negatives: share of the candidates that nobody took that are
    learnt from; params: of LightGBM beside PARAMS."""

    windows: int = 8
    stride_days: float = 14.0
    days: float = 28.0
    trees: Mapping[str, int] = field(default_factory=lambda: {"all": 200, "new": 150})
    negatives: float = 0.5
    retrievers: Mapping[str, Family] = field(default_factory=lambda: RETRIEVERS)
    depth: Depth = field(default_factory=Depth)
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str = "lambdarank"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> TwoStage:
        """Trees that order candidates as customers did (Burges 2010), one forest a mode.

        Raises SearchError LK471 where the past has too few windows in which something was taken.
        """
        lessons = [self._lesson(window, rng) for window in self._windows(known)]
        seed = int(rng.integers(1 << 31))
        forests = {mode: self._forest(lessons, mode, seed) for mode in MODES}
        retrievers = fit_retrievers(known, rng, self.retrievers, self.depth)
        return TwoStage(self, retrievers, forests)

    def _windows(self, known: InteractionDataset) -> Iterator[Window]:
        first_s = int(known.at_s.min(initial=known.as_of_s))
        for number in range(self.windows):
            cutoff_s = known.as_of_s - round((self.days + number * self.stride_days) * DAY_S)
            if cutoff_s - first_s < self.days * DAY_S:
                return
            window = Window.at(known, cutoff_s, self.days)
            if window.taken.nnz:
                yield window

    def _lesson(self, window: Window, rng: np.random.Generator) -> _Lesson:
        fitted = fit_retrievers(window.known, rng, self.retrievers, self.depth)
        retrieved = fitted.retrieve(window.known, window.customers)
        key = _keys(retrieved, window)
        taken = np.isin(key, _positions(window.taken))
        fresh = ~np.isin(key, _positions(window.owned))
        kept = taken | (rng.random(len(key)) < self.negatives)
        X, names = aspects(window.known, window.customers, retrieved)
        return _Lesson(X[kept], taken[kept], fresh[kept], retrieved.row[kept], names)

    def _forest(self, lessons: list[_Lesson], mode: str, seed: int) -> Trees:
        import lightgbm

        parts = [lesson.of(mode) for lesson in lessons]
        n = int(sum(y.sum() for _, y, _ in parts))
        if n < FEWEST_POSITIVES:
            raise SearchError(
                "LK471",
                where=f"lambdarank, mode {mode}",
                found=f"{n} items taken in {len(parts)} windows, {FEWEST_POSITIVES} are needed",
                remedy="give a longer history, or leave lambdarank out of the families",
            )
        X, y, group = (np.concatenate(column) for column in zip(*parts, strict=True))
        rows = lightgbm.Dataset(X, y, group=group, feature_name=list(lessons[0].names))
        params = {**PARAMS, **self.params, "seed": seed}
        booster = lightgbm.train(params, rows, self.trees[mode])
        return Trees.from_lightgbm(booster, objectives=OBJECTIVE)


@dataclass(frozen=True, eq=False)
class _Lesson:
    """Candidates of one window: aspects, whether each was taken, whether it was new, of whom."""

    X: np.ndarray
    taken: np.ndarray
    fresh: np.ndarray
    row: np.ndarray
    names: tuple[str, ...]

    def of(self, mode: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Aspects, 1 where taken, and the size of each customer's group; those who took none of
        what was put forward teach nothing."""
        kept = np.ones(len(self.row), dtype=bool) if mode == "all" else self.fresh.copy()
        n = int(self.row.max(initial=0)) + 1
        kept &= (np.bincount(self.row[kept & self.taken], minlength=n) > 0)[self.row]
        sizes = np.unique(self.row[kept], return_counts=True)[1]
        return self.X[kept], self.taken[kept].astype(np.float64), sizes


@dataclass(frozen=True, eq=False)
class TwoStage:
    """recipe; the fitted first stage; mode -> forest over the aspects."""

    recipe: Lambdarank
    retrievers: Retrievers
    forests: Mapping[str, Trees]

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """The forest's score of what was put forward, -inf for all else."""
        found = np.full((len(customers), len(known.items)), -np.inf, dtype=np.float32)
        run = runner(self.forests[mode])
        for part in chunks(len(customers)):
            asked = customers[part]
            retrieved = self.retrievers.retrieve(known, asked, owned=mode != "new")
            X, _ = aspects(known, asked, retrieved)
            found[part][retrieved.row, retrieved.item] = run(X)
        return found


def runner(forest: Trees) -> Any:
    """aspects -> scores, by the graph of the forest in onnxruntime."""
    from lepton.graph.emit import Builder, Side
    from lepton_edge.runtime import CPU, session

    builder = Builder()
    told = forest.emit(builder, builder.cast("X", np.float64))
    given: Side = {"X": (np.dtype(np.float32), ["n", forest.width])}
    model = builder.model(given, {told: (np.dtype(np.float64), ["n"])}, {})
    made = session(model.SerializeToString(), "forest", CPU)

    def run(X: np.ndarray) -> np.ndarray:
        return np.asarray(made.run([told], {"X": X})[0])

    return run


def _keys(retrieved: Retrieved, window: Window) -> np.ndarray:
    return np.asarray(retrieved.row * window.taken.shape[1] + retrieved.item)


def _positions(told: Any) -> np.ndarray:
    rows = np.repeat(np.arange(told.shape[0]), np.diff(told.indptr))
    return np.asarray(rows * told.shape[1] + told.indices)


__all__ = ["FEWEST_POSITIVES", "PARAMS", "Lambdarank", "TwoStage", "runner"]
