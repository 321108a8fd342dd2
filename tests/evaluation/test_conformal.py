"""Conformal intervals: new assets are covered as often as was said, and each asset counts once."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from lepton.errors import SearchError
from lepton.evaluation.conformal import (
    Calibration,
    Conformal,
    asset_weights,
    conformal_rank,
    coverage,
    fit_conformal,
    fit_scale,
)

CAP = 125.0


def fleet(rng: np.random.Generator, n_assets: int, shared: float = 0.6) -> Calibration:
    """1 to 39 rows an asset at random instants of its life, with targets capped at 125.

    Errors grow with the remaining life and are smaller at the cap; `shared` of their variance is
    the asset's own, so that its rows are wrong together.
    """
    n_rows = rng.integers(1, 40, n_assets)
    asset = np.repeat(np.arange(n_assets), n_rows)
    life = rng.uniform(130, 360, n_assets)[asset]
    y = np.minimum(life * rng.uniform(size=len(asset)), CAP)
    own, new = rng.normal(size=n_assets)[asset], rng.normal(size=len(asset))
    noise = math.sqrt(shared) * own + math.sqrt(1 - shared) * new
    size = np.where(y < CAP, 2 + 0.2 * y, 8.0)
    return Calibration(y, np.clip(y + size * noise, 0.0, None), asset)


def share_inside(
    found: Conformal, rows: Calibration, where: np.ndarray | None = None
) -> tuple[float, float]:
    """(coverage, width), each asset counting once, on the rows of the mask `where`."""
    low, high = found.interval(rows.prediction, *rows.bounds)
    weight = asset_weights(rows.asset) * (1.0 if where is None else where)
    inside = (low <= rows.y) & (rows.y <= high)
    return float(np.average(inside, weights=weight)), float(np.average(high - low, weights=weight))


@pytest.mark.parametrize(
    "how",
    [{}, {"bins": 5}, {"is_scaled": True}, {"is_scaled": True, "bins": 3}],
    ids=["plain", "bins", "scaled", "both"],
)
def test_nine_of_ten_new_assets_are_covered(how: dict[str, Any]) -> None:
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        conformal = fit_conformal(fleet(rng, 100), high=CAP, **how)
        found.append(share_inside(conformal, fleet(rng, 400))[0])
    assert 0.89 < np.mean(found) < 0.925
    assert all(0.85 < one < 0.96 for one in found)


def test_a_bin_or_a_scale_covers_each_level_of_the_prediction() -> None:
    rng = np.random.default_rng(1)
    rows, new = fleet(rng, 400), fleet(rng, 1_000)
    low_ones, high_ones = new.prediction < 30, (new.prediction > 60) & (new.prediction < 110)
    plain = fit_conformal(rows, high=CAP)
    assert share_inside(plain, new, low_ones)[0] > 0.95
    assert share_inside(plain, new, high_ones)[0] < 0.86
    binned = fit_conformal(rows, high=CAP, bins=5, is_scaled=True)
    for where in (low_ones, high_ones):
        assert 0.86 < share_inside(binned, new, where)[0] < 0.94
    assert share_inside(binned, new)[1] < 0.92 * share_inside(plain, new)[1]


def test_quantiles_that_are_too_narrow_are_widened_to_cover() -> None:
    rng = np.random.default_rng(2)

    def quantiles(rows: Calibration, half: float) -> Calibration:
        size = 2 + 0.2 * rows.prediction
        lower, upper = rows.prediction - half * size, rows.prediction + half * size
        return Calibration(rows.y, rows.prediction, rows.asset, lower, upper)

    for half, is_wide in ((0.3, False), (4.0, True)):
        found = fit_conformal(quantiles(fleet(rng, 200), half), high=CAP)
        assert (found.margins[0] < 0) == is_wide
        assert 0.87 < share_inside(found, quantiles(fleet(rng, 500), half))[0] < 0.93


def test_the_rank_counts_the_asset_to_come() -> None:
    errors, one = np.arange(1.0, 20.0), np.ones(19)
    # of 19 assets and one to come 90 % are 18
    assert conformal_rank(errors, one, 0.9) == 18.0
    assert conformal_rank(errors[:9], one[:9], 0.9) == 9.0
    assert conformal_rank(errors[:8], one[:8], 0.9) == math.inf
    assert conformal_rank(errors[:0], one[:0], 0.9) == math.inf


def test_an_asset_with_many_rows_counts_once() -> None:
    rng = np.random.default_rng(3)
    order = rng.permutation(1_019)
    y = np.concatenate([np.arange(1.0, 20.0), np.full(1_000, 30.0)])[order]
    asset = np.concatenate([np.arange(19), np.full(1_000, 19)])[order]
    rows = Calibration(y, np.zeros(1_019), asset)
    # 0.9 * 21 = 18.9 assets: the 19th error, though the 20th asset has most of the rows
    assert fit_conformal(rows).margins == (19.0,)
    assert asset_weights(asset).sum() == pytest.approx(20.0)


def test_few_assets_give_the_whole_range_and_no_more_bins_than_they_fill() -> None:
    rng = np.random.default_rng(4)
    few = fit_conformal(fleet(rng, 8), high=CAP, bins=5)
    assert few.margins == (math.inf,)
    low, high = few.interval(*[np.array([50.0])] * 3)
    assert (low[0], high[0]) == (0.0, CAP)
    assert len(fit_conformal(fleet(rng, 45), high=CAP, bins=5).margins) == 2


def test_intervals_stay_in_the_range_of_the_target_and_are_never_turned_round() -> None:
    found = Conformal(0.9, (-10.0, 50.0), edges=(60.0,), high=CAP)
    prediction = np.array([20.0, 20.0, 59.9, 60.0, 120.0])
    lower = np.array([15.0, 0.0, 40.0, 60.0, 120.0])
    upper = np.array([25.0, 30.0, 80.0, 60.0, 120.0])
    low, high = found.interval(prediction, lower, upper)
    assert low.tolist() == [20.0, 10.0, 50.0, 10.0, 70.0]
    assert high.tolist() == [20.0, 20.0, 70.0, 110.0, CAP]


def test_equal_predictions_fall_into_one_bin() -> None:
    prediction = np.repeat([0.0, CAP], [100, 300])
    y = prediction - np.concatenate([np.linspace(0, 1, 100), np.linspace(0, 40, 300)])
    found = fit_conformal(Calibration(y, prediction, np.arange(400)), low=-9.0, bins=8)
    assert found.edges == (CAP,)
    assert found.margins == pytest.approx((0.91, 36.1), abs=0.3)


def test_a_scale_follows_the_size_of_the_errors() -> None:
    prediction = np.random.default_rng(5).uniform(0, 100, 5_000)
    scale = fit_scale(prediction, 1 + 0.1 * prediction, np.full(5_000, 0.1))
    assert len(scale.knots) == 8
    inside = np.linspace(scale.knots[0], scale.knots[-1], 50)
    assert scale.of(inside) == pytest.approx(1 + 0.1 * inside, rel=1e-6)
    exact = fit_scale(prediction, np.zeros(5_000), np.full(5_000, 0.1))
    assert (exact.of(prediction) > 0).all()


@pytest.mark.parametrize("how", [{}, {"bins": 4, "is_scaled": True, "high": CAP}])
def test_a_conformal_margin_survives_json(how: dict[str, Any]) -> None:
    rows = fleet(np.random.default_rng(6), 100)
    found = fit_conformal(rows, **how)
    text = json.dumps(found.to_json(), allow_nan=False)
    assert Conformal.from_json(json.loads(text)) == found
    endless = Conformal(0.9, (math.inf,))
    assert Conformal.from_json(endless.to_json()) == endless


def test_the_order_of_rows_changes_nothing() -> None:
    rows = fleet(np.random.default_rng(7), 60)
    mixed = np.random.default_rng(8).permutation(len(rows.y))
    other = Calibration(rows.y[mixed], rows.prediction[mixed], rows.asset[mixed])
    one, two = fit_conformal(rows, is_scaled=True), fit_conformal(other, is_scaled=True)
    assert one.margins == pytest.approx(two.margins, rel=1e-9)


def test_coverage_and_width_have_intervals_over_assets() -> None:
    asset = np.repeat(np.arange(50), [*[1] * 49, 1_000])
    y = np.zeros(len(asset))
    low, high = np.full(len(asset), -1.0), np.full(len(asset), 1.0)
    low[:10] = 0.5
    found = coverage(y, low, high, asset, rng=np.random.default_rng(9))
    # 10 of 50 assets are missed, whatever the rows of the last one
    assert found.coverage.value == pytest.approx(0.8)
    assert found.width.value == pytest.approx((10 * 0.5 + 40 * 2) / 50)
    assert (found.n_assets, found.n_rows) == (50, 1_049)
    assert found.coverage.low == pytest.approx(0.69, abs=0.04)
    assert found.coverage.high == pytest.approx(0.91, abs=0.04)


def test_what_cannot_be_rated_says_why() -> None:
    nothing = coverage(*[np.empty(0)] * 4, rng=np.random.default_rng(0))
    assert (nothing.coverage.value, nothing.coverage.reason) == (None, "no rows")
    endless = coverage(
        np.zeros(2), np.zeros(2), np.full(2, np.inf), np.arange(2), rng=np.random.default_rng(0)
    )
    assert endless.coverage.value == 1.0
    assert (endless.width.value, endless.width.reason) == (None, "an interval is endless")


def test_rows_that_cannot_calibrate_are_refused_with_every_reason() -> None:
    rows = Calibration(np.array([1.0, np.nan]), np.array([np.inf, np.nan]), np.arange(2))
    with pytest.raises(SearchError, match="y is not a finite number in 1 rows") as caught:
        fit_conformal(rows, level=1.5)
    assert "prediction is not a finite number in 2 rows" in str(caught.value)
    assert "a level of 1.5" in str(caught.value)
    assert caught.value.code == "LK441"
