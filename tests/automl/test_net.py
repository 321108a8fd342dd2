"""The family of networks: repeatable, bounded by its deadline, honest about rare positives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch comes with the extra `nets`")

from lepton.automl.families.base import Fold, never
from lepton.automl.families.net import FAMILY, LEAST_OF_A_KIND
from lepton.automl.families.training import Lesson, Schedule, train
from lepton.dataset import TabularDataset
from lepton.graph.nets import random_network

PARAMS = {**FAMILY.portfolio[0], "hidden": [16, 8], "epochs": 6, "learning_rate": 0.01}


@pytest.fixture
def fold(make_rows: Callable[..., TabularDataset]) -> Fold:
    learnt, watched = make_rows(3000, seed=1), make_rows(1000, seed=2)
    steps = FAMILY.preprocess(learnt)
    sides = [(steps.apply(rows.X, rows.C), rows.y) for rows in (learnt, watched)]
    return Fold(*sides[0], *sides[1])


def auc(margin: np.ndarray, y: np.ndarray) -> float:
    order = np.argsort(np.argsort(margin))
    positives = y > 0
    n = positives.sum()
    return float((order[positives].sum() - n * (n - 1) / 2) / (n * (len(y) - n)))


def test_it_learns_and_its_mean_score_is_the_rate_of_positives(fold: Fold) -> None:
    few = {**PARAMS, "negatives_each": 2}
    for params in (PARAMS, few):
        made = FAMILY.fit(fold, params, 0, never)
        margin = FAMILY.margin(made.estimator, fold.X_valid)
        assert auc(margin, fold.y_valid) > 0.75
        assert abs((1 / (1 + np.exp(-margin))).mean() - fold.y_valid.mean()) < 0.04


def test_the_same_seed_gives_the_same_network_and_another_seed_another(fold: Fold) -> None:
    first, second, other = (FAMILY.fit(fold, PARAMS, seed, never) for seed in (3, 3, 4))
    assert FAMILY.dump(first.estimator) == FAMILY.dump(second.estimator)
    assert FAMILY.dump(first.estimator) != FAMILY.dump(other.estimator)


def test_a_refit_runs_the_epochs_that_the_fit_has_settled(fold: Fold) -> None:
    made = FAMILY.fit(fold, {**PARAMS, "patience": 1, "epochs": 30}, 0, never)
    assert 1 <= made.params["rounds"] < 30
    again = FAMILY.refit(fold, made.params, 0, never)
    assert again.params == made.params
    assert not again.cut_short
    same = np.allclose(
        FAMILY.margin(again.estimator, fold.X), FAMILY.margin(made.estimator, fold.X), atol=1e-4
    )
    assert same


def test_a_deadline_ends_a_fit_with_what_it_has(fold: Fold) -> None:
    asked = iter(range(1000))
    made = FAMILY.fit(fold, {**PARAMS, "epochs": 500, "patience": 500}, 0, lambda: next(asked) > 3)
    assert made.cut_short
    assert np.isfinite(FAMILY.margin(made.estimator, fold.X)).all()
    assert FAMILY.fit(fold, PARAMS, 0, lambda: True).cut_short


def test_finer_kinds_are_learnt_beside_the_target_only_where_there_are_enough(fold: Fold) -> None:
    kinds = np.where(fold.y > 0, np.arange(len(fold.y)) % 2, -1)
    params = {**PARAMS, "multitask": True}
    both = FAMILY.fit(replace(fold, auxiliary=kinds), params, 0, never)
    plain = FAMILY.fit(fold, PARAMS, 0, never)
    assert both.params["multitask"]
    assert both.estimator.hidden == plain.estimator.hidden
    assert both.estimator.n_parameters == plain.estimator.n_parameters
    assert FAMILY.dump(both.estimator) != FAMILY.dump(plain.estimator)


@pytest.mark.parametrize(("first", "second"), [(60, LEAST_OF_A_KIND - 1), (60, 0), (0, 0)])
def test_kinds_that_are_too_few_are_left_out(fold: Fold, first: int, second: int) -> None:
    kinds = np.full(len(fold.y), -1)
    positives = np.flatnonzero(fold.y > 0)
    kinds[positives[:first]], kinds[positives[first : first + second]] = 0, 1
    params = {**PARAMS, "multitask": True, "epochs": 1}
    made = FAMILY.fit(replace(fold, auxiliary=kinds), params, 0, never)
    alone = FAMILY.fit(fold, {**params, "multitask": False}, 0, never)
    assert not made.params["multitask"]
    assert FAMILY.dump(made.estimator) == FAMILY.dump(alone.estimator)


def test_soft_targets_are_learnt_as_they_are() -> None:
    X = np.repeat([[0.0], [1.0]], 400, axis=0)
    target = np.where(X[:, 0] > 0, 0.3, 0.1)
    start = random_network(1, (8,), np.random.default_rng(0))
    schedule = Schedule(epochs=60, learning_rate=0.02, weight_decay=0.0)
    made = train(start, Lesson(X, target), schedule, 0, never)
    score = 1 / (1 + np.exp(-made.network.margin(np.array([[0.0], [1.0]]))))
    np.testing.assert_allclose(score, [0.1, 0.3], atol=0.02)


def test_without_torch_the_family_says_that_it_is_not_available(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert FAMILY.available()
    monkeypatch.setattr("lepton.automl.families.net.find_spec", lambda name: None)
    assert not FAMILY.available()
