"""A distance from health is the same in numpy and in ONNX, and sees both ways out of the cloud."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from lepton.evaluation.calibration import Calibration
from lepton.graph.ellipsoid import Ellipsoid, fit_ellipsoid
from lepton.graph.nodes import Preprocess
from lepton.graph.pipeline import Branch, Graph

NO_TEXTS = np.empty((0, 0), dtype=object)


def flat(n: int = 4_000) -> np.ndarray:
    """Three columns of which two say nearly the same, so that the plane leaves a direction out."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, n))
    return np.column_stack((first, first + 0.05 * rng.normal(size=n), second))


@pytest.fixture
def cloud() -> Ellipsoid:
    return fit_ellipsoid(flat(), 0.9)


def test_both_ways_out_of_the_cloud_are_far(cloud: Ellipsoid) -> None:
    assert len(cloud.plane) == 2
    healthy = cloud.margin(flat())
    inside = cloud.margin(np.array([[6.0, 6.0, 0.0]]))
    off = cloud.margin(np.array([[1.0, -1.0, 0.0]]))
    assert abs(healthy.mean()) < 0.1
    assert inside[0] > np.quantile(healthy, 0.995)
    assert off[0] > healthy.max()


def test_a_plane_that_holds_every_direction_leaves_t2_alone() -> None:
    whole = fit_ellipsoid(flat()[:, [0, 2]], 1.0)
    assert whole.plane.shape == (2, 2)
    assert (np.diff(whole.margin(np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 1.0]]))) > 0).all()


def test_onnx_equals_numpy(cloud: Ellipsoid) -> None:
    graph = Graph(
        ("a", "b", "c"), (), (Branch(Preprocess(3), cloud),), Calibration(0.7, 0.7, -2.0), 0.5
    )
    session = ort.InferenceSession(graph.to_onnx(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    rows = np.vstack([rng.normal(size=(200, 3)) * 10, np.zeros((1, 3)), np.full((1, 3), 50.0)])
    score, decision = session.run(["score", "decision"], {"numeric": rows})
    wanted = graph.score(rows, NO_TEXTS)
    np.testing.assert_allclose(score, wanted, rtol=0, atol=1e-12)
    assert (decision == (wanted >= 0.5)).all()
