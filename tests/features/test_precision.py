"""Sums forget what has left the window, and equal values have no deviation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lepton.contracts.model import Extras
from lepton.features.batch import compute
from lepton.features.spec import DelayedRate, FeatureSpec, Node, Window
from tests.features.frames import CONTRACT, HOUR


def _hourly(amounts: list[float], *nodes: Node) -> pd.DataFrame:
    start = pd.Timestamp("2026-01-01T00:00Z").as_unit("us")
    at = start + pd.to_timedelta(np.arange(len(amounts)) * 3_600, unit="s")
    table = pd.DataFrame({"id": [f"k{place}" for place in range(len(amounts))], "at": at})
    table = table.assign(who="a", amount=amounts, known=table["at"], bad=0.0)
    return compute(table, CONTRACT, FeatureSpec(nodes), Extras()).rows


def test_a_large_value_that_has_left_the_window_leaves_no_trace() -> None:
    amounts = [9_999_999.99, 1e7, 1e7, 0.01, 0.02, 0.03, 0.07]
    found = _hourly(amounts, Window("sum", ("who",), "sum", HOUR, "amount"))
    assert np.abs(found["sum"].to_numpy()[1:] - amounts[:-1]).max() < 1e-15


def test_a_long_entity_with_large_values_sums_a_short_window_exactly() -> None:
    rng = np.random.default_rng(0)
    amounts = np.round(rng.lognormal(3, 1, 200_000), 2)
    amounts[:100_000] += 1e9
    found = _hourly(amounts.tolist(), Window("sum", ("who",), "sum", 5 * HOUR, "amount"))
    for row in rng.integers(100_010, len(amounts), 300):
        wanted = math.fsum(amounts[row - 5 : row])
        assert abs(found["sum"].iloc[row] - wanted) <= 1e-12 * max(1.0, abs(wanted))


def test_equal_values_deviate_by_exactly_nothing() -> None:
    found = _hourly([1.0, *[33.33] * 6], Window("std", ("who",), "std", 3 * HOUR, "amount"))
    assert found["std"].tolist()[-3:] == [0.0, 0.0, 0.0]


def test_a_rate_without_prior_and_without_labels_is_missing() -> None:
    found = _hourly([1.0] * 3, DelayedRate("rate", ("who",), HOUR / 2, strength=0.0))
    assert found["rate"].isna().all()
