"""The batch engine equals the definition of every node, whatever the table looks like."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.contracts.model import Extras
from lepton.dataset import TabularDataset
from lepton.features.batch import compute
from lepton.features.parity import relative
from lepton.features.reference import Row
from lepton.features.spec import FeatureSpec, Window
from tests.features.frames import CONTRACT, SPEC, events

SEEDS = st.integers(0, 10_000)


def _compute(table: pd.DataFrame, spec: FeatureSpec = SPEC) -> TabularDataset:
    return compute(table, CONTRACT, spec, Extras())


@given(seed=SEEDS, late=st.booleans())
@settings(max_examples=8, deadline=None)
def test_every_node_equals_its_definition(seed: int, late: bool) -> None:
    table = events(seed, n=20, late=late)
    table = table if late else table.drop(columns="arrived")
    dataset = _compute(table)
    for at in range(len(dataset)):
        row = Row(dataset.rows, at, dataset.roles).compute(FeatureSpec.from_json(dataset.spec))
        for name, wanted in row.items():
            found = dataset.rows[name].iloc[at]
            assert relative(found, wanted) <= 1e-9, (name, at, found, wanted)


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_order_of_rows_and_columns_changes_nothing(seed: int) -> None:
    table = events(seed)
    other = table.sample(frac=1, random_state=seed + 1)[sorted(table.columns)]
    pd.testing.assert_frame_equal(
        _compute(table).rows, _compute(other).rows, check_like=True, check_exact=True
    )


def test_rows_of_one_instant_do_not_see_each_other() -> None:
    table = events(0, n=2, late=False).drop(columns="arrived")
    table["at"], table["who"] = table["at"].iloc[0], "a"
    dataset = _compute(table, FeatureSpec((Window("n", ("who",), "count", None),)))
    assert dataset.rows["n"].tolist() == [0.0, 0.0]


def test_a_window_is_closed_on_its_far_side_and_open_at_the_row_itself() -> None:
    table = events(0, n=3, late=False).drop(columns="arrived").assign(who="a")
    start = pd.Timestamp("2026-01-01T00:00Z").as_unit("us")
    table["at"] = [start, start + pd.Timedelta(hours=1), start + pd.Timedelta(hours=2)]
    dataset = _compute(table, FeatureSpec((Window("n", ("who",), "count", 3_600.0),)))
    assert dataset.rows["n"].tolist() == [0.0, 1.0, 1.0]


def test_a_late_row_changes_only_what_arrives_after_it() -> None:
    table = events(0, n=3, late=False).assign(who="a", amount=[1.0, 10.0, 100.0])
    start = pd.Timestamp("2026-01-01T00:00Z").as_unit("us")
    hours = [start + pd.Timedelta(hours=hour) for hour in range(3)]
    table["at"], table["arrived"] = hours, [hours[0] + pd.Timedelta(hours=1.5), *hours[1:]]
    dataset = _compute(table, FeatureSpec((Window("s", ("who",), "sum", None, "amount"),)))
    assert dataset.rows["s"].tolist() == [0.0, 0.0, 11.0]


def test_large_sums_elsewhere_do_not_blur_a_small_entity() -> None:
    table = events(1, n=40, late=False).drop(columns="arrived")
    table["who"] = np.where(np.arange(40) % 2, "rich", "poor")
    table["amount"] = np.where(np.arange(40) % 2, 1e12, 0.01)
    spec = FeatureSpec((Window("mean", ("who",), "mean", None, "amount"),))
    found = _compute(table, spec).rows
    poor = found.loc[(found["who"] == "poor") & found["mean"].notna(), "mean"]
    assert np.abs(poor - 0.01).max() < 1e-15


def test_absent_columns_switch_off_what_needs_them_and_say_the_cost() -> None:
    dataset = _compute(events(0)[["id", "at", "amount"]])
    assert "count_long_all" in dataset.numeric
    off = {one.feature: one for one in dataset.switched_off}
    assert off["to_mean"].missing == ("who",)
    assert off["to_mean"].cost == "No who, no gain."
    assert set(off["rate_long"].missing) == {"where", "known", "bad"}


def test_a_table_of_one_row_has_features() -> None:
    dataset = _compute(events(0, n=1))
    assert dataset.rows["count_long_all"].tolist() == [0.0]
    assert np.isnan(dataset.rows["recency"].iloc[0])


@pytest.mark.parametrize("which", ["numeric", "category"])
def test_the_customers_own_columns_become_features(which: str) -> None:
    table = events(0).assign(x_own=pd.Series(np.arange(40.0)).astype("str"))
    extras = Extras(numeric=("Own",)) if which == "numeric" else Extras(category=("Own",))
    if which == "numeric":
        table["x_own"] = table["x_own"].astype(float)
    dataset = compute(table, CONTRACT, SPEC, extras)
    assert "x_own" in (dataset.numeric if which == "numeric" else dataset.categorical)
