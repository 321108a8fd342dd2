"""What the benchmark of dirt counts is what was put in by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.panel import MISSING, OK, PanelDataset
from lepton_edge.wall_clock import WallClock
from solutions.energy_load.bench_dirty import (
    _as_it_came,
    _found_again,
    _ratio,
    _since_change,
)
from solutions.energy_load.dirt import Soiled


def hour(n: int) -> pd.Timestamp:
    return pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(hours=n)


def test_recall_and_precision_are_shares_of_values_of_even_meters_and_of_all() -> None:
    points = pd.DataFrame(
        {
            "meter_id": ["a", "a", "a", "sun"],
            "event_at": [hour(1), hour(2), hour(3), hour(1)],
            "kind": ["spike", "stuck", "gap", "spike"],
        }
    )
    audit = pd.DataFrame(
        {
            "series_id": ["a", "a", "a"],
            "ts": [hour(1), hour(3), hour(9)],
            "reason": ["spike", "missing", "stuck"],
        }
    )
    meters = pd.DataFrame({"meter_id": ["a", "sun"], "type": ["substation", "pv"]})
    soiled = Soiled(pd.DataFrame(), pd.DataFrame(), points)
    found = _found_again(audit, soiled, {"meters": meters})
    assert found["cleaner_recall"] == 0.5
    assert found["cleaner_precision"] == 0.5
    assert found["cleaner_recall_all_meters"] == pytest.approx(1 / 3)


def test_days_are_counted_from_the_nearest_change_of_the_clock() -> None:
    clock = WallClock("Europe/Berlin")
    change = int(np.datetime64("2025-03-30").astype("datetime64[D]").astype(np.int64))
    days = np.array([change - 2, change, change + 6, change + 30])
    assert _since_change(clock.instant(days * 86_400), "Europe/Berlin").tolist() == [-2, 0, 6, 30]


def test_a_ratio_counts_what_both_know_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(0)
    under = rng.uniform(1, 2, 70)
    over = 1.1 * under
    over[3] = np.nan
    value, low, high = _ratio(over, under, np.arange(70) // 7, rng)
    assert value == pytest.approx(1.1)
    assert low <= 1.1 + 1e-9
    assert high >= 1.1 - 1e-9


def test_a_history_as_it_came_believes_everything() -> None:
    rows = pd.DataFrame(
        {
            "series_id": "a",
            "ts": [hour(0), hour(1), hour(2)],
            "y": [1.0, np.nan, 3.0],
            "quality": np.array([OK, 1, 3], dtype=np.int8),
            "reason": ["", "missing", "spike"],
            "before": [1.0, np.nan, 99.0],
        }
    )
    found = _as_it_came(PanelDataset(rows, pd.DataFrame({"series_id": ["a"]}), 3_600)).panel.rows
    assert found["y"].tolist()[::2] == [1.0, 99.0]
    assert found["quality"].tolist() == [OK, MISSING, OK]
