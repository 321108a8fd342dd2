"""Each step's numpy and ONNX sides agree."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lepton.errors import ExportError
from lepton.evaluation.calibration import Calibration
from lepton.graph.nodes import Impute, Linear, Lookup, OneHot, Preprocess, SignedLog, Standardize
from lepton.graph.pipeline import Branch, Graph

LEVELS = (("visa", "", "é,\x1f"), ("visa", "0"))
TEXT = st.sampled_from(["visa", "", "é,\x1f", "0", "never seen", "1\x1fvisa", "漢"])
NUMBER = st.one_of(
    st.floats(allow_infinity=False, width=64), st.sampled_from([0.0, -0.0, 1e-36, 1.7e9, 1e308])
)
STEPS = (
    Impute(np.array([1.0, -2.0, 1.7e9])),
    SignedLog(np.array([True, False, True])),
    Standardize(np.array([0.5, 1.0, 20.0]), np.array([1.0, 3.0, 0.1])),
)
ENCODERS = [
    None,
    OneHot(LEVELS),
    Lookup(({"visa": 0.0, "": 1.0}, {"visa": 0.25}), (-1.0, -1.0)),
    Lookup(({"visa": 0.0, "": 1.0}, {"visa": 0.25}), (-1.0, 0.5)),
]


def linear_graph(encoder: OneHot | Lookup | None, calibration: Calibration) -> Graph:
    pre = Preprocess(3, STEPS, 2, encoder)
    weights = np.linspace(-0.1, 0.1, pre.width)
    branches = (Branch(pre, Linear(weights, 0.2)),)
    return Graph(("a", "b", "c"), ("k", "l"), branches, calibration, 0.5)


SESSIONS = {
    (place, cal): (graph, ort.InferenceSession(graph.to_onnx(), providers=["CPUExecutionProvider"]))
    for place, encoder in enumerate(ENCODERS)
    for cal in ((1.0, 1.0, 0.0), (0.7, 1.3, -0.4), (2.0, 2.0, 1.0))
    for graph in [linear_graph(encoder, Calibration(*cal))]
}


@settings(max_examples=40, deadline=None)
@given(
    key=st.sampled_from(sorted(SESSIONS)),
    numeric=arrays(np.float64, (4, 3), elements=NUMBER),
    texts=arrays(object, (4, 2), elements=TEXT),
)
def test_onnx_equals_numpy_on_any_row(
    key: tuple[int, tuple[float, float, float]], numeric: np.ndarray, texts: np.ndarray
) -> None:
    graph, session = SESSIONS[key]
    score, decision = session.run(None, {"numeric": numeric, "categorical": texts})
    native = graph.score(numeric, texts)
    assert np.isfinite(native).all()
    np.testing.assert_allclose(score, native, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(decision, (score >= 0.5).astype(np.int64))


def test_one_hot_gives_one_column_a_level_and_none_to_the_unseen() -> None:
    texts = np.array([["", "0"], ["never seen", "visa"]], dtype=object)
    np.testing.assert_array_equal(OneHot(LEVELS).apply(texts), [[0, 1, 0, 0, 1], [0, 0, 0, 1, 0]])


def test_signed_log_keeps_the_sign_and_leaves_the_other_columns() -> None:
    step = SignedLog(np.array([True, False]))
    np.testing.assert_allclose(step.apply(np.array([[-np.e + 1, 5.0]])), [[-1.0, 5.0]])


def test_names_and_threshold_travel_in_the_file() -> None:
    graph = linear_graph(OneHot(LEVELS), Calibration())
    model = onnx.load_from_string(graph.to_onnx({"run": "r1"}))
    found = {item.key: item.value for item in model.metadata_props}
    assert json.loads(found["lepton.numeric"]) == ["a", "b", "c"]
    assert json.loads(found["lepton.categorical"]) == ["k", "l"]
    assert found["run"] == "r1"
    onnx.checker.check_model(model, full_check=True)


def test_the_same_graph_gives_the_same_bytes() -> None:
    first, second = (linear_graph(OneHot(LEVELS), Calibration()).to_onnx() for _ in range(2))
    assert first == second


def test_parts_that_do_not_fit_are_refused() -> None:
    branches = (Branch(Preprocess(1), Linear(np.ones(2), 0.0)),)
    graph = Graph(("a",), (), branches, Calibration(), 0.5)
    with pytest.raises(ExportError, match=r"LK503.*columns for the predictor"):
        graph.to_onnx()


def test_a_calibration_by_knots_is_the_same_in_onnx() -> None:
    bent = Calibration(knots=((-1.0, -2.0), (0.0, -1.5), (0.5, 2.0)))
    graph = linear_graph(None, bent)
    rng = np.random.default_rng(0)
    numeric, texts = rng.normal(size=(200, 3)) * 30, np.full((200, 2), "", dtype=object)
    session = ort.InferenceSession(graph.to_onnx(), providers=["CPUExecutionProvider"])
    feeds = {"numeric": numeric, "categorical": texts}
    names = [one.name for one in session.get_inputs()]
    (score,) = session.run(["score"], {name: feeds[name] for name in names})
    np.testing.assert_allclose(score, graph.score(numeric, texts), rtol=0, atol=1e-12)
