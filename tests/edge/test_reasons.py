"""Reasons: what raises the score, the strongest first, in plain words."""

from __future__ import annotations

import numpy as np

from lepton_edge.reasons import MOST, Group, Reasons, read_reasons

TOLD = {
    "groups": [
        {"phrase": "amount", "features": ["a", "b"]},
        {"phrase": "place", "features": ["shop"]},
        {"phrase": "pace", "features": ["c"]},
        {"phrase": "elsewhere", "features": ["not of this model"]},
        {"phrase": "time", "features": ["d"]},
    ],
    "typical": {
        "numeric": {"a": 0.0, "b": 0.0, "c": None, "d": 0.0},
        "categorical": {"shop": "food"},
    },
}
NUMERIC, CATEGORICAL = ("a", "b", "c", "d"), ("shop",)


def linear(numeric: np.ndarray, categorical: np.ndarray) -> np.ndarray:
    """Log-odds a + b + 2 if the shop is new - c, a missing c counting nothing, + d / 2."""
    a, b, c, d = numeric.T
    margin = a + b + 2.0 * (categorical[:, 0] == "new") - np.nan_to_num(c) + d / 2
    return np.asarray(1 / (1 + np.exp(-margin)))


def reasons() -> Reasons:
    return read_reasons(TOLD, NUMERIC, CATEGORICAL)


def test_a_group_adds_what_the_log_odds_lose_without_it() -> None:
    numbers = np.array([[1.0, 2.0, 0.5, 0.0], [-1.0, 0.0, -4.0, 1.0]])
    texts = np.array([["new"], ["food"]], dtype=object)
    found = reasons().contributions(linear, numbers, texts)
    np.testing.assert_allclose(found, [[3.0, 2.0, -0.5, 0.0], [-1.0, 0.0, 4.0, 0.5]], atol=1e-9)


def test_only_what_raises_the_score_is_told_and_at_most_three() -> None:
    numbers = np.array([[1.0, 0.0, 0.5, 0.0], [1.0, 0.0, -3.0, 1.0], [0.0, 0.0, 9.0, 0.0]])
    texts = np.array([["new"], ["new"], ["food"]], dtype=object)
    found = reasons().phrases(linear, numbers, texts)
    assert found == [("place", "amount"), ("pace", "place", "amount"), ()]
    assert len(found[1]) == MOST


def test_groups_without_a_feature_of_the_model_are_left_out() -> None:
    assert [group.phrase for group in reasons().groups] == ["amount", "place", "pace", "time"]


def test_many_rows_and_one_row_are_told_the_same() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(700, 4))
    texts = rng.choice(np.array(["new", "food"], dtype=object), (700, 1))
    together = reasons().phrases(linear, numbers, texts)
    alone = [
        reasons().phrases(linear, numbers[at : at + 1], texts[at : at + 1])[0] for at in range(700)
    ]
    assert together == alone


def test_no_rows_have_no_reasons() -> None:
    empty = Reasons((Group("amount", (0,), ()),), (0.0,), ())
    assert empty.phrases(linear, np.empty((0, 1)), np.empty((0, 0), dtype=object)) == []
