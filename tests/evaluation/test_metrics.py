from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from lepton.evaluation.metrics import METRICS, chance_of_calibration_error, savings


def scored(
    target: list[float] | np.ndarray,
    score: list[float] | np.ndarray,
    decision: list[int] | np.ndarray | None = None,
    miss_cost: float = 100.0,
    alert_cost: float = 2.0,
) -> pd.DataFrame:
    n = len(target)
    return pd.DataFrame(
        {
            "key": [f"t{i}" for i in range(n)],
            "event_at": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(n), "h"),
            "target": np.asarray(target, dtype=float),
            "score": np.asarray(score, dtype=float),
            "decision": np.zeros(n, dtype=int) if decision is None else np.asarray(decision),
            "miss_cost": miss_cost,
            "alert_cost": alert_cost,
        }
    )


@pytest.fixture(params=["continuous", "many ties", "all equal"])
def drawn(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(7)
    target = (rng.random(800) < 0.1).astype(float)
    score = np.clip(rng.normal(0.3 + 0.2 * target, 0.15), 0.001, 0.999)
    score = {"continuous": score, "many ties": score.round(1), "all equal": score * 0 + 0.5}[
        request.param
    ]
    weights = rng.integers(0, 4, 800).astype(float)
    return scored(target, score), weights


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("ap", average_precision_score),
        ("auc", roc_auc_score),
        ("brier", brier_score_loss),
        ("log_loss", log_loss),
    ],
)
def test_weighted_value_equals_sklearns(
    name: str, theirs: Callable[..., float], drawn: tuple[pd.DataFrame, np.ndarray]
) -> None:
    frame, weights = drawn
    ours = METRICS[name].prepare(frame)
    plain = theirs(frame["target"], frame["score"])
    weighted = theirs(frame["target"], frame["score"], sample_weight=weights)
    assert ours(np.ones(len(frame))) == pytest.approx(plain, rel=1e-12)
    assert ours(weights) == pytest.approx(weighted, rel=1e-12)


def test_order_of_rows_does_not_matter(drawn: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, _ = drawn
    shuffled = frame.sample(frac=1, random_state=3)
    for metric in METRICS.values():
        assert metric.of(shuffled) == pytest.approx(metric.of(frame), nan_ok=True)


def test_recall_at_one_percent_of_negatives_counts_ties_whole() -> None:
    target = np.r_[1, 1, 0, 1, np.zeros(199)]
    score = np.r_[0.9, 0.8, 0.7, 0.6, np.linspace(0.6, 0.1, 199)]
    assert METRICS["recall_at_fpr_1"].of(scored(target, score)) == 1.0
    tied = np.r_[0.9, 0.8, 0.7, 0.6, np.full(199, 0.6)]
    assert METRICS["recall_at_fpr_1"].of(scored(target, tied)) == pytest.approx(2 / 3)


def test_decision_metrics_of_a_case_counted_by_hand() -> None:
    frame = scored([1, 1, 0, 0, 0], [0.9, 0.2, 0.8, 0.1, 0.1], [1, 0, 1, 0, 0])
    assert METRICS["precision"].of(frame) == 0.5
    assert METRICS["recall"].of(frame) == 0.5
    assert METRICS["alert_rate"].of(frame) == 0.4
    assert METRICS["value_recall"].of(frame) == 0.5


def test_net_savings_are_losses_avoided_less_cost_of_alerts_per_thousand_rows() -> None:
    frame = scored([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1], [1, 0, 1, 0], 100.0, 2.0)
    assert savings(frame).tolist() == [98.0, 0.0, -2.0, 0.0]
    assert METRICS["net_savings"].of(frame) == pytest.approx(96.0 / 4 * 1000)


def test_calibration_error_of_a_known_gap() -> None:
    target = np.tile([1.0, 0.0, 0.0, 0.0], 100)
    assert METRICS["ece"].of(scored(target, np.full(400, 0.25))) == pytest.approx(0.0)
    assert METRICS["ece"].of(scored(target, np.full(400, 0.35))) == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["ap", "auc", "recall", "recall_at_fpr_1", "value_recall"])
def test_without_positive_rows_there_is_no_number(name: str) -> None:
    assert np.isnan(METRICS[name].of(scored([0, 0, 0], [0.1, 0.2, 0.3])))


@pytest.mark.parametrize("name", ["ap", "auc", "ece", "brier", "log_loss"])
def test_a_score_that_is_not_finite_gives_no_number(name: str) -> None:
    assert np.isnan(METRICS[name].of(scored([0, 1, 0], [0.1, np.nan, 0.3])))


def test_precision_without_alerts_is_no_number() -> None:
    assert np.isnan(METRICS["precision"].of(scored([0, 1], [0.1, 0.2])))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_an_empty_frame_gives_no_number_and_no_warning(name: str) -> None:
    assert np.isnan(METRICS[name].of(scored([], [])))


@pytest.mark.parametrize(("rate", "rows"), [(0.2, 2_000), (0.002, 20_000)])
def test_exact_scores_show_the_calibration_error_that_chance_gives(rate: float, rows: int) -> None:
    rng = np.random.default_rng(3)
    score = np.clip(rate * rng.lognormal(sigma=0.5, size=rows), 0, 0.9)
    drawn = [scored((rng.random(rows) < score).astype(float), score) for _ in range(60)]
    shown = np.mean([METRICS["ece"].of(frame) for frame in drawn])
    assert shown == pytest.approx(chance_of_calibration_error(drawn[0]), rel=0.1)
