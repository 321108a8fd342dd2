"""L06, L07: nothing later, and nothing of the test rows, reaches a feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.contracts.model import Extras
from lepton.features.batch import compute
from lepton.features.fitted import fit_linear_preprocess, fit_tree_preprocess
from tests.features.frames import CONTRACT, SPEC, events


def _features(table: pd.DataFrame, upto: pd.Timestamp) -> pd.DataFrame:
    """Features of the rows that happened and arrived by `upto`, by key."""
    dataset = compute(table, CONTRACT, SPEC, Extras())
    rows = dataset.rows
    arrived = rows["arrived"].fillna(rows["at"])
    kept = rows[(rows["at"] <= upto) & (arrived <= upto)].set_index("id")
    return kept[[*dataset.numeric, *dataset.categorical]]


@given(seed=st.integers(0, 10_000), share=st.floats(0.2, 0.9))
@settings(max_examples=25, deadline=None)
def test_l07_altered_future_changes_no_feature_before_it(seed: int, share: float) -> None:
    table = events(seed)
    cutoff: pd.Timestamp = table["at"].sort_values().iloc[int(share * len(table))]
    rng = np.random.default_rng(seed)
    later = (table["at"] > cutoff) | (table["arrived"].fillna(table["at"]) > cutoff)
    altered = table.copy()
    altered.loc[later, "amount"] = rng.lognormal(9, 1, int(later.sum()))
    altered.loc[later, "who"] = "a"
    # a label that is not known by the cutoff may turn out either way
    altered.loc[altered["known"] > cutoff, "bad"] = 1.0
    wanted = _features(table, cutoff)
    pd.testing.assert_frame_equal(_features(altered, cutoff), wanted, rtol=1e-9, atol=1e-9)
    pd.testing.assert_frame_equal(_features(table[~later], cutoff), wanted, rtol=1e-9, atol=1e-9)


def test_l06_changed_test_rows_leave_fitted_steps_bit_equal() -> None:
    dataset = compute(events(3, n=80), CONTRACT, SPEC, Extras())
    train = dataset.take(np.arange(40))
    altered = dataset.take(np.arange(80))
    altered.rows.loc[40:, list(dataset.numeric)] = 1e9
    altered.rows.loc[40:, "where"] = "z"
    for fit in (fit_linear_preprocess, fit_tree_preprocess):
        before = fit(train).apply(train.X, train.C)
        again = altered.take(np.arange(40))
        assert np.array_equal(before, fit(again).apply(again.X, again.C), equal_nan=True)
