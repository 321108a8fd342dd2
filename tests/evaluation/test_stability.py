"""Features that have moved by a known distance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.dataset import TabularDataset
from lepton.evaluation.stability import population_stability, stability


def dataset(number: np.ndarray, text: list[str | None]) -> TabularDataset:
    rows = pd.DataFrame({"number": number, "text": pd.array(text, dtype="str")})
    return TabularDataset(rows, ("number",), ("text",), {})


def test_the_index_is_that_of_the_textbook() -> None:
    # (.4 - .5) ln(.4 / .5) + (.6 - .5) ln(.6 / .5)
    found = population_stability(np.array([50, 50]), np.array([40, 60]))
    assert found == pytest.approx(0.0405465, abs=1e-6)


def test_rows_of_the_same_kind_have_hardly_moved_and_shifted_ones_have() -> None:
    rng = np.random.default_rng(0)
    texts: list[str | None] = ["a", "b", "a", "c"] * 1000
    before = dataset(rng.normal(size=4000), texts)
    same = stability(before, dataset(rng.normal(size=4000), texts)).set_index("feature")
    moved = stability(before, dataset(rng.normal(1, 1, 4000), ["c"] * 4000))
    assert same["psi"].max() < 0.02
    assert moved["psi"].min() > 0.5
    assert moved["psi"].is_monotonic_decreasing


def test_values_that_begin_to_be_missing_have_moved() -> None:
    rng = np.random.default_rng(0)
    number = rng.normal(size=1000)
    holes = np.where(rng.random(1000) < 0.5, np.nan, number)
    texts: list[str | None] = ["a"] * 1000
    found = stability(dataset(number, texts), dataset(holes, [None] * 1000)).set_index("feature")
    assert found.loc["number", "missing_after"] == pytest.approx(0.5, abs=0.05)
    assert found.loc["text", "missing_after"] == 1
    assert found["psi"].min() > 0.3


@pytest.mark.parametrize("n", [0, 3])
def test_o05_a_handful_of_rows_is_not_judged(n: int) -> None:
    long = dataset(np.arange(100.0), ["a"] * 100)
    found = stability(long, long.take(np.arange(n)))
    assert found["psi"].isna().all()


def test_a_column_that_is_always_missing_is_no_error() -> None:
    empty = dataset(np.full(50, np.nan), [None] * 50)
    assert stability(empty, empty)["psi"].tolist() == [0.0, 0.0]
