"""A network in numpy, in ONNX and on disk is one and the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from lepton.automl.stored_nets import network_from_bytes, network_to_bytes
from lepton.automl.stored_steps import steps_from_json, steps_to_json
from lepton.compress.quantize import quantize
from lepton.evaluation.calibration import Calibration
from lepton.features.fitted import fit_net_preprocess
from lepton.graph.nets import Codes, Dense, Int8Dense, Network, random_network
from lepton.graph.nodes import SmoothClip
from lepton.graph.pipeline import Branch, Graph
from tests.conftest import rows

ROWS = rows(600)
PREPROCESS = fit_net_preprocess(ROWS)
MATRIX = PREPROCESS.apply(ROWS.X, ROWS.C)


def network(*hidden: int, seed: int = 0) -> Network:
    """A network whose log-odds of `ROWS` spread over some units."""
    rng = np.random.default_rng(seed)
    made = random_network(PREPROCESS.width, hidden, rng, bias=-2.0)
    last = made.layers[-1]
    factor = np.float32(2.0 / made.margin(MATRIX).std())
    return Network((*made.layers[:-1], Dense(last.weights * factor, last.bias)))


def graph(predictor: Network) -> Graph:
    branches = (Branch(PREPROCESS, predictor),)
    return Graph(ROWS.numeric, ROWS.categorical, branches, Calibration(0.9, 1.2, -0.1), 0.3)


def run(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    score, decision = session.run(None, {"numeric": ROWS.X, "categorical": ROWS.C})
    return score, decision


@pytest.mark.parametrize("hidden", [(), (8,), (64, 32), (33, 17, 5)])
def test_onnx_scores_as_numpy_does_and_no_decision_flips(hidden: tuple[int, ...]) -> None:
    made = graph(network(*hidden))
    score, decision = run(made.to_onnx())
    native = made.score(ROWS.X, ROWS.C)
    assert native.std() > 0.02
    np.testing.assert_allclose(score, native, rtol=0, atol=1e-6)
    clear = np.abs(native - 0.3) > 1e-6
    np.testing.assert_array_equal(decision[clear], native[clear] >= 0.3)


@pytest.mark.parametrize("hidden", [(8,), (64, 32), (33, 17, 5)])
def test_int8_in_onnx_scores_as_its_own_arithmetic_in_numpy(hidden: tuple[int, ...]) -> None:
    small = quantize(network(*hidden), MATRIX)
    made = graph(small)
    score, _ = run(made.to_onnx())
    np.testing.assert_allclose(score, made.score(ROWS.X, ROWS.C), rtol=0, atol=1e-6)


def test_int8_stays_near_the_network_that_it_comes_from() -> None:
    whole = network(64, 32)
    small = quantize(whole, MATRIX)
    before, after = whole.margin(MATRIX), small.margin(MATRIX)
    assert small.is_int8
    assert np.abs(after - before).mean() < 0.1 * before.std()
    assert len(graph(small).to_onnx()) < len(graph(whole).to_onnx())


def test_weights_of_int8_use_seven_bits_so_that_no_sum_of_two_products_saturates() -> None:
    for layer in quantize(network(64, 32), MATRIX).layers[:-1]:
        assert isinstance(layer, Int8Dense)
        assert np.abs(layer.weights.astype(int)).max() <= 64
        assert 2 * 255 * np.abs(layer.weights.astype(int)).max() < 2**15


def test_a_network_without_hidden_layers_has_nothing_to_quantize() -> None:
    plain = network()
    assert quantize(plain, MATRIX) is plain


def test_codes_are_cut_at_both_ends_and_halves_go_to_the_even_one() -> None:
    codes = Codes(np.float32(0.5), 10)
    asked = np.array([-100.0, 0.0, 0.25, 0.75, 1e9], dtype=np.float32)
    assert codes.apply(asked).tolist() == [0, 10, 10, 12, 255]
    assert codes.back(np.array([0, 10, 12], dtype=np.uint8)).tolist() == [-5.0, 0.0, 1.0]


def test_smooth_clip_leaves_small_numbers_and_holds_large_ones() -> None:
    clipped = SmoothClip(3.0).apply(np.array([0.0, 0.01, -50.0, 50.0, 1e6]))
    np.testing.assert_allclose(clipped, [0.0, 0.01, -3.0, 3.0, 3.0], atol=6e-3)
    assert (np.abs(clipped) <= 3.0).all()


@pytest.mark.parametrize("made", [network(6, 3), quantize(network(6, 3), MATRIX)])
def test_a_network_comes_back_from_its_bytes_bit_by_bit(made: Network) -> None:
    again = network_from_bytes(network_to_bytes(made))
    assert (again.margin(MATRIX) == made.margin(MATRIX)).all()
    assert network_to_bytes(again) == network_to_bytes(made)
    assert graph(again).to_onnx() == graph(made).to_onnx()


def test_an_unknown_layer_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="unknown layer 'conv'"):
        network_from_bytes(b'{"layers": [{"kind": "conv"}]}')


def test_steps_of_networks_come_back_from_json_equal() -> None:
    again = steps_from_json(steps_to_json(PREPROCESS))
    assert (again.apply(ROWS.X, ROWS.C) == MATRIX).all()
    assert again.missing == PREPROCESS.missing


def test_gaps_get_a_column_once_a_pattern_and_only_where_they_tell_rows_apart() -> None:
    frame = ROWS.rows.assign(twin=ROWS.rows["x1"] * 2, full=1.0, empty=np.nan)
    made = fit_net_preprocess(
        replace(ROWS, rows=frame, numeric=("x0", "x1", "twin", "full", "empty"))
    )
    assert made.missing == (0, 1)
    assert np.isfinite(
        made.apply(frame[["x0", "x1", "twin", "full", "empty"]].to_numpy(), ROWS.C)
    ).all()
