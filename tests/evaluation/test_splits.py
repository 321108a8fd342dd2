from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from lepton.dataset import TabularDataset
from lepton.errors import SearchError
from lepton.evaluation.splits import SplitSpec, split_in_time, window_parts

START = pd.Timestamp("2025-01-01", tz="UTC")
DAY = pd.Timedelta(days=1)


def _daily(n_days: int = 100, a_day: int = 10, delay_days: float = 5.0) -> TabularDataset:
    """`a_day` rows a day, the first of each day positive."""
    day = np.repeat(np.arange(n_days), a_day)
    at = START + pd.to_timedelta(day + np.tile(np.arange(a_day), n_days) / a_day, unit="D")
    frame = pd.DataFrame(
        {
            "at": at,
            "known": at + delay_days * DAY,
            "y": (np.tile(np.arange(a_day), n_days) == 0).astype(float),
            "x": 0.0,
        }
    ).sample(frac=1, random_state=0)
    roles = {"event_at": "at", "label_at": "known", "target": "y"}
    return TabularDataset(frame, ("x",), (), roles)


def test_parts_follow_one_another_with_the_label_delay_between_them() -> None:
    parts = split_in_time(_daily(), SplitSpec(), min_positives=20)
    train, selection = parts.train.rows, parts.selection.rows
    holdout = parts.holdout.open("test").rows
    assert train["known"].max() <= parts.cuts["selection"] <= selection["at"].min()
    assert selection["known"].max() <= parts.cuts["holdout"] <= holdout["at"].min()
    assert train["at"].max() <= parts.cuts["selection"] - 5 * DAY


def test_holdout_and_selection_hold_their_shares_of_the_time() -> None:
    parts = split_in_time(_daily(), SplitSpec(None, 0.3, 0.1), min_positives=20)
    assert abs(parts.cuts["holdout"] - (START + 90 * DAY)) < DAY
    assert abs(parts.cuts["selection"] - (START + 60 * DAY)) < DAY


def test_every_row_is_in_one_part_or_counted_as_dropped() -> None:
    data = _daily()
    parts = split_in_time(data, SplitSpec(), min_positives=20)
    assert sum(rows for rows, _ in parts.counts.values()) + sum(parts.dropped.values()) == len(data)
    assert parts.dropped["label not known by the start of the selection part"] > 0
    assert parts.between is not None
    assert set(parts.between.rows.index).isdisjoint(parts.train.rows.index)


def test_rows_without_a_target_are_dropped_and_counted() -> None:
    data = _daily()
    rows = data.rows.sort_values("at", ignore_index=True)
    rows.loc[:6, "y"] = np.nan
    parts = split_in_time(replace(data, rows=rows), SplitSpec(), min_positives=20)
    assert parts.dropped["target not known"] == 7


def test_the_delay_is_taken_from_the_data_or_from_the_settings() -> None:
    seen = split_in_time(_daily(delay_days=3), SplitSpec(), min_positives=20)
    stated = split_in_time(_daily(delay_days=3), SplitSpec(10.0), min_positives=20)
    assert stated.counts["train"][0] < seen.counts["train"][0]


def test_positives_that_stop_early_move_the_boundaries() -> None:
    data = _daily()
    rows = data.rows.copy()
    rows.loc[rows["at"] > START + 70 * DAY, "y"] = 0.0
    parts = split_in_time(replace(data, rows=rows), SplitSpec(), min_positives=20)
    assert parts.counts["holdout"][1] >= 5
    assert parts.cuts["holdout"] < START + 70 * DAY


def test_without_event_time_nothing_is_split() -> None:
    data = _daily()
    with pytest.raises(SearchError, match="LK402 split: no column has the role event_at"):
        split_in_time(replace(data, roles={"target": "y"}), SplitSpec(), min_positives=5)


def test_without_label_time_a_delay_has_to_be_stated() -> None:
    data = replace(_daily(), roles={"event_at": "at", "target": "y"})
    with pytest.raises(SearchError, match="LK403") as caught:
        split_in_time(data, SplitSpec(), min_positives=5)
    assert "split.label_delay_days" in caught.value.remedy
    assert split_in_time(data, SplitSpec(5.0), min_positives=5).counts["train"][0] > 0


def test_a_span_shorter_than_three_delays_is_refused_naming_both() -> None:
    with pytest.raises(SearchError, match=r"span 9\.9 days, but the label delay is 5\.0 days"):
        split_in_time(_daily(n_days=10), SplitSpec(), min_positives=5)


def test_too_few_positives_are_refused_with_counts() -> None:
    data = _daily()
    rows = data.rows.copy()
    rows.loc[rows["at"] > START + 2.5 * DAY, "y"] = 0.0
    with pytest.raises(SearchError, match="LK405 split: 3 positives") as e:
        split_in_time(replace(data, rows=rows), SplitSpec(), min_positives=50)
    assert any(line.startswith("train:") for line in e.value.details)


def test_a_window_gives_train_and_selection_and_an_empty_holdout() -> None:
    parts = window_parts(
        _daily(), start=START + 10 * DAY, end=START + 60 * DAY, selection_share=0.2
    )
    assert parts.counts["selection"] == (100, 10)
    assert parts.train.rows["at"].min() >= START + 10 * DAY
    assert parts.train.rows["known"].max() <= START + 50 * DAY
    assert parts.between is not None
    assert len(parts.train) + len(parts.between) + len(parts.selection) == 500
    assert len(parts.holdout.open("test")) == 0


def test_boundaries_that_leave_the_holdout_enough_positives_are_preferred() -> None:
    data = _daily(n_days=200)
    day = (data.rows["at"] - START) // DAY
    quiet = (day >= 160) & (day % 2 == 0)  # the last fifth has half as many positives
    data = replace(data, rows=data.rows.assign(y=data.rows["y"].where(~quiet, 0.0)))
    usual = split_in_time(data, SplitSpec(), min_positives=20)
    wanted = split_in_time(data, SplitSpec(), min_positives=20, wanted_positives=30)
    vain = split_in_time(data, SplitSpec(), min_positives=20, wanted_positives=190)
    assert usual.counts["holdout"][1] < 30 <= wanted.counts["holdout"][1]
    assert vain.counts == usual.counts


def test_the_selection_part_is_cut_into_four_windows_each_with_what_was_known_before_it() -> None:
    data = _daily()
    morning = data.rows["at"].dt.hour < 6  # three rows a day
    data = replace(data, rows=data.rows.assign(y=morning.astype(float)))
    parts = split_in_time(data, SplitSpec(None, 0.45, 0.2), min_positives=20)
    assert len(parts.folds) == 4
    assert sum(len(fold.valid) for fold in parts.folds) == len(parts.selection)
    assert len(parts.folds[0].train) == len(parts.train)
    for fold in parts.folds:
        began = fold.valid.rows["at"].min()
        assert fold.train.rows["known"].max() <= began
        assert fold.train.rows["at"].max() <= began - 5 * DAY
    for earlier, later in pairwise(parts.folds):
        assert earlier.valid.rows["at"].max() < later.valid.rows["at"].min()
    lengths = [len(fold.valid) for fold in parts.folds]
    assert max(lengths) - min(lengths) <= 1
    grown = np.diff([len(fold.train) for fold in parts.folds])
    assert np.abs(grown - lengths[0]).max() <= 1


def test_windows_with_too_few_positives_are_made_longer_and_at_least_one_stays() -> None:
    data = _daily(a_day=60)
    day = (data.rows["at"] - START) // DAY
    data = replace(data, rows=data.rows.assign(y=data.rows["y"].where(day % 2 == 0, 0.0)))
    parts = split_in_time(data, SplitSpec(None, 0.5, 0.2), min_positives=10)
    assert 1 < len(parts.folds) < 4
    assert all(fold.valid.y.sum() >= 10 for fold in parts.folds)
    few = split_in_time(_daily(n_days=40), SplitSpec(), min_positives=5)
    assert len(few.folds) == 1
    assert len(few.folds[0].valid) == len(few.selection)


def test_training_looks_back_only_as_far_as_it_is_told() -> None:
    spec = SplitSpec(train_days=20.0)
    parts = split_in_time(_daily(), spec, min_positives=20)
    for fold in parts.folds:
        span = fold.train.rows["at"].max() - fold.train.rows["at"].min()
        assert 19 * DAY < span <= 20 * DAY
    learnt = parts.before_holdout().rows["at"]
    assert 19 * DAY < learnt.max() - learnt.min() <= 20 * DAY
    whole = split_in_time(_daily(), SplitSpec(), min_positives=20).before_holdout().rows["at"]
    assert whole.min() == START
    assert whole.is_monotonic_increasing
