"""Parts without outcomes: by asset where there are enough, else along time; months by pace."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.dataset import Parts, TabularDataset
from lepton.errors import SearchError
from lepton.evaluation.healthy import healthy, readings_per_month, split_healthy, stands_alone

NAMES = {roles.GROUP: "asset", roles.TARGET: "near", roles.EVENT_AT: "at"}


def fleet(n_assets: int, n: int = 40, step: str = "6h") -> TabularDataset:
    """Each asset read `n` times from the same instant on, in random order; one row is known to lie
    before a failure."""
    at = pd.date_range("2024-01-01", periods=n, freq=step, tz="UTC")
    rows = pd.DataFrame(
        {
            "asset": np.repeat([f"a{k:02d}" for k in range(n_assets)], n),
            "at": np.tile(at, n_assets),
            "near": 0.0,
        }
    )
    rows.loc[n - 1, "near"] = 1.0
    return TabularDataset(rows.sample(frac=1, random_state=0), (), (), NAMES)


def split(dataset: TabularDataset) -> Parts:
    rng = np.random.default_rng(0)
    return split_healthy(dataset, selection_share=0.35, holdout_share=0.25, rng=rng)


def test_many_assets_are_dealt_out_whole_without_any_failure() -> None:
    dataset = fleet(12)
    dataset.rows["near"] = 0.0
    parts = split(dataset)
    found = [set(p.rows["asset"]) for p in (parts.train, parts.selection, parts.holdout.open("t"))]
    assert sum(map(len, found)) == len(set().union(*found)) == 12
    assert parts.groups


def test_few_assets_are_cut_along_time() -> None:
    parts = split(fleet(2))
    train, selection, holdout = (
        p.rows["at"] for p in (parts.train, parts.selection, parts.holdout.open("t"))
    )
    assert train.max() < selection.min() <= selection.max() < holdout.min()
    assert len(train) + len(selection) + len(holdout) == 80
    assert len(holdout) == pytest.approx(20, abs=2)
    (fold,) = parts.folds
    assert set(fold.valid.rows.index) == set(parts.selection.rows.index)


def test_rows_of_one_instant_cannot_be_cut() -> None:
    alone = fleet(2)
    alone.rows["at"] = alone.rows["at"].min()
    with pytest.raises(SearchError, match=r"LK405 .*leave nothing for the part train"):
        split(alone)


@pytest.mark.parametrize(("step", "expected"), [("6h", 4 * 30.4375), ("1D", 30.4375)])
def test_months_are_counted_by_the_usual_time_between_readings(step: str, expected: float) -> None:
    assert readings_per_month(fleet(3, step=step)) == pytest.approx(expected)


def test_rows_that_stand_alone_count_by_the_thousand() -> None:
    assert stands_alone(fleet(30, 1))
    assert readings_per_month(fleet(30, 1)) == 1_000.0
    assert not stands_alone(fleet(2))


def test_rows_before_a_known_failure_are_not_healthy() -> None:
    dataset = fleet(2)
    assert len(healthy(dataset)) == len(dataset) - 1
