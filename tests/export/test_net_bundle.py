"""A network travels like any model: one graph, the same contract, nothing but numpy and ORT."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from lepton.automl.model import Model
from lepton.compress.quantize import quantize
from lepton.dataset import TabularDataset
from lepton.evaluation.calibration import Calibration
from lepton.export.bundle import write_bundle
from lepton.export.context import BundleContext
from lepton.export.parity import check, require
from lepton.features.fitted import fit_net_preprocess
from lepton.graph.nets import Dense, Network, random_network


def made(rows: TabularDataset, *, int8: bool) -> Model:
    steps = fit_net_preprocess(rows)
    matrix = steps.apply(rows.X, rows.C)
    plain = random_network(steps.width, (32, 16), np.random.default_rng(0), bias=-1.0)
    last = plain.layers[-1]
    factor = np.float32(2.0 / plain.margin(matrix).std())
    network = Network((*plain.layers[:-1], Dense(last.weights * factor, last.bias)))
    if int8:
        network = quantize(network, matrix)
    sides = ("net", {"hidden": [32, 16]}, rows.numeric, rows.categorical, steps, network)
    return Model(*sides, calibration=Calibration(0.9, 1.2, -0.1), threshold=0.4)


@pytest.mark.parametrize("int8", [False, True])
def test_the_bundle_of_a_network_verifies_where_only_numpy_and_onnxruntime_are(
    rows: TabularDataset, context: BundleContext, tmp_path: Path, int8: bool
) -> None:
    bundle = write_bundle(tmp_path / "bundle", made(rows, int8=int8), context)
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("torch", "lightgbm", "sklearn", "pandas", "lepton"):
        (blocked / f"{name}.py").write_text(f"raise ImportError('{name} is not on a device')\n")
    path = os.pathsep.join([str(blocked), str(bundle.path / "runtime")])
    found = subprocess.run(
        [sys.executable, "-m", "lepton_edge", "verify", str(bundle.path)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.endswith("verified\n")


@pytest.mark.parametrize("int8", [False, True])
def test_every_kind_of_row_scores_as_the_network_does(
    rows: TabularDataset, context: BundleContext, tmp_path: Path, int8: bool
) -> None:
    model = made(rows, int8=int8)
    bundle = write_bundle(tmp_path / "bundle", model, context)
    parity = check(model, bundle.path, rows)
    require(parity)
    assert {"real", "random", "missing", "zeros", "large", "unseen"} <= set(parity.by_case)


def test_the_contract_of_the_graph_does_not_depend_on_what_is_inside(rows: TabularDataset) -> None:
    told = []
    for int8 in (False, True):
        graph = onnx.load_from_string(made(rows, int8=int8).graph().to_onnx()).graph
        ends = [*graph.input, *graph.output]
        told.append([(end.name, end.type.tensor_type.elem_type) for end in ends])
    assert told[0] == told[1]
    kinds = onnx.TensorProto
    assert told[0] == [
        ("numeric", kinds.DOUBLE),
        ("categorical", kinds.STRING),
        ("score", kinds.DOUBLE),
        ("decision", kinds.INT64),
    ]
