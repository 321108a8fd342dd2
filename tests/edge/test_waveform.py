"""Blocks of samples as numbers: what a known swing gives, and what says nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lepton_edge.errors import RowError
from lepton_edge.waveform import FEWEST, WavePlan, with_waves

RATE = 1_000.0
PLAN = WavePlan("x_swing", RATE, (0.0, 40.0, 60.0, 500.0))


def _sine(hz: float, n: int = 1_000, height: float = 2.0) -> np.ndarray:
    return np.asarray(height * np.sin(2 * np.pi * hz * np.arange(n) / RATE))


def _told(plan: WavePlan, samples: np.ndarray, rate: float | None = None) -> dict[str, float]:
    short = (name.removeprefix(f"{plan.column}_") for name in plan.names)
    return dict(zip(short, plan.reduced(samples, rate).tolist(), strict=True))


def test_a_sine_has_the_rms_kurtosis_and_crest_of_the_textbook_and_its_own_band() -> None:
    found = _told(PLAN, 7.0 + _sine(50.0))
    assert found["rms"] == pytest.approx(2.0 / math.sqrt(2.0))
    assert found["kurtosis"] == pytest.approx(1.5)
    assert found["crest"] == pytest.approx(math.sqrt(2.0))
    bands = [found[f"band_{n}"] for n in (1, 2, 3)]
    assert bands == pytest.approx([0.0, math.sqrt(2.0), 0.0], abs=1e-9)


@pytest.mark.parametrize("n", [100, 101, 1_024, 4_095])
def test_squares_of_bands_that_cover_everything_add_up_to_the_square_of_the_rms(n: int) -> None:
    x = np.random.default_rng(n).normal(size=n)
    for plan in (PLAN, WavePlan("x_swing")):
        found = _told(plan, x)
        bands = [value for name, value in found.items() if name.startswith("band_")]
        assert sum(value**2 for value in bands) == pytest.approx(found["rms"] ** 2, rel=1e-12)


def test_blows_raise_kurtosis_and_crest_over_those_of_noise() -> None:
    x = np.random.default_rng(0).normal(size=5_000)
    quiet, hit = _told(PLAN, x), _told(PLAN, np.where(np.arange(5_000) % 500 == 0, 12.0, x))
    assert quiet["kurtosis"] == pytest.approx(3.0, abs=0.2)
    assert hit["kurtosis"] > 2 * quiet["kurtosis"]
    assert hit["crest"] > 2 * quiet["crest"]


def test_a_block_with_a_gap_too_few_samples_or_none_is_missing_not_zero() -> None:
    gap = _sine(50.0)
    gap[3] = math.nan
    for samples in (gap, _sine(50.0, FEWEST - 1), None):
        assert np.isnan(PLAN.reduced(samples, None)).all()
    still = _told(PLAN, np.full(100, 5.0))
    assert (still["rms"], still["band_1"]) == (0.0, 0.0)
    assert math.isnan(still["kurtosis"])
    assert math.isnan(still["crest"])


def test_bands_in_hz_follow_the_rate_of_each_block_and_what_it_does_not_reach_is_missing() -> None:
    plan = WavePlan("x_swing", "hz", (0.0, 40.0, 60.0, 500.0))
    for rate in (1_000.0, 4_000.0):
        x = np.sin(2 * np.pi * 50.0 * np.arange(int(rate)) / rate)
        assert _told(plan, x, rate)["band_2"] == pytest.approx(math.sqrt(0.5))
    slow = _told(plan, np.sin(2 * np.pi * 10.0 * np.arange(100) / 100.0), 100.0)
    assert slow["band_1"] == pytest.approx(math.sqrt(0.5))
    assert math.isnan(slow["band_3"])
    unknown = _told(plan, _sine(50.0), None)
    assert math.isnan(unknown["band_2"])
    assert unknown["rms"] == pytest.approx(math.sqrt(2.0))


def test_an_event_may_carry_the_block_or_the_numbers_themselves() -> None:
    block = _sine(50.0)
    found = with_waves([PLAN], {"asset_id": "a", "x_swing": block.tolist()})
    assert found["asset_id"] == "a"
    assert [found[name] for name in PLAN.names] == PLAN.reduced(block, None).tolist()
    numbers = {"x_swing_rms": 1.0}
    assert with_waves([PLAN], numbers) == numbers
    missing = with_waves([PLAN], {"x_swing": None})
    assert [missing[name] for name in PLAN.names] == [None] * len(PLAN.names)


@pytest.mark.parametrize("block", ["text", [1.0, "two"], {"a": 1}, 5.0, [[1.0]]])
def test_what_is_no_list_of_numbers_is_refused_by_name(block: object) -> None:
    with pytest.raises(RowError, match="x_swing"):
        with_waves([PLAN], {"x_swing": block})


def test_a_plan_is_the_same_after_json_and_one_that_does_not_fit_is_refused() -> None:
    for plan in (PLAN, WavePlan("x_swing"), WavePlan("x_swing", "hz", (1.0, 2.0))):
        assert WavePlan.from_json(plan.to_json()) == plan
    with pytest.raises(ValueError, match="rising"):
        WavePlan("x_swing", RATE, (10.0, 5.0))
    with pytest.raises(ValueError, match="needs the rate"):
        WavePlan("x_swing", None, (10.0, 50.0))
    with pytest.raises(ValueError, match="above 0 Hz"):
        WavePlan("x_swing", 0.0)
