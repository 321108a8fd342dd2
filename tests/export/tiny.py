"""Fixtures for tests of several folders: a small fitted model and its bundle, a pytest plugin."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.evaluation.calibration import Calibration
from lepton.export.bundle import Bundle, write_bundle
from lepton.export.context import BundleContext
from lepton.features.fitted import fit_tree_preprocess
from lepton.features.spec import Category, FeatureSpec, Raw
from lepton.graph.nodes import Preprocess
from lepton.graph.pipeline import Branch, Graph
from lepton.graph.trees import Trees
from lepton.task import TaskKind, TaskSpec
from lepton_edge.seal import sealed

CONTRACT = "apiVersion: v3.1.0\nkind: DataContract\nid: tiny/events\nversion: 1.0.0\n"
CALIBRATION = Calibration(0.9, 1.2, -0.1)


@dataclass(frozen=True)
class TinyModel:
    """Twelve LightGBM trees with their calibration: what export asks of a model, and no more."""

    booster: Any
    preprocess: Preprocess
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    family: str = "lightgbm"
    threshold: float = 0.4321
    calibration: Calibration = CALIBRATION

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.booster.model_to_string().encode()).hexdigest()

    def graph(self) -> Graph:
        trees = Trees.from_lightgbm(self.booster)
        branches = (Branch(self.preprocess, trees),)
        return Graph(self.numeric, self.categorical, branches, self.calibration, self.threshold)

    def score(self, dataset: TabularDataset) -> np.ndarray:
        matrix = self.preprocess.apply(dataset.X, dataset.C)
        return self.calibration.apply(self.booster.predict(matrix, raw_score=True))


def tiny_rows(rows: int = 600) -> TabularDataset:
    """Amounts, epoch seconds, a column with NaN, mostly zeros, and two categories."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(
        {
            "event_id": [f"e{i:05d}" for i in range(rows)],
            "amount": rng.exponential(50.0, rows),
            "epoch_s": 1.7e9 + rng.integers(0, 10**7, rows),
            "since_last": np.where(rng.random(rows) < 0.3, np.nan, rng.exponential(9.0, rows)),
            "count": np.where(rng.random(rows) < 0.6, 0.0, rng.integers(1, 9, rows)),
            "card": pd.Series(rng.choice(["visa", "mc", "é"], rows), dtype="str"),
            "os": pd.Series(rng.choice(np.array(["a", None], dtype=object), rows), dtype="str"),
        }
    )
    signal = frame["amount"] / 50 + (frame["card"] == "mc") + (frame["epoch_s"] - 1.705e9) / 3e6
    frame["is_fraud"] = (signal + rng.normal(size=rows) > 2.5).astype(float)
    names = ("amount", "epoch_s", "since_last", "count")
    known = {roles.KEY: "event_id", roles.TARGET: "is_fraud"}
    return TabularDataset(frame, names, ("card", "os"), known)


@pytest.fixture(scope="session")
def rows() -> TabularDataset:
    return tiny_rows()


@pytest.fixture(scope="session")
def model(rows: TabularDataset) -> TinyModel:
    import lightgbm as lgb

    preprocess = fit_tree_preprocess(rows)
    data = lgb.Dataset(preprocess.apply(rows.X, rows.C), rows.y)
    params = {"objective": "binary", "num_leaves": 12, "num_threads": 1, "verbose": -1}
    booster = lgb.train(params, data, 12)
    return TinyModel(booster, preprocess, rows.numeric, rows.categorical)


@pytest.fixture(scope="session")
def context(rows: TabularDataset, tmp_path_factory: pytest.TempPathFactory) -> BundleContext:
    contract = tmp_path_factory.mktemp("contracts") / "events.odcs.yaml"
    contract.write_text(CONTRACT)
    nodes = [Raw(name, name) for name in rows.numeric]
    return BundleContext(
        solution="tiny",
        customer="acme",
        run_id="r1",
        contracts={"events": contract},
        task=TaskSpec("fraud", TaskKind.BINARY, "events", "is_fraud", "average_precision"),
        costs={"alert": 2.0},
        sample=rows,
        features=FeatureSpec((*nodes, *(Category(name, name) for name in rows.categorical))),
    )


@pytest.fixture(scope="session")
def _master(
    model: TinyModel, context: BundleContext, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    return write_bundle(tmp_path_factory.mktemp("master") / "bundle", model, context)


@pytest.fixture
def bundle(_master: Bundle, tmp_path: Path) -> Bundle:
    return replace(_master, path=shutil.copytree(_master.path, tmp_path / "bundle"))


@pytest.fixture
def reseal() -> Callable[[Path, str], None]:
    """Writes the present sha256 of a bundle's file into its manifest, as an attacker might."""
    return _reseal


def _reseal(bundle: Path, name: str) -> None:
    content = (bundle / name).read_bytes()
    manifest = json.loads((bundle / "manifest.json").read_text())
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    manifest["files"][name] = entry
    del manifest["sha256"]
    (bundle / "manifest.json").write_bytes(sealed(manifest))
