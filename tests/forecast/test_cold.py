"""A new series is forecast from its first day on, and is told to be new."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.cold import Cold, days_known, with_cold
from lepton.forecast.matrix import Matrix, build
from lepton.forecast.panel import PanelDataset
from lepton_edge.asof_spec import AsOfSpec

DAYS, HOUR, DAY = 90, 3_600, 86_400
START = int(pd.Timestamp("2025-01-06", tz="UTC").timestamp())
HOLIDAY = START // DAY + DAYS
SPEC = AsOfSpec(HOUR, "UTC", 24, holidays=(HOLIDAY,))
SIZES = {"home_1": 10.0, "home_2": 40.0, "plant": 500.0, "new": 20.0}
KINDS = {"home_1": "home", "home_2": "home", "plant": "plant", "new": "home"}


def shape(kind: str, hour: np.ndarray) -> np.ndarray:
    """Homes peak in the evening and sleep longer on Sundays, a plant works by day in the week."""
    of_day, day = hour % 24, hour // 24 % 7
    if kind == "plant":
        return np.where((of_day >= 6) & (of_day < 18) & (day < 5), 1.8, 0.5)
    return np.asarray(1 + 0.6 * np.exp(-(((of_day - 19) / 3.0) ** 2)) - 0.3 * (day == 6))


def panel(new_days: float, typical: float = np.nan, kind: str = "home") -> PanelDataset:
    hour = np.arange(24 * DAYS)
    rng = np.random.default_rng(0)
    ts = pd.to_datetime(START + HOUR * hour, unit="s", utc=True)
    parts = []
    for name, size in SIZES.items():
        y = size * shape(KINDS[name], hour) * (1 + 0.02 * rng.normal(size=len(hour)))
        rows = pd.DataFrame({"series_id": name, "ts": ts, "y": y})
        parts.append(rows.tail(round(24 * new_days)) if name == "new" else rows)
    kinds = [*list(KINDS.values())[:-1], kind]
    told = [10.0, 40.0, 500.0, typical]
    series = pd.DataFrame({"series_id": list(SIZES), "type": kinds, "typical": told})
    return PanelDataset(pd.concat(parts), series, HOUR)


def matrices(told: PanelDataset) -> tuple[Matrix, Matrix]:
    end_s = START + DAYS * DAY
    looks = dict.fromkeys(SIZES, SPEC)
    before = {name: end_s - DAY * np.arange(56, 0, -1) for name in SIZES}
    now = dict.fromkeys(SIZES, np.array([end_s]))
    return build(told, looks, before), build(told, looks, now)


def made(told: PanelDataset, own: float = np.nan) -> tuple[Cold, Matrix]:
    before, now = matrices(told)
    return with_cold(told, before, now, np.full((4, 24, 9), own)), now


def test_before_its_first_day_ends_it_has_its_kinds_shape_and_its_typical_size() -> None:
    found, _ = made(panel(0.5, typical=20.0))
    truth = 20.0 * shape("home", 24 * (DAYS - DAYS % 7 + 6) + np.arange(24))
    assert np.abs(found.quantiles[3, :, 4] / truth - 1).max() < 0.1, "a holiday is like a Sunday"
    assert found.reasons == ("", "", "", "cold_start:0_days:like_home")
    assert found.is_alone.tolist() == [False, False, False, True]
    assert np.isnan(found.quantiles[:3]).all(), "series with a past keep their own"


def test_without_a_typical_size_it_has_the_middle_one_of_its_kind() -> None:
    found, _ = made(panel(0.5))
    assert 10.0 < found.quantiles[3, :, 4].mean() < 45.0
    found, _ = made(panel(0.5, typical=20.0, kind="ship"))
    assert found.reasons[3] == "cold_start:0_days:like_all"


def test_its_own_forecast_gains_weight_with_the_days_that_are_known() -> None:
    gained = []
    for days in (2, 7, 27):
        found, now = made(panel(days), own=0.0)
        whole, _ = made(panel(days))
        share = found.quantiles[3, :, 4] / whole.quantiles[3, :, 4]
        gained.append(1 - share.mean())
        assert gained[-1] == pytest.approx(days / (days + 14.0), abs=1e-9)
        assert days_known(panel(days), now)[3] == days
    assert gained == sorted(gained)


def test_a_series_of_a_month_is_not_new() -> None:
    found, _ = made(panel(29), own=7.0)
    assert found.reasons == ("",) * 4
    assert (found.quantiles == 7.0).all()


def test_what_comes_after_the_issue_changes_nothing() -> None:
    told = panel(5)
    before, now = matrices(told)
    early = now.issue_s.max() - 20 * DAY
    asked = build(told, dict.fromkeys(SIZES, SPEC), dict.fromkeys(SIZES, np.array([early])))
    none = np.full((4, 24, 9), np.nan)
    noisy = before.asked(np.ones(before.y.shape, dtype=bool))
    later = (noisy.step + 1) * HOUR > early
    noisy.y[later] = 1e6
    one, other = (with_cold(told, b, asked, none).quantiles for b in (before, noisy))
    np.testing.assert_array_equal(one, other)
