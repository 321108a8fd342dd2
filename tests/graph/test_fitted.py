"""Preprocessing is fitted on what it is given, and knows nothing of the target."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.features.fitted import MAX_CODES, fit_linear_preprocess, fit_tree_preprocess
from lepton.graph.nodes import Lookup, OneHot, SignedLog


def dataset(**columns: object) -> TabularDataset:
    frame = pd.DataFrame(columns)
    texts = tuple(name for name in columns if not pd.api.types.is_numeric_dtype(frame[name]))
    numeric = tuple(name for name in columns if name not in (*texts, "y"))
    return TabularDataset(frame, numeric, texts, {roles.TARGET: "y"})


def test_linear_columns_are_centred_and_missing_ones_take_the_median() -> None:
    x = np.r_[np.arange(99.0), np.nan]
    rows = dataset(x=x, constant=np.full(100, 7.0), empty=np.full(100, np.nan))
    made = fit_linear_preprocess(rows).apply(rows.X, rows.C)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(made.std(axis=0), [1, 0, 0], atol=1e-12)
    assert made[99, 0] == made[49, 0]


def test_only_heavy_tails_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    rows = dataset(
        heavy=rng.lognormal(0, 2, 500), normal=rng.normal(size=500), epoch=1.7e9 + np.arange(500.0)
    )
    log = fit_linear_preprocess(rows).numeric[1]
    assert isinstance(log, SignedLog)
    assert log.mask.tolist() == [True, False, False]


def test_rare_and_unseen_levels_share_one_place() -> None:
    texts = ["a"] * 40 + ["b"] * 20 + [None] * 15 + ["rare"] * 3
    rows = dataset(k=pd.Series(texts, dtype="str"))
    linear, trees = fit_linear_preprocess(rows), fit_tree_preprocess(rows)
    assert linear.categorical == OneHot((("a", "b", ""),))
    assert trees.categorical == Lookup(({"a": 0.0, "b": 1.0, "": 2.0},), (-1.0,))
    asked = np.array([["rare"], ["never"], [""]], dtype=object)
    empty = np.empty((3, 0))
    assert linear.apply(empty, asked).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert trees.apply(empty, asked).tolist() == [[-1], [-1], [2]]


def test_levels_are_bounded_and_ties_go_by_name() -> None:
    texts = pd.Series([f"level {i:03d}" for i in range(400) for _ in range(10)], dtype="str")
    encode = fit_tree_preprocess(dataset(k=texts.sample(frac=1, random_state=0))).categorical
    assert isinstance(encode, Lookup)
    assert len(encode.tables[0]) == MAX_CODES
    assert encode.tables[0]["level 000"] == 0.0


def test_codes_do_not_know_the_target() -> None:
    texts = pd.Series(["a"] * 20 + ["b"] * 30, dtype="str")
    first = dataset(k=texts, y=np.r_[np.ones(20), np.zeros(30)])
    second = dataset(k=texts, y=np.r_[np.zeros(20), np.ones(30)])
    assert fit_tree_preprocess(first) == fit_tree_preprocess(second)
