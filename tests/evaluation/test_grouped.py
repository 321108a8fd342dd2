"""Splits by group: shares of the positives, nobody in two parts, folds of whole groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.dataset import Parts, TabularDataset
from lepton.errors import SearchError
from lepton.evaluation.grouped import split_by_group, whole_parts


def fleet(n_groups: int = 20, rows: int = 30, rate: float = 0.3) -> TabularDataset:
    """Groups of equally many rows in random order, positives at random."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "asset": np.repeat([f"g{n:02d}" for n in range(n_groups)], rows),
            "failed": (rng.random(n_groups * rows) < rate).astype(np.float64),
            "at": pd.date_range("2024-01-01", periods=n_groups * rows, freq="h", tz="UTC"),
        }
    ).sample(frac=1, random_state=1, ignore_index=True)
    names = {roles.GROUP: "asset", roles.TARGET: "failed", roles.EVENT_AT: "at"}
    return TabularDataset(frame, (), (), names)


def split(dataset: TabularDataset, seed: int = 0, min_positives: int = 50) -> Parts:
    return split_by_group(
        dataset,
        selection_share=0.35,
        holdout_share=0.25,
        min_positives=min_positives,
        rng=np.random.default_rng(seed),
    )


def groups_of(part: TabularDataset) -> set[str]:
    return set(part.rows["asset"])


def test_no_group_is_in_two_parts_and_every_one_is_in_some() -> None:
    dataset = fleet()
    parts = split(dataset)
    found = [groups_of(one) for one in (parts.train, parts.selection, parts.holdout.open("test"))]
    assert [len(one) for one in found] == [8, 7, 5]
    assert set().union(*found) == groups_of(dataset)
    assert sum(map(len, found)) == 20


def test_parts_have_their_share_of_groups_with_many_positives() -> None:
    dataset = fleet()
    many = {f"g{n:02d}" for n in range(0, 20, 5)}
    dataset.rows["failed"] = dataset.rows["asset"].isin(many) * 1.0
    dataset.rows.loc[dataset.rows.groupby("asset").head(1).index, "failed"] = 0.0
    parts = split(dataset, min_positives=10)
    for part in (parts.train, parts.selection, parts.holdout.open("test")):
        assert len(groups_of(part) & many) in (1, 2)


def test_a_fold_learns_from_every_other_group_outside_the_holdout() -> None:
    parts = split(fleet())
    selection, train = groups_of(parts.selection), groups_of(parts.train)
    judged = [groups_of(fold.valid) for fold in parts.folds]
    assert len(judged) == 4
    assert set().union(*judged) == selection
    assert sum(map(len, judged)) == len(selection)
    for fold, asked in zip(parts.folds, judged, strict=True):
        assert groups_of(fold.train) == (selection | train) - asked


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    dataset = fleet()
    turned = dataset.take(np.arange(len(dataset))[::-1])
    assert groups_of(split(dataset).train) == groups_of(split(turned).train)
    assert groups_of(split(dataset).train) != groups_of(split(dataset, seed=3).train)


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    dataset = fleet()
    dataset.rows.loc[:9, "failed"] = np.nan
    parts = split(dataset)
    assert parts.dropped == {"target not known": 10}
    assert sum(rows for rows, _ in parts.counts.values()) == len(dataset) - 10


def test_too_few_groups_or_positives_are_refused_with_what_is_needed() -> None:
    with pytest.raises(SearchError, match=r"LK406 .*7 groups \(column asset\)"):
        split(fleet(n_groups=7))
    with pytest.raises(SearchError, match=r"LK405 .*too few"):
        split(fleet(rate=0.005))
    with pytest.raises(SearchError, match=r"LK402 .*no column has the role group"):
        split(TabularDataset(fleet().rows, (), (), {roles.TARGET: "failed"}))


def test_whole_parts_judge_every_group_once() -> None:
    parts = whole_parts(fleet(), np.random.default_rng(0))
    judged = [groups_of(fold.valid) for fold in parts.folds]
    assert sum(map(len, judged)) == 20
    assert len(parts.holdout.open("test")) == 0
