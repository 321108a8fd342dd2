"""A series made of a trend, a week, a day and holidays is taken apart into these."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from lepton.forecast import decomposition
from lepton.forecast.decomposition import Decomposition, decompose
from lepton.forecast.panel import PanelDataset
from lepton.forecast.reconcile import Hierarchy

DAYS = 120


def panel(days: int = DAYS) -> PanelDataset:
    ts = pd.date_range("2025-03-01", periods=24 * days, freq="h", tz="UTC")
    local = ts.tz_convert("Europe/Berlin")
    y = 1_000.0 + 100 * np.sin(local.hour * np.pi / 12) - 150 * (local.day_of_week >= 5)
    first_of_may = (local.month == 5) & (local.day == 1)
    y = y - 200 * first_of_may + np.random.default_rng(0).normal(0, 10, len(ts))
    rows = [pd.DataFrame({"series_id": name, "ts": ts, "y": k * y}) for name, k in SIZES.items()]
    series = pd.DataFrame({"series_id": list(SIZES), "tz": "Europe/Berlin", "country": "DE"})
    return PanelDataset(pd.concat(rows), series, 3_600)


SIZES = {"part": 0.4, "total": 1.0, "other": 0.6}
PARENTS = {"part": "total", "other": "total", "total": None}


@pytest.mark.skipif(find_spec("prophet") is None, reason="prophet is not installed")
def test_its_parts_are_those_that_it_was_made_of() -> None:
    told = panel()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = decompose(told, Hierarchy.of(PARENTS), told.end_s - 14 * 86_400, 0)
    assert isinstance(found, Decomposition)
    assert (found.name, found.rows) == ("total", 24 * (DAYS - 14))
    week = found.week["effect"]
    assert week[5 * 24 + 12] - week[1 * 24 + 12] == pytest.approx(-150, abs=30)
    day = found.day["effect"]
    assert day[6] - day[18] == pytest.approx(200, abs=20)
    assert found.year["effect"].isna().all()
    effects = found.holidays.set_index("holiday")
    assert len(effects) >= 3
    assert effects["effect"].min() == pytest.approx(-200, abs=40)
    assert found.error is not None
    assert found.error < 0.05
    assert found.cpu_s > 0


def test_a_short_history_and_a_missing_library_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = panel(20)
    monkeypatch.setattr(decomposition, "find_spec", lambda name: object())
    assert "20 days of history" in str(decompose(told, None, told.end_s, 0))
    monkeypatch.setattr(decomposition, "find_spec", lambda name: None)
    assert "Prophet is not installed" in str(decompose(told, None, told.end_s, 0))
