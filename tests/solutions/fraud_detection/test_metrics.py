"""Customers and money found a day, on frames whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.intervals import intervals
from solutions.fraud_detection.metrics import (
    METRICS_OF_FRAUD,
    card_precision,
    card_precision_ceiling,
    early_recall,
    hours_to_detection,
    value_detection,
)

MONDAY, TUESDAY = "2025-01-06", "2025-01-07"


def scored(*rows: tuple[str, str, float, int, float]) -> pd.DataFrame:
    """Rows (day, customer, score, target, value), shuffled."""
    frame = pd.DataFrame(rows, columns=["day", "entity", "score", "target", "value"])
    frame["event_at"] = pd.to_datetime(frame.pop("day"), utc=True) + pd.Timedelta(hours=9)
    frame["key"] = [f"t{number}" for number in range(len(frame))]
    return frame.sample(frac=1.0, random_state=5).reset_index(drop=True)


TWO_DAYS = (
    (MONDAY, "ann", 0.9, 1, 100.0),
    (MONDAY, "bob", 0.8, 0, 10.0),
    (MONDAY, "cid", 0.1, 1, 50.0),
    (TUESDAY, "ann", 0.95, 1, 30.0),
    (TUESDAY, "bob", 0.7, 0, 10.0),
    (TUESDAY, "cid", 0.6, 1, 20.0),
)


def test_a_detected_customer_leaves_the_following_days() -> None:
    # Monday finds ann (1 of 2); Tuesday, without ann, bob and cid: again 1 of 2
    assert card_precision(2).of(scored(*TWO_DAYS)) == pytest.approx(0.5)


def test_a_customer_who_was_not_found_stays() -> None:
    assert card_precision(1).of(scored(*TWO_DAYS)) == pytest.approx(0.5)  # ann, then bob


def test_ceiling_is_what_a_perfect_score_finds() -> None:
    # Monday: ann and cid of 2; Tuesday nobody is left
    assert card_precision_ceiling(2).of(scored(*TWO_DAYS)) == pytest.approx(0.5)


def test_a_customer_counts_once_a_day() -> None:
    rows = [(MONDAY, "ann", score, 1, 1.0) for score in (0.9, 0.8, 0.7)]
    assert card_precision(2).of(scored(*rows)) == pytest.approx(0.5)


def test_days_weigh_as_the_bootstrap_draws_them() -> None:
    frame = scored((MONDAY, "ann", 0.9, 1, 1.0), (TUESDAY, "bob", 0.9, 0, 1.0))
    monday = (frame["event_at"].dt.day == 6).to_numpy(dtype=np.float64)
    value = card_precision(1).prepare(frame)
    assert value(3 * monday + (1 - monday)) == pytest.approx(0.75)


def test_without_customers_each_row_is_its_own() -> None:
    frame = scored(*TWO_DAYS).drop(columns="entity")
    assert card_precision(1).of(frame) == pytest.approx(1.0)


def test_value_is_what_the_highest_rows_of_each_day_hold() -> None:
    assert value_detection(1).of(scored(*TWO_DAYS)) == pytest.approx(130 / 200)


def test_value_without_any_fraud_is_no_number() -> None:
    assert math.isnan(value_detection(1).of(scored((MONDAY, "ann", 0.5, 0, 9.0))))


def test_metrics_are_named_once() -> None:
    names = [metric.name for metric in METRICS_OF_FRAUD]
    assert len(names) == len(set(names))


def decided(*decisions: int) -> pd.DataFrame:
    """`TWO_DAYS` with decisions, in the order of the days."""
    frame = scored(*TWO_DAYS).sort_values("key", ignore_index=True)
    return frame.assign(decision=decisions).sample(frac=1.0, random_state=2)


def test_time_to_detection_is_the_median_over_customers() -> None:
    # ann on the second day, cid at once: both middle ones are the lower of the two
    assert hours_to_detection().of(decided(0, 0, 1, 1, 0, 0)) == 0.0
    assert hours_to_detection().of(decided(0, 0, 0, 1, 0, 1)) == 24.0


def test_time_to_detection_is_no_number_where_half_are_never_found() -> None:
    (result,) = intervals(
        [hours_to_detection()], decided(0, 0, 0, 0, 0, 0), rng=np.random.default_rng(0), n=5
    )
    assert result.value is None
    assert result.reason == "no alert"
    assert math.isinf(hours_to_detection().of(decided(0, 1, 0, 0, 0, 0)))


def test_early_recall_leaves_out_what_comes_a_week_after_the_first() -> None:
    rows = scored((MONDAY, "ann", 0.9, 1, 1.0), ("2025-01-20", "ann", 0.9, 1, 1.0))
    rows["decision"] = (rows["event_at"].dt.day == 20).astype(int)
    assert early_recall().of(rows) == 0.0
    assert early_recall().of(rows.assign(decision=1)) == 1.0


def test_metrics_of_time_answer_without_customers_and_without_frauds() -> None:
    rows = decided(1, 1, 1, 1, 1, 1)
    assert hours_to_detection().of(rows.drop(columns="entity")) == 0.0
    assert math.isnan(hours_to_detection().of(rows.assign(target=0)))
    assert math.isnan(early_recall().of(rows.assign(target=0)))
