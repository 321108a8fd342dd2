"""Neighbours from distances and roads: small graphs whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.neighbourhood import (
    along_roads,
    apart_m,
    from_edges,
    kernel_weights,
    kernel_width,
)
from lepton_edge.neighbours import MOST


def test_weights_fall_with_the_square_of_the_distance_and_end_at_a_tenth() -> None:
    away = np.array([0.0, 1_000.0, 2_000.0, 3_000.0])
    weight = kernel_weights(away, 1_000.0)
    assert weight.tolist() == pytest.approx([1.0, np.exp(-1), 0.0, 0.0])
    assert kernel_weights(np.zeros(2), 0.0).tolist() == [1.0, 1.0]


def test_the_kernel_is_as_wide_as_distances_differ_and_reaches_beyond_the_nearest() -> None:
    far = np.array([1_000.0, 9_000.0, 1_000.0, 9_000.0])
    assert kernel_width(np.array(["a", "a", "b", "b"]), far) == 4_000.0
    alike = np.array([500.0, 500.0])
    assert kernel_width(np.array(["a", "b"]), alike) == 1_000.0
    assert kernel_width(np.empty(0), np.empty(0)) == 0.0


def test_the_table_of_edges_is_followed_the_way_traffic_goes() -> None:
    edges = pd.DataFrame(
        {"from_id": ["a", "b", "b", "x"], "to_id": ["b", "c", "b", "a"], "distance_m": 800.0}
    )
    found = from_edges(["c", "a", "b"], edges)
    assert found.down == ((), (2,), (0,))
    assert found.up == ((2,), (), (1,))


def test_given_weights_come_before_distances() -> None:
    edges = pd.DataFrame({"from_id": ["a"], "to_id": ["b"], "weight": [0.25], "distance_m": [9.0]})
    assert from_edges(["a", "b"], edges).down_weights == ((0.25,), ())


def test_roads_are_ordered_by_kilometre_and_directions_kept_apart() -> None:
    ids = ["n2", "n0", "n1", "s0", "lost"]
    edges = along_roads(ids, ["N", "N", "N", "S", None], np.array([2.0, 0.0, 1.0, 0.5, 1.5]))
    pairs = set(zip(edges["from_id"], edges["to_id"], edges["distance_m"], strict=True))
    assert pairs == {("n0", "n1", 1_000.0), ("n1", "n2", 1_000.0), ("n0", "n2", 2_000.0)}


def test_no_series_has_more_neighbours_than_a_device_carries() -> None:
    ids = [f"s{n}" for n in range(12)]
    found = from_edges(ids, along_roads(ids, ["N"] * 12, np.arange(12) / 2.0, most=11))
    assert max(map(len, found.up)) == MOST
    assert found.down[0][0] == 1


def test_a_degree_of_latitude_is_111_kilometres() -> None:
    away = apart_m(np.array([50.0, 51.0]), np.array([8.0, 8.0]))
    assert away[0, 1] == pytest.approx(111_195, rel=1e-3)
    assert away[0, 0] == 0.0
