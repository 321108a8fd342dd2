"""Fixtures of several folders: rows whose truth is known, and searches among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.automl.budget import Budget
from lepton.automl.search import SearchSpec
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.splits import SplitSpec, split_in_time
from lepton.task import TaskKind, TaskSpec

pytest_plugins = ["tests.export.tiny"]


def rows(n: int = 2000, *, seed: int = 0, days: float = 100.0, rate: float = 0.1) -> TabularDataset:
    """`n` labelled events over `days` days, each label known three days later.

    x0 adds to the log-odds, x1 and x2 multiply, the level "a" raises them, x3 is noise.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[rng.random(X.shape) < 0.05] = np.nan
    filled = np.nan_to_num(X)
    level = rng.choice(["a", "b", "c"], n)
    z = 1.5 * filled[:, 0] + filled[:, 1] * filled[:, 2] + (level == "a") + np.log(rate) - 1
    at = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(
        np.sort(rng.random(n)) * days * 86_400, unit="s"
    )
    frame = pd.DataFrame(
        {
            "id": [f"k{i}" for i in range(n)],
            "at": at,
            "known": at + pd.Timedelta(days=3),
            "y": (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float),
            "level": pd.array(level, dtype="str"),
            **{f"x{i}": X[:, i] for i in range(4)},
        }
    )
    named = {"key": "id", "event_at": "at", "label_at": "known", "target": "y"}
    return TabularDataset(frame, ("x0", "x1", "x2", "x3"), ("level",), named)


@pytest.fixture
def make_rows() -> Callable[..., TabularDataset]:
    """The function that makes such rows."""
    return rows


@pytest.fixture
def parts() -> Parts:
    """Two thousand such rows, cut along time."""
    return split_in_time(rows(seed=1), SplitSpec(), min_positives=30)


@pytest.fixture
def search_spec(tmp_path: Path) -> SearchSpec:
    """A search of four configurations on four folds among both families, its journal in
    `tmp_path`."""
    return SearchSpec(
        task=TaskSpec("fraud", TaskKind.BINARY, "rows", "y", "ap"),
        families=("lightgbm", "logistic"),
        budget=Budget(work_units=16),
        metric=METRICS["ap"],
        seed=0,
        journal=tmp_path / "journal",
    )
