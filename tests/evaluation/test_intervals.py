from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.errors import SearchError
from lepton.evaluation.intervals import day_blocks, intervals, paired_loss_bound, resamples
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Metric


def days(n_days: int, per_day: int, rng: np.random.Generator) -> pd.DataFrame:
    """Rows whose decision is drawn with a rate that differs from day to day; mean rate 0.3."""
    rate = np.repeat(rng.uniform(0.1, 0.5, n_days), per_day)
    n = n_days * per_day
    target = (rng.random(n) < 0.2).astype(float)
    return pd.DataFrame(
        {
            "key": np.arange(n).astype(str),
            "event_at": pd.Timestamp("2025-01-01", tz="UTC")
            + pd.to_timedelta(np.repeat(np.arange(n_days), per_day), "D"),
            "target": target,
            "score": np.clip(rng.normal(0.4 + 0.2 * target, 0.15), 0, 1),
            "decision": (rng.random(n) < rate).astype(int),
            "miss_cost": 10.0,
            "alert_cost": 1.0,
        }
    )


def test_interval_covers_the_true_value_about_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        (found,) = intervals([METRICS["alert_rate"]], days(40, 30, rng), rng=rng, n=120)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.3 <= found.high
    assert 51 <= hits <= 60


def test_whole_days_are_drawn_and_make_the_interval_wider_than_single_rows() -> None:
    frame = days(30, 100, np.random.default_rng(1))
    metric = [METRICS["alert_rate"]]
    (by_day,) = intervals(metric, frame, rng=np.random.default_rng(2))
    one_day = frame.assign(event_at=frame["event_at"].iloc[0])
    (by_row,) = intervals(metric, one_day, rng=np.random.default_rng(2))
    assert by_day.high - by_day.low > 2 * (by_row.high - by_row.low)  # type: ignore[operator]


def test_weights_are_the_same_for_all_rows_of_a_day_and_add_up() -> None:
    frame = days(10, 5, np.random.default_rng(1))
    for weights in resamples(day_blocks(frame), np.random.default_rng(0), 5):
        assert weights.sum() == len(frame)
        assert (weights.reshape(10, 5) == weights.reshape(10, 5)[:, :1]).all()


def test_same_seed_gives_the_same_interval() -> None:
    frame = days(10, 20, np.random.default_rng(1))
    metrics = list(METRICS.values())
    first = intervals(metrics, frame, rng=np.random.default_rng(5), n=20)
    assert first == intervals(metrics, frame, rng=np.random.default_rng(5), n=20)


def test_o04_a_metric_that_is_no_number_is_none_with_the_reason() -> None:
    frame = days(10, 20, np.random.default_rng(1)).assign(target=0.0)
    (found,) = intervals([METRICS["ap"]], frame, rng=np.random.default_rng(0), n=10)
    assert found.value is None
    assert found.low is None
    assert found.reason == "no positive row"


def test_o04_an_infinite_metric_is_none_with_a_reason() -> None:
    endless = Metric("endless", lambda scored: lambda weights: float("inf"), "has no end")
    frame = days(10, 20, np.random.default_rng(1))
    (found,) = intervals([endless], frame, rng=np.random.default_rng(0), n=10)
    assert found.value is None
    assert "not a finite number" in found.reason


def test_loss_is_zero_with_a_zero_bound_for_equal_scores() -> None:
    frame = days(20, 20, np.random.default_rng(1))
    found = paired_loss_bound(
        METRICS["ap"], frame, frame, blocks=day_blocks(frame), rng=np.random.default_rng(0)
    )
    assert (found.loss, found.bound, found.error) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("name", ["ap", "log_loss"])
def test_loss_is_positive_where_the_candidate_is_worse_whatever_the_direction(name: str) -> None:
    rng = np.random.default_rng(1)
    frame = days(20, 50, rng)
    worse = frame.assign(score=rng.permutation(frame["score"].to_numpy()))
    found = paired_loss_bound(
        METRICS[name], frame, worse, blocks=day_blocks(frame), rng=np.random.default_rng(0)
    )
    assert 0 < found.loss < found.bound


def test_a_higher_confidence_gives_a_higher_bound() -> None:
    rng = np.random.default_rng(1)
    frame = days(20, 50, rng)
    worse = frame.assign(score=frame["score"] + rng.normal(0, 0.1, len(frame)))

    def bound(confidence: float) -> float:
        blocks, fresh = day_blocks(frame), np.random.default_rng(0)
        return paired_loss_bound(
            METRICS["ap"], frame, worse, blocks=blocks, confidence=confidence, rng=fresh
        ).bound

    assert bound(0.6) < bound(0.95) < bound(0.99)


def test_different_rows_are_refused() -> None:
    frame = days(10, 5, np.random.default_rng(1))
    turned = frame.iloc[::-1].reset_index(drop=True)
    with pytest.raises(SearchError, match=r"LK430.*same rows in the same order"):
        paired_loss_bound(
            METRICS["ap"], frame, turned, blocks=day_blocks(frame), rng=np.random.default_rng(0)
        )


def test_blocks_must_fit_the_rows() -> None:
    frame = days(10, 5, np.random.default_rng(1))
    with pytest.raises(SearchError, match=r"LK431.*3 blocks for 50 rows"):
        paired_loss_bound(
            METRICS["ap"], frame, frame, blocks=np.arange(3), rng=np.random.default_rng(0)
        )
