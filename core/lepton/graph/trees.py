"""Boosted trees as flat arrays: LightGBM's decisions, exactly, in numpy and in ONNX.

The rules are those of LightGBM's `Tree::NumericalDecision` and `kZeroThreshold`
(include/LightGBM/tree.h, meta.h): NaN goes the default way where the split knows missing
values and counts as 0 elsewhere; a number of at most 1e-35 counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np

from lepton.errors import ExportError
from lepton.graph.emit import ML, Builder, tensor

ZERO: Final = float(np.float32(1e-35))
"""LightGBM's kZeroThreshold, a float: |x| up to it is read as 0."""
_UNBOUNDED: Final = 1e300
"""What LightGBM's `Common::AvoidInf` makes of an infinite threshold in a dump."""


LOG_ODDS: Final = frozenset({"binary sigmoid:1", "cross_entropy"})
"""LightGBM's objectives whose raw scores are log-odds; the second one takes soft targets."""
NUMBERS: Final = frozenset({"regression", "quantile"})
"""LightGBM's objectives whose raw scores are the forecast itself."""


@dataclass(frozen=True, eq=False)
class Trees:
    """A forest whose leaves are summed to a log-odds, or to a number.

    feature, threshold, nan_left, left, right: one entry a split; x <= threshold goes left.
    left, right: number of a split, or ~leaf. leaf: values; roots: each tree's first split, in
    the order of summing. A tree of one leaf is a split with that leaf on both sides.
    """

    width: int
    feature: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray
    roots: np.ndarray

    @classmethod
    def from_lightgbm(
        cls, booster: Any, n_trees: int | None = None, objectives: frozenset[str] = LOG_ODDS
    ) -> Trees:
        """The forest of a fitted booster, its first `n_trees` trees where given.

        objectives: those whose raw scores mean what the caller takes them for. Raises ExportError
        LK501 naming what has no exact twin: linear trees, categorical splits, averaged or several
        outputs, another objective, zero as missing.
        """
        dump = booster.dump_model(num_iteration=n_trees)
        _refuse_unknown(dump, objectives)
        flat = _Flat()
        for tree in dump["tree_info"]:
            flat.append(tree["tree_structure"])
        return flat.trees(int(dump["max_feature_idx"]) + 1)

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.roots)

    @property
    def n_leaves(self) -> int:
        """Number of leaves of all trees."""
        return len(self.leaf)

    def truncate(self, n_trees: int) -> Trees:
        """The forest of the first `n_trees` trees."""
        if n_trees >= self.n_trees:
            return self
        n = int(self.roots[n_trees])
        n_leaves = int(~min(self.left[:n].min(), self.right[:n].min())) + 1
        return Trees(
            self.width,
            self.feature[:n],
            self.threshold[:n],
            self.nan_left[:n],
            self.left[:n],
            self.right[:n],
            self.leaf[:n_leaves],
            self.roots[:n_trees],
        )

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Log-odds, float64 (rows,), summed tree by tree as LightGBM does."""
        total = np.zeros(len(matrix))
        for root in self.roots:
            total += self.leaf[self._reached(matrix, int(root))]
        return total

    def _reached(self, matrix: np.ndarray, root: int) -> np.ndarray:
        at = np.full(len(matrix), root, dtype=np.int64)
        inside = np.arange(len(matrix))
        while len(inside):
            node = at[inside]
            value = matrix[inside, self.feature[node]]
            goes_left = (value <= self.threshold[node]) | (np.isnan(value) & self.nan_left[node])
            at[inside] = np.where(goes_left, self.left[node], self.right[node])
            inside = inside[at[inside] >= 0]
        return ~at

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the log-odds, shape (rows,), in the graph; thresholds and sums in double."""
        is_leaf = {"true": self.left < 0, "false": self.right < 0}
        ids = {"true": np.where(self.left < 0, ~self.left, self.left)}
        ids["false"] = np.where(self.right < 0, ~self.right, self.right)
        summed = builder.add(
            "TreeEnsemble",
            name,
            domain=ML,
            n_targets=1,
            aggregate_function=1,
            post_transform=0,
            tree_roots=self.roots.tolist(),
            nodes_featureids=self.feature.tolist(),
            nodes_modes=tensor("modes", np.zeros(len(self.feature), dtype=np.uint8)),
            nodes_splits=tensor("splits", self.threshold),
            nodes_truenodeids=ids["true"].tolist(),
            nodes_trueleafs=is_leaf["true"].astype(int).tolist(),
            nodes_falsenodeids=ids["false"].tolist(),
            nodes_falseleafs=is_leaf["false"].astype(int).tolist(),
            nodes_missing_value_tracks_true=self.nan_left.astype(int).tolist(),
            leaf_targetids=[0] * self.n_leaves,
            leaf_weights=tensor("leaves", self.leaf),
        )
        return builder.add("Reshape", summed, builder.constant(np.array([-1], dtype=np.int64)))


class _Flat:
    """Arrays that grow tree by tree."""

    def __init__(self) -> None:
        self.splits: list[tuple[int, float, bool]] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.leaves: list[float] = []
        self.roots: list[int] = []

    def append(self, structure: Mapping[str, Any]) -> None:
        """Add one tree of `dump_model`, its first split first."""
        self.roots.append(len(self.splits))
        if "leaf_value" in structure:
            leaf = self._leaf(structure)
            self._split((0, 0.0, False))
            self.left[-1] = self.right[-1] = leaf
            return
        waiting = [(structure, self._split(_rule(structure)))]
        while waiting:
            node, place = waiting.pop()
            for side, children in (("left_child", self.left), ("right_child", self.right)):
                child = node[side]
                if "leaf_value" in child:
                    children[place] = self._leaf(child)
                else:
                    children[place] = self._split(_rule(child))
                    waiting.append((child, children[place]))

    def trees(self, width: int) -> Trees:
        """The arrays as they stand."""
        feature, threshold, nan_left = zip(*self.splits, strict=True)
        return Trees(
            width,
            np.array(feature, dtype=np.int64),
            np.array(threshold, dtype=np.float64),
            np.array(nan_left, dtype=bool),
            np.array(self.left, dtype=np.int64),
            np.array(self.right, dtype=np.int64),
            np.array(self.leaves, dtype=np.float64),
            np.array(self.roots, dtype=np.int64),
        )

    def _leaf(self, node: Mapping[str, Any]) -> int:
        self.leaves.append(float(node["leaf_value"]))
        return ~(len(self.leaves) - 1)

    def _split(self, rule: tuple[int, float, bool]) -> int:
        self.splits.append(rule)
        self.left.append(0)
        self.right.append(0)
        return len(self.splits) - 1


def _rule(node: Mapping[str, Any]) -> tuple[int, float, bool]:
    """(feature, threshold, NaN goes left) with LightGBM's zero rule folded into the threshold.

    -ZERO <= t < ZERO separates only what lies beyond +-ZERO: numbers inside it count as 0. A
    split of missing from all else has no upper bound, which the dump writes as 1e300.
    """
    threshold = float(node["threshold"])
    threshold = np.inf if threshold >= _UNBOUNDED else threshold
    as_zero = threshold >= 0.0
    if -ZERO <= threshold < 0.0:
        threshold = float(np.nextafter(-ZERO, -np.inf))
    elif 0.0 <= threshold < ZERO:
        threshold = ZERO
    nan_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else as_zero
    return int(node["split_feature"]), threshold, nan_left


def _refuse_unknown(dump: Mapping[str, Any], objectives: frozenset[str]) -> None:
    if dump["num_tree_per_iteration"] != 1 or dump["average_output"]:
        _refuse(f"{dump['num_tree_per_iteration']} trees a round, averaged or for several classes")
    if dump["objective"] not in objectives:
        known = " or ".join(f"'{name}'" for name in sorted(objectives))
        _refuse(f"objective '{dump['objective']}', where {known} is known")
    if not dump["tree_info"]:
        _refuse("a forest without trees")
    for node in (node for tree in dump["tree_info"] for node in _walk(tree["tree_structure"])):
        if "leaf_const" in node:
            _refuse("linear trees (linear_tree=true)")
        if node.get("decision_type", "<=") != "<=":
            _refuse(f"a split of kind '{node['decision_type']}' (categorical_feature)")
        if node.get("missing_type") == "Zero":
            _refuse("zero as missing (zero_as_missing=true)")


def _walk(structure: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [structure]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [node[side] for side in ("left_child", "right_child") if side in node]


def _refuse(found: str) -> NoReturn:
    raise ExportError(
        "LK501",
        where="LightGBM model",
        found=f"it has {found}, which the graph cannot repeat exactly",
        remedy="train without it, or ship another model of the leaderboard",
    )


__all__ = ["LOG_ODDS", "NUMBERS", "ZERO", "Trees"]
