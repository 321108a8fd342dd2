"""Neighbours as plain data: what is stored comes back, and nonsense is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lepton_edge.neighbours import MOST, NONE, Neighbours

ROAD = Neighbours(
    ("a", "b", "c"),
    up=((), (0,), (1, 0)),
    down=((1, 2), (2,), ()),
    up_weights=((), (0.9,), (0.8, 0.3)),
    down_weights=((0.9, 0.3), (0.8,), ()),
)


def test_what_is_written_as_json_comes_back() -> None:
    assert Neighbours.from_json(json.loads(json.dumps(ROAD.to_json()))) == ROAD


def test_arrays_are_padded_with_no_neighbour_of_no_weight() -> None:
    codes, weights = ROAD.arrays
    assert codes.shape == weights.shape == (3, 2, MOST)
    assert codes[2, 0].tolist() == [1, 0, NONE, NONE]
    assert weights[2, 0].tolist() == [0.8, 0.3, 0.0, 0.0]
    assert np.array_equal(codes == NONE, weights == 0.0)
    assert ROAD.n_edges == 6


def test_a_part_in_another_order_keeps_its_own_neighbours() -> None:
    part = ROAD.of(("c", "new", "a"))
    assert part.up == ((2,), (), ())
    assert part.down == ((), (), (0,))
    assert part.up_weights == ((0.3,), (), ())


def test_series_without_a_graph_stand_alone() -> None:
    assert Neighbours.none(("a", "b")).n_edges == 0


@pytest.mark.parametrize(
    ("up", "weights", "about"),
    [
        (((0,), ()), ((0.5,), ()), "itself"),
        (((1, 1), ()), ((0.5, 0.4), ()), "twice"),
        (((2,), ()), ((0.5,), ()), "none of the series"),
        (((1,), ()), ((0.0,), ()), "weight outside"),
        (((1,), ()), ((), ()), "one weight each is needed"),
        (((1,),), ((0.5,),), "one entry a series"),
    ],
)
def test_what_is_no_graph_is_refused(
    up: tuple[tuple[int, ...], ...], weights: tuple[tuple[float, ...], ...], about: str
) -> None:
    with pytest.raises(ValueError, match=about):
        Neighbours(("a", "b"), up, ((), ()), weights, ((), ()))
