"""Thresholds from extreme values: false alarms on fresh data are as many as were wanted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lepton.errors import SearchError
from lepton.evaluation.extremes import (
    ScoreThreshold,
    false_alarm_threshold,
    held_scores,
    pareto_moments,
)
from lepton_edge.alarm import AlarmSpec, replay

HOURLY = 730.0


def threshold(
    score: np.ndarray, per_month: float, asset: np.ndarray | None = None, run: int = 1
) -> ScoreThreshold:
    codes = np.zeros(len(score), int) if asset is None else asset
    return false_alarm_threshold(
        score, codes, per_month=per_month, readings_per_month=HOURLY, run=run
    )


def memory(rng: np.random.Generator, n_assets: int, n: int, keep: float) -> np.ndarray:
    """(assets, n) standard normal scores, each `keep` times the one before plus something new."""
    score = rng.normal(size=(n_assets, n))
    for at in range(1, n):
        score[:, at] = keep * score[:, at - 1] + math.sqrt(1 - keep**2) * score[:, at]
    return score


@pytest.mark.parametrize(("shape", "scale"), [(0.2, 2.0), (0.0, 1.0), (-0.3, 5.0)])
def test_the_fit_finds_the_distribution_that_made_the_excesses(shape: float, scale: float) -> None:
    u = (np.arange(20_000) + 0.5) / 20_000
    excess = scale * ((u**-shape - 1) / shape if shape else -np.log(u))
    found = pareto_moments(np.random.default_rng(0).permutation(excess))
    assert found == pytest.approx((shape, scale), abs=0.02)


@pytest.mark.parametrize("n", [3, 10, 19])
def test_few_excesses_make_an_exponential_tail(n: int) -> None:
    excess = np.arange(1.0, n + 1) ** 3
    assert pareto_moments(excess) == (0.0, excess.mean())
    assert pareto_moments(excess[:2]) == (0.0, 0.0)


def test_a_threshold_beyond_all_that_was_seen_is_right_on_average() -> None:
    values = []
    for seed in range(20):
        score = np.random.default_rng(seed).exponential(size=100 * 730)
        found = threshold(score, per_month=0.001)
        assert (found.how, found.expected_per_month) == ("tail", 0.001)
        assert found.tail is not None
        assert found.tail.rate(found.value) == pytest.approx(0.001)
        values.append(found.value)
    # one reading in 730,000 of a unit exponential reaches ln(730,000)
    assert np.mean(values) == pytest.approx(math.log(730_000), rel=0.05)


@pytest.mark.parametrize("keep", [0.0, 0.9])
def test_fresh_assets_alarm_as_often_as_was_wanted(keep: float) -> None:
    rng = np.random.default_rng(2)
    fitted = memory(rng, 40, 2 * 730, keep)
    asset = np.repeat(np.arange(40), fitted.shape[1])
    hi = threshold(fitted.ravel(), 0.1, asset, run=24).value
    fresh = memory(rng, 400, 5 * 730, keep)
    codes = np.repeat(np.arange(400), fresh.shape[1])
    at = np.tile(np.arange(fresh.shape[1]) * 3600.0, 400)
    spec = AlarmSpec(hi=hi, lo=hi, hold_off_s=24 * 3600.0)
    events = [event.kind for _, event in replay(spec, codes, at, fresh.ravel())]
    raises = events.count("raised") + events.count("reopened")
    # 2,000 asset-months; the tail of 80 asset-months tells the rate to within a factor of two
    assert 0.05 < raises / 2_000 < 0.2


def test_readings_that_follow_each_other_are_one_alarm() -> None:
    rng = np.random.default_rng(3)
    single = rng.exponential(size=20_000)
    tripled = np.repeat(single, 3)
    once = false_alarm_threshold(
        single, np.zeros(20_000, int), per_month=0.5, readings_per_month=100
    )
    thrice = false_alarm_threshold(
        tripled, np.zeros(60_000, int), per_month=0.5, readings_per_month=300
    )
    assert thrice.value == pytest.approx(once.value, rel=0.05)


def test_a_run_joins_exceedances_within_it_and_no_two_assets() -> None:
    score = np.zeros(1_000)
    score[[100, 103, 499, 500]] = [5.0, 6.0, 7.0, 8.0]
    score += np.linspace(0, 1e-3, 1_000)
    asset = np.repeat([0, 1], 500)

    def peaks(run: int) -> list[float]:
        tail = threshold(score, 0.01, asset, run).tail
        assert tail is not None
        return [float(peak) for peak in tail.peaks[tail.peaks > 1].round()]

    assert peaks(2) == [5.0, 6.0, 7.0, 8.0]
    assert peaks(3) == [6.0, 7.0, 8.0]


def test_a_wanted_rate_that_was_seen_is_read_from_the_scores() -> None:
    score = np.random.default_rng(4).permutation(np.arange(7_300.0))
    found = threshold(score, per_month=30.0)
    reached = score >= found.value
    alarms = reached[0] + (reached[1:] & ~reached[:-1]).sum()
    assert found.how == "seen"
    assert found.expected_per_month == pytest.approx(alarms / 10)
    assert 20 < alarms / 10 <= 30


def test_constant_scores_give_a_threshold_above_them() -> None:
    found = threshold(np.full(10_000, 2.5), per_month=0.1)
    assert (found.how, found.n_peaks) == ("beyond", 0)
    assert 2.5 < found.value < 2.5 + 1e-9
    assert math.isnan(found.expected_per_month)


def test_scores_that_are_few_or_tied_still_give_a_threshold() -> None:
    rng = np.random.default_rng(5)
    tied = rng.poisson(1.0, 100_000).astype(float)
    found = threshold(tied, per_month=0.01)
    assert tied.max() - 1 <= found.value < tied.max() + 5
    few = threshold(np.array([1.0, 2.0, 3.0]), per_month=0.1)
    assert few.value > 3.0
    assert few.how == "beyond"


def test_missing_scores_are_no_healthy_hours() -> None:
    score = np.random.default_rng(6).exponential(size=30_000)
    gaps = np.full(60_000, np.nan)
    gaps[np.sort(np.random.default_rng(7).choice(60_000, 30_000, replace=False))] = score
    assert threshold(gaps, 0.2).value == threshold(score, 0.2).value


def test_the_order_of_the_assets_does_not_matter() -> None:
    score = memory(np.random.default_rng(8), 10, 2_000, 0.8)
    asset = np.repeat(np.arange(10), 2_000)
    mixed = np.arange(20_000).reshape(10, 2_000).T.ravel()
    one = threshold(score.ravel(), 0.2, asset, run=5)
    other = threshold(score.ravel()[mixed], 0.2, asset[mixed], run=5)
    assert one.value == other.value


def test_a_held_score_reaches_a_threshold_where_m_of_n_do() -> None:
    rng = np.random.default_rng(9)
    asset, score = rng.integers(0, 3, 500), rng.normal(size=500)
    held = held_scores(score, asset, 3, 5)
    for code in range(3):
        own, found = score[asset == code], held[asset == code]
        assert np.isnan(found[:2]).all()
        for at in range(2, len(own)):
            assert found[at] == np.sort(own[max(at - 4, 0) : at + 1])[-3]


def test_nothing_to_fit_is_refused_with_every_reason() -> None:
    with pytest.raises(SearchError, match="no score is a finite number; per_month is 0") as caught:
        threshold(np.full(5, np.nan), per_month=0.0)
    assert caught.value.code == "LK440"
