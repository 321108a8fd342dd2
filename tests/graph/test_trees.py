"""Trees repeat LightGBM's decisions exactly."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import onnxruntime as ort
import pytest

from lepton.errors import ExportError
from lepton.evaluation.calibration import Calibration
from lepton.graph.nodes import Preprocess
from lepton.graph.pipeline import Branch, Graph
from lepton.graph.trees import NUMBERS, ZERO, Trees

PARAMS = {
    "objective": "binary",
    "num_leaves": 15,
    "min_data_in_leaf": 5,
    "num_threads": 1,
    "verbose": -1,
}


def columns(rng: np.random.Generator, rows: int = 1200) -> np.ndarray:
    """With NaN, without, epoch seconds, mostly zeros, small integers, tiny around zero."""
    X = np.column_stack(
        [
            rng.normal(size=rows),
            rng.normal(size=rows),
            1.7e9 + rng.integers(0, 10**7, rows),
            np.where(rng.random(rows) < 0.6, 0.0, rng.normal(size=rows)),
            rng.integers(0, 4, rows),
            rng.choice([-1.0, -1e-36, 0.0, 1e-36, 1.0], rows),
        ]
    )
    X[rng.random(rows) < 0.2, 0] = np.nan
    return X


def booster(
    X: np.ndarray, rng: np.random.Generator, rounds: int = 20, **params: object
) -> lgb.Booster:
    signal = np.nan_to_num(X[:, 0]) + X[:, 1] + X[:, 3] + X[:, 5] + (X[:, 2] - 1.705e9) / 3e6
    y = (signal + rng.normal(size=len(X)) > 0.5).astype(float)
    return lgb.train({**PARAMS, **params}, lgb.Dataset(X, y), rounds)


def adversarial(trees: Trees, X: np.ndarray) -> np.ndarray:
    """Each threshold and its neighbours written into a row, and values that are easily lost."""
    rows: list[np.ndarray] = []
    for feature, threshold in zip(trees.feature, trees.threshold, strict=True):
        for value in (threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf)):
            row = X[len(rows) % len(X)].copy()
            row[feature] = value
            rows.append(row)
    for value in (np.nan, 0.0, -0.0, ZERO, -ZERO, 2 * ZERO, -2 * ZERO, 1e-36, 1e300, -1e300):
        rows.append(np.full(X.shape[1], value))
    return np.array(rows)


def run(trees: Trees, X: np.ndarray) -> np.ndarray:
    names = tuple(f"f{i}" for i in range(X.shape[1]))
    graph = Graph(names, (), (Branch(Preprocess(X.shape[1]), trees),), Calibration(), 0.5)
    session = ort.InferenceSession(graph.to_onnx(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["score"], {"numeric": X})[0])


@pytest.mark.parametrize("seed", range(3))
def test_every_threshold_and_its_neighbours_go_where_lightgbm_sends_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = columns(rng)
    model = booster(X, rng)
    trees = Trees.from_lightgbm(model)
    rows = np.vstack([X, adversarial(trees, X)])
    np.testing.assert_array_equal(trees.margin(rows), model.predict(rows, raw_score=True))
    np.testing.assert_allclose(run(trees, rows), model.predict(rows), rtol=0, atol=1e-12)


def test_missing_values_never_seen_in_training_count_as_zero() -> None:
    rng = np.random.default_rng(4)
    X = columns(rng)
    model = booster(np.nan_to_num(X), rng)
    trees = Trees.from_lightgbm(model)
    empty, zero = np.full((1, 6), np.nan), np.zeros((1, 6))
    assert trees.margin(empty) == trees.margin(zero) == model.predict(empty, raw_score=True)
    assert run(trees, empty) == run(trees, zero)


def test_first_trees_equal_lightgbm_with_fewer_rounds() -> None:
    rng = np.random.default_rng(5)
    X = columns(rng)
    model = booster(X, rng)
    whole = Trees.from_lightgbm(model)
    short = whole.truncate(7)
    assert short.n_trees == 7
    assert short.n_leaves == Trees.from_lightgbm(model, 7).n_leaves < whole.n_leaves
    np.testing.assert_array_equal(
        short.margin(X), model.predict(X, raw_score=True, num_iteration=7)
    )
    assert whole.truncate(99) is whole


def test_a_forest_of_single_leaves_is_a_constant() -> None:
    X = np.zeros((12, 2))
    model = lgb.train(PARAMS, lgb.Dataset(X, np.r_[1.0, np.zeros(11)]), 2)
    trees = Trees.from_lightgbm(model)
    assert trees.n_leaves == trees.n_trees
    np.testing.assert_allclose(run(trees, X), model.predict(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"linear_tree": True}, "linear trees"),
        ({"zero_as_missing": True}, "zero as missing"),
        ({"sigmoid": 2.0}, "binary sigmoid:2"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averaged"),
        ({"objective": "regression"}, "objective 'regression'"),
    ],
)
def test_what_has_no_exact_twin_is_refused_by_name(params: dict[str, object], named: str) -> None:
    rng = np.random.default_rng(6)
    model = booster(columns(rng), rng, 3, **params)
    with pytest.raises(ExportError, match=f"LK501.*{named}"):
        Trees.from_lightgbm(model)


@pytest.mark.parametrize("params", [{"objective": "l2"}, {"objective": "quantile", "alpha": 0.9}])
def test_forests_of_numbers_are_summed_as_lightgbm_does(params: dict[str, object]) -> None:
    rng = np.random.default_rng(8)
    X = columns(rng)
    target = X[:, 0] + rng.normal(0, 1, len(X))
    model = lgb.train({**PARAMS, **params}, lgb.Dataset(X, np.nan_to_num(target)), 5)
    trees = Trees.from_lightgbm(model, objectives=NUMBERS)
    assert np.abs(trees.margin(X) - model.predict(X)).max() < 1e-12
    with pytest.raises(ExportError, match="LK501"):
        Trees.from_lightgbm(model)


def test_categorical_splits_are_refused_by_name() -> None:
    rng = np.random.default_rng(7)
    X = columns(rng)
    data = lgb.Dataset(X, (X[:, 4] == 2).astype(float), categorical_feature=[4])
    model = lgb.train(PARAMS, data, 2)
    with pytest.raises(ExportError, match="split of kind '=='"):
        Trees.from_lightgbm(model)


def test_a_split_of_missing_from_all_else_sends_the_largest_number_with_the_rest() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 1))
    X[:300] = np.nan
    y = np.repeat([1.0, 0.0], 300)
    model = lgb.train({**PARAMS, "num_leaves": 2}, lgb.Dataset(X, y), 1)
    trees = Trees.from_lightgbm(model)
    assert np.isinf(trees.threshold).any()
    rows = np.array([[np.nan], [0.0], [1e300], [np.finfo(float).max], [-np.finfo(float).max]])
    np.testing.assert_array_equal(trees.margin(rows), model.predict(rows, raw_score=True))
    np.testing.assert_allclose(run(trees, rows), model.predict(rows), rtol=0, atol=1e-12)
