"""Pruning removes whole units, the weakest first, and nothing else."""

from __future__ import annotations

import numpy as np

from lepton.compress.prune import FEWEST_UNITS, magnitudes, n_parameters, prune, sizes_within
from lepton.graph.nets import Dense, Network, random_network

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(200, 12))
WHOLE = random_network(12, (40, 30, 20), np.random.default_rng(1))


def test_pruning_nothing_keeps_the_function() -> None:
    same = prune(WHOLE, WHOLE.hidden)
    assert (same.margin(MATRIX) == WHOLE.margin(MATRIX)).all()


def test_units_without_weight_leave_first_and_the_function_stays() -> None:
    first, second, *others = WHOLE.layers
    dead = np.ones(40, dtype=np.float32)
    dead[[3, 7, 30]] = 0.0
    made = Network((Dense(first.weights * dead, first.bias * dead), second, *others))
    assert set(np.argsort(magnitudes(made)[0])[:3]) == {3, 7, 30}
    small = prune(made, (37, 30, 20))
    assert small.hidden == (37, 30, 20)
    np.testing.assert_allclose(small.margin(MATRIX), made.margin(MATRIX), atol=1e-6)


def test_magnitude_does_not_change_when_a_unit_is_scaled_up_and_its_reader_down() -> None:
    first, second, *others = WHOLE.layers
    scale = np.linspace(0.5, 4.0, 40).astype(np.float32)
    scaled = Network(
        (
            Dense(first.weights * scale, first.bias * scale),
            Dense(second.weights / scale[:, None], second.bias),
            *others,
        )
    )
    np.testing.assert_allclose(magnitudes(scaled)[0], magnitudes(WHOLE)[0], rtol=1e-5)


def test_the_schedule_keeps_the_limit_and_shrinks_the_layer_that_matters_least() -> None:
    first, second, third, last = WHOLE.layers
    quiet = np.ones(30, dtype=np.float32)
    quiet[4:] = 1e-6
    made = Network((first, Dense(second.weights * quiet, second.bias * quiet), third, last))
    sizes = sizes_within(made, 1400, MATRIX)
    assert n_parameters(12, sizes) <= 1400
    assert sizes[0] == 40
    assert sizes[1] <= 10


def test_a_limit_out_of_reach_stops_at_the_smallest_shape() -> None:
    assert sizes_within(WHOLE, 1, MATRIX) == (FEWEST_UNITS,) * 3
    assert sizes_within(WHOLE, 10**9, MATRIX) == WHOLE.hidden


def test_parameters_are_counted_as_the_layers_hold_them() -> None:
    assert n_parameters(12, WHOLE.hidden) == WHOLE.n_parameters
