"""Probabilities of congestion from deciles, calls, and how they turned out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lepton.forecast.judged import LEVELS
from lepton.forecast.panel import PanelDataset
from solutions.energy_load.congestion import beside, judged, probability_above

SETTINGS = {"limit_share": 0.5, "call_ratio": 0.2}


def normal(mean: float = 100.0, sd: float = 10.0) -> np.ndarray:
    return np.asarray(stats.norm.ppf(np.arange(1, 10) / 10, mean, sd))


def panel() -> PanelDataset:
    series = pd.DataFrame(
        {
            "series_id": ["a", "b", "c"],
            "p_max_kw": [200.0, 400.0, np.nan],
            "p_contract_kw": [np.nan, 180.0, np.nan],
        }
    )
    ts = pd.to_datetime(["2025-01-01"] * 3, utc=True)
    rows = pd.DataFrame({"series_id": ["a", "b", "c"], "ts": ts, "y": 1.0})
    return PanelDataset(rows, series, 3_600)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.8, 0.9])
def test_inside_the_deciles_it_is_the_share_above(share: float) -> None:
    limit = np.array([stats.norm.ppf(1 - share, 100, 10)])
    assert probability_above(limit, normal()[None])[0] == pytest.approx(share, abs=0.012)


def test_beyond_the_deciles_tails_fall_and_never_end_at_once() -> None:
    limits = np.array([113.0, 120.0, 130.0, 1e6, 87.0, 70.0])
    found = probability_above(limits, np.tile(normal(), (6, 1)))
    assert (np.diff(found[:4]) < 0).all()
    assert 0.0 < found[2] < 0.02
    assert found[3] == 0.0
    assert 0.9 < found[4] < found[5] < 1.0


def test_unknown_limits_and_forecasts_have_no_probability_and_no_call() -> None:
    rows = pd.DataFrame([normal(), normal(), np.full(9, np.nan)], columns=list(LEVELS))
    told = beside(rows.assign(series_id=["a", "c", "a"]), panel(), SETTINGS)
    assert told["p_over_limit"].isna().tolist() == [False, True, True]
    assert told["call"].tolist() == [True, False, False]


def test_the_agreed_power_goes_before_what_the_connection_bears_and_feeding_in_counts() -> None:
    rows = pd.DataFrame([normal(), normal(), -normal()], columns=list(LEVELS))
    rows.iloc[2] = rows.iloc[2, ::-1].to_numpy()
    told = beside(rows.assign(series_id=["a", "b", "a"]), panel(), SETTINGS)
    assert told["limit_kw"].tolist() == [100.0, 90.0, 100.0]
    assert told["p_over_limit"].iloc[0] == pytest.approx(0.5, abs=0.01)
    assert told["p_over_limit"].iloc[2] == pytest.approx(0.5, abs=0.01)
    assert told["relief_kw"].iloc[1] == pytest.approx(normal()[-1] - 90.0)


def test_calls_are_counted_against_what_came() -> None:
    scored = pd.DataFrame(
        {
            "entity": ["a"] * 4 + ["b"] * 2,
            "limit_kw": [10.0] * 4 + [99.0] * 2,
            "p_over_limit": [0.9, 0.8, 0.1, 0.0, 0.0, 0.0],
            "call": [True, True, False, False, False, False],
            "target": [12.0, 9.0, -11.0, 1.0, 5.0, 5.0],
        }
    )
    found = judged(scored)
    assert found["meter"].tolist() == ["a"]
    row = found.iloc[0]
    assert (row["intervals over it"], row["calls"], row["right"], row["not called"]) == (2, 2, 1, 1)
    assert row["expected"] == pytest.approx(1.8)
