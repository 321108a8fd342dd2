"""Hierarchies add up, and errors decide whom to believe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.errors import DataError
from lepton.forecast.reconcile import Hierarchy, bottom_up, coherent_quantiles, mint, reconciled

PARENTS = {"a": "west", "total": None, "b": "west", "west": "total", "c": "total"}


def made(seed: int, n: int = 400) -> tuple[Hierarchy, np.ndarray, np.ndarray]:
    """Truths that add up, and forecasts whose leaves err together and whose total errs little."""
    hierarchy, rng = Hierarchy.of(PARENTS), np.random.default_rng(seed)
    leaves = 100 + rng.normal(0, 10, (3, n))
    truth = hierarchy.sums @ leaves
    errors = rng.normal(0, 4, (5, n)) + rng.normal(0, 3, n)
    errors[0] = rng.normal(0, 2, n)
    return hierarchy, truth, truth + errors


def test_every_node_is_the_sum_of_its_leaves() -> None:
    hierarchy = Hierarchy.of(PARENTS)
    assert hierarchy.leaves == ("a", "b", "c")
    assert hierarchy.nodes == ("total", "west", "a", "b", "c")
    assert hierarchy.sums[:2].tolist() == [[1, 1, 1], [1, 1, 0]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 100))
def test_forecasts_add_up_to_a_millionth_whatever_the_errors(seed: int, n: int) -> None:
    hierarchy, truth, told = made(seed, n)
    for projection in (bottom_up(hierarchy), mint(hierarchy, truth - told)):
        assert hierarchy.incoherence(reconciled(projection, told)) < 1e-6
        assert np.allclose(reconciled(projection, truth), truth), "what adds up stays"


def test_mint_beats_bottom_up_and_keeps_the_good_total_on_new_days() -> None:
    hierarchy, truth, told = made(0)
    projection = mint(hierarchy, (truth - told)[:, :200])
    later = slice(200, 400)
    ours = np.abs(reconciled(projection, told[:, later]) - truth[:, later]).mean(axis=1)
    leaves = np.abs(reconciled(bottom_up(hierarchy), told[:, later]) - truth[:, later]).mean(axis=1)
    direct = np.abs(told[:, later] - truth[:, later]).mean(axis=1)
    assert ours[0] <= min(leaves[0], direct[0]) * 1.01
    assert ours[2:].mean() < direct[2:].mean()


def test_paths_of_quantiles_add_up() -> None:
    hierarchy, truth, told = made(1)
    errors = (truth - told).reshape(5, -1, 4).transpose(1, 0, 2)
    found = coherent_quantiles(bottom_up(hierarchy), told[:, :4], errors, (0.1, 0.5, 0.9))
    assert found.shape == (5, 4, 3)
    assert (np.diff(found, axis=-1) > 0).all()


def test_a_circle_and_an_unknown_parent_are_refused() -> None:
    with pytest.raises(DataError, match="LK267"):
        Hierarchy.of({"a": "b", "b": "a"})
    with pytest.raises(DataError, match="a belongs to z, which is not there"):
        Hierarchy.of({"a": "z"})
